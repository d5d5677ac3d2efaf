#include "learn/learner.h"

#include <ATen/ATen.h>

#include "learn/named_weights.h"

namespace diffeo {
namespace {

// Adds the share that one of `parts` equal passes has in the whole batch's terms.
void add_share(Terms& total, const Terms& part, double parts) {
  auto add = [parts](Tensor& sum, const Tensor& value) {
    Tensor share = value.detach() / parts;
    sum = sum.defined() ? sum + share : share;
  };
  add(total.loss, part.loss);
  add(total.nats, part.nats);
  for (const auto& [name, term] : part.auxiliary) add(total.auxiliary[name], term);
}

NamedTensors by_name(const std::string& prefix, const std::vector<ParameterRange>& ranges,
                     const Tensor& flat) {
  NamedTensors tensors;
  for (const ParameterRange& range : ranges) tensors[prefix + range.name] = range.of(flat);
  return tensors;
}

NamedTensors with_prefix(const NamedTensors& tensors, const std::string& prefix) {
  NamedTensors chosen;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(prefix)) chosen[name] = tensor;
  }
  return chosen;
}

}  // namespace

Learner::Learner(const Config& config, std::shared_ptr<Flow> flow)
    : flow_(std::move(flow)),
      seed_(static_cast<uint64_t>(config.seed)),
      accumulate_(config.train.accumulate),
      unit_(config.objective),
      flat_(*flow_),
      moments_(*flow_, flat_.values().options()),
      options_(flat_.values().options()),
      penalty_(config.penalty, flat_),
      optimizer_(config.optimizer, flat_.values()),
      guard_(flat_.values()) {
  if (config.train.memory != Memory::kAuto) flow_->set_memory({config.train.memory});
  if (config.train.ema_decay > 0)
    ema_.emplace(config.train.ema_decay, flat_.values(), moments_.values());
}

void Learner::initialise(const Batch& batch, const Observer& observer) {
  Batch here = batch.to(options_);
  SeededNoise noise(seed_of(seed_, "initialise"));
  flow_->initialise(here.x, here.pass().with_noise(noise).with_observer(observer));
  start_from_here();
}

void Learner::start_from_here() {
  optimizer_.measure(flat_.values());
  if (ema_) ema_->restart(flat_.values(), moments_.values());
}

Terms Learner::backward(int64_t step, const Batch& batch, const Observer& observer) {
  Batch here = batch.to(options_);
  int64_t size = here.x.size(0), part_size = size / accumulate_;
  Terms total;
  moments_.forget();
  for (int64_t part = 0; part < accumulate_; ++part) {
    SeededNoise noise(seed_of(seed_, "train"), step * size + part * part_size);
    Batch chunk = here.narrow(part * part_size, part_size);
    Pass pass{.mode = Mode::kTrain, .noise = &noise, .observer = observer};
    Terms terms = objective_of(*flow_, chunk, pass, unit_);
    (terms.loss / static_cast<double>(accumulate_)).backward();
    add_share(total, terms, static_cast<double>(accumulate_));
  }
  penalty_.add_gradient(flat_.gradients(), flat_.values());
  return total;
}

StepReport Learner::step(const Batch& batch) {
  flat_.gradients().zero_();
  int64_t step = optimizer_.updates();
  Terms terms = backward(step, batch);
  double clip = optimizer_.clip_norm();
  Tensor norm = clip > 0 ? clip_to_norm(flat_.gradients(), clip) : global_norm(flat_.gradients());
  // All that tells whether the step may be taken is known before anything changes.
  Tensor pending = moments_.pending();
  Tensor is_good = at::isfinite(terms.loss).logical_and_(optimizer_.keeps_finite(norm));
  if (moments_.are_there()) is_good.logical_and_(at::isfinite(pending.sum(at::kDouble)));
  Tensor admitted = guard_.decide(step, is_good, flat_.gradients());
  optimizer_.update(flat_.values(), flat_.gradients(), admitted);
  moments_.follow(pending, admitted);
  if (ema_) ema_->follow(flat_.values(), moments_.values(), admitted);
  return {terms.nats, norm, terms.auxiliary};
}

std::vector<Drift> Learner::keep_what_drifts(int64_t step, const Batch& batch) {
  constexpr int64_t kExamples = 2;
  MemoryPlan plan = flow_->memory();
  if (plan.mode != Memory::kInvert) return {};
  Batch few = batch.narrow(0, std::min(kExamples, batch.x.size(0))).to(options_);
  SeededNoise noise(seed_of(seed_, "train"), step * batch.x.size(0));
  std::vector<Drift> drifts = drifts_of(*flow_, few.x, few.pass().with_noise(noise), plan);
  for (const Drift& drift : drifts) {
    if (drift.is_too_large()) plan.kept.insert(drift.path);
  }
  flow_->set_memory(plan);
  return drifts;
}

double Learner::penalty() const { return penalty_.value(flat_.values()).item<double>(); }

NamedTensors Learner::weights() const {
  NamedTensors tensors = by_name("", flat_.ranges(), flat_.values());
  for (const auto& named : flow_->named_buffers()) tensors[named.key()] = named.value();
  if (!ema_) return tensors;
  tensors.merge(by_name(kAveragePrefix, flat_.ranges(), ema_->average()));
  tensors.merge(by_name(kAveragePrefix, moments_.ranges(), ema_->moments()));
  return tensors;
}

NamedTensors Learner::optimizer_state() const {
  NamedTensors tensors;
  for (const auto& [name, flat] : optimizer_.state())
    tensors.merge(by_name(name + ".", flat_.ranges(), flat));
  return tensors;
}

std::string Learner::first_not_finite() const {
  for (const NamedTensors& tensors : {weights(), optimizer_state()}) {
    for (const auto& [name, tensor] : tensors) {
      if (std::string fault = fault_in(tensor); !fault.empty()) return name + ": " + fault;
    }
  }
  return {};
}

bool Learner::is_finite() const {
  std::vector<Tensor> all{flat_.values()};
  if (ema_) all.insert(all.end(), {ema_->average(), ema_->moments()});
  for (const auto& [name, tensor] : optimizer_.state()) all.push_back(tensor);
  for (const Tensor& buffer : flow_->buffers()) {
    if (buffer.is_floating_point()) all.push_back(buffer);
  }
  Tensor finite;
  for (const Tensor& tensor : all) {
    Tensor here = at::isfinite(tensor).all();
    finite = finite.defined() ? finite.logical_and_(here) : here;
  }
  return finite.item<bool>();
}

void Learner::load_weights(const NamedTensors& weights, const std::string& place) {
  NamedTensors averages = with_prefix(weights, kAveragePrefix), source = weights,
               targets = this->weights();
  bool both = ema_ && !averages.empty();
  if (!both)
    std::erase_if(source,
                  [](const auto& named) { return named.first.starts_with(kAveragePrefix); });
  if (!both)
    std::erase_if(targets,
                  [](const auto& named) { return named.first.starts_with(kAveragePrefix); });
  for (const ParameterRange& range : moments_.ranges()) {
    // Missing where no average was kept, or by a program that kept none of moments.
    auto raw = source.find(range.name);
    if (both && raw != source.end()) source.try_emplace(kAveragePrefix + range.name, raw->second);
  }
  assign_tensors(source, targets, place);
  if (both) optimizer_.measure(flat_.values());
  else start_from_here();
}

void Learner::load_optimizer(const NamedTensors& state, int64_t updates, const std::string& place) {
  assign_tensors(state, optimizer_state(), place);
  optimizer_.measure(flat_.values());
  optimizer_.set_updates(updates);
}

}  // namespace diffeo
