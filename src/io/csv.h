#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/files.h"

namespace diffeo {

// A table of text with a header, read row by row (RFC 4180): cells apart by one character, rows by
// LF or CRLF; a cell in quotes may hold both, and a quote as two. UTF-8, with or without a byte
// order mark. Memory holds one row. Every error begins with FILE:LINE.
class CsvReader {
 public:
  // Reads the header. Throws for a name that is empty, stands twice or is no UTF-8.
  CsvReader(const std::filesystem::path& path, char delimiter, Exit exit = Exit::kData);

  const std::vector<std::string>& names() const { return names_; }

  // Where in a row the columns of these names stand. Throws for one that is not there, naming those
  // that are.
  std::vector<size_t> places_of(const std::vector<std::string>& names) const;

  // Makes the next row the current one; false where there is none. Empty lines at the file's end
  // are none, but cells in a table of one column. Throws for more or fewer cells than the header.
  bool next();

  // Of the current row, as many as names().
  const std::vector<std::string>& cells() const { return cells_; }
  // A cell as a number; throws where it is missing (empty, NA, NaN, null), is no number or is one
  // that float64 does not hold.
  double number(size_t column) const;

  // A cell as a name, without spaces around it; throws where it is missing.
  std::string word(size_t column) const;

  // Throws for what is wrong with the current row: "FILE:LINE: …".
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    diffeo::fail(in_.exit(), in_.place(), ":", line_, ": ", parts...);
  }

 private:
  bool get(char& c);
  bool read_row();
  std::string_view present(size_t column) const;
  void read_cell(char& c, bool& more);
  void read_quoted(std::string& cell);
  void put(std::string& cell, char c);
  void skip_byte_order_mark();
  void check_names() const;

  FileInput in_;
  char delimiter_;
  std::string block_;  // of the file, of which `at_` bytes are read
  size_t at_ = 0, row_bytes_ = 0;
  int64_t line_ = 1, next_line_ = 1;  // where the current row begins, and the next
  std::vector<std::string> names_, cells_;
};

}  // namespace diffeo
