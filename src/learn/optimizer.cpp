#include "learn/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "kernels/adam_step.h"
#include "learn/gradient.h"
#include "learn/schedule.h"

namespace diffeo {
namespace {

// One update under way. The gradient's buffer serves as scratch once it has been read.
struct Update {
  const Tensor& weights;
  Tensor gradient;
  const Tensor& admitted;
  double rate;
  double t;  // of this update, from 1
  std::map<std::string, Tensor>& state;
};

// How far an update can go: the factors of Optimizer::keeps_finite().
struct Reach {
  double carry, take;   // M <- carry M + take n
  double growth, step;  // W <- growth W + step M
  double rate;          // what the update itself multiplies by

  // A factor that its precision turns into infinity would make 0 times it no number. So a step with
  // one is not even tried.
  bool is_within(double largest) const {
    return take <= largest && growth <= largest && step <= largest && rate <= largest;
  }
};

double debiased(double beta, double t) { return -std::expm1(t * std::log(beta)); }  // 1 - beta^t

// mean <- decay mean + (1 - decay) value
void follow(const Tensor& mean, const Tensor& value, double decay, const Tensor& admitted) {
  mean.lerp_(value, admitted * (1 - decay));
}

double adam_rate(const AdamCommon& config, double rate, double t) {
  return rate * std::sqrt(debiased(config.beta2, t)) / debiased(config.beta1, t);
}

double adamax_rate(const AdamaxConfig& config, double rate, double t) {
  bool is_glow = config.form == AdamaxForm::kGlow;
  return is_glow ? adam_rate(config, rate, t) : rate / debiased(config.beta1, t);
}

void step(Update& u, const AdamStep& numbers) {
  adam_step(u.weights, u.gradient, u.state.at("m"), u.state.at("v"), numbers, u.admitted);
}

// `epsilon` stands beside sqrt(v), before v's correction.
AdamStep adam(const AdamCommon& config, const Update& u, double epsilon) {
  return {.take_m = 1 - config.beta1,
          .take_v = 1 - config.beta2,
          .rate = adam_rate(config, u.rate, u.t),
          .epsilon = epsilon};
}

// PyTorch's epsilon stands after v's correction; taking the correction out of the denominator
// scales it.
double beside_root(const AdamCommon& config, double t) {
  return config.epsilon * std::sqrt(debiased(config.beta2, t));
}

double epsilon_of(const AdamConfig& config, double t) {
  return config.form == AdamForm::kTensorFlow ? config.epsilon : beside_root(config, t);
}

void update(const AdamConfig& config, Update& u) {
  step(u, adam(config, u, epsilon_of(config, u.t)));
}

void update(const AdamWConfig& config, Update& u) {
  AdamStep numbers = adam(config, u, beside_root(config, u.t));
  numbers.shrink = u.rate * config.weight_decay;
  step(u, numbers);
}

void update(const AdamaxConfig& config, Update& u) {
  step(u, {.take_m = 1 - config.beta1,
           .take_v = 1 - config.beta2,
           .rate = adamax_rate(config, u.rate, u.t),
           .epsilon = config.epsilon,
           .by_largest = true});
}

double momentum(const RmsPropConfig& config, double step) {
  double start = static_cast<double>(config.momentum_start),
         end = static_cast<double>(config.momentum_end);
  if (step >= end) return config.momentum;
  return step <= start ? 0 : config.momentum * (step - start) / (end - start);
}

void update(const RmsPropConfig& config, Update& u) {
  const Tensor &v = u.state.at("v"), &change = u.state.at("d");
  follow(v, u.gradient.square(), config.decay, u.admitted);
  Tensor next = u.gradient.div_(v.sqrt().clamp_min_(config.floor)).mul_(-u.rate);
  next.add_(change, momentum(config, u.t - 1));
  change.lerp_(next, u.admitted);
  u.weights.addcmul_(change, u.admitted);
}

// A denominator as the weights' precision rounds it.
double rounded(double value, const Tensor& like) {
  return like.scalar_type() == at::kDouble ? value : static_cast<double>(static_cast<float>(value));
}

// Of m / (something + smallest) at `rate`, in the form that Adam and its kin share.
Reach reach_of_mean(const AdamCommon& config, double rate, double smallest, double growth = 1) {
  return {config.beta1, 1 - config.beta1, growth, rate / smallest, rate};
}

Reach reach_of(const AdamConfig& config, double rate, double t, const Tensor& weights) {
  double smallest = rounded(epsilon_of(config, t), weights);
  return reach_of_mean(config, adam_rate(config, rate, t), smallest);
}

Reach reach_of(const AdamWConfig& config, double rate, double t, const Tensor& weights) {
  double smallest = rounded(beside_root(config, t), weights);
  double growth = std::abs(1 - rate * config.weight_decay);
  return reach_of_mean(config, adam_rate(config, rate, t), smallest, growth);
}

Reach reach_of(const AdamaxConfig& config, double rate, double t, const Tensor& weights) {
  double smallest = rounded(config.epsilon, weights);
  return reach_of_mean(config, adamax_rate(config, rate, t), smallest);
}

Reach reach_of(const RmsPropConfig& config, double rate, double t, const Tensor& weights) {
  double take = rate / rounded(config.floor, weights);
  return {momentum(config, t - 1), take, /*growth=*/1, /*step=*/1, rate};
}

Reach reach_of(const OptimizerConfig& any, double rate, double t, const Tensor& weights) {
  return std::visit([&](const auto& config) { return reach_of(config, rate, t, weights); }, any);
}

// The largest magnitude in a flat buffer, one number in double precision.
Tensor largest_in(const Tensor& flat) {
  if (flat.numel() == 0) return at::zeros({}, flat.options().dtype(at::kDouble));
  return flat.abs().max().to(at::kDouble);
}

std::vector<std::string> state_names(const OptimizerConfig& config) {
  return std::holds_alternative<RmsPropConfig>(config) ? std::vector<std::string>{"d", "v"}
                                                       : std::vector<std::string>{"m", "v"};
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, const Tensor& weights)
    : config_(config),
      largest_norm_(std::sqrt(largest_number(weights)) / 2),
      largest_weight_(largest_number(weights) / 4) {
  for (const std::string& name : state_names(config)) state_[name] = at::zeros_like(weights);
  measure(weights);
}

void Optimizer::measure(const Tensor& weights) {
  weight_bound_ = largest_in(weights);
  momentum_bound_ = largest_in(state_.begin()->second);  // m or d, the first by name
}

bool Optimizer::reaches_too_far() const {
  Reach reach = reach_of(config_, learning_rate(), next(), state_.begin()->second);
  // The refused step has counted as an update.
  return !reach.is_within(largest_weight_) || !(weight_bound_.item<double>() <= largest_weight_);
}

Tensor Optimizer::keeps_finite(const Tensor& norm) {
  Reach reach = diffeo::reach_of(config_, learning_rate(), next(), state_.begin()->second);
  if (!reach.is_within(largest_weight_)) return at::zeros_like(norm, at::kBool);
  Tensor length = clip_norm() > 0 ? norm.clamp_max(clip_norm()) : norm;
  momentum_bound_.mul_(reach.carry).add_(length, reach.take);
  weight_bound_.mul_(reach.growth).add_(momentum_bound_, reach.step);
  // Comparisons are false for what is not a number, so that is refused, too.
  return (length <= largest_norm_).logical_and_(weight_bound_ <= largest_weight_);
}

double Optimizer::learning_rate() const { return diffeo::learning_rate(config_, updates_); }

double Optimizer::clip_norm() const {
  return std::visit([](const auto& config) { return config.clip_norm; }, config_);
}

void Optimizer::update(const Tensor& weights, const Tensor& gradient, const Tensor& admitted) {
  at::NoGradGuard no_grad;
  Update update{weights, gradient, admitted, learning_rate(), next(), state_};
  Reach reach = reach_of(config_, update.rate, update.t, weights);
  if (reach.is_within(largest_weight_))
    std::visit([&update](const auto& config) { diffeo::update(config, update); }, config_);
  ++updates_;
}

}  // namespace diffeo
