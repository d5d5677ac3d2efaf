// What training draws, and what is held out.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "data/augment.h"
#include "data/batches.h"

namespace diffeo {
namespace {

Dataset numbered(int64_t count) {
  return {at::arange(count, at::kFloat).unsqueeze(1), at::arange(count) % 3};
}

TEST(EpochBatches, CoverEachEpochOnceAndGoOnIntoTheNext) {
  EpochBatches batches(numbered(10), {}, 1);
  std::vector<Tensor> drawn;
  for (int64_t step = 0; step < 5; ++step) drawn.push_back(batches.at(step, 4).x.flatten());
  Tensor epochs = at::cat(drawn).view({2, 10});
  EXPECT_FALSE(at::equal(epochs[0], epochs[1]));
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    EXPECT_TRUE(at::equal(std::get<0>(epochs[epoch].sort()), at::arange(10, at::kFloat)));
  }
}

TEST(EpochBatches, FollowFromSeedAndStepAlone) {
  AugmentConfig augment{.flip = true, .shift = 0.3};
  Dataset images{(at::arange(12 * 2 * 5 * 5) % 251).to(at::kByte).view({12, 2, 5, 5}), {}};
  EpochBatches whole(images, augment, 7), resumed(images, augment, 7), other(images, augment, 8);
  std::vector<Tensor> uninterrupted;
  for (int64_t step = 0; step < 8; ++step) uninterrupted.push_back(whole.at(step, 5).x);
  for (int64_t step : {7, 2, 3})
    EXPECT_TRUE(at::equal(resumed.at(step, 5).x, uninterrupted[step])) << step;
  EXPECT_FALSE(at::equal(other.at(7, 5).x, uninterrupted[7]));
}

// Two batches of 6 are three of 4: the same examples, flipped and shifted alike.
TEST(EpochBatches, GiveAnExampleTheSameAugmentationInEveryBatchSize) {
  AugmentConfig augment{.flip = true, .shift = 0.3};
  Dataset images{(at::arange(15 * 2 * 5 * 5) % 251).to(at::kByte).view({15, 2, 5, 5}), {}};
  EpochBatches batches(images, augment, 7);
  Tensor large = at::cat({batches.at(2, 6).x, batches.at(3, 6).x}),
         small = at::cat({batches.at(3, 4).x, batches.at(4, 4).x, batches.at(5, 4).x});
  EXPECT_TRUE(at::equal(large, small));
}

TEST(EpochBatches, AreLaidOutAlikeHoweverTheImagesLie) {
  Tensor images = (at::arange(12 * 3 * 4 * 5) % 251).to(at::kByte).view({12, 3, 4, 5});
  Dataset plain{images}, mapped{images.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2})};
  Batch expected = EpochBatches(plain, {}, 7).at(1, 5),
        found = EpochBatches(mapped, {}, 7).at(1, 5);
  EXPECT_TRUE(at::equal(found.x, expected.x));
  EXPECT_TRUE(found.x.is_contiguous());
  EXPECT_TRUE(mapped.slice(3, 4).x.is_contiguous());
}

TEST(EpochBatches, MayBeLargerThanTheDataSet) {
  Batch batch = EpochBatches(numbered(3), {}, 1).at(0, 9);
  EXPECT_TRUE(at::equal(batch.x.flatten().view({3, 3}).sum(1), at::full({3}, 3.f)));
}

TEST(EpochBatches, KeepLabelsBesideTheirExamples) {
  Batch batch = EpochBatches(numbered(10), {}, 1).at(3, 6);
  EXPECT_TRUE(at::equal(batch.labels, batch.x.flatten().to(at::kLong) % 3));
}

TEST(EpochBatches, TurnBytesIntoNumbersOnlyInTheBatch) {
  Dataset images{at::full({4, 1, 2, 2}, 255, at::kByte), {}};
  Batch batch = EpochBatches(images, {}, 1).at(0, 2);
  EXPECT_EQ(batch.x.dtype(), at::kFloat);
  EXPECT_TRUE(at::equal(batch.x, at::full({2, 1, 2, 2}, 255.f)));
  EXPECT_FALSE(batch.labels.defined());
}

TEST(FreshBatches, DifferByStepAndFollowFromSeedAndStep) {
  std::shared_ptr<const Density> density = make_density(DensityKind::kRings);
  FreshBatches batches(density, 1), again(density, 1), other(density, 2);
  Tensor x = batches.at(3, 100).x;
  EXPECT_EQ(x.dtype(), at::kFloat);
  EXPECT_EQ(x.sizes(), (std::vector<int64_t>{100, 2}));
  EXPECT_TRUE(at::equal(again.at(3, 100).x, x));
  EXPECT_FALSE(at::equal(batches.at(4, 100).x, x) || at::equal(other.at(3, 100).x, x));
}

