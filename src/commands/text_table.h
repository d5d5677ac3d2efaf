#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace diffeo {

// Columns of text for a terminal: the first two to the left, the others, numbers, to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string grouped_digits(int64_t count);  // "44,603,604"; of no negative number

}  // namespace diffeo
