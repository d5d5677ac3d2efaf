// What a data configuration implies without data, and what it may not say.

#include <gtest/gtest.h>

#include "data/data_config.h"

namespace diffeo {
namespace {

TEST(DataConfig, ImpliesShapeClassesAndLevelsWithoutData) {
  DataConfig synthetic = SyntheticConfig{}, cifar = Cifar10Config{};
  DataConfig padded = IdxConfig{.pad = 2}, vectors = NpyConfig{.path = "x.npy", .shape = {43}};
  EXPECT_EQ(data_shape(synthetic), (Shape{2}));
  EXPECT_EQ(data_shape(cifar), (Shape{3, 32, 32}));
  EXPECT_EQ(data_shape(padded), (Shape{1, 32, 32}));
  EXPECT_EQ(data_shape(vectors), (Shape{43}));
  EXPECT_EQ(data_classes(synthetic), 0);
  EXPECT_EQ(data_classes(cifar), 10);
  EXPECT_EQ(data_levels(cifar), 256);
  EXPECT_EQ(data_levels(vectors), 0);
  EXPECT_TRUE(data_is_image(padded));
  EXPECT_FALSE(data_is_image(vectors) || data_is_image(synthetic));
}

TEST(DataConfig, NamesContradictions) {
  EXPECT_EQ(IdxConfig{}.problem(), "");
  EXPECT_EQ((IdxConfig{.shape = {3, 28, 28}}.problem()),
            "shape is [3, 28, 28], but images in IDX files are grey: expected [1, height, width]");
  EXPECT_EQ((NpyConfig{.shape = {2}, .validation = 0.1}.problem()), "");
  EXPECT_FALSE(data_is_held_out(NpyConfig{.shape = {2}}));
  EXPECT_TRUE(data_is_held_out(NpyConfig{.test_fraction = 0.1, .shape = {2}}));
  EXPECT_EQ((NpyConfig{.shape = {2, 3}}.problem()),
            "shape is [2, 3], expected [D] for vectors or [C, H, W] for images");
  EXPECT_EQ((NpyConfig{.shape = {0}}.problem()),
            "shape is [0], expected [D] for vectors or [C, H, W] for images");
  EXPECT_EQ((NpyConfig{.test = "t.npy", .test_fraction = 0.1, .shape = {2}}.problem()),
            "test and test_fraction exclude each other; give one of them");
  EXPECT_EQ((NpyConfig{.test = "t.npy", .shape = {2}, .augment = {.flip = true}}.problem()),
            "augment flips and shifts images, but the examples are vectors: shape is [2]");
}

TEST(DataConfig, NamesLabelsThatDoNotFit) {
  EXPECT_EQ((NpyConfig{.shape = {2}, .classes = 3, .validation = 0.1}.problem()),
            "classes is 3, but labels names no file");
  EXPECT_EQ((NpyConfig{.shape = {2}, .labels = "y.npy", .validation = 0.1}.problem()),
            "labels names a file, but classes is 0; give their number");
  EXPECT_EQ((NpyConfig{.shape = {3000000000, 3000000000, 3000000000}, .validation = 0.1}.problem()),
            "an example of shape [3000000000, 3000000000, 3000000000] has more than 2^30 elements");
  EXPECT_EQ((IdxConfig{.shape = {1, 65536, 65536}}.problem()),
            "an example of shape [1, 65536, 65536] has more than 2^30 elements");
  EXPECT_EQ((NpyConfig{.test = "t.npy", .shape = {2}, .labels = "y.npy", .classes = 3}.problem()),
            "labels and test name files, so test_labels must name one too");
  EXPECT_EQ((NpyConfig{.shape = {2}, .test_labels = "y.npy", .validation = 0.1}.problem()),
            "test_labels names a file, so labels and test must name one too");
  EXPECT_EQ((NpyConfig{.test = "t", .shape = {2}, .labels = "y", .test_labels = "z", .classes = 3}
                 .problem()),
            "");
}

}  // namespace
}  // namespace diffeo
