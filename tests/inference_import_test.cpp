// Weights of other programs: names mapped strictly, and the same log p afterwards.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "config/configured_flow.h"
#include "inference/import_weights.h"
#include "inference/name_pattern.h"
#include "inference/weight_steps.h"
#include "io_support.h"
#include "learn/named_weights.h"

namespace diffeo {
namespace {

const std::string kFolder = DIFFEO_SOURCE "/tests/imports/";
const std::string kMaps = DIFFEO_SOURCE "/configs/maps/";

// The Glow of tests/imports/record.py, with so many steps a level.
Config glow_of_three_levels(int64_t steps = 2) {
  std::string level = joined("  - {type: squeeze}\n  - {type: repeat, times: ", steps,
                             ", body: [{type: actnorm}, {type: inv_conv}, {type: coupling, net: "
                             "{type: glow_net, hidden: 4}}]}\n");
  std::string out = "  - {type: factor_out, prior: learned}\n";
  return parse_config(
      "data: {source: npy, path: none, shape: [1, 8, 8], test_fraction: 0.5}\nflow:\n" + level +
      out + level + out + level + "  - {type: prior, learned: true}\n");
}

TEST(Import, GivesTheLogDensityOfTheOtherProgram) {
  NamedTensors answers = load_safetensors(kFolder + "answers.safetensors").tensors;
  for (const std::string name : {"normflows", "rosinality"}) {
    at::NoGradGuard no_grad;
    std::shared_ptr<Flow> flow = build_flow(glow_of_three_levels(), at::kDouble);
    NamedTensors model = named_tensors(*flow);
    std::string file = kFolder + name + "_glow.safetensors", map = kMaps + name + "_glow.yaml";
    assign_tensors(imported_weights(file, map, model), model, file);
    Tensor found = flow->log_prob(answers.at("x")), expected = answers.at(name);
    EXPECT_LT(((found - expected) / expected).abs().max().item<double>(), 1e-12) << name;
  }
}

TEST(Import, ListsAllThatDoesNotMatch) {
  std::shared_ptr<Flow> flow = build_flow(glow_of_three_levels(1), at::kDouble);
  NamedTensors model = named_tensors(*flow);
  Complaint complaint = complaint_of([&] {
    imported_weights(kFolder + "normflows_glow.safetensors", kMaps + "normflows_glow.yaml", model);
  });
  EXPECT_EQ(complaint.exit, Exit::kCheckpoint);
  EXPECT_TRUE(complaint.message.starts_with(
      kFolder +
      "normflows_glow.safetensors: does not fit this model:\n"
      "  flow.*_actnorm.norm.b: 3 in the model, but 6 in the file (flows.*.*.flows.2.t)\n"
      "  flow.*_actnorm.norm.logs: 3 in the model, but 6 in the file (flows.*.*.flows.2.s)\n"))
      << complaint.message;
}

WeightMap map_of(const std::string& text) {
  TemporaryDirectory folder;
  write_plainly(folder / "map.yaml", text);
  return read_weight_map(folder / "map.yaml");
}

std::string faults(const NamedTensors& source, const std::string& map, const NamedTensors& model) {
  return complaint_of([&] { mapped_weights(source, map_of(map), model, "file"); }).message;
}

TEST(Import, NamesWhatIsMissingLeftOverTwiceGivenAndOfAnotherShape) {
  NamedTensors model{{"a", at::zeros({2})}, {"b", at::zeros({3})}, {"c", at::zeros({1})}};
  NamedTensors source{{"x", at::ones({1, 2, 1})}, {"y", at::ones({2})}, {"z", at::ones({5})}};
  EXPECT_EQ(
      faults(source, "weights: [{to: a, from: [x]}, {to: a, value: 1}, {to: b, from: [y]}]", model),
      "file: does not fit this model:\n"
      "  a: is given twice by the map\n"
      "  b: has shape [2], expected [3]\n"
      "  c: nothing in the map says where it comes from\n"
      "  z: is in the file, and nothing takes it");
  EXPECT_EQ(faults(source,
                   "weights: [{to: a, from: [x, y]}, {to: b, from: [z], steps: [interleave]}, "
                   "{to: c, value: 1}]",
                   model),
            "file: does not fit this model:\n"
            "  a: is made of 2 tensors; the last step must leave one\n"
            "  b: interleave: the rows of [5] have no halves");
}

TEST(Import, RefusesAMapThatSaysNothingOrTooMuch) {
  TemporaryDirectory folder;
  write_plainly(folder / "map.yaml",
                "weights:\n- {to: a}\n- {to: b, from: [c], value: 1}\n- {to: d, value: 1, steps: "
                "[log]}\n- {to: e, from: [f], steps: [logg]}\n");
  std::string map = folder / "map.yaml";
  EXPECT_EQ(complaint_of([&] { read_weight_map(map); }).message,
            map + ":2:3: weights[0]: needs either from or value\n" + map +
                ":3:3: weights[1]: needs either from or value\n" + map +
                ":4:3: weights[2]: steps: need tensors (from), and a value is none\n" + map +
                ":5:30: weights[3].steps[0]: unknown value 'logg', did you mean 'log'?");
}

TEST(Import, TakesNoPickle) {
  EXPECT_EQ(complaint_of([] { imported_weights("glow.pt", {}, {}); }).message,
            "--init: glow.pt: expected a file that ends in .safetensors; in Python, "
            "safetensors.torch.save_file(model.state_dict(), \"weights.safetensors\") writes one");
}

TEST(NamePattern, SortsByNumbersAndNotByDigits) {
  std::vector<std::string> names{"a.10.b.1", "a.2.b.3", "a.2.b.20", "a.x.b.1", "a.2.b", "ca.1.b.1"};
  EXPECT_EQ(matching("a.*.b.*", names),
            (std::vector<std::string>{"a.2.b.3", "a.2.b.20", "a.10.b.1"}));
  EXPECT_EQ(matching("a.2.b", names), (std::vector<std::string>{"a.2.b"}));
  EXPECT_EQ(with_last_number("a.{last}.b.*", names), "a.10.b.*");
  EXPECT_EQ(with_last_number("d.{last}", names), "d.{last}");
}

TEST(WeightSteps, AreTakenOneAfterTheOther) {
  using enum WeightStep;
  Tensor x = at::arange(1, 5, at::kDouble);
  auto expect = [&](const std::vector<WeightStep>& steps, const std::vector<double>& expected) {
    Tensor found = after(steps, {x});
    EXPECT_TRUE(at::allclose(found, at::tensor(expected, at::kDouble))) << found;
  };
  expect({}, {1, 2, 3, 4});
  expect({kNegate, kThird}, {-1. / 3, -2. / 3, -1, -4. / 3});
  expect({kSwapHalves}, {3, 4, 1, 2});
  expect({kInterleave}, {1, 3, 2, 4});
  expect({kSwapHalves, kInterleave, kNegateEven}, {-3, 1, -4, 2});
  expect({kLog}, {0, std::log(2), std::log(3), std::log(4)});
  EXPECT_TRUE(at::equal(after({kFlatten, kJoin}, {x.view({1, 4, 1}), x}), at::cat({x, x})));
  EXPECT_TRUE(at::equal(after({kSumInputs}, {x.view({2, 2})}),
                        at::tensor({3., 7.}, at::kDouble).view({2, 1})));
  EXPECT_EQ(complaint_of([&] { after({kLuProduct}, {x}); }).message,
            "lu_product: expected [P, L, U, log s, sign s], found 1 tensor");
}

}  // namespace
}  // namespace diffeo
