#include <regex>

#include "commands/operator_record.h"
#include "commands/repetition.h"
#include "core/tensor_memory.h"
#include "program.h"

#include <ATen/ATen.h>

namespace diffeo {
namespace {

class CommandBench : public Commands {
 protected:
  // As short as a measurement can be: each thing once.
  Answer bench(Words words) const {
    words.insert(words.begin(), "bench");
    for (const char* word : {"--seconds", "0.001", "--rounds", "2", "--device", "cpu"})
      words.push_back(word);
    return diffeo(words);
  }
};

const std::string kPlaneFlow = R"(
data: {source: synthetic, density: rings, evaluation_examples: 10}
train: {batch_size: 8}
flow:
  - {type: actnorm}
  - type: repeat
    times: 2
    body: [{type: coupling, net: {type: mlp, hidden: 4}}, {type: reverse}]
)";

const std::string kImageFlow = R"(
data: {source: idx, path: nowhere, shape: [1, 8, 8]}
objective: bits_per_dim
train: {batch_size: 4}
flow:
  - {type: dequantize}
  - {type: squeeze}
  - {type: coupling, net: {type: glow_net, hidden: 4}}
)";

void expect_text(const Answer& answer, const std::string& pattern) {
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_TRUE(std::regex_search(answer.out, std::regex(pattern))) << pattern << "\n" << answer.out;
}

TEST_F(CommandBench, PrintsWhatAFlowTakes) {
  write("c.yaml", kPlaneFlow);
  Answer answer = bench({"c.yaml", "--threads", "1"});
  EXPECT_EQ(answer.err, "");
  expect_text(answer,
              "^[0-9,]+ parameters, batches of 8 examples \\[2\\], cpu \\(.*\\), 1 thread\n");
  expect_text(answer, "\nmeasured +examples/s +ms a batch\n");
  for (const char* measured : {"training step", "forward", "sampling", "data"})
    expect_text(answer, "\n" + std::string(measured) + " +[0-9.,]+ +[0-9.,]+\n");
  expect_text(answer, "\nupdate of the weights +[0-9.,]+\nstart to first step +[0-9.,]+\n");
  expect_text(answer,
              "\ntraining: [0-9.,]+ GFLOP/s, [0-9.]+ % of this machine's GEMM rate "
              "\\([0-9.,]+ GFLOP/s\\)\noperator calls: [0-9,]+ a step\npasses over the state: "
              "[0-9.,]+ a step \\(64 bytes each; this machine copies [0-9.]+ [A-Z]B/s\\)\nmemory: "
              "[0-9.]+ kB of tensors at a step's worst moment, [0-9.]+ [MG]B of the process\n");
  expect_text(answer, "\nlayers in a pass +number +forward ms +backward ms +share\n");
  expect_text(answer, "\ncoupling +2 +[0-9.]+ +[0-9.]+ +[0-9.]+ %\n");
  expect_text(answer, "\n\\(loss\\) ");
  expect_text(answer, "\noperators in a step +kind +calls +ms +share\n");
  expect_text(answer, "\naten::[a-z_]+ +product +[0-9]+ ");
}

TEST_F(CommandBench, PrintsTheSameAsJson) {
  write("c.yaml", kImageFlow);
  nlohmann::json json = bench({"c.yaml", "--random-data", "--batch-size", "6", "--json"}).json();
  EXPECT_EQ(json.at("batch_size"), 6);
  EXPECT_EQ(json.at("random_data"), true);
  EXPECT_EQ(json.at("examples"), "images");
  for (const char* part : {"train", "forward", "sample"})
    EXPECT_GT(json.at(part).at("examples_per_second"), 0) << part;
  EXPECT_GT(json.at("data").at("batches_per_second"), 0);
  EXPECT_GT(json.at("start").at("seconds"), 0);
  EXPECT_GT(json.at("share_of_gemm"), 0);
  EXPECT_GT(json.at("share_of_convolution"), 0);
  // The largest convolution of glow_net is its last or its first: 3 x 3 of a quarter of the pixels.
  EXPECT_EQ(json.at("machine").at("convolution").at("input").at(0), 6);
  EXPECT_GT(json.at("train").at("operator_calls"), 50);
  EXPECT_GT(json.at("train").at("passes_over_state"), 3);
  // Weights, gradients and Adam's two moments, at least.
  EXPECT_GT(json.at("peak_bytes"), 16 * json.at("parameters").get<int64_t>());
  EXPECT_LT(json.at("peak_bytes"), json.at("process_peak_bytes"));
  EXPECT_EQ(json.at("inverses"), nlohmann::json::array());
}

