#include "io/csv_writer.h"

#include <ATen/ATen.h>

#include <charconv>
#include <cmath>

namespace diffeo {
namespace {

template <class Number>
void append_shortest(std::string& text, Number value) {
  if (std::isnan(value)) value = std::abs(value);
  char digits[32];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

template <class Number>
std::string rows_text(const Tensor& numbers, const Tensor& whole) {
  const auto* number = numbers.const_data_ptr<Number>();
  const int64_t* last = whole.defined() ? whole.const_data_ptr<int64_t>() : nullptr;
  std::string text;
  for (int64_t row = 0; row < numbers.size(0); ++row) {
    for (int64_t d = 0; d < numbers.size(1); ++d) {
      if (d > 0) text += ',';
      append_shortest(text, *number++);
    }
    if (last) text.append(",").append(std::to_string(*last++));
    text += '\n';
  }
  return text;
}

std::string quoted_where_needed(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == cell.npos) return cell;
  std::string quoted = "\"";
  for (char c : cell) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i)
    line.append(i > 0 ? "," : "").append(quoted_where_needed(cells[i]));
  return line + '\n';
}

}  // namespace

void append_number(std::string& text, double value) { append_shortest(text, value); }

CsvWriter::CsvWriter(const std::filesystem::path& path, const std::vector<std::string>& names)
    : file_(path) {
  file_.write(csv_line(names));
}

void CsvWriter::append(const Tensor& numbers, const Tensor& whole) {
  Tensor rows = numbers.detach().to(at::kCPU).contiguous(), last = whole;
  if (whole.defined()) last = whole.to(at::kCPU, at::kLong).contiguous();
  file_.write(rows.scalar_type() == at::kDouble ? rows_text<double>(rows, last)
                                                : rows_text<float>(rows.to(at::kFloat), last));
}

void CsvWriter::commit() { file_.commit(); }

}  // namespace diffeo
