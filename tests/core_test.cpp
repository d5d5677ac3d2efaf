// Noise, base densities and starting values.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/base.h"
#include "core/hardware.h"
#include "core/pass.h"
#include "core/site.h"
#include "io_support.h"

namespace diffeo {
namespace {

TEST(SeededNoise, DependsOnSeedAndPathButNotOnOrder) {
  Tensor like = at::empty({3, 4});
  SeededNoise one(1), again(1), other(2);
  Tensor a = one.normal("a", like), b = one.normal("b", like);
  EXPECT_TRUE(at::equal(again.normal("b", like), b) && at::equal(again.normal("a", like), a));
  EXPECT_FALSE(at::equal(a, b) || at::equal(other.normal("a", like), a));
}

// In a folder that goes away: what a process's control groups say, and their limits.
TEST(Hardware, TakesTheLeastLimitOfTheControlGroupsAroundAProcess) {
  TemporaryDirectory folder;
  for (const char* made : {"process", "sys/job/step", "sys/memory/task"})
    std::filesystem::create_directories(folder / made);
  auto limit = [&](const char* groups) {
    write_plainly(folder / "process/cgroup", groups);
    return memory_limit_of_groups(folder / "process", folder / "sys");
  };
  EXPECT_TRUE(std::isinf(limit("0::/job/step\n")));
  write_plainly(folder / "sys/job/step/memory.max", "max\n");
  EXPECT_TRUE(std::isinf(limit("0::/job/step\n")));
  write_plainly(folder / "sys/job/memory.max", "4000\n");
  EXPECT_EQ(limit("0::/job/step\n"), 4000);
  write_plainly(folder / "sys/job/step/memory.max", "3000\n");
  EXPECT_EQ(limit("0::/job/step\n"), 3000);
  EXPECT_TRUE(std::isinf(limit("0::/\n")));
  write_plainly(folder / "sys/memory/task/memory.limit_in_bytes", "2000\n");
  EXPECT_EQ(limit("5:cpu,cpuacct:/job\n4:memory:/task\n"), 2000);
  EXPECT_TRUE(std::isinf(limit("")));
}

TEST(Shape, CountsOnlyWhatFits64Bits) {
  EXPECT_EQ(numel({1 << 30, 1 << 30}), int64_t{1} << 60);
  EXPECT_EQ(numel({}), 1);
  try {
    numel({3000000000, 3000000000, 3000000000});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "[3000000000, 3000000000, 3000000000]: its number of elements does not fit 64 "
                 "bits");
  }
}

TEST(Pass, IsChangedByCopies) {
  SeededNoise noise(1);
  Pass pass{.labels = at::arange(3), .noise = &noise};
  Pass other = pass.with_features(at::ones({3, 2})).with_mode(Mode::kTrain).with_bins_centred();
  EXPECT_TRUE(other.features.defined() && other.centred && other.noise == &noise);
  EXPECT_TRUE(at::equal(other.labels, pass.labels));
  EXPECT_FALSE(pass.features.defined() || pass.centred || pass.mode != Mode::kEvaluate);
}

TEST(Base, LogDensitiesIntegrateToOne) {
  Tensor z = at::linspace(-40, 40, 400001, at::kDouble).unsqueeze(1);
  for (Base base : {Base::kNormal, Base::kLogistic}) {
    EXPECT_NEAR((base_log_prob(base, z).exp().sum() * 80 / 400000).item<double>(), 1, 1e-9)
        << name_of(base);
  }
}

TEST(Base, LogSigmoidSlopeIsExactInBothTails) {
  Tensor slope = log_sigmoid_slope(at::tensor({-800., -25., 0., 25., 800.}, at::kDouble));
  Tensor tail = at::tensor({-800., -25., -2 * std::log(2.), -25., -800.}, at::kDouble);
  EXPECT_TRUE(at::allclose(slope, tail, 0, 3e-11)) << slope;
}

TEST(Site, StartsAlikeInEveryPrecision) {
  Site single{.input = {2}, .options = at::kFloat, .seed = 3},
      twice{.input = {2}, .options = at::kDouble, .seed = 3};
  EXPECT_TRUE(at::equal(single.normal("w", {5}, 1).to(at::kDouble), twice.normal("w", {5}, 1)));
  EXPECT_FALSE(
      at::equal(single.normal("w", {5}, 1), single.inside("net", {2}).normal("w", {5}, 1)));
  Tensor rotation = twice.rotation("r", 4);
  EXPECT_TRUE(at::allclose(rotation.mm(rotation.t()), at::eye(4, at::kDouble)));
  EXPECT_TRUE(at::equal(std::get<0>(twice.permutation("p", 6).sort()), at::arange(6)));
}

}  // namespace
}  // namespace diffeo