TEST(FreshBatches, AreCutFromOneSequenceWhateverTheirSize) {
  for (auto [name, kind] : EnumNames<DensityKind>::names) {
    FreshBatches batches(make_density(kind), 1);
    Tensor large = batches.at(1, 300).x;
    for (int64_t step : {3, 4, 5})
      EXPECT_TRUE(at::equal(batches.at(step, 100).x, large.narrow(0, 100 * (step - 3), 100)))
          << name;
  }
}

TEST(Augment, FlipsSomeImagesWhole) {
  Tensor images = at::arange(64 * 6, at::kFloat).view({64, 1, 2, 3});
  SeededNoise noise(1);
  Tensor result = augmented({.flip = true}, images, noise);
  Tensor flipped = (result == images.flip(3)).flatten(1).all(1),
         kept = (result == images).flatten(1).all(1);
  EXPECT_TRUE(at::equal(flipped, ~kept));
  EXPECT_GT(flipped.sum().item<int64_t>(), 16);
  EXPECT_LT(flipped.sum().item<int64_t>(), 48);
}

// On a ramp, value = row * 10 + column, a shift shows as a constant difference wherever the edge is
// not held.
TEST(Augment, ShiftsUpToTheFractionAndHoldsTheEdge) {
  Tensor ramp =
      (10 * at::arange(10).unsqueeze(1) + at::arange(10)).to(at::kByte).expand({500, 2, 10, 10});
  SeededNoise noise(1);
  Tensor result = augmented({.shift = 0.25}, ramp, noise).to(at::kLong);
  Tensor corner = result.select(1, 0).select(1, 5).select(1, 5), rows = 5 - corner.div(10, "floor");
  EXPECT_TRUE(at::equal(std::get<0>(at::_unique(rows)), at::arange(-2, 3)));
  EXPECT_TRUE(at::equal(std::get<0>(at::_unique(5 - corner % 10)), at::arange(-2, 3)));
  Tensor top = result.select(1, 1).select(1, 0).select(1, 5).div(10, "floor");
  EXPECT_TRUE(at::equal(top, (-rows).clamp_min(0)));
  EXPECT_TRUE(at::equal(result.select(1, 0), result.select(1, 1)));
}

TEST(Cut, FollowsFromSeedAndLosesNothing) {
  Cut one = cut(numbered(100), 0.2, 1, "data.validation"),
      again = cut(numbered(100), 0.2, 1, "data.validation");
  Cut other = cut(numbered(100), 0.2, 2, "data.validation");
  EXPECT_EQ(one.part.size(), 20);
  EXPECT_TRUE(at::equal(one.part.examples, again.part.examples));
  EXPECT_FALSE(at::equal(one.part.examples, other.part.examples));
  Tensor all = at::cat({one.part.examples, one.rest.examples}).flatten();
  EXPECT_TRUE(at::equal(std::get<0>(all.sort()), at::arange(100, at::kFloat)));
  EXPECT_TRUE(at::equal(one.rest.labels, one.rest.examples.flatten().to(at::kLong) % 3));
}

// LibTorch's generator, as the first format's draws were made.
TEST(Cut, ChoosesWhatItAlwaysDid) {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
  generator.set_current_seed(seed_of(seed_of(7, "data.test"), "order"));
  Tensor order = at::empty({1000}, at::kDouble).uniform_(0, 1, generator).argsort();
  EXPECT_TRUE(at::equal(cut(numbered(1000), 0.3, 7, "data.test").part.examples.flatten(),
                        std::get<0>(order.narrow(0, 0, 300).sort()).to(at::kFloat)));
}

TEST(Cut, RefusesToLeaveNothing) {
  try {
    cut(numbered(1), 0.5, 1, "data.validation");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit(), Exit::kData);
    EXPECT_STREQ(error.what(),
                 "data.validation: a fraction of 0.5 of 1 examples leaves none to train on");
  }
}

TEST(Dataset, SlicesUpToItsEnd) {
  Batch last = numbered(10).slice(8, 4);
  EXPECT_TRUE(at::equal(last.x, at::tensor({8.f, 9.f}).unsqueeze(1)));
  EXPECT_TRUE(at::equal(last.labels, at::tensor({2, 0}, at::kLong)));
}

}  // namespace
}  // namespace diffeo
