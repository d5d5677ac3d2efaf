// Schedules, optimizers, clipping, penalty, the guard against bad steps and the average of the
// weights.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "golden/golden.h"
#include "io_support.h"
#include "learn/ema.h"
#include "learn/gradient.h"
#include "learn/named_weights.h"
#include "learn/optimizer.h"
#include "learn/schedule.h"

namespace diffeo {
namespace {

const at::TensorOptions kDouble = at::kDouble;

// ---- flat parameters ----

struct Inner : torch::nn::Module {
  explicit Inner(at::TensorOptions options) {
    scale = register_parameter("scale", at::full({}, 2.0, options));
    weight = register_parameter("weight", at::arange(6, options).view({2, 3}));
  }
  Tensor scale, weight;
};

struct Outer : torch::nn::Module {
  explicit Outer(at::TensorOptions options = kDouble) {
    first = register_parameter("first", at::arange(3, options));
    inner = register_module("inner", std::make_shared<Inner>(options));
    unused = register_parameter("unused", at::ones({2}, options));
  }
  Tensor loss() const { return (inner->weight.matmul(first) * inner->scale).square().sum(); }
  Tensor first, unused;
  std::shared_ptr<Inner> inner;
};

TEST(FlatParameters, HoldsTheModulesParametersAndGradients) {
  Outer plain, module;
  plain.loss().backward();
  FlatParameters flat(module);
  module.loss().backward();
  std::vector<std::string> names;
  for (const ParameterRange& range : flat.ranges()) {
    names.push_back(range.name);
    Tensor parameter = plain.named_parameters()[range.name];
    EXPECT_TRUE(at::equal(range.of(flat.values()), parameter.detach())) << range.name;
    Tensor gradient = parameter.grad().defined() ? parameter.grad() : at::zeros_like(parameter);
    EXPECT_TRUE(at::equal(range.of(flat.gradients()), gradient)) << range.name;
    EXPECT_EQ(range.offset % 8, 0) << range.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"first", "unused", "inner.scale", "inner.weight"}));
  EXPECT_EQ(flat.count(), 12);
}

TEST(FlatParameters, WritesThroughAndAddsUpGradients) {
  Outer module;
  FlatParameters flat(module);
  flat.values().fill_(1);
  EXPECT_EQ(module.loss().item<double>(), 18);
  module.loss().backward();
  Tensor once = flat.gradients().clone();
  module.loss().backward();
  EXPECT_TRUE(at::equal(flat.gradients(), 2 * once));
  EXPECT_EQ(module.first.grad().data_ptr(), flat.ranges()[0].of(flat.gradients()).data_ptr());
}

TEST(FlatParameters, RefusesTwoPrecisions) {
  Outer module;
  module.inner->register_parameter("odd", at::ones({1}, at::kFloat));
  EXPECT_EQ(message_of([&] { FlatParameters flat(module); }),
            "inner.odd is CPUFloatType, but the parameters before it are CPUDoubleType");
}

TEST(FlatParameters, RefusesAParameterThatStandsTwice) {
  Outer module;
  module.inner->register_parameter("again", module.first);
  EXPECT_EQ(message_of([&] { FlatParameters flat(module); }),
            "inner.again: a parameter of two modules");
}

// ---- schedules ----

double factor(const ScheduleConfig& schedule, int64_t step) {
  return schedule_factor(schedule, step);
}

TEST(Schedule, WarmUpStartsAtZeroAndEndsAtTheWholeRate) {
  ConstantSchedule constant;
  EXPECT_EQ(factor(constant, 0), 1);
  constant.warmup_steps = 10;
  EXPECT_EQ(factor(constant, 0), 0);
  EXPECT_DOUBLE_EQ(factor(constant, 9), 0.9);
  EXPECT_EQ(factor(constant, 10), 1);
  EXPECT_EQ(factor(constant, 1000000), 1);
}

