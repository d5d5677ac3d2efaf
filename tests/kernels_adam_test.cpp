// The optimizer's loop against its tensor operations, for every instruction set and precision.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "kernels/adam_step.h"
#include "kernels_support.h"

namespace diffeo {
namespace {

using at::Tensor;

struct AdamBuffers {
  Tensor weights, gradient, m, v;

  AdamBuffers(int64_t count, at::ScalarType precision) {
    at::manual_seed(12);
    auto drawn = [&](double scale) {
      return (at::randn({count}, at::kDouble) * scale).to(precision);
    };
    weights = drawn(1), gradient = drawn(1e-2), m = drawn(1e-2), v = drawn(1e-2).square();
  }
  AdamBuffers copy() const {
    AdamBuffers other = *this;
    for (Tensor* buffer : {&other.weights, &other.gradient, &other.m, &other.v})
      *buffer = buffer->clone();
    return other;
  }
};

const std::vector<AdamStep> kSteps{
    {.take_m = 0.1, .take_v = 0.001, .rate = 1e-3, .epsilon = 1e-8},
    {.take_m = 0.1, .take_v = 0.001, .rate = 1e-3, .epsilon = 1e-8, .shrink = 1e-3},
    {.take_m = 0.1, .take_v = 0.001, .rate = 1e-3, .epsilon = 1e-7, .by_largest = true}};

TEST(AdamLoop, AgreesWithTensorOperations) {
  for (InstructionSet set : instruction_sets()) {
    for (at::ScalarType precision : {at::kDouble, at::kFloat}) {
      for (const AdamStep& step : kSteps) {
        AdamBuffers ours(1003, precision), theirs = ours.copy();
        Tensor one = at::ones({}, at::TensorOptions(precision));
        for (int i = 0; i < 3; ++i) {
          adam_step_host(ours.weights, ours.gradient, ours.m, ours.v, step, set);
          adam_step_plain(theirs.weights, theirs.gradient.clone(), theirs.m, theirs.v, step, one);
        }
        double tolerance = precision == at::kDouble ? 1e-13 : 2e-6;
        EXPECT_TRUE(at::allclose(ours.weights, theirs.weights, tolerance, tolerance));
        EXPECT_TRUE(at::allclose(ours.m, theirs.m, tolerance, tolerance));
        EXPECT_TRUE(at::allclose(ours.v, theirs.v, tolerance, tolerance));
      }
    }
  }
}

TEST(AdamLoop, LeavesEverythingWhereAStepIsNotAdmitted) {
  AdamBuffers buffers(100, at::kFloat), before = buffers.copy();
  adam_step(buffers.weights, buffers.gradient, buffers.m, buffers.v, kSteps[1], at::zeros({}));
  EXPECT_TRUE(at::equal(buffers.weights, before.weights));
  EXPECT_TRUE(at::equal(buffers.m, before.m) && at::equal(buffers.v, before.v));
}

TEST(AdamLoop, DoesNotDependOnTheNumberOfThreads) {
  AdamBuffers one(200003, at::kFloat), three = one.copy();
  auto step_with = [](int threads, const AdamBuffers& on) {
    at::set_num_threads(threads);
    adam_step_host(on.weights, on.gradient, on.m, on.v, kSteps[0]);
  };
  int before = at::get_num_threads();
  step_with(1, one), step_with(3, three);
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(one.weights, three.weights) && at::equal(one.v, three.v));
}

}  // namespace
}  // namespace diffeo
