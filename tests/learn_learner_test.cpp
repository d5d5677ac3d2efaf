// One step of a training: accumulation, the start, steps that go bad; and what may change when a
// run goes on.

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "learn/divergence.h"
#include "learn/interval.h"
#include "read_backs.h"
#include "runs/resume_rules.h"
#include "train/dry_run.h"
#include "train_support.h"

namespace diffeo {
namespace {

class BadStep : public testing::Test {
 protected:
  Config config_ = parse_config(plane_yaml());
  Learner learner_{config_, build_flow(config_, at::kFloat)};
  Batch batch_{at::randn({16, 2}), {}};

  void SetUp() override { learner_.initialise(batch_); }
  Tensor parameter(const std::string& name) {
    return learner_.flow().named_parameters()[name].detach();
  }
};

TEST_F(BadStep, NamesTheLayer) {
  learner_.step(batch_);
  EXPECT_EQ(learner_.first_bad_step(), std::nullopt);
  at::NoGradGuard no_grad;
  for (const auto& named : learner_.flow().named_parameters()) {
    if (named.key().starts_with("flow.1_linear")) named.value().fill_(NAN);
  }
  Tensor before = learner_.flat().values().clone();
  {
    at::AutoGradMode grad(true);
    learner_.step(batch_);
    EXPECT_EQ(learner_.first_bad_step(), 1);
    EXPECT_TRUE(at::equal(at::nan_to_num(learner_.flat().values(), 7), at::nan_to_num(before, 7)));
    std::string where = explain_divergence(learner_, 1, batch_);
    EXPECT_TRUE(where.starts_with("the first layer gone bad is flow.1_linear (")) << where;
  }
}

TEST_F(BadStep, NamesTheParameterWhereTheForwardPassIsFine) {
  for (const auto& named : learner_.flow().named_parameters()) {
    if (named.key().ends_with("matrix"))
      named.value().register_hook([](const Tensor& g) { return g / 0; });
  }
  learner_.step(batch_);
  EXPECT_EQ(learner_.first_bad_step(), 0);
  std::string where = explain_divergence(learner_, 0, batch_);
  EXPECT_TRUE(where.starts_with(
      "the forward pass is finite, but not the gradient of flow.1_linear.matrix ("))
      << where;
}

// A gradient of 1e20 is finite, but not its square.
void make_gradient_huge(Learner& learner) {
  for (const auto& named : learner.flow().named_parameters()) {
    if (named.key().ends_with("matrix"))
      named.value().register_hook([](const Tensor& g) { return at::full_like(g, 1e20); });
  }
}

TEST_F(BadStep, SaysWhichGradientIsTooLargeToBeSquared) {
  config_ = parse_config(plane_yaml(), "config", {"optimizer.clip_norm=0"});
  Learner learner(config_, build_flow(config_, at::kFloat));
  learner.initialise(batch_);
  make_gradient_huge(learner);
  NamedTensors before = learner.optimizer_state();
  for (auto& [name, tensor] : before) tensor = tensor.clone();
  learner.step(batch_);
  EXPECT_EQ(learner.first_bad_step(), 0);
  EXPECT_TRUE(learner.is_finite());
  for (const auto& [name, tensor] : learner.optimizer_state())
    EXPECT_TRUE(at::equal(tensor, before.at(name))) << name;
  EXPECT_EQ(
      explain_divergence(learner, 0, batch_),
      "loss and gradient are finite, but the gradient is too large to be squared: its norm is "
      "2e+20, that of flow.1_linear.matrix alone 2e+20 (optimizer.clip_norm bounds it)");
}

TEST_F(BadStep, IsNoneWhereTheHugeGradientIsClipped) {
  make_gradient_huge(learner_);
  learner_.step(batch_);
  EXPECT_EQ(learner_.first_bad_step(), std::nullopt);
  EXPECT_TRUE(learner_.is_finite());
}

TEST_F(BadStep, SaysThatARateIsTooLarge) {
  config_ = parse_config(plane_yaml(), "config",
                         {"optimizer.learning_rate=1e300", "optimizer.schedule.warmup_steps=0"});
  Learner learner(config_, build_flow(config_, at::kFloat));
  learner.initialise(batch_);
  learner.step(batch_);
  EXPECT_EQ(learner.first_bad_step(), 0);
  EXPECT_TRUE(learner.is_finite());
  EXPECT_EQ(explain_divergence(learner, 0, batch_),
            "loss and gradient are finite, but an update could throw the weights beyond all "
            "numbers: the learning rate is too large, or the smallest denominator (epsilon or "
            "floor) too small");
}

TEST_F(BadStep, IsTheFirstOfAnyKindOfNumberThatIsNamed) {
  EXPECT_TRUE(learner_.is_finite());
  EXPECT_EQ(learner_.first_not_finite(), "");
  learner_.optimizer_state().at("v.flow.1_linear.matrix")[0][1] = INFINITY;
  EXPECT_FALSE(learner_.is_finite());
  EXPECT_EQ(learner_.first_not_finite(), "v.flow.1_linear.matrix: 1 of 4 numbers are not finite");
  learner_.weights().at("ema.flow.0_actnorm.norm.b").fill_(NAN);
  EXPECT_EQ(learner_.first_not_finite(),
            "ema.flow.0_actnorm.norm.b: 2 of 2 numbers are not finite");
}

// ---- running moments ----

// Two numbers, normalised by their batch's moments first of all.
std::string normed_yaml() {
  std::string yaml = plane_yaml();
  return yaml.replace(yaml.find("{type: actnorm}"), 15, "{type: batch_norm}");
}

struct NormedLearner {
  explicit NormedLearner(const Overrides& overrides = {})
      : config(parse_config(normed_yaml(), "config", overrides)),
        learner(config, build_flow(config, at::kDouble)) {
    learner.initialise({at::arange(32, at::kDouble).view({16, 2}), {}});
  }
  Tensor moment(const std::string& name) {
    return learner.weights().at("flow.0_batch_norm.moments." + name).clone();
  }
  Config config;
  Learner learner;
};

TEST(RunningMoments, FollowThePooledBatchOnceAStep) {
  Batch batch{at::randn({16, 2}, at::kDouble) * 3 + 1, {}};
  for (const char* accumulate : {"train.accumulate=1", "train.accumulate=4"}) {
    NormedLearner normed({accumulate});
    Tensor mean = normed.moment("mean"), variance = normed.moment("variance");
    normed.learner.step(batch);
    EXPECT_TRUE(
        at::allclose(normed.moment("mean"), mean + 0.1 * (batch.x.mean(0) - mean), 0, 1e-12))
        << accumulate;
    EXPECT_TRUE(at::allclose(normed.moment("variance"),
                             variance + 0.1 * (batch.x.var(0, false) - variance), 0, 1e-12))
        << accumulate;
  }
}

TEST(RunningMoments, StayWhereAStepIsRefusedOrRunAgain) {
  NormedLearner normed;
  Learner& learner = normed.learner;
  Batch batch{at::randn({16, 2}, at::kDouble), {}}, bad{at::full({16, 2}, NAN, at::kDouble), {}};
  learner.step(batch);
  NamedTensors before = learner.weights();
  for (auto& [name, tensor] : before) tensor = tensor.clone();
  learner.backward(1, batch);
  learner.step(bad);
  EXPECT_EQ(learner.first_bad_step(), 1);
  EXPECT_TRUE(explain_divergence(learner, 1, bad).starts_with("the first layer gone bad is "));
  for (const auto& [name, tensor] : learner.weights())
    EXPECT_TRUE(at::equal(tensor, before.at(name))) << name;
}

TEST(RunningMoments, AreAveragedBesideTheWeightsAndUsedWithThem) {
  NormedLearner normed;
  Learner& learner = normed.learner;
  Tensor mean = normed.moment("mean");
  for (int step = 0; step < 3; ++step)
    learner.step({at::randn({16, 2}, at::kDouble) + 10 * step, {}});
  Tensor average = learner.weights().at("ema.flow.0_batch_norm.moments.mean");
  EXPECT_FALSE(at::allclose(average, mean));
  EXPECT_FALSE(at::allclose(average, normed.moment("mean")));
  Tensor x = at::randn({4, 2}, at::kDouble), raw = learner.flow().log_prob(x), averaged;
  {
    AveragedScope scope = learner.averaged();
    averaged = learner.flow().log_prob(x);
    EXPECT_TRUE(
        at::equal(learner.flow().named_buffers()["flow.0_batch_norm.moments.mean"], average));
  }
  EXPECT_FALSE(at::allclose(averaged, raw));
  EXPECT_TRUE(at::equal(learner.flow().log_prob(x), raw));
}

TEST(RunningMoments, StartTheirAverageWhereACheckpointHasNone) {
  NormedLearner one, other;
  one.learner.step({at::randn({16, 2}, at::kDouble), {}});
  NamedTensors saved;
  for (const auto& [name, tensor] : one.learner.weights()) {
    if (!name.starts_with("ema.flow.0_batch_norm.moments."))
      saved[name] = tensor.is_floating_point() ? tensor.to(at::kFloat) : tensor;
  }
  other.learner.load_weights(saved, "old");
  NamedTensors loaded = other.learner.weights();
  EXPECT_TRUE(at::equal(loaded.at("ema.flow.0_batch_norm.moments.mean"), other.moment("mean")));
  EXPECT_TRUE(at::allclose(other.moment("mean"), one.moment("mean"), 1e-6));
}

TEST_F(BadStep, LeavesWeightsAndAverageFinite) {
  Tensor weights = learner_.flat().values().clone(), average = learner_.ema()->average().clone();
  learner_.step({at::full({16, 2}, NAN), {}});
  EXPECT_TRUE(at::equal(learner_.flat().values(), weights));
  EXPECT_TRUE(at::equal(learner_.ema()->average(), average));
}

TEST(Learner, AccumulatesEqualPassesToTheGradientOfTheWhole) {
  Config one = parse_config(plane_yaml(), "config", {"train.accumulate=1"});
  Config four = parse_config(plane_yaml(), "config", {"train.accumulate=4"});
  Learner whole(one, build_flow(one, at::kDouble)), parts(four, build_flow(four, at::kDouble));
  Batch batch{at::randn({16, 2}, at::kDouble), {}};
  for (Learner* learner : {&whole, &parts}) learner->initialise(batch);
  Terms a = whole.backward(0, batch), b = parts.backward(0, batch);
  EXPECT_NEAR(a.nats.item<double>(), b.nats.item<double>(), 1e-12);
  EXPECT_TRUE(at::allclose(whole.flat().gradients(), parts.flat().gradients(), 1e-10, 1e-12));
}

// Dequantization and dropout, both drawn anew for each example.
const char* kNoisyFlow =
    "data: {source: npy, path: none, shape: [2, 4, 4], test_fraction: 0.5}\n"
    "flow: [{type: dequantize}, {type: logit, alpha: 0.05}, {type: actnorm},\n"
    "  {type: coupling, net: {type: gated_attention_net, filters: 4, blocks: 1, heads: 2, dropout: "
    "0.3}}]\n";

class NoisyLearner : public testing::Test {
 protected:
  Batch batch_{(at::arange(12 * 32) * 37 % 256).view({12, 2, 4, 4}).to(at::kDouble), {}};

