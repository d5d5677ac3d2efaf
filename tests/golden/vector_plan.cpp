// zuko's and normflows' flows, and MAF's and IAF's in their authors' form, as lists of our layers.

#include "golden/vector_plan.h"

#include <ATen/ATen.h>

#include <set>

#include "golden/nflows_plan.h"

namespace diffeo::golden {
namespace {

bool names(const Case& c, const std::string& part) {
  return c.name().find(part) != std::string::npos;
}

// The places of the ones in a mask.
std::vector<int64_t> places(const Tensor& mask) {
  return whole(mask.flatten().nonzero().flatten());
}

Tensor rows(const Tensor& t, const std::vector<int64_t>& chosen) {
  return t.index_select(0, at::tensor(chosen, at::kLong));
}

Tensor columns(const Tensor& t, const std::vector<int64_t>& chosen) {
  return t.index_select(1, at::tensor(chosen, at::kLong));
}

// zuko

MapConfig zuko_map(const Case& c) {
  if (names(c, "additive")) return AffineConfig{AffineForm::kAdditive};
  if (!c.hyper().contains("bins")) return AffineConfig{AffineForm::kZuko};
  return RationalQuadraticConfig{.bins = c.hyper().at("bins").get<int64_t>(),
                                 .bound = c.hyper().at("bound").get<double>(),
                                 .form = SplineForm::kZuko};
}

// The weights of zuko's networks stand at every second place of a list.
std::vector<std::string> zuko_layers(const NamedTensors& t, const std::string& at) {
  std::vector<std::string> found;
  for (int64_t i = 0; t.contains(numbered(at + ".hyper.", i, ".weight")); i += 2)
    found.push_back(numbered(at + ".hyper.", i, ""));
  return found;
}

void add_zuko_autoregressive(VectorPlan& plan, const Case& c, const NamedTensors& t,
                             const std::string& at) {
  std::vector<int64_t> order = whole(t.at(at + ".order"));
  std::vector<std::string> theirs = zuko_layers(t, at);
  int64_t groups = static_cast<int64_t>(std::set<int64_t>(order.begin(), order.end()).size());
  AutoregressiveConfig config{.map = zuko_map(c),
                              .net = {.hidden = t.at(theirs[0] + ".weight").size(0),
                                      .depth = static_cast<int64_t>(theirs.size()) - 1}};
  if (t.contains("context")) config.context = Context::kFeatures;
  if (groups == static_cast<int64_t>(order.size())) {
    config.places = order;
  } else {
    config.passes = groups;
    if (order.front() > order.back()) config.order = Order::kReversed;
  }
  const std::string net = plan.add({config}) + ".net.";
  for (size_t i = 0; i < theirs.size(); ++i) {
    std::string ours = i == 0 ? "first" : i + 1 == theirs.size() ? "last" : joined("hidden", i);
    plan.set(net + ours + ".weight", t.at(theirs[i] + ".weight"));
    plan.set(net + ours + ".bias", t.at(theirs[i] + ".bias"));
  }
}

void add_zuko_coupling(VectorPlan& plan, const Case& c, const NamedTensors& t,
                       const std::string& at) {
  std::vector<std::string> theirs = zuko_layers(t, at);
  bool even = places(t.at(at + ".mask")).at(0) == 0;
  CouplingConfig config{.split = Split::kEvenOdd,
                        .keep = even ? Keep::kFirst : Keep::kSecond,
                        .map = zuko_map(c),
                        .net = MlpConfig{.hidden = t.at(theirs[0] + ".weight").size(0),
                                         .depth = static_cast<int64_t>(theirs.size()) - 1}};
  if (t.contains("context")) config.context = Context::kFeatures;
  const std::string net = plan.add({config}) + ".net.";
  for (size_t i = 0; i < theirs.size(); ++i) {
    plan.set(joined(net, "weight", i), t.at(theirs[i] + ".weight"));
    plan.set(joined(net, "bias", i), t.at(theirs[i] + ".bias"));
  }
}

VectorPlan zuko_plan(const Case& c, const NamedTensors& t) {
  VectorPlan plan;
  for (int64_t i = 0;; ++i) {
    const std::string at = numbered("state.transform.transforms.", i, "");
    if (t.contains(at + ".order")) add_zuko_autoregressive(plan, c, t, at);
    else if (t.contains(at + ".mask")) add_zuko_coupling(plan, c, t, at);
    else break;
    plan.steps.push_back(1);
  }
  return plan;
}

// normflows, from noise to data

// x = z exp(s(kept)) + t(kept): ours reads the kept half only, with both networks side by side.
void add_masked_affine(VectorPlan& plan, const NamedTensors& t, const std::string& at) {
  Tensor b = t.at(at + ".b").flatten();
  std::vector<int64_t> kept = places(b), changed = places(1 - b);
  auto get = [&](const char* net, const char* rest) {
    return t.at(at + "." + net + ".net." + rest);
  };
  int64_t hidden = get("s", "0.weight").size(0);
  CouplingConfig config{.split = Split::kEvenOdd,
                        .keep = kept.at(0) == 0 ? Keep::kFirst : Keep::kSecond,
                        .map = AffineConfig{AffineForm::kExp},
                        .net = MlpConfig{.hidden = 2 * hidden, .depth = 1}};
  const std::string net = plan.add({config}) + ".net.";
  plan.set(net + "weight0", columns(at::cat({get("s", "0.weight"), get("t", "0.weight")}), kept));
  plan.set(net + "bias0", at::cat({get("s", "0.bias"), get("t", "0.bias")}));
  Tensor s = rows(get("s", "2.weight"), changed), shift = rows(get("t", "2.weight"), changed);
  Tensor none = at::zeros_like(s);
  plan.set(net + "weight1", -at::cat({at::cat({none, shift}, 1), at::cat({s, none}, 1)}));
  plan.set(net + "bias1",
           -at::cat({rows(get("t", "2.bias"), changed), rows(get("s", "2.bias"), changed)}));
}

// x = z exp(s) + t.
void add_constant_affine(VectorPlan& plan, const NamedTensors& t, const std::string& at) {
  const std::string norm = plan.add({ActNormConfig{}}) + ".norm";
  plan.set(norm + ".logs", -t.at(at + ".s") / 3);
  plan.set(norm + ".b", -t.at(at + ".t"));
  plan.set(norm + ".initialised", at::ones({}, at::kBool));
}

// Interleaved shifts and raw scales, of which ours has the shift with the other sign.
void add_block(VectorPlan& plan, const Case& c, const NamedTensors& t, const std::string& at) {
  const std::string theirs = at + ".flows.1.param_map.net.";
  AffineForm form = names(c, "sigmoid_inv") ? AffineForm::kGlowInverse
                    : names(c, "sigmoid")   ? AffineForm::kGlow
                                            : AffineForm::kExp;
  CouplingConfig config{.map = AffineConfig{form},
                        .net = MlpConfig{.hidden = t.at(theirs + "0.weight").size(0), .depth = 1}};
  const std::string net = plan.add({config}) + ".net.";
  plan.set(net + "weight0", t.at(theirs + "0.weight"));
  plan.set(net + "bias0", t.at(theirs + "0.bias"));
  for (const char* kind : {"weight", "bias"}) {
    Tensor all = t.at(theirs + "2." + kind);
    Tensor shift = -all.slice(0, 0, std::nullopt, 2), r = all.slice(0, 1, std::nullopt, 2);
    plan.set(net + kind + "1", form == AffineForm::kExp ? at::cat({shift, -r})
                                                        : at::stack({shift, r}, 1).flatten(0, 1));
  }
}

VectorPlan normflows_plan(const Case& c, const NamedTensors& t) {
  VectorPlan plan;
  plan.from_noise = true;
  const auto& layers = c.hyper().at("layers_in_order_noise_to_data");
  for (auto entry = layers.rbegin(); entry != layers.rend(); ++entry) {
    auto text = entry->get<std::string>();
    const std::string at = text.substr(text.rfind(' ') + 1);
    if (text.find("MaskedAffineFlow") != std::string::npos) add_masked_affine(plan, t, at);
    else if (text.find("AffineConstFlow") != std::string::npos) add_constant_affine(plan, t, at);
    else if (text.find("AffineCouplingBlock") != std::string::npos) add_block(plan, c, t, at);
    else if (text.find("Permute") != std::string::npos) plan.add({FlipConfig{}});
    else ADD_FAILURE() << "no layer of ours is normflows' " << text;
    plan.steps.push_back(1);
  }
  return plan;
}

int64_t author_depth(const NamedTensors& t, const std::string& at) {
  int64_t depth = 0;
  while (t.contains(numbered(at + "W", depth + 1, ""))) ++depth;
  return depth;
}

// The authors' MADE: weights [in, out], one matrix for each of the two numbers of a coordinate.
AutoregressiveConfig author_config(const NamedTensors& t, const std::string& at,
                                   Activation activation, AffineForm form) {
  std::vector<int64_t> at_places = whole(t.at(at + "degrees") - 1);
  return {.map = AffineConfig{form},
          .net = {.hidden = t.at(at + "W1").size(1),
                  .depth = author_depth(t, at),
                  .activation = activation},
          .places = at_places};
}

void set_author_net(VectorPlan& plan, const NamedTensors& t, const std::string& net,
                    const std::string& at, int64_t depth) {
  for (int64_t i = 0; i < depth; ++i) {
    const std::string ours = net + (i == 0 ? "first" : joined("hidden", i));
    plan.set(ours + ".weight", t.at(numbered(at + "W", i + 1, "")).t());
    plan.set(ours + ".bias", t.at(numbered(at + "b", i + 1, "")));
  }
  plan.set(net + "last.weight", at::cat({t.at(at + "Wm").t(), t.at(at + "Wp").t()}));
  plan.set(net + "last.bias", at::cat({t.at(at + "bm"), t.at(at + "bp")}));
}

}  // namespace

std::string numbered(const std::string& prefix, int64_t number, const std::string& rest) {
  return prefix + std::to_string(number) + rest;
}

int64_t count_of(const NamedTensors& tensors, const std::string& prefix, const std::string& rest) {
  int64_t count = 0;
  while (tensors.contains(numbered(prefix, count, rest))) ++count;
  return count;
}

std::vector<int64_t> whole(const Tensor& values) {
  Tensor all = values.to(at::kLong).contiguous();
  return {all.const_data_ptr<int64_t>(), all.const_data_ptr<int64_t>() + all.numel()};
}

std::string VectorPlan::add(Layer layer) {
  std::string at = joined("flow.", layers.size(), "_", type_of(layer));
  layers.push_back(std::move(layer));
  return at;
}

VectorPlan maf_author_plan(const Case& c, const NamedTensors& t) {
  VectorPlan plan;
  Activation activation = names(c, "tanh") ? Activation::kTanh : Activation::kRelu;
  for (int64_t i = 0; t.contains(numbered("layer", i, ".W1")); ++i) {
    const std::string at = numbered("layer", i, "."), norm = numbered("bn", i, ".");
    AutoregressiveConfig config = author_config(t, at, activation, AffineForm::kMaf);
    set_author_net(plan, t, plan.add({config}) + ".net.", at, config.net.depth);
    if (!t.contains(norm + "beta")) continue;
    const std::string ours = plan.add({BatchNormConfig{}});
    plan.set(ours + ".log_gamma", t.at(norm + "log_gamma"));
    plan.set(ours + ".beta", t.at(norm + "beta"));
    plan.set(ours + ".moments.mean", t.at(norm + "mean"));
    plan.set(ours + ".moments.variance", t.at(norm + "var"));
  }
  return plan;
}

VectorPlan iaf_gated_plan(const NamedTensors& t) {
  VectorPlan plan;
  for (int64_t i = count_of(t, "step", ".W1") - 1; i >= 0; --i) {  // the file counts from the noise
    const std::string at = numbered("step", i, ".");
    AutoregressiveConfig config = author_config(t, at, Activation::kElu, AffineForm::kIaf);
    InverseConfig inverse;
    inverse.body.push_back({config});
    set_author_net(plan, t, plan.add({inverse}) + ".body.0_autoregressive.net.", at,
                   config.net.depth);
  }
  return plan;
}

VectorPlan vector_plan(const Case& c, const NamedTensors& t) {
  if (c.hyper().contains("layers_in_order_noise_to_data")) return normflows_plan(c, t);
  if (c.kind() == "zuko_flow") return zuko_plan(c, t);
  return nflows_plan(c, t);
}

}  // namespace diffeo::golden
