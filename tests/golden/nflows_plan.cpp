// nflows' flows as lists of our layers.

#include <ATen/ATen.h>

#include "golden/nflows_plan.h"

namespace diffeo::golden {
namespace {

bool has(const NamedTensors& t, const std::string& name) { return t.contains(name); }

void set_dense(VectorPlan& plan, const NamedTensors& t, const std::string& ours,
               const std::string& theirs) {
  plan.set(ours + ".weight", t.at(theirs + ".weight"));
  plan.set(ours + ".bias", t.at(theirs + ".bias"));
}

void set_norm(VectorPlan& plan, const NamedTensors& t, const std::string& ours,
              const std::string& theirs) {
  plan.set(ours + ".weight", t.at(theirs + ".weight"));
  plan.set(ours + ".bias", t.at(theirs + ".bias"));
  plan.set(ours + ".moments.mean", t.at(theirs + ".running_mean"));
  plan.set(ours + ".moments.variance", t.at(theirs + ".running_var"));
}

ResidualNetConfig residual_net(const NamedTensors& t, const std::string& at) {
  return {.hidden = t.at(at + ".initial_layer.weight").size(0),
          .blocks = std::max(count_of(t, at + ".blocks.", ".linear_layers.0.weight"),
                             count_of(t, at + ".blocks.", ".conv_layers.0.weight")),
          .batch_norm = has(t, at + ".blocks.0.batch_norm_layers.0.weight")};
}

void set_residual_net(VectorPlan& plan, const NamedTensors& t, const std::string& ours,
                      const std::string& theirs) {
  ResidualNetConfig config = residual_net(t, theirs);
  set_dense(plan, t, ours + ".first", theirs + ".initial_layer");
  set_dense(plan, t, ours + ".last", theirs + ".final_layer");
  for (int64_t i = 0; i < config.blocks; ++i) {
    const std::string block = numbered(ours + ".block", i, ""),
                      their_block = numbered(theirs + ".blocks.", i, "");
    const std::string layers =
        their_block +
        (has(t, their_block + ".linear_layers.0.weight") ? ".linear_layers" : ".conv_layers");
    set_dense(plan, t, block + ".first", layers + ".0");
    set_dense(plan, t, block + ".second", layers + ".1");
    if (has(t, their_block + ".context_layer.weight"))
      set_dense(plan, t, block + ".context", their_block + ".context_layer");
    if (!config.batch_norm) continue;
    set_norm(plan, t, block + ".first_norm", their_block + ".batch_norm_layers.0");
    set_norm(plan, t, block + ".second_norm", their_block + ".batch_norm_layers.1");
  }
}

// Which half stays: theirs are index lists.
std::pair<Split, Keep> halves(const Tensor& identity, int64_t size) {
  std::vector<int64_t> kept = whole(identity), even, odd, first;
  for (int64_t i = 0; i < size; ++i) (i % 2 == 0 ? even : odd).push_back(i);
  for (int64_t i = 0; i < (size + 1) / 2; ++i) first.push_back(i);
  if (kept == first && size > 2) return {Split::kChannel, Keep::kFirst};
  if (kept == even) return {Split::kEvenOdd, Keep::kFirst};
  if (kept == odd) return {Split::kEvenOdd, Keep::kSecond};
  return {Split::kChannel, Keep::kSecond};
}

RationalQuadraticConfig spline(const Case& c) {
  return {.bins = c.hyper().at("K").get<int64_t>(), .bound = c.hyper().at("tail_bound")};
}

void add_coupling(VectorPlan& plan, const Case& c, const NamedTensors& t, const std::string& at,
                  const MapConfig& map) {
  Tensor identity = t.at(at + ".identity_features");
  int64_t size = identity.numel() + t.at(at + ".transform_features").numel();
  auto [split, keep] = halves(identity, size);
  CouplingConfig config{
      .split = split, .keep = keep, .map = map, .net = residual_net(t, at + ".transform_net")};
  if (has(t, "context")) config.context = Context::kFeatures;
  const std::string own = at + ".unconditional_transform.unnormalized_";
  if (has(t, own + "widths")) config.kept_map = spline(c);
  const std::string ours = plan.add({config});
  set_residual_net(plan, t, ours + ".net", at + ".transform_net");
  if (config.kept_map)
    plan.set(ours + ".kept_map.numbers",
             at::cat({t.at(own + "widths"), t.at(own + "heights"), t.at(own + "derivatives")}, 1)
                 .flatten());
}

MadeConfig made(const NamedTensors& t, const std::string& at) {
  bool residual = has(t, at + ".blocks.0.linear_layers.0.weight");
  int64_t blocks =
      count_of(t, at + ".blocks.", residual ? ".linear_layers.0.weight" : ".linear.weight");
  return {.hidden = t.at(at + ".initial_layer.weight").size(0),
          .depth = residual ? blocks : blocks + 1,
          .blocks = residual ? MadeBlocks::kResidual : MadeBlocks::kPlain,
          .first_reads_context = false};
}

void set_made(VectorPlan& plan, const NamedTensors& t, const std::string& ours,
              const std::string& theirs) {
  MadeConfig config = made(t, theirs);
  set_dense(plan, t, ours + ".first", theirs + ".initial_layer");
  set_dense(plan, t, ours + ".last", theirs + ".final_layer");
  if (has(t, theirs + ".context_layer.weight"))
    set_dense(plan, t, ours + ".context", theirs + ".context_layer");
  bool plain = config.blocks == MadeBlocks::kPlain;
  for (int64_t i = 0; i < config.depth - (plain ? 1 : 0); ++i) {
    const std::string block = numbered(theirs + ".blocks.", i, "");
    if (plain) {
      set_dense(plan, t, numbered(ours + ".hidden", i + 1, ""), block + ".linear");
      continue;
    }
    set_dense(plan, t, numbered(ours + ".block", i, "_first"), block + ".linear_layers.0");
    set_dense(plan, t, numbered(ours + ".block", i, "_second"), block + ".linear_layers.1");
    if (has(t, block + ".context_layer.weight"))
      set_dense(plan, t, numbered(ours + ".block", i, "_context"), block + ".context_layer");
  }
}

void add_autoregressive(VectorPlan& plan, const NamedTensors& t, const std::string& at,
                        const MapConfig& map, bool inverse) {
  const std::string net = at + (inverse ? "._transform" : "") + ".autoregressive_net";
  AutoregressiveConfig config{.map = map, .net = made(t, net)};
  if (has(t, "context")) config.context = Context::kFeatures;
  std::string ours;
  if (inverse) {
    InverseConfig around;
    around.body.push_back({config});
    ours = plan.add({around}) + ".body.0_autoregressive";
  } else {
    ours = plan.add({config});
  }
  set_made(plan, t, ours + ".net", net);
}

void add_lu(VectorPlan& plan, const NamedTensors& t, const std::string& at) {
  const std::string ours = plan.add({LuLinearConfig{}});
  plan.set(ours + ".lower", t.at(at + ".lower_entries"));
  plan.set(ours + ".upper", t.at(at + ".upper_entries"));
  plan.set(ours + ".raw_diagonal", t.at(at + ".unconstrained_upper_diag"));
  plan.set(ours + ".bias", t.at(at + ".bias"));
}

void add_batch_norm(VectorPlan& plan, const NamedTensors& t, const std::string& at) {
  const std::string ours = plan.add({BatchNormConfig{}});
  Tensor weight = -at::log_sigmoid(-t.at(at + ".unconstrained_weight")) + 1e-5;
  plan.set(ours + ".log_gamma", weight.log());
  plan.set(ours + ".beta", t.at(at + ".bias"));
  plan.set(ours + ".moments.mean", t.at(at + ".running_mean"));
  plan.set(ours + ".moments.variance", t.at(at + ".running_var"));
}

// exp(log_scale) x + shift, ours exp(3 logs) (x + b).
void add_actnorm(VectorPlan& plan, const NamedTensors& t, const std::string& at) {
  const std::string norm = plan.add({ActNormConfig{}}) + ".norm";
  Tensor log_scale = t.at(at + ".log_scale");
  plan.set(norm + ".logs", log_scale / 3);
  plan.set(norm + ".b", t.at(at + ".shift") * (-log_scale).exp());
  plan.set(norm + ".initialised", at::ones({}, at::kBool));
}

void add_permutation(VectorPlan& plan, const NamedTensors& t, const std::string& at) {
  plan.add({PermutationConfig{whole(t.at(at + "._permutation"))}});
}

void add_layer(VectorPlan& plan, const Case& c, const NamedTensors& t, const std::string& type,
               const std::string& at) {
  size_t before = plan.layers.size();
  if (type == "RandomPermutation") {
    add_permutation(plan, t, at);
  } else if (type == "ReversePermutation") {
    plan.add({ReverseConfig{}});
  } else if (type == "LULinear") {
    add_lu(plan, t, at);
  } else if (type == "OneByOneConvolution") {
    add_permutation(plan, t, at + ".permutation");
    add_lu(plan, t, at);
  } else if (type == "ActNorm") {
    add_actnorm(plan, t, at);
  } else if (type == "BatchNorm") {
    add_batch_norm(plan, t, at);
  } else if (type == "PiecewiseRationalQuadraticCouplingTransform") {
    add_coupling(plan, c, t, at, spline(c));
  } else if (type == "AffineCouplingTransform") {
    add_coupling(plan, c, t, at, AffineConfig{AffineForm::kNflows});
  } else if (type == "AdditiveCouplingTransform") {
    add_coupling(plan, c, t, at, AffineConfig{AffineForm::kAdditive});
  } else if (type == "MaskedPiecewiseRationalQuadraticAutoregressiveTransform") {
    add_autoregressive(plan, t, at, spline(c), false);
  } else if (type == "MaskedAffineAutoregressiveTransform") {
    add_autoregressive(plan, t, at, AffineConfig{AffineForm::kSoftplus}, false);
  } else if (type == "Inverse(MaskedAffineAutoregressiveTransform)") {
    add_autoregressive(plan, t, at, AffineConfig{AffineForm::kSoftplus}, true);
  } else {
    ADD_FAILURE() << "no layer of ours is nflows' " << type;
  }
  plan.steps.push_back(static_cast<int64_t>(plan.layers.size() - before));
}

}  // namespace

VectorPlan nflows_plan(const Case& c, const NamedTensors& t) {
  VectorPlan plan;
  for (const auto& entry : c.hyper().at("layers_in_order_data_to_noise")) {
    auto text = entry.get<std::string>();
    size_t type = text.find(' ') + 1, at = text.find(' ', type) + 1;
    add_layer(plan, c, t, text.substr(type, at - 1 - type), text.substr(at));
  }
  return plan;
}

}  // namespace diffeo::golden
