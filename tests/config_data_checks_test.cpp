// Data held against their configuration: pixels of fewer bits than it says, numbers that no layer
// maps, classes without examples.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "config/data_checks.h"
#include "train_support.h"

namespace diffeo {
namespace {

Config pixel_flow(const std::string& dequantizer, const std::string& path = "none") {
  return parse_config("data: {source: npy, path: " + path +
                          ", shape: [2, 4, 4], test_fraction: 0.5}\nflow: [{type: squeeze}, " +
                          dequantizer + "]",
                      "c.yaml");
}

// Images [8, 2, 4, 4] whose pixels go round through the values.
Dataset pixels(const Tensor& values) {
  Tensor all = values.index_select(0, at::arange(8 * 32).remainder(values.numel()));
  return {all.view({8, 2, 4, 4}).to(at::kByte), {}};
}

Dataset up_to(int64_t largest) { return pixels(at::arange(largest + 1)); }

TEST(DataChecks, HoldTheDataAgainstTheDequantizersBits) {
  Dataset dark{at::full({2, 2, 4, 4}, 31, at::kByte), {}},
      light{at::full({2, 2, 4, 4}, 32, at::kByte), {}};
  Config config = pixel_flow("{type: dequantize, bits: 5, data_bits: 5}");
  require_levels(config, dark, "train");
  Complaint complaint = complaint_of([&] { require_levels(config, light, "train"); });
  EXPECT_EQ(complaint.message,
            "train: the largest value is 32, but the flow's dequantize has data_bits: 5, values up "
            "to 31");
  EXPECT_EQ(complaint.exit, Exit::kData);
}

TEST(DataChecks, DoubtLeadingBitsThatNoPixelHas) {
  auto doubt = [](const std::string& dequantizer, const Dataset& set) {
    return levels_doubt(pixel_flow(dequantizer), set, "train");
  };
  const std::string place = "c.yaml:2:25: flow[1] (dequantize): takes the leading bits: ";
  EXPECT_EQ(doubt("{type: dequantize, bits: 1}", up_to(1)),
            place +
                "1 of data_bits: 8, but the largest value in train is 1, which is one of 1 bit: of "
                "2 different values 1 is left, and bits/dim would be of those; for data of that "
                "size set data_bits: 1");
  EXPECT_EQ(doubt("{type: dequantize, bits: 5}", up_to(31)),
            place +
                "5 of data_bits: 8, but the largest value in train is 31, which is one of 5 bits: "
                "of 32 different values 4 are left, and bits/dim would be of those; for data of "
                "that size set data_bits: 5");
  EXPECT_EQ(doubt("{type: dequantize, bits: 8, data_bits: 16}", up_to(15)),
            place +
                "8 of data_bits: 16, but the largest value in train is 15, which is one of 4 bits: "
                "of 16 different values 1 is left, and bits/dim would be of those; for data of "
                "that size set bits: 4, data_bits: 4");
}

TEST(DataChecks, DoNotDoubtWhatOnlyLooksPoor) {
  Tensor posterized = at::tensor({0, 3, 64, 70, 128, 200}),
         mostly_black = at::zeros({200}, at::kLong);
  mostly_black[7] = 255;
  for (const std::string bits : {"8", "5", "1"}) {
    Config config = pixel_flow("{type: dequantize, bits: " + bits + "}");
    for (const Dataset& set : {up_to(255), up_to(128), pixels(posterized), pixels(mostly_black),
                               pixels(at::tensor({0, 255})), pixels(at::zeros({1}, at::kLong))}) {
      EXPECT_EQ(levels_doubt(config, set, "train"), "") << bits;
    }
  }
  EXPECT_EQ(levels_doubt(pixel_flow("{type: dequantize}"), up_to(1), "train"), "")
      << "every bit is kept, and each value has a bin of its own";
}

TEST(DataChecks, RefuseATrainingWhosePixelsAreAllMadeOne) {
  TemporaryDirectory directory;
  std::string path = (directory / "x.npy").string();
  save_npy(path, up_to(31).examples.permute({0, 2, 3, 1}).contiguous());
  EXPECT_NO_THROW(fitting_data(pixel_flow("{type: dequantize, bits: 5}", path)));
  Complaint complaint =
      complaint_of([&] { fitting_data(pixel_flow("{type: dequantize, bits: 2}", path)); });
  EXPECT_EQ(complaint.exit, Exit::kData);
  EXPECT_NE(complaint.message.find("32 different values 1 is left"), std::string::npos)
      << complaint.message;
}

Config vector_flow(const std::string& path, const std::string& flow, const std::string& more = "") {
  return parse_config("data: {source: npy, path: " + path + ", test: " + path + ", shape: [2]" +
                          more + "}\nflow: " + flow,
                      "c.yaml");
}

TEST(DataChecks, RefuseExamplesThatALeadingLogitDoesNotMap) {
  TemporaryDirectory directory;
  std::string path = (directory / "x.npy").string();
  Tensor x = at::linspace(0, 1, 20, at::kFloat).view({10, 2}).clone();
  x[7][1] = 1.25;
  save_npy(path, x);
  const std::string cure = "; rescale the data, or scale them in a layer before it";
  Complaint complaint = complaint_of([&] { fitting_data(vector_flow(path, "[{type: logit}]")); });
  EXPECT_EQ(complaint.exit, Exit::kData);
  EXPECT_EQ(complaint.message,
            "train: example 7 has the density 0: c.yaml:2:8: flow[0] (logit) is given 1.25 at [1], "
            "and maps -0.0555556 to 1.05556" +
                cure);
  EXPECT_EQ(
      message_of([&] {
        fitting_data(vector_flow(path, "[{type: scale, shift: -0.5}, {type: logit, alpha: 0}]"));
      }),
      "train: example 0 has the density 0: c.yaml:2:36: flow[1] (logit) is given -0.5 at "
      "[0], and maps 0 to 1" +
          cure);
  EXPECT_NO_THROW(
      fitting_data(vector_flow(path, "[{type: scale, factor: 0.5}, {type: logit, alpha: 0}]")));
  EXPECT_NO_THROW(fitting_data(vector_flow(path, "[{type: actnorm}, {type: logit}]")));
}

TEST(DataChecks, RefuseExamplesOutsideTheBoxOfALeadingSpline) {
  TemporaryDirectory directory;
  std::string path = (directory / "x.npy").string();
  Tensor x = at::linspace(0, 1, 20, at::kFloat).view({10, 2}).clone();
  x[7][1] = 1.25;
  save_npy(path, x);
  const std::string box = "map: {type: rational_quadratic, ends: box, from: [0, 1]}";
  for (const std::string type : {"elementwise", "autoregressive"}) {
    EXPECT_EQ(
        message_of([&] { fitting_data(vector_flow(path, "[{type: " + type + ", " + box + "}]")); }),
        "train: example 7 has the density 0: c.yaml:2:8: flow[0] (" + type +
            ") is given 1.25 at [1], and maps 0 to 1; rescale the data, or scale them in a "
            "layer before it");
  }
  EXPECT_NO_THROW(fitting_data(
      vector_flow(path, "[{type: scale, factor: 0.5}, {type: elementwise, " + box + "}]")));
}

TEST(DataChecks, NameClassesWithoutExamplesAndColumnsInDoubt) {
  TemporaryDirectory directory;
  std::string path = (directory / "x.npy").string(), labels = (directory / "y.npy").string();
  save_npy(path, at::stack({at::arange(10, at::kFloat), at::full({10}, 3, at::kFloat)}, 1));
  save_npy(labels, at::arange(10).remainder(2).mul(2));
  Config config = vector_flow(path, "[{type: actnorm}]",
                              ", labels: " + labels + ", test_labels: " + labels + ", classes: 4");
  EXPECT_EQ(data_doubts(config, fitting_data(config)),
            (std::vector<std::string>{
                "train: column 1: the same value in every example, so that likelihoods have no "
                "bound; leave out",
                "train: no example is of class 1, 3 of data.classes: 4; the flow learns nothing of "
                "what it lacks"}));
}

}  // namespace
}  // namespace diffeo
