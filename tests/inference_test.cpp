// Evaluation and sampling: every example once, the same noise in every batch size.

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <set>

#include "config/configured_flow.h"
#include "inference/evaluation.h"
#include "inference/load_flow.h"
#include "inference/sampling.h"
#include "inference/unit.h"
#include "learn/objective.h"
#include "train_support.h"

namespace diffeo {
namespace {

Config plane_flow(const std::string& flow) {
  return parse_config("data: {source: synthetic, density: gaussian}\nflow: " + flow, "test.yaml");
}

std::shared_ptr<Flow> double_flow(const Config& config) { return build_flow(config, at::kDouble); }

Tensor rows(int64_t count) { return at::arange(2 * count, at::kFloat).view({count, 2}).div(count); }

TEST(Evaluate, IsTheMeanOverEveryExampleWithItsError) {
  auto flow = double_flow(plane_flow("[{type: scale, factor: 2}]"));
  Dataset data{rows(10), {}};
  Tensor nats = 0.5 * (2 * data.examples).to(at::kDouble).square().sum(1) +
                std::log(2 * std::numbers::pi) - 2 * std::log(2.0);
  for (int64_t batch : {1, 3, 10, 64}) {
    Evaluation result = evaluate(*flow, data, {.batch_size = batch});
    EXPECT_EQ(result.examples, 10);
    EXPECT_NEAR(result.nats, nats.mean().item<double>(), 1e-13);
    EXPECT_NEAR(result.standard_error.value(), nats.std().item<double>() / std::sqrt(10.0), 1e-13);
    EXPECT_FALSE(result.bits_per_dim.has_value());
  }
}

TEST(Evaluate, OfOneExampleKnowsNoError) {
  auto flow = double_flow(plane_flow("[{type: scale, factor: 2}]"));
  Evaluation result = evaluate(*flow, {rows(1), {}});
  EXPECT_FALSE(result.standard_error.has_value());
  EXPECT_TRUE(to_json(result).at("standard_error").is_null());
  Unit unit(plane_flow("[{type: scale, factor: 1}]").data);
  EXPECT_EQ(unit.text(result), joined(unit.text(result.nats), " over 1 examples"));
}

const char* kImages = "data: {source: npy, path: none, shape: [1, 2, 2], test_fraction: 0.5}\n";

Dataset four_pixels(int64_t count) {
  return {at::arange(4 * count).mul(29).remainder(256).view({count, 1, 2, 2}).to(at::kByte), {}};
}

TEST(Evaluate, OfAUniformDensityIsEightBitsPerDimension) {
  std::string logistic = "base: logistic\nflow: [{type: dequantize}, {type: logit, alpha: 0}]";
  Config config = parse_config(kImages + logistic);
  Evaluation result = evaluate(*double_flow(config), four_pixels(5), {.batch_size = 2});
  EXPECT_NEAR(result.bits_per_dim.value(), 8, 1e-10);
  EXPECT_NEAR(result.nats, 4 * 8 * std::numbers::ln2, 1e-9);
  EXPECT_NEAR(result.bits_per_dim_error.value(), 0, 1e-10);
}

TEST(Evaluate, NamesTheExampleThatALayerDoesNotMap) {
  auto flow = double_flow(plane_flow("[{type: scale, factor: 0.5}, {type: logit, alpha: 0}]"));
  Dataset data{at::full({70, 2}, 1, at::kFloat), {}};
  data.examples[66][1] = 3;
  data.examples[68][0] = -1;
  Complaint complaint = complaint_of([&] { evaluate(*flow, data, {.batch_size = 64}); });
  EXPECT_EQ(complaint.exit, Exit::kDiverged);
  EXPECT_EQ(complaint.message,
            "evaluation: log p is not finite for 2 of 70 examples, the first of them example 66 "
            "(-inf): its density is 0, since flow.1_logit is given 1.5 at [1], and maps 0 to 1");
}

TEST(Evaluate, HasNoiseOfSeedAndPlaceWhateverTheBatchSize) {
  Config config =
      parse_config(std::string(kImages) + "flow: [{type: dequantize}, {type: logit, alpha: 0.05}]");
  auto flow = double_flow(config);
  Dataset data = four_pixels(70);
  double once = evaluate(*flow, data, {.batch_size = 70}).nats;
  EXPECT_NEAR(evaluate(*flow, data, {.batch_size = 9}).nats, once, 1e-12);
  EXPECT_NE(evaluate(*flow, data, {.batch_size = 70, .seed = 1}).nats, once);
}

TEST(Evaluate, HasTheSameNoiseWithAnyNumberOfThreads) {
  Config config =
      parse_config(std::string(kImages) + "flow: [{type: dequantize}, {type: logit, alpha: 0.05}]");
  auto flow = double_flow(config);
  int before = at::get_num_threads();
  std::vector<double> nats;
  for (int threads : {1, 2}) {
    at::set_num_threads(threads);
    nats.push_back(evaluate(*flow, four_pixels(70), {.batch_size = 33, .draws = 2}).nats);
  }
  at::set_num_threads(before);
  EXPECT_NEAR(nats[0], nats[1], 1e-12);
}

TEST(Evaluate, AveragesTheBoundOverTheDraws) {
  Config config =
      parse_config(std::string(kImages) + "flow: [{type: dequantize}, {type: logit, alpha: 0.05}]");
  auto flow = double_flow(config);
  Dataset data = four_pixels(3);
  double total = 0;
  for (int64_t draw = 0; draw < 3; ++draw) {
    SeededNoise noise(seed_of(4, "evaluate", draw));
    total -= flow->log_prob(data.examples.to(at::kDouble), {.noise = &noise}).mean().item<double>();
  }
  EXPECT_NEAR(evaluate(*flow, data, {.seed = 4, .draws = 3}).nats, total / 3, 1e-12);
}

// One pixel of one bit, each value a half of [-3, 1), under the standard normal: both probabilities
// are known.
TEST(Evaluate, ByImportanceSamplesFallsToTheTruth) {
  Config config = parse_config(
      "data: {source: npy, path: none, shape: [1, 1, 1], test_fraction: 0.5}\n"
      "flow: [{type: dequantize, bits: 1, data_bits: 1, range: [-3, 1]}]");
  auto flow = double_flow(config);
  Dataset data{(at::arange(4000) % 2).view({4000, 1, 1, 1}).to(at::kByte), {}};
  auto below = [](double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); };
  double truth = -0.5 * (std::log(below(-1) - below(-3)) + std::log(below(1) - below(-1)));
  double last = INFINITY;
  for (int64_t samples : {1, 2, 8, 64}) {
    Evaluation result =
        evaluate(*flow, data, {.batch_size = 1000, .draws = samples, .importance = true});
    EXPECT_LT(result.importance->nats, last) << samples;
    if (samples == 1) EXPECT_NEAR(result.importance->nats, result.nats, 1e-12);
    else EXPECT_LT(result.importance->nats, result.nats);
    last = result.importance->nats;
  }
  EXPECT_GT(last, truth - 0.005);
  EXPECT_LT(last, truth + 0.02);
}

TEST(Evaluate, ByImportanceSamplesIsTheLogarithmOfTheMeanDensity) {
  Config config =
      parse_config(std::string(kImages) + "flow: [{type: dequantize}, {type: logit, alpha: 0.05}]");
  auto flow = double_flow(config);
  Dataset data = four_pixels(3);
  std::vector<Tensor> log_prob;
  for (int64_t draw = 0; draw < 5; ++draw) {
    SeededNoise noise(seed_of(4, "evaluate", draw));
    log_prob.push_back(flow->log_prob(data.examples.to(at::kDouble), {.noise = &noise}));
  }
  double expected = (std::log(5.0) - at::logsumexp(at::stack(log_prob), 0)).mean().item<double>();
  for (int64_t batch : {1, 2, 3}) {
    Evaluation found =
        evaluate(*flow, data, {.batch_size = batch, .seed = 4, .draws = 5, .importance = true});
    EXPECT_NEAR(found.importance->nats, expected, 1e-11);
    EXPECT_NEAR(*found.importance->bits_per_dim, expected / (4 * std::numbers::ln2), 1e-11);
  }
  EXPECT_FALSE(evaluate(*flow, data, {.draws = 5}).importance.has_value());
}

TEST(Evaluate, CountsExamplesWithoutAFiniteDensity) {
  auto flow = double_flow(plane_flow("[{type: scale, factor: 1}]"));
  Dataset data{rows(6), {}};
  data.examples[2][0] = INFINITY;
  data.examples[5][1] = NAN;
  Complaint complaint = complaint_of([&] { evaluate(*flow, data, {.batch_size = 4}); });
  EXPECT_EQ(
      complaint.message,
      "evaluation: log p is not finite for 2 of 6 examples, the first of them example 2 (-inf)");
  EXPECT_EQ(complaint.exit, Exit::kDiverged);
}

TEST(Evaluate, StopsWhereItIsToldTo) {
  auto flow = double_flow(plane_flow("[{type: scale, factor: 1}]"));
  int polls = 0;
  auto poll = [&] { require(++polls < 3, "enough"); };
  EXPECT_EQ(message_of([&] { evaluate(*flow, {rows(10), {}}, {.batch_size = 2, .poll = poll}); }),
            "enough");
}

// ---- the objective ----

TEST(Objective, CountsAuxiliaryTermsApartAndInItsUnit) {
  Config config = parse_config(
      "data: {source: cifar10, path: none}\n"
      "flow: [{type: repeat, times: 5, body: [{type: squeeze}]}, {type: prior, classifier_weight: "
      "0.5}]");
  auto flow = double_flow(config);
  Batch batch{at::linspace(-1, 1, 2 * 3072, at::kDouble).view({2, 3, 32, 32}),
              at::tensor({3, 4}, at::kLong)};
  Terms nats = objective_of(*flow, batch, {}, ObjectiveUnit::kNats);
  Terms bits = objective_of(*flow, batch, {}, ObjectiveUnit::kBitsPerDim);
  double class_loss = 0.5 * std::log(10.0);  // the classifier starts at zero
  EXPECT_NEAR(nats.auxiliary.at("class").item<double>(), class_loss, 1e-12);
  EXPECT_NEAR(nats.loss.item<double>(), nats.nats.item<double>() + class_loss, 1e-9);
  EXPECT_NEAR(bits.nats.item<double>(), nats.nats.item<double>(), 1e-9);
  EXPECT_NEAR(bits.loss.item<double>(),
              (nats.nats.item<double>() / 3072 + class_loss) / std::numbers::ln2, 1e-12);
}

// ---- sampling ----

TEST(Sample, IsTheSameInEveryBatchSize) {
  auto flow = double_flow(plane_flow("[{type: scale, factor: 2}, {type: reverse}]"));
  Tensor all = sample(*flow, {.count = 70, .batch_size = 70, .seed = 3});
  EXPECT_EQ(all.sizes(), (std::vector<int64_t>{70, 2}));
  EXPECT_TRUE(
      at::allclose(sample(*flow, {.count = 70, .batch_size = 9, .seed = 3}), all, 0, 1e-13));
  EXPECT_TRUE(at::allclose(sample(*flow, {.count = 5, .batch_size = 2, .seed = 3}),
                           all.narrow(0, 0, 5), 0, 1e-13));
  EXPECT_FALSE(at::allclose(sample(*flow, {.count = 70, .seed = 4}), all, 0, 1e-3));
  EXPECT_NEAR(all.std().item<double>(), 0.5, 0.1);
}

TEST(Sample, GivesBatchesWithWhatTheyWereMadeOf) {
  auto flow = double_flow(plane_flow("[{type: scale, factor: 2}]"));
  SampleOptions options{.count = 7, .batch_size = 3, .seed = 3, .classes = 2};
  std::vector<int64_t> sizes;
  std::vector<Tensor> latents, labels, values;
  sample(*flow, options, [&](const SampleBatch& batch) {
    sizes.push_back(batch.values.size(0));
    values.push_back(batch.values);
    latents.push_back(batch.latents);
    labels.push_back(batch.labels);
    EXPECT_TRUE(batch.finite().all().item<bool>());
  });
  EXPECT_EQ(sizes, (std::vector<int64_t>{3, 3, 1}));
  EXPECT_TRUE(at::equal(at::cat(values), sample(*flow, options)));
  EXPECT_TRUE(at::equal(at::cat(latents), sample_latents(*flow, options, 0, 7)));
  EXPECT_TRUE(at::equal(at::cat(labels), at::arange(7) % 2));
}

TEST(Sample, KnowsWhichAreNotFinite) {
  Tensor values = at::ones({4, 1, 2}), latents = at::ones({4, 2});
  values[1][0][1] = NAN;
  latents[3][0] = INFINITY;
  EXPECT_TRUE(
      at::equal(SampleBatch{values, latents, {}}.finite(), at::tensor({1, 0, 1, 0}).to(at::kBool)));
}

TEST(Sample, ScalesTheLatentsByTheTemperatureOfTheirLevel) {
  Config config = parse_config(
      std::string("data: {source: npy, path: none, shape: [2, 2, 2], test_fraction: 0.5}\n") +
      "flow: [{type: factor_out}, {type: reverse}]");
  auto flow = double_flow(config);
  SampleOptions warm{.count = 3, .temperatures = {1.0}}, cold = warm, mixed = warm, wrong = warm;
  cold.temperatures = {0.5};
  mixed.temperatures = {0, 2};
  wrong.temperatures = {1, 1, 1};
  Tensor latents = sample_latents(*flow, warm, 0, 3);
  EXPECT_TRUE(at::equal(sample_latents(*flow, cold, 0, 3), latents * 0.5));
  Tensor by_level = sample_latents(*flow, mixed, 0, 3);
  EXPECT_EQ(by_level.narrow(1, 0, 4).abs().sum().item<double>(), 0);
  EXPECT_TRUE(at::equal(by_level.narrow(1, 4, 4), latents.narrow(1, 4, 4) * 2));
  EXPECT_EQ(message_of([&] { sample(*flow, wrong); }),
            "sampling: 3 temperatures, expected one, or one for each of this flow's 2 levels");
}

TEST(Sample, TakesTheClassItIsAskedForOrEachInTurn) {
  std::string source =
      "data: {source: npy, path: a, shape: [2], labels: b, classes: 3, test_fraction: 0.5}\n";
  auto flow =
      double_flow(parse_config(source + "flow: [{type: prior, learned: true, classes: true}]"));
  at::NoGradGuard no_grad;
  for (const auto& named : flow->named_parameters()) {
    if (named.key().find("labels") != std::string::npos) {
      named.value().copy_(
          at::arange(named.value().numel(), at::kDouble).mul(0.1).view(named.value().sizes()));
    }
  }
  SampleOptions turn{.count = 6, .temperatures = {0.0}, .classes = 3}, second = turn;
  second.label = 1;
  Tensor in_turn = sample(*flow, turn), chosen = sample(*flow, second);
  EXPECT_TRUE(at::allclose(in_turn.narrow(0, 0, 3), in_turn.narrow(0, 3, 3)));
  EXPECT_FALSE(at::allclose(in_turn[0], in_turn[1]));
  for (int64_t i = 0; i < 6; ++i) EXPECT_TRUE(at::allclose(chosen[i], in_turn[1]));
  second.label = 3;
  EXPECT_EQ(message_of([&] { sample(*flow, second); }),
            "sampling: class 3, expected one of 0 to 2");
  second.classes = 0;
  EXPECT_EQ(message_of([&] { sample(*flow, second); }),
            "sampling: this flow was trained without classes, so none can be chosen");
}

}  // namespace
}  // namespace diffeo
