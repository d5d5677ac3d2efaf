#pragma once

#include <map>
#include <vector>

#include "core/base.h"
#include "flow/context_reader.h"
#include "flow/memory_plan.h"
#include "flow/standardiser.h"
#include "transforms/layers.h"

namespace diffeo {

// One part of the flat latents: what one factor_out ended, or what reached the end of the list,
// which comes last.
struct Segment {
  int64_t level;   // counted from the data's end
  int64_t offset;  // of its first entry in [D]
  Shape shape;
};

// log p(x) taken apart, in nats for each example, [B] each.
struct LogProb {
  Tensor log_det;               // of all layers together, with those of the latents' priors
  std::vector<Tensor> base;     // log-density of each segment, in the order of latents()
  std::vector<Tensor> latents;  // whose densities those are
  std::map<std::string, Tensor> auxiliary;  // the objective's other terms, by name, weighted

  Tensor sum() const;  // log p(x), which the auxiliary terms are no part of
};

// A density on examples of one shape: a list of layers that ends in a factorised base over [D].
class Flow final : public torch::nn::Module {
 public:
  // Throws (Exit::kUsage) naming every layer that cannot be built. The layers find as features what
  // passes have; with `context`, of the site's shape [C], what that makes of it. With `standardise`
  // they read vectors standardised, and examples are float64.
  Flow(const std::vector<Layer>& layers, const Site& site, Base base = Base::kNormal,
       const std::optional<ContextConfig>& context = {}, bool standardise = false);

  // Takes the moments that examples are standardised by from a whole training set [N, D]. Of a flow
  // that does not standardise, nothing. Otherwise initialise() takes them from its batch.
  void take_moments(const Tensor& examples);

  // What passes in mode train keep for their gradients, by default all. One with an observer keeps
  // all in any case.
  void set_memory(const MemoryPlan& plan) { memory_ = plan; }
  const MemoryPlan& memory() const { return memory_; }

  // Sets every layer that starts from data, in order, on a batch [B, ...].
  void initialise(const Tensor& x, const Pass& pass = {});

  // [B, ...] -> [B], nats. A lower bound when the flow dequantizes.
  Tensor log_prob(const Tensor& x, const Pass& pass = {});
  LogProb log_prob_parts(const Tensor& x, const Pass& pass = {});

  // [B, ...] -> [B, D]. Whole numbers are put in the middle of their bins, without noise, so that
  // decode() returns each of them, to the bits that are kept: rounding on the way there and back
  // would have to move one by half a bin. Where a flow is so ill-conditioned at an example that its
  // inverse does amplify rounding that far, double precision is the cure.
  Tensor encode(const Tensor& x, const Pass& pass = {});
  Tensor decode(const Tensor& z, const Pass& pass = {});  // [B, D] -> [B, ...]

  // [B, ...] -> [B, D]. The latents whose density log_prob() tells: whole numbers with noise.
  Tensor noisy_latents(const Tensor& x, const Pass& pass);

  // [count, D] draws from the base, by the pass's noise.
  Tensor draw_latents(int64_t count, const Pass& pass) const;

  // Examples as the layers read them: standardised, where the flow does that.
  Tensor as_read(const Tensor& x) const { return units_ ? units_->forward(x).value : x; }

  // A pass as the layers are given it, with features in place of the context.
  Pass conditioned(const Pass& pass) const;

  std::vector<Segment> latents() const;
  const Shape& shape() const { return layers_->input_shape(); }  // of an example
  Base base() const { return base_; }
  bool stochastic() const { return layers_->stochastic(); }  // whether log_prob is a bound
  // Of the parameters: where and how it computes.
  const torch::TensorOptions& options() const { return options_; }
  at::ScalarType example_type() const;  // of examples and samples, that of the options or float64
  const std::shared_ptr<Sequence>& layers() const { return layers_; }

 private:
  torch::TensorOptions options_;
  Base base_;
  Mapped layers_forward(const Tensor& x, const Pass& pass);
  // What the layers make of examples, with what standardising them adds.
  Mapped through_layers(const Tensor& x, const Pass& pass);

  std::shared_ptr<ContextReader> context_;  // null: the context itself is the features
  std::shared_ptr<Standardiser> units_;     // null: the layers read examples as they are
  std::shared_ptr<Sequence> layers_;
  MemoryPlan memory_;
};

// Nats to bits/dim: -log2 p / D for each example.
Tensor bits_per_dim(const Tensor& log_prob, int64_t dimensions);

}  // namespace diffeo
