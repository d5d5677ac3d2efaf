// The splines' loops against their tensor operations: every instruction set, precision and form.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>

#include "kernels/spline_aten.h"
#include "kernels/spline_host.h"
#include "kernels_support.h"

namespace diffeo {
namespace {

using at::Tensor;

Spline spline_like(SplineForm form, SplineEnds ends, int64_t bins = 5) {
  return {.bins = bins,
          .form = form,
          .ends = ends,
          .left = -3,
          .right = 3,
          .bottom = ends == SplineEnds::kBox ? -1.0 : -3.0,
          .top = ends == SplineEnds::kBox ? 4.0 : 3.0,
          .divisor = 2};
}

std::vector<Spline> all_splines() {
  std::vector<Spline> splines;
  for (SplineForm form : {SplineForm::kNflows, SplineForm::kZuko})
    for (SplineEnds ends : {SplineEnds::kLinear, SplineEnds::kBox, SplineEnds::kCircular})
      splines.push_back(spline_like(form, ends));
  splines.push_back(spline_like(SplineForm::kNflows, SplineEnds::kLinear, 1));
  splines.push_back(spline_like(SplineForm::kNflows, SplineEnds::kCircular, 1));
  return splines;
}

struct SplineInputs {
  Tensor x, raw, by_y, by_log_det;