TEST(Schedule, ExponentialFallsAfterItsStartDownToItsMinimum) {
  ExponentialSchedule schedule;
  schedule.start = 5;
  schedule.factor = 0.5;
  schedule.minimum = 0.2;
  schedule.warmup_steps = 2;
  EXPECT_EQ(factor(schedule, 1), 0.5);
  EXPECT_EQ(factor(schedule, 5), 1);
  EXPECT_EQ(factor(schedule, 6), 0.5);
  EXPECT_EQ(factor(schedule, 7), 0.25);
  EXPECT_EQ(factor(schedule, 8), 0.2);
}

TEST(Schedule, CosineReachesItsMinimumAndStays) {
  CosineSchedule schedule;
  schedule.steps = 10;
  schedule.minimum = 0.1;
  EXPECT_EQ(factor(schedule, 0), 1);
  EXPECT_NEAR(factor(schedule, 5), 0.55, 1e-15);
  EXPECT_NEAR(factor(schedule, 10), 0.1, 1e-15);
  EXPECT_NEAR(factor(schedule, 11), 0.1, 1e-15);
}

TEST(Schedule, PiecewiseHoldsOrJoinsItsPoints) {
  PiecewiseSchedule schedule;
  schedule.points = {{2, 0.5}, {4, 0.1}};
  std::vector<double> held, joined;
  for (int64_t step = 0; step < 6; ++step) held.push_back(factor(schedule, step));
  EXPECT_EQ(held, (std::vector<double>{1, 1, 0.5, 0.5, 0.1, 0.1}));
  schedule.linear = true;
  schedule.points.push_back({4, 1});
  for (int64_t step = 0; step < 6; ++step) joined.push_back(factor(schedule, step));
  EXPECT_EQ(joined, (std::vector<double>{0.5, 0.5, 0.5, 0.3, 1, 1}));
}

TEST(Schedule, ScalesTheLearningRate) {
  AdamConfig adam;
  adam.learning_rate = 0.25;
  ConstantSchedule warm;
  warm.warmup_steps = 4;
  adam.schedule = warm;
  EXPECT_EQ(learning_rate(adam, 2), 0.125);
}

// ---- optimizers: two updates worked out with plain numbers ----

using Chain = std::vector<double>;

// The weight after each update along the given gradients, from 1.
Chain chain(const OptimizerConfig& config, const Chain& gradients) {
  Tensor weights = at::ones({1}, kDouble), admitted = at::ones({}, kDouble);
  Optimizer optimizer(config, weights);
  Chain values;
  for (double gradient : gradients) {
    optimizer.update(weights, at::full({1}, gradient, kDouble), admitted);
    values.push_back(weights.item<double>());
  }
  return values;
}

void expect_near(const Chain& found, const Chain& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-15) << "update " << i + 1;
}

template <class C>
C with_moments(double rate) {
  C config;
  config.learning_rate = rate;
  config.beta1 = 0.5;
  config.beta2 = 0.75;
  config.epsilon = 0.1;
  return config;
}

TEST(Optimizer, AdamHasTwoForms) {
  auto config = with_moments<AdamConfig>(0.1);
  double m1 = 0.5 * 2, v1 = 0.25 * 4, m2 = 0.5 * m1 + 0.5 * -1, v2 = 0.75 * v1 + 0.25 * 1;
  double c1 = 0.25, c2 = 1 - 0.75 * 0.75;
  double w1 = 1 - 0.1 * std::sqrt(c1) / 0.5 * m1 / (std::sqrt(v1) + 0.1);
  double w2 = w1 - 0.1 * std::sqrt(c2) / 0.75 * m2 / (std::sqrt(v2) + 0.1);
  expect_near(chain(config, {2, -1}), {w1, w2});
  config.form = AdamForm::kPyTorch;
  double p1 = 1 - 0.1 / 0.5 * m1 / (std::sqrt(v1 / c1) + 0.1);
  double p2 = p1 - 0.1 / 0.75 * m2 / (std::sqrt(v2 / c2) + 0.1);
  expect_near(chain(config, {2, -1}), {p1, p2});
}

