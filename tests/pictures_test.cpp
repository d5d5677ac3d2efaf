// Pictures by what their pixels must show.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "pictures/canvas.h"
#include "pictures/colour.h"
#include "pictures/image_grid.h"
#include "pictures/plane.h"

namespace diffeo {
namespace {

Tensor points(std::initializer_list<double> numbers) {
  return at::tensor(std::vector<double>(numbers), at::kDouble).view({-1, 2});
}

// [H, W] bool: the pixels that are not white.
Tensor inked(const Tensor& picture) { return (picture < 255).any(0); }

// The inside of a panel, its frame left out.
Tensor inside(const Tensor& picture) {
  return picture.narrow(1, 1, picture.size(1) - 2).narrow(2, 1, picture.size(2) - 2);
}

TEST(Colour, HeatRisesEvenlyFromDarkToLight) {
  Tensor rgb = heat_colours(at::linspace(0, 1, 101, at::kDouble));
  Tensor linear = at::where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055).pow(2.4));
  Tensor luminance = linear.matmul(at::tensor({0.2126, 0.7152, 0.0722}, at::kDouble));
  EXPECT_TRUE((luminance.diff() > 0).all().item<bool>());
  EXPECT_LT(luminance[0].item<double>(), 0.01);
  EXPECT_GT(luminance[100].item<double>(), 0.85);
  EXPECT_LT((rgb.diff(1, 0)).abs().max().item<double>(),
            0.04);  // no visible steps: nothing was cut off
}

TEST(Colour, HuesGoRoundTheCircle) {
  Tensor rgb = hue_colours(at::tensor({0., 2 * M_PI, M_PI}, at::kDouble));
  EXPECT_TRUE(at::allclose(rgb[0], rgb[1]));
  EXPECT_GT((rgb[0] - rgb[2]).abs().max().item<double>(), 0.3);
}

TEST(Box, HoldsNearlyAllPointsAndForgetsOutliers) {
  Tensor x = at::linspace(-2, 4, 2001, at::kDouble), y = at::full_like(x, 5);
  x[7] = 1e6;
  y[9] = NAN;
  Box box = box_around(at::stack({x, y}, 1));
  EXPECT_NEAR(box.centre1, 1, 0.01);
  EXPECT_NEAR(box.centre2, 5, 1e-12);
  EXPECT_NEAR(box.reach, 3 * 0.99 * 1.15, 0.02);
  EXPECT_EQ(box_around(points({NAN, 1})).reach, 1);
}

TEST(Box, PixelsAndTheirCentresAgree) {
  Box box{3, -2, 5};
  Tensor there = pixels_in(box, pixel_centres(box, 40), 40);
  Tensor line = at::arange(40, at::kDouble);
  EXPECT_TRUE(
      at::allclose(there, at::stack({line.repeat({40}), line.repeat_interleave(40)}, 1), 0, 1e-4));
}

TEST(Canvas, DotsCoverWhereTheyLieAndOnlyThere) {
  Canvas canvas(20, 1);
  canvas.dots(points({4, 15, -3, 7, 100, 100, NAN, 3}), at::zeros({1, 3}), 1.5, 1);
  Tensor ink = inked(canvas.bytes());
  EXPECT_TRUE((canvas.bytes().select(1, 15).select(1, 4) == 0).all().item<bool>());
  EXPECT_EQ(ink.sum().item<int64_t>(), ink.narrow(0, 13, 5).narrow(1, 2, 5).sum().item<int64_t>());
  EXPECT_GE(ink.sum().item<int64_t>(), 9);
}

TEST(Canvas, DotsMixInAnyOrder) {
  Tensor at = points({5, 5, 6, 5, 5.5, 6}), colours = at::eye(3, at::kDouble);
  Canvas one(12, 1), other(12, 1);
  one.dots(at, colours, 2, 0.5);
  other.dots(at.flip(0), colours.flip(0), 2, 0.5);
  EXPECT_LE((one.bytes().to(at::kInt) - other.bytes().to(at::kInt)).abs().max().item<int>(), 1);
}

TEST(Canvas, LinesHaveNoGapsAndNoBeads) {
  Canvas canvas(101, 1);
  canvas.lines(points({0, 50, 33.3, 50, 100, 50}).unsqueeze(0), at::zeros({1, 3}), 1, 0.5);
  Tensor row = canvas.bytes().select(1, 50);
  EXPECT_TRUE((row == row.select(1, 0).unsqueeze(1)).all().item<bool>());
  EXPECT_NEAR(row[0][0].item<int>(), 128, 1);
  canvas.lines(points({10, 0, 90, 100}).unsqueeze(0), at::zeros({1, 3}), 1, 1);
  EXPECT_EQ(inked(canvas.bytes()).any(1).sum().item<int64_t>(), 101);
}