  SplineInputs(const Spline& spline, const std::vector<int64_t>& sizes,
               at::ScalarType precision = at::kDouble) {
    at::manual_seed(11);
    std::vector<int64_t> numbers = sizes;
    numbers[1] *= spline.numbers();
    x = (at::randn(sizes, at::kDouble) * 2).to(precision);  // some of it beyond the ends
    raw = (at::randn(numbers, at::kDouble) * 1.5).to(precision);
    by_y = at::randn(sizes, at::kDouble).to(precision);
    by_log_det = at::randn({sizes[0]}, at::kDouble).to(precision);
  }
};

double off(const Tensor& ours, const Tensor& theirs) {
  if (ours.numel() == 0) return 0;
  Tensor exact = theirs.to(at::kDouble);
  return ((ours.to(at::kDouble) - exact).abs() / exact.abs().clamp_min(1)).max().item<double>();
}

// Without elements, with fewer than lanes, and with groups that cross planes and examples.
const std::vector<std::vector<int64_t>> kSplineSizes{
    {0, 2}, {1, 1}, {37, 2}, {3, 19}, {2, 3, 7, 7}};

void expect_like_tensor_operations(const SplineInputs& in, const Spline& spline, InstructionSet set,
                                   double tolerance) {
  auto [y, log_det] = spline_host(in.x, in.raw, spline, set);
  auto [by_x, by_raw] = spline_gradient_host(in.x, in.raw, spline, in.by_y, in.by_log_det, set);
  Tensor x = in.x.to(at::kDouble), numbers = in.raw.to(at::kDouble);
  auto [y_aten, log_det_aten] = spline_aten(x, numbers, spline);
  auto [by_x_aten, by_raw_aten] = spline_gradient_aten(x, numbers, spline, in.by_y.to(at::kDouble),
                                                       in.by_log_det.to(at::kDouble));
  EXPECT_LT(off(y, y_aten), tolerance);
  EXPECT_LT(off(log_det, log_det_aten), 5 * tolerance);
  EXPECT_LT(off(by_x, by_x_aten), 30 * tolerance);
  EXPECT_LT(off(by_raw, by_raw_aten), 30 * tolerance);
}

TEST(SplineLoops, AgreeWithTensorOperationsForEverySetFormAndSize) {
  for (InstructionSet set : instruction_sets()) {
    for (const Spline& spline : all_splines()) {
      for (const auto& sizes : kSplineSizes) {
        SCOPED_TRACE(testing::Message()
                     << "instruction set " << static_cast<int>(set) << ", form "
                     << static_cast<int>(spline.form) << ", ends " << static_cast<int>(spline.ends)
                     << ", " << spline.bins << " bins, " << at::IntArrayRef(sizes));
        expect_like_tensor_operations({spline, sizes}, spline, set, 1e-12);
        expect_like_tensor_operations({spline, sizes, at::kFloat}, spline, set, 2e-5);
      }
    }
  }
}

TEST(SplineLoops, InvertWhatTheyMap) {
  for (InstructionSet set : instruction_sets()) {
    for (const Spline& spline : all_splines()) {
      SplineInputs in(spline, {37, 3});
      if (spline.ends != SplineEnds::kLinear) in.x.clamp_(spline.left, spline.right);
      Tensor y = spline_host(in.x, in.raw, spline, set).first;
      Tensor x = spline_inverse_host(y, in.raw, spline, set);
      EXPECT_LT(off(x, in.x), 1e-10);
      EXPECT_LT(off(spline_inverse_aten(y, in.raw, spline), in.x), 1e-10);
    }
  }
}

// Bit for bit, in both precisions: knots at the ends, what lies beyond tails, and NaN.
TEST(SplineLoops, MeetTheEndsExactlyAndLeaveWhatLiesBeyond) {
  for (at::ScalarType precision : {at::kDouble, at::kFloat}) {
    for (SplineEnds ends : {SplineEnds::kLinear, SplineEnds::kBox}) {
      Spline spline = spline_like(SplineForm::kNflows, ends, 7);
      SplineInputs in(spline, {64, 2}, precision);
      in.raw.mul_(4);
      in.x.select(1, 0).fill_(spline.left);
      in.x.select(1, 1).fill_(spline.right);
      for (InstructionSet set : instruction_sets()) {
        Tensor y = spline_host(in.x, in.raw, spline, set).first;
        EXPECT_TRUE((y.select(1, 0) == spline.bottom).all().item<bool>());
        EXPECT_TRUE((y.select(1, 1) == spline.top).all().item<bool>());
        EXPECT_TRUE(at::equal(spline_inverse_host(y, in.raw, spline, set), in.x));
      }
    }
    Spline tails = spline_like(SplineForm::kNflows, SplineEnds::kLinear);
    SplineInputs in(tails, {4, 2}, precision);
    double infinity = std::numeric_limits<double>::infinity();
    in.x = at::tensor({3.5, -1e3, 1e30, -infinity, infinity, 4.0, -3.0001, 1e9}, at::kDouble)
               .view({4, 2})
               .to(precision);
    for (InstructionSet set : instruction_sets()) {
      auto [y, log_det] = spline_host(in.x, in.raw, tails, set);
      EXPECT_TRUE(at::equal(y, in.x));
      EXPECT_TRUE((log_det == 0).all().item<bool>());
      EXPECT_TRUE(at::equal(spline_inverse_host(y, in.raw, tails, set), in.x));
    }
    Tensor nan = at::full({4, 2}, std::numeric_limits<double>::quiet_NaN(), precision);
    EXPECT_TRUE(spline_host(nan, in.raw, tails).first.isnan().all().item<bool>());
  }
}

// Steep bins and flat ones beside each other, on whose knots points lie: never a negative
// discriminant, and the way back is as good as the slope allows.
TEST(SplineLoops, InvertSteepBins) {
  for (auto [precision, tolerance] : {std::pair{at::kDouble, 1e-9}, {at::kFloat, 1e-2}}) {
    for (SplineForm form : {SplineForm::kNflows, SplineForm::kZuko}) {
      Spline spline = spline_like(form, SplineEnds::kLinear, 8);
      SplineInputs in(spline, {500, 4}, precision);
      in.raw.mul_(10);
      in.x.clamp_(-3, 3);
      for (InstructionSet set : instruction_sets()) {
        Tensor y = spline_host(in.x, in.raw, spline, set).first;
        Tensor x = spline_inverse_host(y, in.raw, spline, set);
        EXPECT_TRUE(at::isfinite(x).all().item<bool>());
        Tensor back = spline_host(x, in.raw, spline, set).first;
        EXPECT_LT(off(back, y), tolerance);
      }
    }
  }
}

TEST(SplineLoops, GiveTheSameWithAnyNumberOfThreads) {
  Spline spline = spline_like(SplineForm::kNflows, SplineEnds::kLinear);
  SplineInputs in(spline, {900, 7}, at::kFloat);
  int before = at::get_num_threads();
  at::set_num_threads(1);
  auto [y, log_det] = spline_host(in.x, in.raw, spline);
  Tensor by_raw = spline_gradient_host(in.x, in.raw, spline, in.by_y, in.by_log_det).second;
  at::set_num_threads(3);
  auto [y_of_three, log_det_of_three] = spline_host(in.x, in.raw, spline);
  Tensor by_raw_of_three =
      spline_gradient_host(in.x, in.raw, spline, in.by_y, in.by_log_det).second;
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(y, y_of_three));
  EXPECT_TRUE(at::equal(log_det, log_det_of_three));
  EXPECT_TRUE(at::equal(by_raw, by_raw_of_three));
}

}  // namespace
}  // namespace diffeo
