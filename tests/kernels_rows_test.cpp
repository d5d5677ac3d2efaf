// Loops over images with the channels last against tensor operations: every instruction set and
// precision, channels that fill registers and that do not, and chunks of rows that are not full.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/autograd.h>

#include <limits>

#include "kernels/norm_relu.h"
#include "kernels/norm_relu_host.h"
#include "kernels/shifted_relu.h"
#include "kernels_support.h"

namespace diffeo {
namespace {

using at::Tensor;

constexpr double kEpsilon = 1e-4;

const std::vector<std::vector<int64_t>> kRowImages{
    {1, 1, 1, 1}, {2, 3, 4, 4}, {3, 16, 5, 7}, {2, 33, 8, 8}, {5, 64, 4, 4}};

Tensor drawn(at::IntArrayRef sizes, at::ScalarType precision, double shift = 0) {
  return (at::randn(sizes, at::kDouble) + shift).to(precision);
}

Tensor channels_last(const Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

double apart(const Tensor& ours, const Tensor& theirs) {
  Tensor exact = theirs.to(at::kDouble);
  return ((ours.to(at::kDouble) - exact).abs() / exact.abs().clamp_min(1)).max().item<double>();
}

struct NormCase {
  Tensor x, beta, by_y;

  NormCase(const std::vector<int64_t>& sizes, at::ScalarType precision) {
    at::manual_seed(3);
    x = channels_last(drawn(sizes, precision, /*shift=*/2));
    beta = drawn({sizes[1], 1, 1}, precision);
    by_y = channels_last(drawn(sizes, precision));
  }
};

// The tensor operations' value, moments and gradients in double precision.
struct NormAnswer {
  Tensor y, mean, variance, by_x, by_beta;

  NormAnswer(const NormCase& in, bool follows) {
    Tensor x = in.x.to(at::kDouble).requires_grad_(),
           beta = in.beta.to(at::kDouble).requires_grad_();
    mean = x.mean(at::IntArrayRef{0, 2, 3}, true).squeeze(0);
    variance = (x - mean).square().mean(at::IntArrayRef{0, 2, 3}, true).squeeze(0);
    Tensor m = follows ? mean : mean.detach(), v = follows ? variance : variance.detach();
    y = ((x - m) / (v + kEpsilon).sqrt() + beta).relu();
    auto gradients = torch::autograd::grad({y}, {x, beta}, {in.by_y.to(at::kDouble)});
    by_x = gradients[0];
    by_beta = gradients[1];
  }
};

void expect_norm_agrees(const NormCase& in, InstructionSet set, bool follows, double tolerance) {
  NormAnswer expected(in, follows);
  auto [mean, variance] = channel_moments_host(in.x, set);
  EXPECT_LT(apart(mean, expected.mean), tolerance);
  EXPECT_LT(apart(variance, expected.variance), tolerance);
  // One pixel has no deviation: what stands at the ReLU's corner there is rounding's to decide.
  if (in.x.size(0) * in.x.size(2) * in.x.size(3) == 1) return;
  Tensor scale = (variance + kEpsilon).rsqrt();
  EXPECT_LT(apart(norm_relu_host(in.x, mean, scale, in.beta, set), expected.y), tolerance);
  auto [by_x, by_beta] = norm_relu_gradient_host(in.x, mean, scale, in.beta, in.by_y, follows, set);
  EXPECT_LT(apart(by_x, expected.by_x), 10 * tolerance);
  EXPECT_LT(apart(by_beta, expected.by_beta), 10 * tolerance);
}

TEST(NormRelu, AgreesWithTensorOperationsForEverySetAndSize) {
  for (InstructionSet set : instruction_sets()) {
    for (const auto& sizes : kRowImages) {
      for (bool follows : {false, true}) {
        SCOPED_TRACE(testing::Message() << "instruction set " << static_cast<int>(set) << ", "
                                        << at::IntArrayRef(sizes) << ", follows " << follows);
        expect_norm_agrees(NormCase(sizes, at::kDouble), set, follows, 1e-12);
        expect_norm_agrees(NormCase(sizes, at::kFloat), set, follows, 2e-5);
      }
    }
  }
}

TEST(NormRelu, MomentsAreExactFarFromZero) {
  at::manual_seed(5);
  Tensor x = channels_last(drawn({40, 8, 16, 16}, at::kFloat, /*shift=*/1000));
  Tensor variance = channel_moments_host(x).second;
  Tensor exact = x.to(at::kDouble).var(at::IntArrayRef{0, 2, 3}, /*unbiased=*/false);
  EXPECT_LT(apart(variance.flatten(), exact), 1e-5);  // a unit in the last place of 1000 is 6e-5
}

TEST(NormRelu, GradientReachesInputAndShiftWhateverTheLayout) {
  NormCase in({2, 5, 3, 4}, at::kDouble);
  NormAnswer expected(in, /*follows=*/true);
  Tensor x = in.x.contiguous().requires_grad_(), beta = in.beta.clone().requires_grad_();
  auto [y, mean, variance] = norm_relu(x, beta, kEpsilon);
  EXPECT_FALSE(mean.requires_grad() || variance.requires_grad());
  auto gradients = torch::autograd::grad({y}, {x, beta}, {in.by_y.contiguous()});
  EXPECT_LT(apart(gradients[0], expected.by_x), 1e-12);
  EXPECT_LT(apart(gradients[1], expected.by_beta), 1e-12);
}

TEST(NormRelu, GivenMomentsGetNoGradient) {
  NormCase in({2, 5, 3, 4}, at::kDouble);
  NormAnswer expected(in, /*follows=*/false);
  Tensor x = in.x.clone().requires_grad_(), beta = in.beta.clone().requires_grad_();
  Tensor y = norm_relu_by(x, beta, expected.mean.detach(), expected.variance.detach(), kEpsilon);
  EXPECT_LT(apart(y, expected.y), 1e-12);
  auto gradients = torch::autograd::grad({y}, {x, beta}, {in.by_y});
  EXPECT_LT(apart(gradients[0], expected.by_x), 1e-12);
  EXPECT_LT(apart(gradients[1], expected.by_beta), 1e-12);
}

TEST(NormRelu, WhatIsNoNumberStaysNone) {
  Tensor x = channels_last(at::zeros({1, 2, 2, 2}));
  x[0][1][0][0] = std::numeric_limits<float>::quiet_NaN();
  Tensor y = norm_relu(x, at::zeros({2, 1, 1}), kEpsilon).y;
  EXPECT_TRUE(at::isnan(y[0][1]).all().item<bool>());
  EXPECT_FALSE(at::isnan(y[0][0]).any().item<bool>());
}

TEST(NormRelu, DoesNotDependOnTheNumberOfThreads) {
  NormCase in({9, 24, 16, 16}, at::kFloat);
  auto results = [&](int threads) {
    at::set_num_threads(threads);
    auto [mean, variance] = channel_moments_host(in.x);
    auto [by_x, by_beta] = norm_relu_gradient_host(in.x, mean, variance, in.beta, in.by_y, true);
    return std::vector<Tensor>{mean, variance, by_x, by_beta};
  };
  int before = at::get_num_threads();
  std::vector<Tensor> one = results(1), three = results(3);
  at::set_num_threads(before);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], three[i]));
}