TEST(Optimizer, AdamWTakesASharePerRateOff) {
  auto config = with_moments<AdamWConfig>(0.1);
  config.weight_decay = 0.5;
  double m1 = 1, v1 = 1, c1 = 0.25;
  expect_near(chain(config, {2}), {0.95 - 0.1 / 0.5 * m1 / (std::sqrt(v1 / c1) + 0.1)});
}

TEST(Optimizer, AdamaxHasTwoForms) {
  auto config = with_moments<AdamaxConfig>(0.1);
  config.form = AdamaxForm::kTextbook;
  double m1 = 1, u1 = 2, m2 = 0.5 * m1 - 0.5, u2 = 1.5;
  double w1 = 1 - 0.1 / 0.5 * m1 / (u1 + 0.1);
  expect_near(chain(config, {2, -1}), {w1, w1 - 0.1 / 0.75 * m2 / (u2 + 0.1)});
  config.form = AdamaxForm::kGlow;
  w1 = 1 - 0.1 * std::sqrt(0.25) / 0.5 * m1 / (u1 + 0.1);
  expect_near(chain(config, {2, -1}), {w1, w1 - 0.1 * std::sqrt(0.4375) / 0.75 * m2 / (u2 + 0.1)});
}

TEST(Optimizer, RmsPropHasAFloorAndARisingMomentum) {
  RmsPropConfig config;
  config.learning_rate = 0.1;
  config.decay = 0.75;
  config.floor = 1.1;
  config.momentum = 0.5;
  config.momentum_start = 0;
  config.momentum_end = 2;
  double v1 = 0.25 * 4, v2 = 0.75 * v1 + 0.25, v3 = 0.75 * v2 + 0.25 * 9;
  double d1 = -0.1 * 2 / 1.1, d2 = 0.25 * d1 + 0.1 * 1 / 1.1,
         d3 = 0.5 * d2 - 0.1 * 3 / std::sqrt(v3);
  EXPECT_LT(std::sqrt(v2), 1.1);
  EXPECT_GT(std::sqrt(v3), 1.1);
  expect_near(chain(config, {2, -1, 3}), {1 + d1, 1 + d1 + d2, 1 + d1 + d2 + d3});
}

std::vector<OptimizerConfig> every_optimizer() {
  AdamConfig pytorch;
  pytorch.form = AdamForm::kPyTorch;
  AdamaxConfig textbook;
  textbook.form = AdamaxForm::kTextbook;
  return {AdamConfig{}, pytorch, AdamWConfig{}, AdamaxConfig{}, textbook, RmsPropConfig{}};
}

TEST(Optimizer, ChangesNothingWhereAStepIsNotAdmitted) {
  for (const OptimizerConfig& config : every_optimizer()) {
    Tensor weights = at::ones({3}, at::kFloat), admitted = at::ones({});
    Optimizer optimizer(config, weights);
    optimizer.update(weights, at::tensor({0.3f, -2.0f, 0.0f}), admitted);
    auto before = optimizer.state();
    for (auto& [name, tensor] : before) tensor = tensor.clone();
    Tensor kept = weights.clone();
    optimizer.update(weights, at::zeros({3}), admitted * 0);
    EXPECT_TRUE(at::equal(weights, kept)) << config.index();
    for (const auto& [name, tensor] : optimizer.state()) {
      EXPECT_TRUE(at::equal(tensor, before.at(name))) << config.index() << " " << name;
    }
  }
}

TEST(Optimizer, FollowsTheSchedule) {
  AdamaxConfig config;
  config.learning_rate = 0.1;
  ConstantSchedule warm;
  warm.warmup_steps = 2;
  config.schedule = warm;
  Chain values = chain(config, {1, 1, 1});
  EXPECT_EQ(values[0], 1);
  EXPECT_LT(values[1], 1);
  EXPECT_LT(values[2] - values[1], values[1] - values[0]);
}

// ---- gradients ----