TEST_F(CommandBench, SaysWhenRandomExamplesStandForTheData) {
  write("c.yaml", kImageFlow);
  Answer missing = bench({"c.yaml"});
  EXPECT_EQ(missing.exit, 0);
  EXPECT_TRUE(missing.err.starts_with(
      "random examples of shape [1, 8, 8] stand for the data: nowhere: no such file or folder\n"))
      << missing.err;
  Answer wanted = bench({"c.yaml", "--random-data"});
  EXPECT_EQ(wanted.err, "random examples of shape [1, 8, 8] stand for the data: asked for\n");
}

TEST_F(CommandBench, CountsTheEvaluationsOfInverses) {
  write("c.yaml", R"(
data: {source: synthetic, density: rings, evaluation_examples: 10}
train: {batch_size: 8}
flow: [{type: coupling, map: {type: logistic_mixture, components: 2}, net: {type: mlp, hidden: 4}}]
)");
  expect_text(bench({"c.yaml"}),
              "\n\ninverse by search +evaluations an element\nflow.0_coupling +[0-9.]+\n$");
}

TEST_F(CommandBench, ComparesTwoSettings) {
  write("c.yaml", kPlaneFlow);
  Answer text = bench({"c.yaml", "--compare", "train.batch_size=4,16"});
  expect_text(text,
              "\nexamples/s +train.batch_size=4 +train.batch_size=16 +ratio +from +to\n"
              "training step +[0-9.,]+ +[0-9.,]+ +[0-9]+\\.[0-9]{3} +[0-9.]+ +[0-9.]+\nforward ");
  expect_text(text, "\nmemory of tensors +[0-9.]+ kB +[0-9.]+ kB +[0-9]\\.[0-9]{3}\n$");
  nlohmann::json json = bench({"c.yaml", "--compare", "flow[1].times=1,3", "--json"}).json();
  EXPECT_EQ(json.at("compare"), "flow[1].times");
  EXPECT_EQ(json.at("settings").at(1).at("value"), "3");
  EXPECT_LT(json.at("settings").at(0).at("parameters"), json.at("settings").at(1).at("parameters"));
  for (const char* part : {"train", "forward", "sample"}) {
    const nlohmann::json& ratio = json.at("ratios").at(part);
    EXPECT_LE(ratio.at("least"), ratio.at("median"));
    EXPECT_LE(ratio.at("median"), ratio.at("most"));
  }
}

TEST_F(CommandBench, TakesListsAndSectionsAsValuesToCompare) {
  write("c.yaml", kPlaneFlow);
  nlohmann::json json = bench({"c.yaml", "--json", "--compare",
                               "optimizer={kind: adam, clip_norm: 1},{kind: adamax}"})
                            .json();
  EXPECT_EQ(json.at("settings").at(0).at("value"), "{kind: adam, clip_norm: 1}");
}

TEST_F(CommandBench, SetsTheDepthOfEveryRepeat) {
  write("c.yaml", kPlaneFlow);
  Answer text = bench({"c.yaml", "--depths", "1,8"});
  expect_text(text,
              "^times +ms a step +memory of tensors\n1 +[0-9.]+ +[0-9.]+ kB\n8 +[0-9.]+ "
              "+[0-9.]+ kB\n$");
  nlohmann::json depths = bench({"c.yaml", "--depths", "1,8", "--json"}).json().at("depths");
  ASSERT_EQ(depths.size(), 2u);
  EXPECT_EQ(depths.at(1).at("depth"), 8);
  EXPECT_GT(depths.at(1).at("milliseconds"), 0);
  EXPECT_GT(depths.at(1).at("peak_bytes"), 2 * depths.at(0).at("peak_bytes").get<int64_t>());
}