TEST(ImageGrid, PutsImagesInRowsAndEnlargesSmallOnes) {
  Tensor images = at::arange(6, at::kByte).view({6, 1, 1, 1}).expand({6, 1, 24, 24}) * 10;
  Tensor picture = image_grid({images.narrow(0, 0, 5), images.narrow(0, 5, 1)}, 3).picture;
  int64_t cell = 48 + 2;
  ASSERT_EQ(picture.sizes(), (std::vector<int64_t>{1, 2 * cell + 2 + 12 + cell + 2, 3 * cell + 2}));
  auto image = [&](int64_t row, int64_t column) {
    return picture[0].narrow(0, row, 48).narrow(1, column, 48);
  };
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_TRUE((image(2 + i / 3 * cell, 2 + i % 3 * cell) == 10 * i).all().item<bool>()) << i;
  }
  EXPECT_TRUE((image(2 * cell + 2 + 12 + 2, 2) == 50).all().item<bool>());
  EXPECT_EQ(picture[0].eq(255).sum().item<int64_t>(), picture.numel() - 6 * 48 * 48);
}

TEST(ImageGrid, KeepsColours) {
  Tensor image = at::tensor({10, 20, 30}, at::kByte).view({1, 3, 1, 1}).expand({1, 3, 64, 64});
  Tensor picture = image_grid({image}, 4).picture;
  ASSERT_EQ(picture.sizes(), (std::vector<int64_t>{3, 68, 68}));
  EXPECT_TRUE(at::equal(picture.narrow(1, 2, 64).narrow(2, 2, 64), image[0]));
}

TEST(ImageGrid, RefusesWhatIsNotAnImage) {
  EXPECT_THROW(image_grid({at::zeros({2, 8, 8}, at::kByte)}, 1), Error);
  EXPECT_THROW(image_grid({at::zeros({2, 1, 8, 8})}, 1), Error);
}

TEST(ImageGrid, IsOfASizeThatAViewerOpensWhateverTheImages) {
  for (Shape shape : {Shape{1, 1, 4096}, Shape{1, 4096, 1}, Shape{3, 1, 100000}, Shape{1, 1, 1},
                      Shape{3, 256, 256}, Shape{2, 5, 7}, Shape{48, 16, 16}, Shape{300, 64, 64},
                      Shape{1, 5000, 3000}, Shape{3, 17, 900}}) {
    for (int64_t count : {1, 10, 400}) {
      for (int64_t blocks : {1, 3, 500}) {
        if (count * blocks * numel(shape) > 100000000) continue;
        Tensor images = at::full({count, shape[0], shape[1], shape[2]}, 7, at::kByte);
        Tensor picture =
            image_grid(std::vector<Tensor>(static_cast<size_t>(blocks), images), 20).picture;
        std::string what = to_string(images.sizes().vec()) + " x " + std::to_string(blocks);
        EXPECT_LE(picture.size(1), 4096) << what;
        EXPECT_LE(picture.size(2), 4096) << what;
        EXPECT_TRUE((picture == 7).any().item<bool>()) << what;
      }
    }
  }
}

TEST(ImageGrid, ShowsImagesOfOneRowAsStripes) {
  Tensor images = at::arange(512).remainder(200).to(at::kByte).view({1, 1, 1, 512});
  ImageGrid grid = image_grid({images.expand({64, 1, 1, 512})}, 8);
  EXPECT_EQ(grid.note, "");
  ASSERT_EQ(grid.picture.sizes(), (std::vector<int64_t>{1, 64 * (16 + 2) + 2, 512 + 4}));
  Tensor stripe = grid.picture[0].narrow(0, 2, 16).narrow(1, 2, 512);
  EXPECT_TRUE(at::equal(stripe, images[0][0].expand({16, 512})));
}

TEST(ImageGrid, SaysWhatItDoesNotShowAsItIs) {
  auto note = [](const Shape& shape, int64_t blocks = 1) {
    Tensor images = at::zeros(shape, at::kByte);
    return image_grid(std::vector<Tensor>(static_cast<size_t>(blocks), images), 40).note;
  };
  EXPECT_EQ(note({64, 3, 32, 32}), "");
  EXPECT_EQ(note({10000, 1, 28, 28}), "") << "rather small images than few";
  EXPECT_EQ(note({1, 1, 1, 10000}), "at 1/3 of their size");
  EXPECT_EQ(note({400, 3, 256, 256}), "the first 225 of 400 images");
  EXPECT_EQ(note({2, 2, 9, 9}), "the 2 channels side by side");
  EXPECT_EQ(note({1, 1, 1000, 1000}, 9), "the first 4 of 9 blocks");
}