TEST(Gradient, NormAndClippingAreThoseOfTheFormula) {
  Tensor gradient = at::cat({at::full({5000}, 0.01, kDouble), at::full({17}, -2.0, kDouble)});
  double norm = std::sqrt(5000 * 1e-4 + 17 * 4);
  EXPECT_NEAR(global_norm(gradient).item<double>(), norm, 1e-12);
  Tensor clipped = gradient.clone();
  EXPECT_NEAR(clip_to_norm(clipped, 2).item<double>(), norm, 1e-12);
  EXPECT_NEAR(clipped.norm().item<double>(), 2, 1e-12);
  EXPECT_TRUE(at::allclose(clipped, gradient * (2 / norm), 1e-14, 0));
  Tensor small = gradient.clone();
  clip_to_norm(small, 100);
  EXPECT_TRUE(at::equal(small, gradient));
}

TEST(Gradient, NormIsExactInSinglePrecisionAndSeesEveryBadNumber) {
  Tensor gradient = at::full({1 << 21}, 1e-3, at::kFloat);
  EXPECT_NEAR(global_norm(gradient).item<double>() / (1e-3 * std::sqrt(1 << 21)), 1, 3e-6);
  for (double bad : std::vector<double>{INFINITY, -INFINITY, NAN}) {
    for (int64_t place : {0, 4095, (1 << 21) - 1}) {
      Tensor spoilt = gradient.clone();
      spoilt[place] = bad;
      EXPECT_FALSE(std::isfinite(global_norm(spoilt).item<double>())) << bad << " at " << place;
    }
  }
  EXPECT_EQ(global_norm(at::zeros({0})).item<double>(), 0);
}

TEST(Gradient, PenaltyTakesParametersByPartsOfTheirNames) {
  Outer module;
  FlatParameters flat(module);
  Penalty penalty({.l2 = 0.5, .parameters = {"scale", "first"}}, flat);
  EXPECT_EQ(penalty.value(flat.values()).item<double>(), 0.5 * (0 + 1 + 4 + 4));
  penalty.add_gradient(flat.gradients(), flat.values());
  EXPECT_TRUE(at::equal(module.first.grad(), module.first.detach()));
  EXPECT_EQ(module.inner->scale.grad().item<double>(), 2);
  EXPECT_EQ(module.inner->weight.grad().abs().sum().item<double>(), 0);
  EXPECT_EQ(Penalty({.l2 = 1, .parameters = {}}, flat).value(flat.values()).item<double>(),
            5 + 4 + 55 + 2);
  EXPECT_FALSE(Penalty({.l2 = 0, .parameters = {"scale"}}, flat).is_there());
  Complaint complaint =
      complaint_of([&] { Penalty({.l2 = 1, .parameters = {"scal", "magnitude"}}, flat); });
  EXPECT_EQ(
      complaint.message,
      "penalty.parameters: no parameter's name contains 'magnitude'; they are called as first");
  EXPECT_EQ(complaint.exit, Exit::kUsage);
}

TEST(Gradient, OfAnyFiniteSizeIsClipped) {
  for (int64_t count : {2, 3 * 4096 + 5}) {
    for (float size : {1e-15f, 1.0f, 1e17f, 1e20f, 3e38f}) {
      Tensor gradient = at::full({count}, -size);
      gradient[1] = 0;
      double norm = static_cast<double>(size) * std::sqrt(static_cast<double>(count - 1));
      EXPECT_NEAR(clip_to_norm(gradient, 5).item<double>() / norm, 1, 1e-5) << size;
      double clipped = gradient.to(at::kDouble).norm().item<double>();
      EXPECT_NEAR(clipped / std::min(norm, 5.0), 1, 1e-5) << size;
      EXPECT_EQ(gradient[1].item<float>(), 0);
    }
    for (double bad : std::vector<double>{INFINITY, -INFINITY, NAN}) {
      Tensor gradient = at::ones({count});
      gradient[1] = bad;
      EXPECT_FALSE(std::isfinite(clip_to_norm(gradient, 5).item<double>())) << bad;
    }
  }
}

