#include "inference/given.h"

#include <ATen/ATen.h>

#include <charconv>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "core/listed.h"
#include "core/shape.h"
#include "data/checks.h"
#include "data/host.h"
#include "io/npy.h"

namespace diffeo {
namespace {

double number_in(const std::string& pair, const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  auto [stop, problem] = std::from_chars(text.data(), end, value);
  bool fits = std::isfinite(static_cast<float>(value));
  require(problem == std::errc() && stop == end && fits, Exit::kUsage, "--given: ", pair,
          ": expected a number that is finite in single precision, found '", text, "'");
  return value;
}

// The column of "name=value", and the value.
std::pair<size_t, double> column_of(const std::string& pair,
                                    const std::vector<std::string>& names) {
  size_t equals = pair.find('=');
  std::string name = pair.substr(0, equals);
  auto found = std::find(names.begin(), names.end(), name);
  require(equals != std::string::npos && found != names.end(), Exit::kUsage, "--given: ", pair,
          ": expected NAME=VALUE with one of this flow's context columns, ",
          listed_in_words(names));
  return {static_cast<size_t>(found - names.begin()), number_in(pair, pair.substr(equals + 1))};
}

Tensor from_pairs(const std::string& text, const std::vector<std::string>& names) {
  std::vector<float> row(names.size(), NAN);
  std::istringstream pairs(text);
  for (std::string pair; std::getline(pairs, pair, ',');) {
    auto [column, value] = column_of(pair, names);
    require(std::isnan(row[column]), Exit::kUsage, "--given: ", names[column], " is given twice");
    row[column] = static_cast<float>(value);
  }
  std::vector<std::string> missing;
  for (size_t i = 0; i < names.size(); ++i)
    if (std::isnan(row[i])) missing.push_back(names[i]);
  require(missing.empty(), Exit::kUsage, "--given: no value for ", listed_in_words(missing));
  return at::tensor(row, host_options(at::kFloat)).unsqueeze(0);
}

Tensor from_file(const std::string& file, size_t columns) {
  Tensor array = load_npy(file, {.finite = true});
  bool fits = array.is_floating_point() && array.dim() == 2 && array.size(0) > 0 &&
              array.size(1) == static_cast<int64_t>(columns);
  require(fits, Exit::kData, file, ": holds ", at::toString(array.scalar_type()), " of shape ",
          to_string(array.sizes().vec()), ", expected floats [R, ", columns,
          "], a row for each context");
  return single_precision(file, array);
}

}  // namespace

Tensor given_context(const std::string& text, const std::vector<std::string>& names) {
  require(!names.empty(), Exit::kUsage,
          "--given: this flow was trained without context columns, so none can be given");
  bool is_file = text.ends_with(".npy") && text.find('=') == std::string::npos;
  return is_file ? from_file(text, names.size()) : from_pairs(text, names);
}

}  // namespace diffeo
