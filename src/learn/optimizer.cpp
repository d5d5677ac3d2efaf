#include "learn/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "learn/schedule.h"

namespace diffeo {
namespace {

// One update under way. The gradient's buffer serves as scratch once it has been read.
struct Update {
  const Tensor& weights;
  Tensor gradient;
  const Tensor& go;
  double rate;
  double t;  // of this update, from 1
  std::map<std::string, Tensor>& state;
};

double debiased(double beta, double t) { return -std::expm1(t * std::log(beta)); }  // 1 - beta^t

// mean <- decay mean + (1 - decay) value
void follow(const Tensor& mean, const Tensor& value, double decay, const Tensor& go) {
  mean.lerp_(value, go * (1 - decay));
}

// w <- w - alpha m / (scratch + epsilon)
void descend(Update& u, double alpha, double epsilon) {
  at::div_out(u.gradient, u.state.at("m"), u.gradient.add_(epsilon));
  u.weights.addcmul_(u.gradient, u.go * alpha, -1);
}

// `epsilon` stands beside sqrt(v), before v's correction.
void adam(Update& u, const AdamCommon& config, double epsilon) {
  const Tensor& v = u.state.at("v");
  follow(u.state.at("m"), u.gradient, config.beta1, u.go);
  follow(v, u.gradient.square_(), config.beta2, u.go);
  at::sqrt_out(u.gradient, v);
  descend(u, u.rate * std::sqrt(debiased(config.beta2, u.t)) / debiased(config.beta1, u.t),
          epsilon);
}

// PyTorch's epsilon stands after v's correction; taking the correction out of the denominator
// scales it.
double beside_root(const AdamCommon& config, double t) {
  return config.epsilon * std::sqrt(debiased(config.beta2, t));
}

void update(const AdamConfig& config, Update& u) {
  adam(u, config, config.form == AdamForm::kTensorFlow ? config.epsilon : beside_root(config, u.t));
}

void update(const AdamWConfig& config, Update& u) {
  u.weights.mul_(1 - u.go * (u.rate * config.weight_decay));
  adam(u, config, beside_root(config, u.t));
}

void update(const AdamaxConfig& config, Update& u) {
  Tensor largest = u.state.at("v");
  follow(u.state.at("m"), u.gradient, config.beta1, u.go);
  u.gradient.abs_().mul_(u.go);
  at::maximum_out(largest, largest.mul_(1 - u.go * (1 - config.beta2)), u.gradient);
  u.gradient.copy_(largest);
  double correction = config.form == AdamaxForm::kGlow ? std::sqrt(debiased(config.beta2, u.t)) : 1;
  descend(u, u.rate * correction / debiased(config.beta1, u.t), config.epsilon);
}

double momentum(const RmsPropConfig& config, double step) {
  double start = static_cast<double>(config.momentum_start),
         end = static_cast<double>(config.momentum_end);
  if (step >= end) return config.momentum;
  return step <= start ? 0 : config.momentum * (step - start) / (end - start);
}

void update(const RmsPropConfig& config, Update& u) {
  const Tensor &v = u.state.at("v"), &change = u.state.at("d");
  follow(v, u.gradient.square(), config.decay, u.go);
  Tensor next = u.gradient.div_(v.sqrt().clamp_min_(config.floor)).mul_(-u.rate);
  next.add_(change, momentum(config, u.t - 1));
  change.lerp_(next, u.go);
  u.weights.addcmul_(change, u.go);
}

std::vector<std::string> state_names(const OptimizerConfig& config) {
  return std::holds_alternative<RmsPropConfig>(config) ? std::vector<std::string>{"d", "v"}
                                                       : std::vector<std::string>{"m", "v"};
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, const Tensor& weights) : config_(config) {
  for (const std::string& name : state_names(config)) state_[name] = at::zeros_like(weights);
}

double Optimizer::learning_rate() const { return diffeo::learning_rate(config_, updates_); }

double Optimizer::clip_norm() const {
  return std::visit([](const auto& config) { return config.clip_norm; }, config_);
}

void Optimizer::update(const Tensor& weights, const Tensor& gradient, const Tensor& go) {
  at::NoGradGuard no_grad;
  Update next{weights, gradient, go, learning_rate(), static_cast<double>(updates_ + 1), state_};
  std::visit([&next](const auto& config) { diffeo::update(config, next); }, config_);
  ++updates_;
}

}  // namespace diffeo