TEST(FiniteGuard, StopsEverythingFromTheFirstBadStepOn) {
  Tensor gradient = at::ones({3}), yes = at::ones({}, at::kBool), no = at::zeros({}, at::kBool);
  FiniteGuard guard(gradient);
  EXPECT_EQ(guard.decide(0, yes, gradient).item<double>(), 1);
  EXPECT_EQ(guard.first_bad(), std::nullopt);
  EXPECT_EQ(gradient.sum().item<double>(), 3);
  Tensor spoilt = at::full({3}, NAN);
  EXPECT_EQ(guard.decide(1, no, spoilt).item<double>(), 0);
  EXPECT_EQ(spoilt.abs().sum().item<double>(), 0);
  EXPECT_EQ(guard.decide(2, no, gradient).item<double>(), 0);
  EXPECT_EQ(guard.decide(3, yes, gradient).item<double>(), 0);
  EXPECT_EQ(guard.first_bad(), 1);
}

// ---- updates that would leave single precision ----

// Whether an update along `gradient` was allowed. If so, it was made, else tried as a refused one.
bool allowed(Optimizer& optimizer, const Tensor& weights, const Tensor& gradient) {
  FiniteGuard guard(weights);
  Tensor used = gradient.clone(), is_good = optimizer.keeps_finite(global_norm(gradient));
  optimizer.update(weights, used, guard.decide(0, is_good, used));
  return is_good.item<bool>();
}

template <class C>
C with_rate(double rate, double smallest) {
  C config;
  config.learning_rate = rate;
  if constexpr (requires { config.epsilon; }) config.epsilon = smallest;
  if constexpr (requires { config.floor; }) config.floor = smallest;
  return config;
}

// Rates, denominators and gradients of every size: what was allowed left finite numbers, and what
// was not left what there had been.
template <class C>
void expect_finite_whatever_is_allowed() {
  int count = 0, refused = 0;
  for (double rate : {0.0, 1e-3, 1e9, 1e30, 1e39, 1e300}) {
    for (double smallest : {1e-300, 1e-40, 1e-8, 1e10}) {
      for (float size : {0.0f, 1e-30f, 1.0f, 1e12f, 1e18f, 1e20f, 3e38f}) {
        SCOPED_TRACE(joined(rate, " ", smallest, " ", size));
        Tensor weights = at::ones({2}), gradient = at::tensor({size, 0.0f});
        Optimizer optimizer(with_rate<C>(rate, smallest), weights);
        for (int step = 0; step < 3; ++step, ++count) {
          Tensor before = weights.clone();
          bool is_allowed = allowed(optimizer, weights, step == 1 ? at::zeros({2}) : gradient);
          EXPECT_EQ(fault_in(weights), "");
          for (const auto& [name, state] : optimizer.state())
            EXPECT_EQ(fault_in(state), "") << name;
          EXPECT_TRUE(is_allowed || at::equal(weights, before));
          refused += !is_allowed;
        }
      }
    }
  }
  EXPECT_GT(refused, count / 10);
  EXPECT_LT(refused, count * 9 / 10);
}

TEST(Optimizer, LeavesEverythingFiniteWhateverItAllows) {
  expect_finite_whatever_is_allowed<AdamConfig>();
  expect_finite_whatever_is_allowed<AdamWConfig>();
  expect_finite_whatever_is_allowed<AdamaxConfig>();
  expect_finite_whatever_is_allowed<RmsPropConfig>();
}

TEST(Optimizer, RefusesAGradientTooLargeToBeSquaredUnlessItIsClipped) {
  for (double clip : {0.0, 5.0}) {
    AdamConfig config;
    config.clip_norm = clip;
    Optimizer optimizer(config, at::ones({2}));
    Tensor gradient = at::full({2}, 1e20f);
    Tensor norm = clip > 0 ? clip_to_norm(gradient, clip) : global_norm(gradient);
    EXPECT_EQ(optimizer.keeps_finite(norm).item<bool>(), clip > 0);
  }
}