// Whether the shift has a row for each position, or one for all.
void expect_shifted_relu_agrees(const std::vector<int64_t>& sizes, bool by_position,
                                at::ScalarType precision, InstructionSet set, double tolerance) {
  at::manual_seed(4);
  Tensor h = channels_last(drawn(sizes, precision)), by_y = channels_last(drawn(sizes, precision));
  Tensor shift = channels_last(
      drawn({1, sizes[1], by_position ? sizes[2] : 1, by_position ? sizes[3] : 1}, precision));
  Tensor h_leaf = h.to(at::kDouble).requires_grad_(), leaf = shift.to(at::kDouble).requires_grad_();
  Tensor expected = (h_leaf + leaf).relu();
  auto gradients = torch::autograd::grad({expected}, {h_leaf, leaf}, {by_y.to(at::kDouble)});
  shifted_relu_host_(h, shift, set);
  auto [by_h, by_shift] = shifted_relu_gradient_host(h, shift.sizes(), by_y, set);
  EXPECT_LT(apart(h, expected), tolerance);
  EXPECT_LT(apart(by_h, gradients[0]), tolerance);
  EXPECT_LT(apart(by_shift, gradients[1]), tolerance);
}

TEST(ShiftedRelu, AgreesWithTensorOperationsForEverySetAndSize) {
  for (InstructionSet set : instruction_sets()) {
    for (const auto& sizes : kRowImages) {
      for (bool by_position : {false, true}) {
        SCOPED_TRACE(testing::Message()
                     << "instruction set " << static_cast<int>(set) << ", "
                     << at::IntArrayRef(sizes) << ", shift by position " << by_position);
        expect_shifted_relu_agrees(sizes, by_position, at::kDouble, set, 1e-12);
        expect_shifted_relu_agrees(sizes, by_position, at::kFloat, set, 2e-5);
      }
    }
  }
}

