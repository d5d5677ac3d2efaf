#include "data/columns.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>

#include "core/error.h"

namespace diffeo {
namespace {

constexpr int64_t kLookedAt = 4096;            // examples
constexpr int64_t kNumbersLookedAt = 1 << 22;  // of all columns together, which bounds the memory
constexpr int64_t kFewestForRepeats = 500;  // examples, below which repeated values may be chance
constexpr int64_t kMostForFormulas = 512;   // columns, whose covariance is decomposed
constexpr double kSmallUnit = 1e-6;         // openai/glow's epsilon beside a deviation
constexpr double kLargeUnit = 1e9;  // Flow++'s actnorm has no scale below 1e-10 to undo more
constexpr size_t kMostNamed = 8;

Tensor evenly_spaced(const Tensor& vectors) {
  int64_t count = vectors.size(0), columns = std::max<int64_t>(vectors.size(1), 1);
  int64_t most = std::clamp<int64_t>(kNumbersLookedAt / columns, 256, kLookedAt);
  if (count <= most) return vectors;
  return vectors.index_select(
      0, at::arange(most, vectors.options().dtype(at::kLong)).mul(count).floor_divide(most));
}

// "column 3", "columns 0, 1, 2 and 12 more", of a mask [D].
std::string named(const Tensor& mask) {
  Tensor places = mask.nonzero().flatten();
  auto count = static_cast<size_t>(places.numel());
  std::string text = count == 1 ? "column" : "columns";
  for (size_t i = 0; i < std::min(count, kMostNamed); ++i)
    text += joined(i ? ", " : " ", places[static_cast<int64_t>(i)].item<int64_t>());
  return count > kMostNamed ? joined(text, " and ", count - kMostNamed, " more") : text;
}

// Neighbours in a sorted column that are no further apart are one value, computed in two ways.
constexpr double kOneValue = 64 * std::numeric_limits<double>::epsilon();

// Columns [D] of doubles that single precision leaves less than half of their values apart.
Tensor merged_columns(const Tensor& vectors) {
  Tensor sorted = std::get<0>(evenly_spaced(vectors).sort(0));
  int64_t pairs = sorted.size(0) - 1;
  Tensor low = sorted.narrow(0, 0, pairs), high = sorted.narrow(0, 1, pairs);
  Tensor apart = high - low > kOneValue * at::maximum(low.abs(), high.abs());
  Tensor held = (low.to(at::kFloat) != high.to(at::kFloat)).logical_and_(apart);
  return 2 * held.sum(0) < apart.sum(0);
}

// A density may put all it has on a value that comes back, and its likelihood then has no bound.
Tensor repeating_columns(const Tensor& examples) {
  int64_t count = examples.size(0), tenth = count / 10;
  if (count < kFewestForRepeats) return at::zeros_like(examples[0], at::kBool);
  Tensor sorted = std::get<0>(examples.sort(0));
  auto equal_to_next = [&](int64_t step) {
    return sorted.narrow(0, step, count - step) == sorted.narrow(0, 0, count - step);
  };
  Tensor distinct = count - equal_to_next(1).sum(0);
  return (distinct < tenth).logical_or_(equal_to_next(tenth).any(0));
}

// Columns [D] that a linear formula connects with others, and how many follow from the rest: the
// correlations' eigenvalues that are zero to rounding, and the columns in their vectors.
struct Formulas {
  int64_t count = 0;
  Tensor columns;
};

Formulas formulas_in(const Tensor& standardised) {
  int64_t count = standardised.size(0), columns = standardised.size(1);
  if (columns < 2 || columns > kMostForFormulas || count < 2 * columns) return {};
  auto [values, vectors] = at::linalg_eigh(standardised.t().mm(standardised) / count);
  Tensor zero = (values < 1e-10).nonzero().flatten();
  return {zero.numel(), vectors.index_select(1, zero).square().sum(1) > 1e-8};
}

std::string formulas_text(const Tensor& columns, const Formulas& formulas) {
  return joined(named(columns), ": ", formulas.count, " of them ",
                formulas.count == 1 ? "follows" : "follow",
                " from the others by a linear formula (a copy, a sum), so that likelihoods have no "
                "bound; leave ",
                formulas.count, " out");
}

}  // namespace

void require_single_precision(const std::string& file, const Tensor& vectors) {
  if (vectors.scalar_type() != at::kDouble || vectors.size(0) < 2) return;
  Tensor merged = merged_columns(vectors).nonzero().flatten();
  if (merged.numel() == 0) return;
  int64_t column = merged[0].item<int64_t>();
  auto [low, high] = at::aminmax(vectors.select(1, column));
  double least = low.item<double>(), most = high.item<double>();
  auto largest = static_cast<float>(std::max(std::abs(least), std::abs(most)));
  fail(Exit::kData, file, ": column ", column, " goes from ", std::setprecision(12), least, " to ",
       most, ", where numbers of single precision, in which flows compute, are ",
       std::setprecision(2), std::nextafter(largest, INFINITY) - largest,
       " apart, so that values which differ would become equal; set data.standardise: true, which "
       "takes columns in double precision, or save the file as float32 if that is meant");
}

std::vector<std::string> column_doubts(const Tensor& vectors) {
  std::vector<std::string> doubts;
  auto doubt = [&](const Tensor& mask, const std::string& what) {
    if (mask.any().item<bool>()) doubts.push_back(named(mask) + ": " + what);
  };
  auto [low, high] = at::aminmax(vectors, 0);
  Tensor constant = low == high, examples = evenly_spaced(vectors);
  doubt(constant, "the same value in every example, so that likelihoods have no bound; leave out");
  doubt(repeating_columns(examples).logical_and_(constant.logical_not()),
        "few distinct values, or one value in a tenth of the examples and more; likelihoods of "
        "discrete values have no bound: leave out, or add noise as wide as their steps");
  Tensor varying = (examples.amin(0) != examples.amax(0)).nonzero().flatten();
  Tensor chosen = examples.index_select(1, varying).to(at::kDouble);
  if (chosen.size(0) < 2 || varying.numel() == 0) return doubts;
  Tensor mean = chosen.mean(0), deviation = (chosen - mean).square().mean(0).sqrt();
  auto whole = [&](const Tensor& mask) {  // of the varying columns -> of all
    return at::zeros_like(constant).index_put_({varying}, mask);
  };
  Formulas formulas = formulas_in((chosen - mean) / deviation.clamp_min(1e-300));
  if (formulas.count > 0) doubts.push_back(formulas_text(whole(formulas.columns), formulas));
  doubt(whole((deviation < kSmallUnit).logical_or(deviation > kLargeUnit)),
        "deviations below 1e-06 or above 1e+09, where layers' epsilons, starts and steps are made "
        "for numbers near 1; choose another unit or set data.standardise: true");
  return doubts;
}

}  // namespace diffeo
