#include "io/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/listed.h"
#include "core/utf8.h"
#include "io/file_kind.h"

namespace diffeo {
namespace {

// No table that a person means has larger rows; a file that is something else soon has.
constexpr size_t kMostColumns = 65536, kMostRowBytes = size_t{1} << 24;
constexpr uint64_t kBlockBytes = uint64_t{1} << 20;

std::string_view trimmed(std::string_view text) {
  size_t first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  return first == text.npos ? std::string_view() : text.substr(first, last - first + 1);
}

// How programs write a number that is not known.
bool is_missing(std::string_view text) {
  std::string lower = lower_case(std::string(text));
  for (const char* word : {"", "na", "n/a", "nan", "+nan", "-nan", "null", "none", "?"})
    if (lower == word) return true;
  return false;
}

std::string shown(std::string_view text) {
  constexpr size_t kMost = 40;
  return std::string(text.substr(0, kMost)) + (text.size() > kMost ? "…" : "");
}

}  // namespace

CsvReader::CsvReader(const std::filesystem::path& path, char delimiter, Exit exit)
    : in_(path, exit), delimiter_(delimiter) {
  skip_byte_order_mark();
  if (!read_row()) fail("holds no header");
  names_ = std::move(cells_);
  check_names();
}

// The next byte of the file, if there is one.
bool CsvReader::get(char& c) {
  if (at_ == block_.size()) {
    uint64_t count = std::min(kBlockBytes, in_.remaining());
    if (count == 0) return false;
    block_ = in_.read_text(count, "rows");
    at_ = 0;
  }
  c = block_[at_++];
  return true;
}

void CsvReader::skip_byte_order_mark() {
  char c = 0;
  if (!get(c)) return;
  at_ = 0;
  if (block_.starts_with("\xFF\xFE") || block_.starts_with("\xFE\xFF"))
    fail("UTF-16; save the file as UTF-8");
  if (block_.find('\0') != block_.npos)
    fail("expected a table of text in UTF-8", actual_kind(std::string_view(block_).substr(0, 64)));
  if (block_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

void CsvReader::put(std::string& cell, char c) {
  if (c == '\0') fail("holds a NUL byte; expected text in UTF-8");
  if (++row_bytes_ > kMostRowBytes)
    fail("a row of more than ", kMostRowBytes >> 20, " MiB; is a quote missing?");
  cell += c;
}

// After the opening quote, up to and with the closing one.
void CsvReader::read_quoted(std::string& cell) {
  for (char c = 0; get(c);) {
    next_line_ += c == '\n';
    if (c != '"') {
      put(cell, c);
      continue;
    }
    if (!get(c)) return;
    if (c != '"') {
      --at_;
      return;
    }
    put(cell, c);
  }
  fail("a quote that opens on this row is never closed");
}

// The cell that begins with `c`. Leaves in `c` the character that ended it; `more`: whether there
// was one.
void CsvReader::read_cell(char& c, bool& more) {
  std::string& cell = cells_.emplace_back();
  if (cells_.size() > kMostColumns) fail("more than ", kMostColumns, " columns");
  bool quoted = more && c == '"';
  if (quoted) {
    read_quoted(cell);
    more = get(c);
  }
  for (; more && c != delimiter_ && c != '\n'; more = get(c)) {
    if (quoted && c != '\r') fail("column ", cells_.size(), ": text behind a closing quote");
    if (!quoted) put(cell, c);
  }
  if (!quoted && (!more || c == '\n') && cell.ends_with('\r')) cell.pop_back();
}

bool CsvReader::read_row() {
  cells_.clear();
  row_bytes_ = 0;
  line_ = next_line_;
  char c = 0;
  bool more = get(c);
  if (!more) return false;
  for (;;) {
    read_cell(c, more);
    if (!more || c == '\n') break;
    more = get(c);
    if (!more) {
      cells_.emplace_back();  // behind the file's last delimiter
      break;
    }
  }
  ++next_line_;
  return true;
}

std::vector<size_t> CsvReader::places_of(const std::vector<std::string>& names) const {
  std::vector<size_t> places;
  for (const std::string& name : names) {
    auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end())
      fail("no column is called '", name, "'; there are ", listed_in_words(names_));
    places.push_back(static_cast<size_t>(found - names_.begin()));
  }
  return places;
}

bool CsvReader::next() {
  int64_t blank = 0;
  while (read_row()) {
    bool is_blank = cells_.size() == 1 && trimmed(cells_[0]).empty();
    if (is_blank && names_.size() > 1) {
      if (blank == 0) blank = line_;
      continue;
    }
    if (blank != 0)
      diffeo::fail(in_.exit(), in_.place(), ":", blank,
                   ": nothing on this line, and rows behind it");
    if (cells_.size() != names_.size())
      fail("expected ", names_.size(), " cells, as the header has, found ", cells_.size());
    return true;
  }
  return false;
}

void CsvReader::check_names() const {
  std::set<std::string> known;
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!is_utf8(names_[i]))
      fail("the name of column ", i + 1, " is not UTF-8; save the file as UTF-8");
    if (names_[i].empty()) fail("column ", i + 1, " has no name");
    if (!known.insert(names_[i]).second) fail("two columns are called '", shown(names_[i]), "'");
  }
}

std::string_view CsvReader::present(size_t column) const {
  std::string_view text = trimmed(cells_.at(column));
  if (is_missing(text))
    fail("column '", names_[column], "': a value is missing (found '", shown(cells_[column]),
         "'); leave such rows out, or fill them in");
  return text;
}

std::string CsvReader::word(size_t column) const { return std::string(present(column)); }

double CsvReader::number(size_t column) const {
  std::string_view text = present(column);
  std::string_view digits = text.substr(text[0] == '+' && text.size() > 1 && text[1] != '-');
  double value = 0;
  auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  bool whole = end == digits.data() + digits.size();
  if (problem == std::errc::result_out_of_range && whole)
    fail("column '", names_[column], "': ", shown(text), " is beyond double precision");
  if (problem != std::errc() || !whole || !std::isfinite(value))
    fail("column '", names_[column], "': expected a finite number with a decimal point, found '",
         shown(text), "'");
  return value;
}

}  // namespace diffeo
