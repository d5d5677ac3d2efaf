#pragma once

#include <memory>
#include <optional>

#include "config/config.h"
#include "config/configured_flow.h"
#include "flow/drift.h"
#include "io/safetensors.h"
#include "learn/ema.h"
#include "learn/gradient.h"
#include "learn/objective.h"
#include "learn/optimizer.h"

namespace diffeo {

// What one update has seen, every tensor one number on the flow's device.
struct StepReport {
  Tensor nats;           // mean of -log p over the batch
  Tensor gradient_norm;  // before clipping, in the objective's unit
  std::map<std::string, Tensor> auxiliary;
};

// A flow and all that changes as it learns. Its noise is that of the examples of the step
// (the rule is in core/noise.h), so a step can be run again, and however many parts a batch is
// divided into, they have the noise of the whole.
class Learner {
 public:
  Learner(const Config& config, std::shared_ptr<Flow> flow);

  // The data-dependent start, from a batch on any device; the average starts over from it.
  void initialise(const Batch& batch, const Observer& observer = {});

  // One update, the next in number. Waits for the device nowhere. A step is refused where its loss
  // or gradient is not finite or where weights, averages, running moments or the optimizer's state
  // might not be after it. Neither it nor any later one then changes anything.
  StepReport step(const Batch& batch);

  // The step that was refused, if one was. Waits for the device.
  std::optional<int64_t> first_bad_step() const { return guard_.first_bad(); }

  // Whether all that a checkpoint holds is finite. Waits for the device, once.
  bool is_finite() const;

  // What of it is not, the first by name: "m.flow.0_actnorm.norm.b: 1 of 2 numbers are not finite".
  // Empty where all is. Waits for the device many times.
  std::string first_not_finite() const;

  // The passes of a step: adds the gradient of its objective and of the penalty to
  // flat().gradients(). Nothing else changes: the batch's moments only wait in moments().pending().
  Terms backward(int64_t step, const Batch& batch, const Observer& observer = {});

  bool has_penalty() const { return penalty_.is_there(); }
  double penalty()
      const;  // its value at the weights, in the objective's unit; waits for the device

  // Measures on a few examples how far the inputs drift that passes rebuild, and has the passes
  // keep those that drift too far, from the next step on. Empty where the memory mode rebuilds
  // none. `step`: whose batch it is. Waits for the device.
  std::vector<Drift> keep_what_drifts(int64_t step, const Batch& batch);

  // What a checkpoint holds: views of the weights and buffers (raw, and the averages of weights and
  // running moments as "ema." + name) and of the optimizer's state.
  NamedTensors weights() const;
  NamedTensors optimizer_state() const;

  // Throws Exit::kCheckpoint, `place` first, where they do not fit; nothing is changed then.
  // Averages are taken where both sides have them, else they start from the weights; those of
  // running moments, which older checkpoints lack, from the moments.
  void load_weights(const NamedTensors& weights, const std::string& place);
  void load_optimizer(const NamedTensors& state, int64_t updates, const std::string& place);

  Flow& flow() { return *flow_; }
  const std::shared_ptr<Flow>& flow_pointer() const { return flow_; }
  FlatParameters& flat() { return flat_; }
  const Optimizer& optimizer() const { return optimizer_; }
  const FlatMoments& moments() const { return moments_; }
  const Ema* ema() const { return ema_ ? &*ema_ : nullptr; }

  // As long as it lives, the flow is the averaged one, where there is an average.
  AveragedScope averaged() { return AveragedScope(flat_, moments_, ema()); }
  const at::TensorOptions& options() const { return options_; }

 private:
  void start_from_here();

  std::shared_ptr<Flow> flow_;
  uint64_t seed_;
  int64_t accumulate_;
  ObjectiveUnit unit_;
  FlatParameters flat_;
  FlatMoments moments_;
  at::TensorOptions options_;
  Penalty penalty_;
  Optimizer optimizer_;
  FiniteGuard guard_;
  std::optional<Ema> ema_;
};

}  // namespace diffeo
