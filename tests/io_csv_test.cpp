// Tables of text: what is read, and what is refused, by line and column.

#include <gtest/gtest.h>

#include "io/csv.h"
#include "io_support.h"

namespace diffeo {
namespace {

using namespace std::string_literals;
using Rows = std::vector<std::vector<std::string>>;

class Csv : public testing::Test {
 protected:
  CsvReader reader(const std::string& text, char delimiter = ',') {
    write_plainly(folder_ / "t.csv", text);
    return CsvReader(folder_ / "t.csv", delimiter);
  }
  Rows rows(const std::string& text, char delimiter = ',') {
    CsvReader table = reader(text, delimiter);
    Rows rows{table.names()};
    while (table.next()) rows.push_back(table.cells());
    return rows;
  }
  // The message about a table, behind the file's name.
  std::string complaint(const std::string& text) {
    Complaint complaint = complaint_of([&] {
      CsvReader table = reader(text);
      while (table.next())
        for (size_t i = 0; i < table.names().size(); ++i) table.number(i);
    });
    EXPECT_EQ(complaint.exit, Exit::kData);
    std::string place = (folder_ / "t.csv").string();
    EXPECT_TRUE(complaint.message.starts_with(place)) << complaint.message;
    return complaint.message.substr(place.size());
  }

  TemporaryDirectory folder_;
};

TEST_F(Csv, ReadsCellsHoweverTheyAreWritten) {
  Rows plain{{"a", "b"}, {"1", "2"}, {"3", "4"}};
  EXPECT_EQ(rows("a,b\n1,2\n3,4\n"), plain);
  EXPECT_EQ(rows("a,b\n1,2\n3,4"), plain) << "without an end of the last line";
  EXPECT_EQ(rows("a,b\r\n1,2\r\n3,4\r\n"), plain);
  EXPECT_EQ(rows("\xEF\xBB\xBF"
                 "a,b\n1,2\n3,4\n\n\n"),
            plain);
  EXPECT_EQ(rows("a;b\n1;2\n3;4\n", ';'), plain);
  EXPECT_EQ(rows("\"a\",\"b\"\n\"1\",2\n3,\"4\"\n"), plain);
  EXPECT_EQ(rows("a,b\n\"x,\"\"y\"\"\nz\",\n"), (Rows{{"a", "b"}, {"x,\"y\"\nz", ""}}));
  EXPECT_EQ(rows("é\n\n1\n"), (Rows{{"é"}, {""}, {"1"}})) << "a row of one column may be empty";
}

TEST_F(Csv, ReadsATableThatIsLargerThanABlock) {
  std::string text = "a,b\n";
  for (int i = 0; i < 200000; ++i) text += std::to_string(i) + ",\"" + std::to_string(-i) + "\"\n";
  CsvReader table = reader(text);
  for (int i = 0; i < 200000; ++i) {
    ASSERT_TRUE(table.next());
    ASSERT_EQ(table.number(0), i);
    ASSERT_EQ(table.number(1), -i);
  }
  EXPECT_FALSE(table.next());
}

TEST_F(Csv, ReadsNumbersToTheLastBit) {
  CsvReader table = reader("x\n 0.1 \n+2\n-1e-300\n1.7976931348623157e308\n");
  for (double expected : {0.1, 2.0, -1e-300, 1.7976931348623157e308}) {
    ASSERT_TRUE(table.next());
    EXPECT_EQ(table.number(0), expected);
  }
}

TEST_F(Csv, NamesLineAndColumnOfWhatIsNoNumber) {
  EXPECT_EQ(complaint("a,b\n1,2\n3,x\n"),
            ":3: column 'b': expected a finite number with a decimal point, found 'x'");
  EXPECT_EQ(complaint("a,b\n1,\"2,5\"\n"),
            ":2: column 'b': expected a finite number with a decimal point, found '2,5'");
  EXPECT_EQ(complaint("a,b\n\"1\n\",2\ninf,3\n"),
            ":2: column 'a': expected a finite number with a decimal point, found '1\n'");
  EXPECT_EQ(complaint("a,b\n1,1e400\n"), ":2: column 'b': 1e400 is beyond double precision");
  for (const char* missing : {"", "NaN", "NA", "null", "?"}) {
    EXPECT_EQ(complaint(joined("a,b\n1,2\n", missing, ",3\n")),
              joined(":3: column 'a': a value is missing (found '", missing,
                     "'); leave such rows out, or fill them in"));
  }
}

TEST_F(Csv, NamesTheLineOfWhatIsNoTable) {
  EXPECT_EQ(complaint("a,b\n1,2\n3\n"), ":3: expected 2 cells, as the header has, found 1");
  EXPECT_EQ(complaint("a,b\n1,2,3\n"), ":2: expected 2 cells, as the header has, found 3");
  EXPECT_EQ(complaint("a,b\n1,2\n\n3,4\n"), ":3: nothing on this line, and rows behind it");
  EXPECT_EQ(complaint("a,b\n1,\"2\n3,4\n"), ":2: a quote that opens on this row is never closed");
  EXPECT_EQ(complaint("a,b\n1,\"2\"x\n"), ":2: column 2: text behind a closing quote");
  EXPECT_EQ(complaint("a,a\n1,2\n"), ":1: two columns are called 'a'");
  EXPECT_EQ(complaint("a,\n1,2\n"), ":1: column 2 has no name");
  EXPECT_EQ(complaint("a,\xE9\n1,2\n"),
            ":1: the name of column 2 is not UTF-8; save the file as "
            "UTF-8");
  EXPECT_EQ(complaint("\xFF\xFE"
                      "a\0,\0"s),
            ":1: UTF-16; save the file as UTF-8");
  EXPECT_EQ(complaint("a,b\n1,\0\n"s), ":1: expected a table of text in UTF-8");
  EXPECT_EQ(complaint("\x1f\x8b\x08\0\0"s),
            ":1: expected a table of text in UTF-8; it is a gzip file, unpack it first");
  EXPECT_EQ(complaint(std::string(1000000, ',')), ":1: more than 65536 columns");
  EXPECT_EQ(complaint("a\n\"" + std::string(size_t{17} << 20, 'x')),
            ":2: a row of more than 16 MiB; is a quote missing?");
}

}  // namespace
}  // namespace diffeo
