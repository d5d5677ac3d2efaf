// Densities of vectors given context columns, from the data to the samples.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "config/configured_flow.h"
#include "data/data.h"
#include "inference/evaluation.h"
#include "inference/given.h"
#include "inference/sampling.h"
#include "io/npy.h"
#include "learn/learner.h"
#include "program.h"

namespace diffeo {
namespace {

// y given c is 3 c or -3 c, in halves, with deviation 0.1: two branches that cross. Of c, the
// second column is noise in another unit.
void write_branches(const std::filesystem::path& folder, int64_t count) {
  SeededNoise noise(1);
  Tensor like = at::empty({count, 1}, at::kFloat);
  Tensor c = noise.uniform("c", like) * 2 - 1, other = 1000 + 50 * noise.normal("other", like);
  Tensor side = 1 - 2 * noise.coin("side", like, 0.5).to(at::kFloat);
  save_npy(folder / "y.npy", 3 * c * side + 0.1 * noise.normal("y", like));
  save_npy(folder / "c.npy", at::cat({c, other}, 1));
}

std::string data_yaml(const std::filesystem::path& folder) {
  return joined("data: {source: npy, path: ", (folder / "y.npy").string(),
                ", shape: [1], test_fraction: 0.25, context: ", (folder / "c.npy").string(),
                ", context_size: 2}\n");
}

const char* kConditional =
    "optimizer: {kind: adam, learning_rate: 0.01, schedule: {kind: cosine, steps: 600}}\n"
    "train: {steps: 600, batch_size: 128, ema_decay: 0.9, sample_temperatures: []}\n"
    "flow:\n"
    "  - type: autoregressive\n"
    "    context: features\n"
    "    map: {type: logistic_mixture, components: 4}\n"
    "    net: {hidden: 32, depth: 2, activation: tanh}\n"
    "base: logistic\n";

TEST(Context, ABimodalRegressionIsLearnedGivenItsColumns) {
  TemporaryDirectory folder;
  write_branches(folder.path(), 6000);
  Config config = parse_config(data_yaml(folder.path()) + kConditional);
  Data data = load_data(config.data, 0);
  Learner learner(config, build_flow(config, at::kFloat));
  learner.initialise(data.training->at(0, 1000));
  for (int64_t step = 0; step < config.train.steps; ++step)
    learner.step(data.training->at(step, config.train.batch_size));
  at::NoGradGuard no_grad;
  double nats = evaluate(learner.flow(), data.split("test"), {.batch_size = 500}).nats;
  // One branch's entropy, and log 2 where they do not overlap.
  double least = std::log(0.1) + 0.5 * std::log(2 * M_PI * M_E);
  EXPECT_LT(nats, least + std::log(2.0) + 0.15);
  EXPECT_GT(nats, least + std::log(2.0) - 0.15);
  Tensor given = at::tensor({0.8f, 1000.f}).unsqueeze(0);
  Tensor y = sample(learner.flow(), {.count = 400, .batch_size = 100, .given = given});
  Tensor from_branch = (y.abs() - 2.4).abs();
  EXPECT_GT((from_branch < 0.4).to(at::kFloat).mean().item<double>(), 0.95);
  EXPECT_NEAR((y > 0).to(at::kFloat).mean().item<double>(), 0.5, 0.15);
}

TEST(Context, SampleTakesItsRowsInTurnInEveryBatchSize) {
  Config config = parse_config(
      "data: {source: npy, path: y.npy, shape: [2], test_fraction: 0.5, context: c.npy, "
      "context_size: 1}\n"
      "features: {standardise: false}\n"
      "flow: [{type: elementwise, context: features, map: {type: affine, form: exp}, net: {type: "
      "mlp, hidden: 8}}]\n");
  auto flow = build_flow(config, at::kDouble);
  at::NoGradGuard no_grad;
  SeededNoise noise(2);
  for (auto& p : flow->named_parameters()) p.value().add_(noise.normal(p.key(), p.value()));
  Tensor given = at::tensor({-1., 0.5, 2.}, at::kDouble).unsqueeze(1);
  SampleOptions whole{.count = 7, .batch_size = 7, .given = given};
  SampleOptions parts{.count = 7, .batch_size = 2, .given = given};
  EXPECT_TRUE(at::allclose(sample(*flow, whole), sample(*flow, parts)));
  for (int64_t row = 0; row < 3; ++row) {
    SampleOptions alone{.count = 7, .batch_size = 7, .given = given.narrow(0, row, 1)};
    Tensor rows = at::arange(row, 7, 3);
    EXPECT_TRUE(at::allclose(sample(*flow, whole).index_select(0, rows),
                             sample(*flow, alone).index_select(0, rows)));
  }
}

TEST(Context, ColumnsAreStandardisedByTheStartAndConstantOnesStay) {
  Site site{.input = {3}, .options = at::kDouble, .path = "features"};
  ContextReader reader({}, site);
  Tensor context = SeededNoise(4).normal("c", at::empty({50, 3}, at::kDouble)) * 20 + 7;
  context.select(1, 1).fill_(3);
  Tensor out = reader.forward({.mode = Mode::kInitialise, .features = context});
  EXPECT_TRUE(at::allclose(out.mean(0), at::zeros({3}, at::kDouble), 0, 1e-12));
  EXPECT_NEAR(out.select(1, 0).square().mean().item<double>(), 1, 1e-12);
  EXPECT_TRUE((out.select(1, 1) == 0).all().item<bool>());
  Tensor one = reader.forward(Pass{}.with_features(context.narrow(0, 4, 1)));
  EXPECT_TRUE(at::allclose(one, out.narrow(0, 4, 1)));
}

TEST(Context, IsOneVectorAtEveryPositionOfAnImage) {
  Flow flow(parse_layers("[{type: coupling, context: features, net: {type: glow_net, hidden: 4}}]"),
            {.input = {2, 2, 2}, .features = {3}, .options = at::kDouble});
  at::NoGradGuard no_grad;
  SeededNoise noise(2);
  Tensor x = noise.normal("x", at::empty({4, 2, 2, 2}, at::kDouble));
  Tensor context = noise.normal("c", at::empty({4, 3}, at::kDouble));
  flow.initialise(x, Pass{}.with_features(context));
  for (auto& p : flow.named_parameters()) p.value().add_(0.1 * noise.normal(p.key(), p.value()));
  Tensor z = flow.encode(x, Pass{}.with_features(context));
  EXPECT_FALSE(at::allclose(z, flow.encode(x, Pass{}.with_features(context + 1))));
  EXPECT_TRUE(at::allclose(flow.decode(z, Pass{}.with_features(context)), x));
}

std::string context_error(const std::string& yaml) {
  return message_of([&] { build_flow(parse_config(yaml), at::kMeta); });
}

TEST(Context, WhatDoesNotFitTheDataIsTold) {
  const std::string with =
      "data: {source: npy, path: y.npy, shape: [2], test_fraction: 0.5, context: c.npy, "
      "context_size: 2}\n";
  const std::string without = "data: {source: npy, path: y.npy, shape: [2], test_fraction: 0.5}\n";
  EXPECT_EQ(context_error(with + "flow: [{type: actnorm}]\n"),
            "data.context: no layer reads the 2 context columns (0, 1); give a layer 'context: "
            "features', or leave data.context out");
  EXPECT_EQ(context_error(without + "flow: [{type: actnorm}]\nfeatures: {outputs: 3}\n"),
            "features: reads context columns, and the data have none (data.context)");
  std::string message =
      context_error(without + "flow: [{type: autoregressive, context: features}]\n");
  EXPECT_NE(message.find("context: there are no features here; data with context columns have them "
                         "(data.context)"),
            std::string::npos)
      << message;
  EXPECT_EQ(context_error(with + "flow: [{type: repeat, body: [{type: autoregressive, context: "
                                 "features}]}]\n"),
            "no error");
}

TEST(Context, APassWithoutItOrOfAnotherWidthIsRefused) {
  Config config = parse_config(
      "data: {source: npy, path: y.npy, shape: [2], test_fraction: 0.5, context: c.npy, "
      "context_size: 2}\n"
      "flow: [{type: autoregressive, context: features}]\n");
  auto flow = build_flow(config, at::kFloat);
  Tensor x = at::zeros({4, 2});
  EXPECT_EQ(message_of([&] { flow->log_prob(x); }),
            "this flow is conditioned on 2 context columns, but this pass has none");
  EXPECT_EQ(message_of([&] { flow->log_prob(x, Pass{}.with_features(at::zeros({4, 3}))); }),
            "this flow is conditioned on 2 context columns, but this pass has [4, 3]");
}

TEST(Context, FilesThatDoNotFitAreRefused) {
  TemporaryDirectory folder;
  write_branches(folder.path(), 20);
  auto error = [&](const std::string& keys) {
    return message_of([&] {
      load_data(parse_config(joined("data: {source: npy, path: ", (folder / "y.npy").string(),
                                    ", shape: [1], test_fraction: 0.25", keys,
                                    "}\nflow: [{type: actnorm}]\n"))
                    .data,
                0);
    });
  };
  const std::string file = (folder / "c.npy").string(), as_file = ", context: " + file;
  EXPECT_EQ(error(as_file + ", context_size: 3"),
            file + ": holds 2 context columns, but data.context_size is 3");
  save_npy(folder / "short.npy", at::zeros({19, 2}));
  const std::string shorter = (folder / "short.npy").string();
  EXPECT_EQ(error(", context: " + shorter + ", context_size: 2"),
            shorter + ": holds 19 rows of context for 20 examples");
  save_npy(folder / "nan.npy", at::full({20, 2}, NAN));
  const std::string nan = (folder / "nan.npy").string();
  EXPECT_NE(error(", context: " + nan + ", context_size: 2").find(nan), std::string::npos);
  EXPECT_NE(error(as_file).find("context names a file, but context_size is 0"), std::string::npos);
  EXPECT_NE(error(", context_size: 2").find("context_size is 2, but context names no file"),
            std::string::npos);
}

TEST(GivenContext, NamesEveryColumnOnce) {
  std::vector<std::string> names{"width", "angle"};
  EXPECT_TRUE(at::equal(given_context("angle=-2e-1,width=3", names),
                        at::tensor({3.f, -0.2f}).unsqueeze(0)));
  auto error = [&](const char* text) { return message_of([&] { given_context(text, names); }); };
  EXPECT_EQ(error("width=3"), "--given: no value for angle");
  EXPECT_EQ(error("width=3,angle=1,width=4"), "--given: width is given twice");
  EXPECT_EQ(error("width=3,angel=1"),
            "--given: angel=1: expected NAME=VALUE with one of this flow's context columns, width "
            "and angle");
  EXPECT_EQ(error("width=3,angle=1x"),
            "--given: angle=1x: expected a number that is finite in single precision, found '1x'");
  EXPECT_EQ(
      error("width=3,angle=inf"),
      "--given: angle=inf: expected a number that is finite in single precision, found 'inf'");
  EXPECT_EQ(message_of([&] { given_context("a=1", {}); }),
            "--given: this flow was trained without context columns, so none can be given");
  TemporaryDirectory folder;
  save_npy(folder / "c.npy", at::ones({5, 3}));
  const std::string file = (folder / "c.npy").string();
  EXPECT_EQ(error(file.c_str()),
            file + ": holds Float of shape [5, 3], expected floats [R, 2], a row for each context");
}

class CommandGivenContext : public Commands {};

TEST_F(CommandGivenContext, TrainsEvaluatesAndSamples) {
  write_branches(folder_.path(), 40);
  write("c.yaml",
        "data: {source: npy, path: y.npy, shape: [1], test_fraction: 0.25, context: c.npy, "
        "context_size: 2}\n"
        "features: {outputs: 4, net: {type: mlp, hidden: 8}}\n"
        "train: {steps: 2, batch_size: 8}\n"
        "flow: [{type: actnorm}, {type: autoregressive, context: features, map: {type: "
        "rational_quadratic}}]\n");
  Answer trained = diffeo({"train", "c.yaml", "--run", "run"});
  ASSERT_EQ(trained.exit, 0) << trained.err;
  EXPECT_EQ(diffeo({"evaluate", "run"}).exit, 0);
  EXPECT_EQ(diffeo({"check", "run"}).exit, 0);
  EXPECT_EQ(diffeo({"check", "c.yaml"}).exit, 0);
  Answer answer =
      diffeo({"sample", "run", "--given", "0=0.5,1=1000", "--count", "9", "--out", "s.npy"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(load_npy(path("s.npy")).sizes(), (at::IntArrayRef{9, 1}));
  answer = diffeo({"sample", "run", "--given", "c.npy", "--out", "s.npy"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(load_npy(path("s.npy")).size(0), 40);
  expect_refused(diffeo({"sample", "run"}), 2,
                 "diffeo sample: this flow's samples depend on context columns; give --given "
                 "0=VALUE for each of 0 and 1, or a file");
}

}  // namespace
}  // namespace diffeo
