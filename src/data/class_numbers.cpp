#include "data/class_numbers.h"

#include <ATen/ATen.h>

#include <charconv>
#include <optional>

#include "core/error.h"
#include "data/checks.h"
#include "data/host.h"

namespace diffeo {
namespace {

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = problem == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

}  // namespace

ClassNumbers::ClassNumbers(const std::string& place, const std::vector<std::string>& labels,
                           int64_t classes)
    : classes_(classes) {
  for (const std::string& label : labels) {
    std::optional<int64_t> whole = whole_number(label);
    are_whole_ = are_whole_ && whole;
    numbers_[label] = whole.value_or(0);
  }
  if (are_whole_) return;
  require(static_cast<int64_t>(numbers_.size()) <= classes, Exit::kData, place, ": holds ",
          numbers_.size(), " classes by name, but data.classes is ", classes);
  int64_t next = 0;
  for (auto& [label, number] : numbers_) number = next++;
}

Tensor ClassNumbers::labels_of(const std::string& place,
                               const std::vector<std::string>& labels) const {
  std::vector<int64_t> found;
  for (const std::string& label : labels) {
    auto number = numbers_.find(label);
    std::optional<int64_t> whole = are_whole_ ? whole_number(label) : std::nullopt;
    require(number != numbers_.end() || whole, Exit::kData, place, ": example ", found.size(),
            " has the label '", label, "', which no training example has");
    found.push_back(number != numbers_.end() ? number->second : *whole);
  }
  auto count = static_cast<int64_t>(labels.size());
  return checked_labels(place, at::tensor(found, host_options(at::kLong)), count, classes_);
}

}  // namespace diffeo