TEST(Optimizer, AllowsALongTrainingAtALargeRate) {
  AdamConfig config;
  config.learning_rate = 10;
  Tensor weights = at::ones({2});
  Optimizer optimizer(config, weights);
  optimizer.set_updates(1000000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(allowed(optimizer, weights, at::full({2}, 1e15f)));
}

TEST(Optimizer, MeasuresTheWeightsItIsGiven) {
  Tensor weights = at::ones({2});
  Optimizer optimizer(AdamConfig{}, weights);
  weights.fill_(3e38f);
  EXPECT_TRUE(optimizer.keeps_finite(at::ones({})).item<bool>());
  optimizer.measure(weights);
  EXPECT_FALSE(optimizer.keeps_finite(at::ones({})).item<bool>());
}

// ---- the average of the weights ----

TEST(Ema, StartsAtTheWeightsAndMomentsAndFollowsTheNewOnes) {
  Tensor weights = at::ones({2}, kDouble), moments = at::ones({1}, kDouble);
  Ema ema(0.75, weights, moments);
  weights.fill_(3);
  moments.fill_(5);
  EXPECT_TRUE(at::equal(ema.average(), at::ones({2}, kDouble)));
  ema.follow(weights, moments, at::zeros({}, kDouble));
  EXPECT_TRUE(at::equal(ema.average(), at::ones({2}, kDouble)));
  EXPECT_EQ(ema.moments().item<double>(), 1);
  ema.follow(weights, moments, at::ones({}, kDouble));
  EXPECT_TRUE(at::equal(ema.average(), at::full({2}, 1.5, kDouble)));
  EXPECT_EQ(ema.moments().item<double>(), 2);
}

TEST(Ema, ScopeGivesTheWeightsBackAlsoAfterAnError) {
  Outer module;
  FlatParameters flat(module);
  FlatMoments moments(module, kDouble);
  Ema ema(0.5, flat.values(), moments.values());
  ema.average().fill_(1);
  double raw = module.loss().item<double>();
  try {
    AveragedScope averaged(flat, moments, &ema);
    EXPECT_EQ(module.loss().item<double>(), 18);
    fail("evaluation failed");
  } catch (const Error&) {
  }
  EXPECT_EQ(module.loss().item<double>(), raw);
  module.loss().backward();
  EXPECT_GT(flat.gradients().abs().sum().item<double>(), 0);
  flat.values().fill_(1);
  EXPECT_EQ(module.loss().item<double>(), 18);
}

// ---- the authors' numbers ----

using golden::Case;

std::vector<Case> cases_of_kind(const std::string& family, const std::string& kind) {
  std::vector<Case> chosen;
  for (const Case& c : golden::cases(family)) {
    if (!c.entry.is_null() && c.kind() == kind) chosen.push_back(c);
  }
  return chosen;
}

std::vector<std::string> names_under(const NamedTensors& tensors, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
  }
  return names;
}

// The named tensors one behind the other, in double precision.
Tensor flattened(const NamedTensors& tensors, const std::string& prefix,
                 const std::vector<std::string>& names) {
  std::vector<Tensor> parts;
  for (const std::string& name : names)
    parts.push_back(tensors.at(prefix + name).to(at::kDouble).flatten());
  return at::cat(parts);
}

template <class C>
OptimizerConfig glow_optimizer(const nlohmann::json& facts) {
  C config;
  config.beta1 = facts.at("beta1");
  config.beta2 = facts.at("beta2");
  config.epsilon = facts.at("epsilon");
  config.learning_rate = 1;
  PiecewiseSchedule rates;
  for (double rate : facts.at("lrs"))
    rates.points.push_back({static_cast<int64_t>(rates.points.size()), rate});
  config.schedule = rates;
  return config;
}

double worst(const Tensor& found, const Tensor& expected) {
  return (found - expected).abs().max().item<double>();
}

