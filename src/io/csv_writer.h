#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/shape.h"
#include "io/durable.h"

namespace diffeo {

// The shortest digits that read back as this number; what is none has no sign.
void append_number(std::string& text, double value);

// A table that CsvReader reads back, written part by part: cells joined by commas, those in quotes
// that hold a comma, a quote or a line's end (RFC 4180).
class CsvWriter {
 public:
  CsvWriter(const std::filesystem::path& path, const std::vector<std::string>& names);

  // Rows of numbers [n, D], float32 or float64, and behind them a column of whole ones [n], if
  // there is one.
  void append(const Tensor& numbers, const Tensor& whole = {});
  void commit();  // without it nothing is left behind

 private:
  DurableFile file_;
};

}  // namespace diffeo