  // A learner whose conditioner has left its start, where nothing that is dropped would show.
  std::unique_ptr<Learner> learner(int64_t accumulate) const {
    Config config = parse_config(kNoisyFlow, "config",
                                 {"train.batch_size=12", joined("train.accumulate=", accumulate)});
    auto learner = std::make_unique<Learner>(config, build_flow(config, at::kDouble));
    learner->initialise(batch_);
    SeededNoise noise(5);
    at::NoGradGuard no_grad;
    for (const ParameterRange& range : learner->flat().ranges()) {
      Tensor values = range.of(learner->flat().values());
      values.add_(0.1 * noise.normal(range.name, values));
    }
    return learner;
  }

  Tensor gradient(Learner& learner, int64_t step, const Batch& batch) const {
    learner.flat().gradients().zero_();
    learner.backward(step, batch);
    return learner.flat().gradients().clone();
  }
};

TEST_F(NoisyLearner, HasTheNoiseOfTheWholeBatchInItsParts) {
  Tensor whole = gradient(*learner(1), 3, batch_);
  for (int64_t parts : {2, 3, 12})
    EXPECT_TRUE(at::allclose(gradient(*learner(parts), 3, batch_), whole, 1e-9, 1e-11)) << parts;
}

TEST_F(NoisyLearner, HasFreshNoiseInEveryStepAndTheSameWhenAStepIsRunAgain) {
  auto one = learner(2);
  Tensor first = gradient(*one, 0, batch_), second = gradient(*one, 1, batch_);
  EXPECT_TRUE(at::equal(gradient(*one, 0, batch_), first));
  EXPECT_FALSE(at::allclose(first, second, 1e-3, 1e-5));
}

// Example 2 of step 1 in batches of 12 is example 2 of step 2 in batches of 6, and of step 7 in
// batches of 2 the first: 14 of one sequence.
TEST_F(NoisyLearner, GivesAnExampleItsNoiseInEveryBatchSize) {
  auto one = learner(1);
  auto rows = [&](int64_t first, int64_t count) {
    return Batch{batch_.x.narrow(0, first, count), {}};
  };
  Tensor large = gradient(*one, 1, rows(0, 12));
  for (int64_t size : {1, 2, 6}) {
    Tensor sum = at::zeros_like(large);
    for (int64_t first = 0; first < 12; first += size)
      sum += gradient(*one, (12 + first) / size, rows(first, size)) * size / 12;
    EXPECT_TRUE(at::allclose(sum, large, 1e-9, 1e-11)) << size;
  }
}

TEST_F(NoisyLearner, HasTheSameNoiseWithAnyNumberOfThreads) {
  int before = at::get_num_threads();
  at::set_num_threads(1);
  Tensor one = gradient(*learner(2), 3, batch_);
  at::set_num_threads(2);
  Tensor two = gradient(*learner(2), 3, batch_);
  at::set_num_threads(before);
  EXPECT_TRUE(at::allclose(one, two, 1e-9, 1e-11));
}

TEST(Learner, TakesAStepAndAddsItUpWithoutWaitingForTheDevice) {
  for (const char* kind : {"adam", "adamw", "adamax"}) {
    Config config = parse_config(plane_yaml(), "config",
                                 {joined("optimizer.kind=", kind), "train.accumulate=2"});
    Learner learner(config, build_flow(config, at::kFloat));
    Batch batch{at::randn({16, 2}), {}};
    learner.initialise(batch);
    learner.step(batch);
    Interval interval;
    ReadBacks read_backs;
    for (int i = 0; i < 3; ++i) interval.add(learner.step(batch));
    EXPECT_EQ(read_backs.count(), 0) << kind;
    EXPECT_EQ(interval.sums().at("steps"), 3);
    EXPECT_GT(read_backs.count(), 0) << "the counter counts";
  }
}

TEST(Learner, StartsTheAverageAfterTheDataDependentStart) {
  Config config = parse_config(plane_yaml());
  Learner learner(config, build_flow(config, at::kFloat));
  learner.initialise({at::randn({16, 2}) * 5, {}});
  EXPECT_TRUE(at::equal(learner.ema()->average(), learner.flat().values()));
}

TEST(DryRun, TriesOneStepAndWritesNothing) {
  TemporaryDirectory directory;
  DryRun found = dry_run(parse_config(image_yaml(directory)), c10::kCPU);
  EXPECT_EQ(found.shape, (Shape{1, 4, 4}));
  EXPECT_TRUE(found.loss.ends_with(" bits/dim")) << found.loss;
  EXPECT_EQ(found.round_trip, 0);
  EXPECT_GT(found.peak_bytes, found.state_bytes);
  EXPECT_GT(found.state_bytes, 5 * 4 * found.parameters);
  EXPECT_NE(text_of(found).find("\nbatch       8 x [1, 4, 4]\n"), std::string::npos);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

// ---- what may change when a run goes on ----

TEST(ResumeRules, LockWhatTheWeightsAndTheDataAre) {
  Config before = parse_config(plane_yaml());
  Config after = parse_config(plane_yaml(), "config",
                              {"flow[2].net.hidden=16", "seed=4", "data.density=rings",
                               "train.steps=99", "optimizer.beta1=0.5"});
  std::string warnings;
  Complaint complaint = complaint_of([&] {
    check_resumable(before, after, [&](const std::string& text) { warnings += text + "\n"; });
  });
  EXPECT_EQ(
      complaint.message,
      "this run cannot go on with another model, other data or another seed:\n  seed: was 3, is 4\n"
      "  data.density: was two_moons, is rings\n  flow[2].net.hidden: was 8, is 16\n"
      "Take these keys back, or start a new run from its weights with --fork");
  EXPECT_EQ(complaint.exit, Exit::kUsage);
  EXPECT_EQ(warnings, "changed since the run began: optimizer.beta1: was 0.9, is 0.5\n");
}

TEST(ResumeRules, LeaveStepsAndIntervalsFree) {
  Config before = parse_config(plane_yaml());
  Config after = parse_config(plane_yaml(), "config",
                              {"train.steps=99", "train.log_every=1", "train.keep=1",
                               "train.sample_temperatures=[0.5, 1]", "train.evaluate_every=0"});
  check_resumable(before, after, [](const std::string& warning) { ADD_FAILURE() << warning; });
  EXPECT_EQ(differences(before, after).size(), 5u);
  EXPECT_EQ(differences(before, before).size(), 0u);
}

TEST(ResumeRules, LetDataFilesMoveButNeitherComeNorGo) {
  const std::string yaml =
      "data: {source: npy, path: a.npy, labels: y.npy, classes: 2, shape: [2], validation: "
      "0.5}\nflow: []\n";
  Config before = parse_config(yaml),
         moved = parse_config(yaml, "config", {"data.path=b.npy", "data.labels=z.npy"});
  std::string warnings;
  check_resumable(before, moved, [&](const std::string& text) { warnings += text + "\n"; });
  EXPECT_EQ(warnings,
            "changed since the run began: data.path: was a.npy, is b.npy\n"
            "changed since the run began: data.labels: was y.npy, is z.npy\n");
  Config other = parse_config(yaml, "config", {"data.test=t.npy", "data.test_labels=u.npy"});
  EXPECT_EQ(message_of([&] { check_resumable(before, other, [](const std::string&) {}); }),
            "this run cannot go on with another model, other data or another seed:\n  data.test: "
            "was null, is t.npy\n"
            "  data.test_labels: was null, is u.npy\n"
            "Take these keys back, or start a new run from its weights with --fork");
}

// What stands in no entry of fields() is locked; a section's rule holds for all inside it.
TEST(ResumeRules, ComeFromTheEntryOfEachKey) {
  Config before = parse_config(plane_yaml());
  Config after = parse_config(
      plane_yaml(), "config",
      {"objective=bits_per_dim", "penalty.l2=0", "optimizer.schedule={kind: cosine, steps: 9}",
       "train.accumulate=2", "train.keep=1", "data.evaluation_examples=7"});
  std::map<std::string, OnResume> rules;
  for (const Difference& difference : differences(before, after))
    rules[difference.path] = difference.rule;
  std::map<std::string, OnResume> expected{{"objective", OnResume::kLocked},
                                           {"penalty.l2", OnResume::kWarned},
                                           {"optimizer.schedule.kind", OnResume::kWarned},
                                           {"optimizer.schedule.warmup_steps", OnResume::kWarned},
                                           {"optimizer.schedule.steps", OnResume::kWarned},
                                           {"optimizer.schedule.minimum", OnResume::kWarned},
                                           {"train.accumulate", OnResume::kWarned},
                                           {"train.keep", OnResume::kFree},
                                           {"data.evaluation_examples", OnResume::kLocked}};
  EXPECT_TRUE(rules == expected) << rules.size();
}

TEST(ResumeRules, OptimizersOfAnotherKindDoNotFit) {
  Config before = parse_config(plane_yaml()),
         after = parse_config(plane_yaml(), "config", {"optimizer.kind=adamax"});
  EXPECT_EQ(complaint_of([&] { check_resumable(before, after, [](const std::string&) {}); }).exit,
            Exit::kUsage);
}

}  // namespace
}  // namespace diffeo
