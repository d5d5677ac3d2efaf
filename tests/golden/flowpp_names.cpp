#include "golden/flowpp_names.h"

#include <ATen/ATen.h>

#include <regex>

namespace diffeo::golden {
namespace {

// A layer's variable in our layout: kernels of convolutions and dense matrices, embeddings [H, W,
// F], the rest vectors.
Tensor flowpp_value(const Tensor& value, const std::string& leaf) {
  if (leaf == "W" || leaf == "V")
    return kernel_of(value.dim() == 2 ? value.unsqueeze(0).unsqueeze(0) : value);
  return leaf.starts_with("pos_emb") ? value.permute({2, 0, 1}) : value.flatten();
}

// A network's variables, `name` after the scope.
void add_flowpp_net(NamedTensors& out, const std::string& at, const std::string& name,
                    const Tensor& value) {
  if (name.starts_with("pos_emb")) {
    out[at + "blocks.positions"] = flowpp_value(value, name);
    return;
  }
  static const std::map<std::string, std::string> leaves{
      {"W", "weight"}, {"V", "weight"}, {"g", "gain"}, {"b", "bias"}};
  const std::string leaf = name.substr(name.rfind('/') + 1);
  const std::string layer = flowpp_net_layer(name.substr(0, name.rfind('/')));
  out[at + layer + "." + leaves.at(leaf)] = flowpp_value(value, leaf);
}

// Norm and Pointwise have one set of variables for each half.
void add_flowpp_norm(NamedTensors& out, const FlowppLayer& layer, const NamedTensors& tensors,
                     const std::string& scope) {
  for (const auto& [theirs, ours] : {std::pair{"g", "gain"}, std::pair{"b", "bias"}}) {
    auto first = tensors.find(scope + "norm0/" + theirs);
    if (first == tensors.end()) continue;
    auto image = [](const Tensor& t) { return image_of(t.unsqueeze(0)); };
    const Tensor& second = tensors.at(scope + "norm1/" + theirs);
    out[layer.path + ".norm." + ours] =
        Partition{layer.split.value()}.merge(image(first->second), image(second))[0];
  }
}

void add_flowpp_mix(NamedTensors& out, const FlowppLayer& layer, const NamedTensors& tensors,
                    const std::string& scope) {
  for (const auto& [theirs, ours] : {std::pair{"W0", "first"}, std::pair{"W1", "second"}}) {
    auto found = tensors.find(scope + theirs);
    if (found != tensors.end()) out[layer.path + "." + ours + ".weight"] = found->second.t();
  }
}

void add_flowpp_scope(NamedTensors& out, const std::string& at, const NamedTensors& tensors,
                      const std::string& scope) {
  for (auto next = tensors.lower_bound(scope);
       next != tensors.end() && next->first.starts_with(scope); ++next) {
    add_flowpp_net(out, at, next->first.substr(scope.size()), next->second);
  }
}

// How many of theirs our values come from: a norm's from two.
size_t flowpp_variables_of(const NamedTensors& values) {
  size_t count = 0;
  for (const auto& [name, value] : values)
    count += name.find("_actnorm.norm.") == std::string::npos ? 1 : 2;
  return count;
}

}  // namespace

NamedTensors flowpp_net_values(const NamedTensors& tensors, const std::string& prefix) {
  NamedTensors out;
  for (const char* scope : {"MixLogisticAttnCoupling/", "MixLogisticCoupling/"}) {
    add_flowpp_scope(out, "", tensors, prefix + scope);
  }
  return out;
}

std::string flowpp_net_layer(const std::string& name) {
  static const std::map<std::string, std::string> ends{{"proj_in", "first"},
                                                       {"c1", "first"},
                                                       {"proj", "first"},
                                                       {"proj_out", "last"},
                                                       {"c2", "last"}};
  static const std::map<std::string, std::string> parts{
      {"conv", "conv"},           {"conv/c1", "conv.first"},      {"conv/a_proj", "conv.context"},
      {"conv/c2", "conv.second"}, {"ln1", "conv_norm"},           {"attn", "attention"},
      {"ln2", "attention_norm"},  {"attn/proj1", "attention.in"}, {"attn/proj2", "attention.out"}};
  // Of the network of the context, whose numbers stand elsewhere.
  static const std::map<std::string, std::string> context_parts{{"c/c1", "conv.first"},
                                                                {"c/c2", "conv.second"},
                                                                {"dqln", "conv_norm"},
                                                                {"dqattn/proj1", "attention.in"},
                                                                {"dqattn/proj2", "attention.out"},
                                                                {"ln", "attention_norm"}};
  static const std::regex block("block([0-9]+)[./](.+)"),
      context("(c|dqln|dqattn|ln)([0-9]+)(/.+)?");
  std::smatch match;
  if (std::regex_match(name, match, block))
    return "blocks.block" + match[1].str() + "_" + parts.at(match[2]);
  if (auto found = ends.find(name); found != ends.end()) return found->second;
  require(std::regex_match(name, match, context), "a layer no test knows: ", name);
  return "blocks.block" + match[2].str() + "_" + context_parts.at(match[1].str() + match[3].str());
}

NamedTensors flowpp_values(const FlowppPlan& plan, const NamedTensors& tensors,
                           const std::string& prefix) {
  NamedTensors out;
  for (const FlowppLayer& layer : plan.theirs) {
    const std::string scope = prefix + layer.scope + "/";
    if (layer.type == "Norm") add_flowpp_norm(out, layer, tensors, scope);
    else if (layer.type == "Pointwise") add_flowpp_mix(out, layer, tensors, scope);
    else if (flowpp_is_coupling(layer.type))
      add_flowpp_scope(out, layer.path + ".net.", tensors, scope);
  }
  if (!plan.features.empty())
    add_flowpp_scope(out, plan.features + ".", tensors, prefix + "context_proc/");
  size_t theirs = 0;
  for (const auto& [name, value] : tensors) theirs += name.starts_with(prefix);
  EXPECT_EQ(flowpp_variables_of(out), theirs)
      << "variables under " << prefix << " without a place in our model";
  return out;
}

void load_flowpp(torch::nn::Module& model, const NamedTensors& values) {
  for (const std::string& name : assign(model, values)) {
    EXPECT_TRUE(name.ends_with("initialised")) << name << " got no value";
  }
  for (auto& b : model.named_buffers()) {
    if (b.key().ends_with("initialised")) b.value().fill_(true);
  }
}

Tensor flowpp_state(const Tensor& tensor) { return tensor.dim() == 4 ? image_of(tensor) : tensor; }

}  // namespace diffeo::golden