TEST_F(CommandBench, TakesTheWeightsOfACheckpoint) {
  write("c.yaml", kPlaneFlow);
  ASSERT_EQ(diffeo({"train", "c.yaml", "--run", "r", "train.steps=2"}).exit, 0);
  Answer answer = bench({"r", "train.batch_size=16", "--json"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.json().at("batch_size"), 16);
  EXPECT_EQ(bench({"r", "flow[0]={type: reverse}"}).exit, 4);
  expect_refused(bench({"r", "--depths", "2"}), 2,
                 "diffeo bench: --depths: expected a configuration, found a checkpoint, whose "
                 "weights are of one depth");
}

TEST_F(CommandBench, RefusesWhatItDoesNotUnderstand) {
  write("c.yaml", kPlaneFlow);
  expect_refused(bench({"c.yaml", "--compare", "seed=1"}), 2,
                 "diffeo bench: --compare: expected a key and two values, KEY=A,B, found 'seed=1'");
  expect_refused(bench({"c.yaml", "--compare", "seed=1,2", "--depths", "1"}), 2,
                 "diffeo bench: --compare and --depths: expected one of them");
  expect_refused(bench({"c.yaml", "--depths", "1.5"}), 2,
                 "diffeo bench: --depths: expected whole numbers, found 1.5");
  expect_refused(bench({"c.yaml", "--compare", "sed=1,2"}), 2,
                 "command line: sed=1: nothing has this name, did you mean 'seed'?");
  expect_refused(diffeo({"bench", "c.yaml", "--seconds", "0"}), 2,
                 "diffeo bench: --seconds: expected a number above 0, found '0'");
  expect_refused(diffeo({"bench", "c.yaml", "--rounds", "many"}), 2,
                 "diffeo bench: --rounds: expected a whole number from 1 to 1000, found 'many'");
  expect_refused(diffeo({"bench"}), 2, "diffeo bench: MODEL is required; see diffeo bench --help");
  expect_refused(
      bench({"c.yaml", "data.evaluation_examples=0"}), 2,
      "command line: data.evaluation_examples=0: data.evaluation_examples: expected a whole "
      "number of at least 1, found '0'");
}

OperatorUses uses_of(const auto& work) {
  OperatorRecord record(at::kCPU);
  work();
  return record.uses();
}

TEST(OperatorRecord, CountsTheFlopsOfProducts) {
  at::NoGradGuard no_grad;
  at::Tensor x = at::ones({5, 4, 6, 6}, at::kDouble), w = at::ones({8, 2, 3, 3}, at::kDouble);
  OperatorUses conv = uses_of([&] { at::conv2d(x, w, {}, 2, 1, 1, /*groups=*/2); });
  EXPECT_EQ(conv.flops, 2.0 * 5 * 8 * 3 * 3 * (2 * 3 * 3));
  ASSERT_TRUE(conv.convolution.has_value());
  EXPECT_EQ(conv.convolution->groups, 2);
  at::Tensor a = at::ones({3, 4}, at::kDouble), b = at::ones({4, 5}, at::kDouble);
  EXPECT_EQ(uses_of([&] { at::matmul(a, b); }).flops, 2 * 3 * 4 * 5);
  EXPECT_EQ(uses_of([&] { at::addmm(at::ones({5}, at::kDouble), a, b); }).flops, 2 * 3 * 4 * 5);
}

TEST(OperatorRecord, CountsTheGradientsOfAConvolutionThatAreWanted) {
  at::Tensor x = at::ones({5, 4, 6, 6}, at::kDouble), w = at::ones({8, 4, 1, 1}, at::kDouble);
  w.requires_grad_();
  double forward = 2.0 * 5 * 8 * 36 * 4;
  EXPECT_EQ(uses_of([&] { at::conv2d(x, w).sum().backward(); }).flops, 2 * forward);
  x.requires_grad_();
  OperatorUses uses = uses_of([&] { at::conv2d(x, w).sum().backward(); });
  EXPECT_EQ(uses.flops, 3 * forward);
  EXPECT_GE(uses.backward.size(), 2u);
}

TEST(OperatorRecord, CountsWhatElementwiseOperatorsMove) {
  at::NoGradGuard no_grad;
  at::Tensor x = at::ones({10, 10}, at::kDouble), row = at::ones({10}, at::kDouble);
  EXPECT_EQ(uses_of([&] { x.mul(x); }).bytes, 3 * 800);
  EXPECT_EQ(uses_of([&] { x.add_(row); }).bytes, 800 + 80 + 800);
  EXPECT_EQ(uses_of([&] { x.add(row.expand({10, 10})); }).bytes, 800 + 80 + 800);
  EXPECT_EQ(uses_of([&] { x.clone(); }).bytes, 2 * 800);
  OperatorUses view = uses_of([&] { x.t().narrow(0, 0, 2); });
  EXPECT_EQ(view.bytes, 0);
  EXPECT_EQ(view.operators.at("aten::narrow").calls, 1);
  EXPECT_EQ(view.operators.at("aten::narrow").kind, OperatorKind::kView);
  EXPECT_EQ(uses_of([&] { at::mm(x, x); }).bytes, 0);
}

TEST(TensorMemory, CountsTheTensorsAliveAtOnce) {
  TensorMemory memory(at::kCPU);
  at::Tensor kept = at::zeros({1000}, at::kDouble);
  at::zeros({4000}, at::kDouble);
  EXPECT_EQ(memory.peak(), 8 * 5000);
  memory.forget_peak();
  EXPECT_EQ(memory.peak(), 8 * 1000);
  at::zeros({2000}, at::kDouble);
  EXPECT_EQ(memory.peak(), 8 * 3000);
}

TEST(Repetition, TellsMiddleAndEnds) {
  int runs = 0;
  EXPECT_EQ(repeated(1e-9, at::kCPU, [&] { ++runs; }).size(), 1u);
  EXPECT_EQ(runs, 1);
  Spread odd({3, 1, 2});
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.least, 1);
  EXPECT_EQ(odd.most, 3);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

}  // namespace
}  // namespace diffeo