TEST(ShiftedRelu, ChangesItsInputAndPassesTheGradientOn) {
  at::manual_seed(6);
  Tensor x = channels_last(drawn({70, 3, 4, 4}, at::kDouble)).requires_grad_();
  Tensor shift = drawn({1, 3, 1, 1}, at::kDouble).requires_grad_();
  Tensor expected = (2 * x + shift).relu();
  Tensor h = 2 * x, y = shifted_relu_(h, shift);
  EXPECT_EQ(h.data_ptr(), y.data_ptr());
  EXPECT_LT(apart(y, expected), 1e-12);
  auto ours = torch::autograd::grad({y.square().sum()}, {x, shift});
  auto theirs = torch::autograd::grad({expected.square().sum()}, {x, shift});
  for (size_t i = 0; i < 2; ++i) EXPECT_LT(apart(ours[i], theirs[i]), 1e-12);
}

TEST(ShiftedRelu, BehindAMatrixAgreesWithAConvolution) {
  at::manual_seed(8);
  Tensor h = channels_last(drawn({3, 5, 4, 6}, at::kDouble)).requires_grad_();
  Tensor weight = drawn({7, 5}, at::kDouble).requires_grad_();
  Tensor shift = drawn({7, 1, 1}, at::kDouble).requires_grad_();
  Tensor expected = at::conv2d(h, weight.view({7, 5, 1, 1}), shift.flatten()).relu();
  Tensor y = pointwise_relu(h, weight, shift);
  EXPECT_LT(apart(y, expected), 1e-12);
  auto ours = torch::autograd::grad({y.square().sum()}, {h, weight, shift});
  auto theirs = torch::autograd::grad({expected.square().sum()}, {h, weight, shift});
  for (size_t i = 0; i < 3; ++i) EXPECT_LT(apart(ours[i], theirs[i]), 1e-11);
}

TEST(ShiftedRelu, BehindAMatrixAgreesWithADenseLayer) {
  at::manual_seed(9);
  Tensor h = drawn({130, 6}, at::kDouble).requires_grad_(), half = h.narrow(1, 3, 3);
  Tensor weight = drawn({7, 3}, at::kDouble).requires_grad_();
  Tensor shift = drawn({7}, at::kDouble).requires_grad_();
  Tensor expected = at::linear(half, weight, shift).relu(), y = pointwise_relu(half, weight, shift);
  EXPECT_LT(apart(y, expected), 1e-12);
  auto ours = torch::autograd::grad({y.square().sum()}, {h, weight, shift});
  auto theirs = torch::autograd::grad({expected.square().sum()}, {h, weight, shift});
  for (size_t i = 0; i < 3; ++i) EXPECT_LT(apart(ours[i], theirs[i]), 1e-11);
}

TEST(ShiftedRelu, WhatIsNoNumberStaysNone) {
  Tensor h = channels_last(at::zeros({1, 2, 2, 2}));
  h[0][1][0][0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(at::isnan(shifted_relu_(h, at::zeros({1, 2, 1, 1}))[0][1][0][0]).item<bool>());
}

}  // namespace
}  // namespace diffeo
