// Small flows reach the entropy of densities that are known.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "config/config.h"
#include "data/data.h"
#include "inference/evaluation.h"
#include "learn/learner.h"

namespace diffeo {
namespace {

// Nats above the entropy after as many steps, over 20,000 fresh examples and with the running
// average of the weights.
double excess_nats(const std::string& yaml) {
  Config config = parse_config(yaml);
  Data data = load_data(config.data, 0);
  Site site{.input = data_shape(config.data), .options = at::kFloat, .seed = 0};
  Learner learner(config, std::make_shared<Flow>(config.flow, site, config.base));
  learner.initialise(data.training->at(0, config.train.batch_size));
  for (int64_t step = 0; step < config.train.steps; ++step) {
    learner.step(data.training->at(step, config.train.batch_size));
  }
  at::NoGradGuard no_grad;
  return evaluate(learner.flow(), data.split("test"), {.batch_size = 1000}).nats -
         data.density->entropy();
}

TEST(Fit, ALinearFlowReachesTheEntropyOfAGaussian) {
  double excess = excess_nats(
      "data: {source: synthetic, density: gaussian, evaluation_examples: 20000}\n"
      "optimizer: {kind: adam, learning_rate: 0.03, schedule: {kind: cosine, steps: 500}}\n"
      "train: {steps: 500, batch_size: 128}\n"
      "flow: [{type: linear}]\n");
  EXPECT_LT(excess, 0.05);
  EXPECT_GT(excess, -0.03) << "below the entropy only by the draws' chance";
}

TEST(Fit, CouplingsReachTheEntropyOfTheTutorialsDensity) {
  double excess = excess_nats(
      "data: {source: synthetic, density: tutorial, evaluation_examples: 20000}\n"
      "optimizer: {kind: adam, learning_rate: 0.005, clip_norm: 5, schedule: {kind: cosine, steps: "
      "1200}}\n"
      "train: {steps: 1200, batch_size: 256}\n"
      "flow:\n"
      "  - {type: actnorm}\n"
      "  - &second {type: coupling, keep: second, map: {type: affine, form: realnvp}, net: {type: "
      "mlp, hidden: 64}}\n"
      "  - {type: coupling, map: {type: affine, form: realnvp}, net: {type: mlp, hidden: 64}}\n"
      "  - *second\n"
      "  - {type: actnorm}\n");
  EXPECT_LT(excess, 0.05);
  EXPECT_GT(excess, -0.03) << "below the entropy only by the draws' chance";
}

}  // namespace
}  // namespace diffeo