TEST(ImageGrid, PutsChannelsThatAreNoColoursSideBySide) {
  Tensor image = at::tensor({10, 20}, at::kByte).view({1, 2, 1, 1}).expand({1, 2, 64, 64});
  Tensor picture = image_grid({image}, 1).picture;
  ASSERT_EQ(picture.sizes(), (std::vector<int64_t>{1, 68, 64 + 1 + 64 + 4}));
  EXPECT_TRUE((picture[0].narrow(0, 2, 64).narrow(1, 2, 64) == 10).all().item<bool>());
  EXPECT_TRUE((picture[0].narrow(0, 2, 64).narrow(1, 67, 64) == 20).all().item<bool>());
}

TEST(ImageGrid, ChoosesAboutASquare) {
  EXPECT_EQ(square_columns(64), 8);
  EXPECT_EQ(square_columns(65), 9);
  EXPECT_EQ(square_columns(1), 1);
}

TEST(DensityPicture, IsBrightestAtThePeakTheRightWayUp) {
  auto log_density = [](const Tensor& x) {
    return -2 * (x.select(1, 0) - 0.5).square() - 2 * (x.select(1, 1) - 0.25).square();
  };
  Tensor sum = density_picture(log_density, {0, 0, 1}, 80).to(at::kLong).sum(0);
  int64_t brightest = sum.flatten().argmax().item<int64_t>();
  EXPECT_NEAR(brightest % 80, 60, 1.5);
  EXPECT_NEAR(brightest / 80, 30, 1.5);
  EXPECT_LT(sum[79][0].item<int64_t>(), sum[0][79].item<int64_t>());
}

TEST(DensityPicture, IsDarkWhereThereIsNothing) {
  auto nothing = [](const Tensor& x) { return at::full_like(x.select(1, 0), -INFINITY); };
  auto broken = [](const Tensor& x) { return at::full_like(x.select(1, 0), NAN); };
  Tensor dark = density_picture(nothing, {0, 0, 1}, 8);
  EXPECT_TRUE((dark < 60).all().item<bool>());
  EXPECT_TRUE(at::equal(density_picture(broken, {0, 0, 1}, 8), dark));
}

TEST(ScatterPicture, ShowsPointsTheRightWayUp) {
  Tensor picture = inside(scatter_picture(points({0.5, 0.5, 7, 0}), {0, 0, 1}, 100));
  Tensor where = inked(picture).nonzero().to(at::kDouble).mean(0) + 1;
  EXPECT_NEAR(where[0].item<double>(), 24.5, 1);
  EXPECT_NEAR(where[1].item<double>(), 74.5, 1);
}

TEST(WarpPicture, HasAPanelAStageAndPointsKeepTheirHue) {
  Tensor x = points({-1, 0, 1, 0}), turned = -x, line = at::stack({x, x * 0.5});
  Tensor picture = warp_picture({{x, line}, {turned, line}}, x, 2, 100);
  ASSERT_EQ(picture.sizes(), (std::vector<int64_t>{3, 12 + 100 + 12, 12 + 2 * 112}));
  int64_t left = static_cast<int64_t>(50 - 50 / 1.15), right = 99 - left;
  auto pixel = [&](int64_t panel, int64_t column) {
    return picture.select(1, 12 + 49).select(1, 12 + panel * 112 + column).to(at::kInt);
  };
  EXPECT_LE((pixel(0, left) - pixel(1, right)).abs().max().item<int>(), 12);
  EXPECT_GT((pixel(0, left) - pixel(1, left)).abs().max().item<int>(), 60);
}

TEST(WarpPicture, DrawsTheLines) {
  Tensor x = points({-1, -1, 1, 1}), lines = grid_lines({0, 0, 1}, 3, 5);
  ASSERT_EQ(lines.sizes(), (std::vector<int64_t>{6, 5, 2}));
  Tensor panel =
      inside(warp_picture({{x, lines}}, x, 1, 100).narrow(1, 12, 100).narrow(2, 12, 100));
  Tensor ink = inked(panel);
  EXPECT_GT(ink.select(0, 48).sum().item<int64_t>(), 80);  // the middle line along the first axis
  EXPECT_GT(ink.select(1, 48).sum().item<int64_t>(), 80);
  EXPECT_LT(ink.select(0, 25).sum().item<int64_t>(), 12);
}

}  // namespace
}  // namespace diffeo