// Weights and averages over the recorded gradients: in double against the authors' double run, in
// single against their single one.
void follow_glow(const Case& c, at::ScalarType type, const std::string& run, double tolerance) {
  const NamedTensors recorded = golden::load(c);
  const nlohmann::json& facts = c.entry.at("optimiser");
  std::vector<std::string> names = names_under(recorded, "var0/");
  Tensor weights = flattened(recorded, "var0/", names).to(type), admitted = at::ones({}, type);
  bool is_adam = facts.at("optimizer") == "adam";
  Optimizer optimizer(
      is_adam ? glow_optimizer<AdamConfig>(facts) : glow_optimizer<AdamaxConfig>(facts), weights);
  double beta2 = facts.at("beta2");
  Tensor none = at::zeros({0}, type);
  // Their double run has a float's decay.
  Ema ema(type == at::kDouble ? static_cast<float>(beta2) : beta2, weights, none);
  int64_t step = 1;
  for (; recorded.contains(run + "step" + std::to_string(step) + "/loss"); ++step) {
    std::string prefix = run + "step" + std::to_string(step) + "/";
    optimizer.update(weights, flattened(recorded, prefix + "grad/", names).to(type), admitted);
    ema.follow(weights, none, admitted);
    EXPECT_LE(worst(weights, flattened(recorded, prefix + "var/", names)), tolerance) << prefix;
    EXPECT_LE(worst(ema.average(), flattened(recorded, prefix + "ema_of_new/", names)), tolerance)
        << prefix;
  }
  EXPECT_EQ(step - 1, static_cast<int64_t>(facts.at("lrs").size()));
}

TEST(Optimizer, FollowsGlowsAuthorsStepByStep) {
  std::vector<Case> cases = cases_of_kind("glow", "optimiser steps");
  if (cases.empty()) GTEST_SKIP() << "golden/glow is not at hand (DIFFEO_GOLDEN)";
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name());
    follow_glow(c, at::kDouble, "f64/", 1e-13);
    follow_glow(c, at::kFloat, "", 2e-7);
  }
}

TEST(Schedule, IsGlowsAuthorsWarmUp) {
  std::vector<Case> cases = cases_of_kind("glow", "optimiser steps");
  if (cases.empty()) GTEST_SKIP() << "golden/glow is not at hand (DIFFEO_GOLDEN)";
  for (const Case& c : cases) {
    const nlohmann::json& facts = c.entry.at("optimiser");
    if (!facts.at("epochs_warmup").is_number()) continue;
    ConstantSchedule warm;
    double epochs = facts.at("epochs_warmup"), examples = facts.at("n_train"),
           batch = facts.at("n_batch_train");
    warm.warmup_steps = static_cast<int64_t>(epochs * examples / batch);
    for (size_t step = 0; step < facts.at("lrs").size(); ++step) {
      EXPECT_NEAR(1e-3 * factor(warm, static_cast<int64_t>(step)),
                  facts.at("lrs")[step].get<double>(), 1e-16);
    }
  }
}

// Adam with its published constants as floats, which is what the authors' double run computes with.
OptimizerConfig realnvp_optimizer() {
  AdamConfig config;
  config.learning_rate = static_cast<double>(1e-3f);
  config.beta1 = static_cast<double>(0.9f);
  config.beta2 = static_cast<double>(0.999f);
  config.epsilon = static_cast<double>(1e-8f);
  return config;
}

TEST(Optimizer, ClipsAndStepsAsRealNvpsAuthors) {
  std::vector<Case> cases = cases_of_kind("realnvp", "gradients_and_adam");
  if (cases.empty()) GTEST_SKIP() << "golden/realnvp is not at hand (DIFFEO_GOLDEN)";
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name());
    const NamedTensors recorded = golden::load(c);
    NamedTensors start;
    for (const Case& model : cases_of_kind("realnvp", "model")) {
      if (model.name() == c.entry.at("of")) start = golden::load(model);
    }
    std::vector<std::string> names = names_under(recorded, "grad/");
    Tensor weights = flattened(start, "var/", names),
           gradient = flattened(recorded, "grad/", names);
    Tensor norm = clip_to_norm(gradient, 100);
    EXPECT_NEAR(norm.item<double>() / recorded.at("out/grad_norm").item<double>(), 1, 1e-12);
    Optimizer(realnvp_optimizer(), weights).update(weights, gradient, at::ones({}, kDouble));
    EXPECT_LE(worst(weights, flattened(recorded, "step1/", names)), 1e-12);
  }
}

}  // namespace
}  // namespace diffeo
