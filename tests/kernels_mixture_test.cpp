// The mixture's loops against its tensor operations: every instruction set, precision and layout.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/logistic_mixture.h"
#include "kernels/mixture_aten.h"
#include "kernels/mixture_host.h"
#include "kernels_support.h"

namespace diffeo {
namespace {

using at::Tensor;

constexpr int64_t kComponents = 5, kNumbers = 2 + 3 * kComponents;

struct Inputs {
  Tensor x, raw, by_y, by_log_det;

  explicit Inputs(const std::vector<int64_t>& sizes, at::ScalarType precision = at::kDouble) {
    at::manual_seed(11);
    std::vector<int64_t> numbers = sizes;
    numbers[1] *= kNumbers;
    x = (at::randn(sizes, at::kDouble) * 3).to(precision);
    raw = (at::randn(numbers, at::kDouble) * 1.5).to(precision);
    by_y = at::randn(sizes, at::kDouble).to(precision);
    by_log_det = at::randn({sizes[0]}, at::kDouble).to(precision);
  }
};

// Without elements, with fewer than lanes, and with groups that cross planes and examples.
const std::vector<std::vector<int64_t>> kSizes{
    {0, 2}, {1, 1}, {37, 2}, {3, 19}, {2, 3, 7, 7}, {2, 2, 8, 8}, {3, 2, 5, 16}, {40, 1, 1, 1}};

void expect_agreement(const Inputs& in, const Tensor& raw, InstructionSet set, double tolerance) {
  auto [y, log_det] = mixture_host(in.x, raw, kComponents, set);
  auto [by_x, by_raw] = mixture_gradient_host(in.x, raw, kComponents, in.by_y, in.by_log_det, set);
  ASSERT_EQ(by_raw.strides(), raw.strides());
  if (in.x.numel() == 0) return;
  Tensor x = in.x.to(at::kDouble), numbers = in.raw.to(at::kDouble);
  auto [y_aten, log_det_aten] = mixture_aten(x, numbers, kComponents);
  auto [by_x_aten, by_raw_aten] = mixture_gradient_aten(
      x, numbers, kComponents, in.by_y.to(at::kDouble), in.by_log_det.to(at::kDouble));
  EXPECT_LT(deviation(y, y_aten), tolerance);
  EXPECT_LT(deviation(log_det, log_det_aten), tolerance);
  EXPECT_LT(deviation(by_x, by_x_aten), 10 * tolerance);
  EXPECT_LT(deviation(by_raw, by_raw_aten), 10 * tolerance);
}

TEST(MixtureLoops, AgreeWithTensorOperationsForEverySetAndSize) {
  for (InstructionSet set : instruction_sets()) {
    for (const auto& sizes : kSizes) {
      SCOPED_TRACE(testing::Message() << "instruction set " << static_cast<int>(set) << ", "
                                      << at::IntArrayRef(sizes));
      Inputs exact(sizes), rounded(sizes, at::kFloat);
      expect_agreement(exact, exact.raw, set, 1e-12);
      expect_agreement(rounded, rounded.raw, set, 2e-5);
    }
  }
}

TEST(MixtureLoops, ReadChannelsThatStandLast) {
  Inputs in({2, 3, 7, 5});
  Tensor raw = in.raw.contiguous(at::MemoryFormat::ChannelsLast);
  ASSERT_TRUE(mixture_host_reads(raw));
  ASSERT_FALSE(mixture_host_reads(in.raw.transpose(2, 3)));
  for (InstructionSet set : instruction_sets()) {
    expect_agreement(in, raw, set, 1e-12);
    Tensor y = mixture_host(in.x, in.raw, kComponents, set).first;
    EXPECT_TRUE(at::equal(mixture_inverse_host(y, raw, kComponents, set),
                          mixture_inverse_host(y, in.raw, kComponents, set)));
  }
  Tensor columns = in.raw.transpose(2, 3), by_rows = columns.contiguous();
  Tensor x = in.x.transpose(2, 3);
  EXPECT_TRUE(at::equal(logistic_mixture(x, columns, kComponents).first,
                        logistic_mixture(x, by_rows, kComponents).first));
}

TEST(MixtureLoops, InvertWhatTheyMap) {
  for (InstructionSet set : instruction_sets()) {
    for (const auto& sizes : kSizes) {
      Inputs in(sizes);
      Tensor y = mixture_host(in.x, in.raw, kComponents, set).first;
      Tensor x = mixture_inverse_host(y, in.raw, kComponents, set);
      EXPECT_TRUE(at::allclose(x, in.x, 1e-8, 1e-8)) << at::IntArrayRef(sizes);
      Tensor counts = mixture_evaluations_host(y, in.raw, kComponents, set);
      EXPECT_EQ(counts.sizes(), y.sizes());
      EXPECT_TRUE(((counts >= 1) & (counts <= 100)).all().item<bool>());
    }
  }
}

// Beyond the range of the numbers, where the sums are taken by logarithms: far out on both sides,
// and in a gap between components that are far from each other.
TEST(MixtureLoops, KeepBothTailsAndTheGapsBetween) {
  for (auto [precision, tolerance] : {std::pair{at::kDouble, 1e-12}, {at::kFloat, 2e-5}}) {
    Inputs in({8, 33}, precision);
    Tensor numbers = in.raw.view({8, 33, kNumbers});
    numbers.narrow(2, 2 + kComponents, kComponents).mul_(500);
    numbers.narrow(2, 2 + 2 * kComponents, kComponents).sub_(3);
    in.x.mul_(1000);
    for (InstructionSet set : instruction_sets()) {
      SCOPED_TRACE(testing::Message() << "instruction set " << static_cast<int>(set));
      auto [y, log_det] = mixture_host(in.x, in.raw, kComponents, set);
      EXPECT_GT(y.abs().max().item<double>(), 1e4);
      EXPECT_TRUE(at::isfinite(y).all().item<bool>());
      EXPECT_TRUE(at::isfinite(log_det).all().item<bool>());
      auto [y_aten, log_det_aten] =
          mixture_aten(in.x.to(at::kDouble), in.raw.to(at::kDouble), kComponents);
      EXPECT_LT(deviation(y, y_aten), tolerance);
      EXPECT_LT(deviation(log_det, log_det_aten), tolerance);
    }
  }
}

TEST(MixtureLoops, AnElementDoesNotDependOnItsNeighbours) {
  Inputs in({1, 1, 4, 16});
  Tensor spoilt = in.x.clone();
  spoilt.view(-1)[3] = std::numeric_limits<double>::quiet_NaN();
  spoilt.view(-1)[20] = 1e5;
  Tensor same = spoilt == in.x;
  for (InstructionSet set : instruction_sets()) {
    Tensor y = mixture_host(in.x, in.raw, kComponents, set).first,
           beside = mixture_host(spoilt, in.raw, kComponents, set).first;
    EXPECT_TRUE(at::equal(y.masked_select(same), beside.masked_select(same)));
    EXPECT_TRUE(std::isnan(beside.view(-1)[3].item<double>()));
    Tensor by_x =
               mixture_gradient_host(in.x, in.raw, kComponents, in.by_y, in.by_log_det, set).first,
           by_beside =
               mixture_gradient_host(spoilt, in.raw, kComponents, in.by_y, in.by_log_det, set)
                   .first;
    EXPECT_TRUE(at::equal(by_x.masked_select(same), by_beside.masked_select(same)));
  }
}

TEST(MixtureLoops, GiveTheSameWithAnyNumberOfThreads) {
  Inputs in({4, 3, 20, 20}, at::kFloat);
  int before = at::get_num_threads();
  at::set_num_threads(1);
  auto [y, log_det] = mixture_host(in.x, in.raw, kComponents);
  Tensor by_raw = mixture_gradient_host(in.x, in.raw, kComponents, in.by_y, in.by_log_det).second;
  at::set_num_threads(3);
  auto [y_of_three, log_det_of_three] = mixture_host(in.x, in.raw, kComponents);
  Tensor by_raw_of_three =
      mixture_gradient_host(in.x, in.raw, kComponents, in.by_y, in.by_log_det).second;
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(y, y_of_three));
  EXPECT_TRUE(at::equal(log_det, log_det_of_three));
  EXPECT_TRUE(at::equal(by_raw, by_raw_of_three));
}

// Far out on one side, where the CDF's terms would be denormal numbers.
TEST(MixtureLoops, DoNotDependOnFlushedDenormals) {
  Inputs in({8, 33}, at::kFloat);
  in.x.mul_(30);
  Tensor y = mixture_host(in.x, in.raw, kComponents).first;
  Tensor by_raw = mixture_gradient_host(in.x, in.raw, kComponents, in.by_y, in.by_log_det).second;
  if (!at::globalContext().setFlushDenormal(true)) GTEST_SKIP() << "this processor cannot";
  Tensor y_flushed = mixture_host(in.x, in.raw, kComponents).first;
  Tensor by_raw_flushed =
      mixture_gradient_host(in.x, in.raw, kComponents, in.by_y, in.by_log_det).second;
  at::globalContext().setFlushDenormal(false);
  EXPECT_LT(deviation(y_flushed, y), 1e-6);
  EXPECT_LT(deviation(by_raw_flushed, by_raw), 1e-6);
}

}  // namespace
}  // namespace diffeo
