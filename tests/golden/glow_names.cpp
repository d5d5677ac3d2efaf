#include "golden/glow_names.h"

#include <ATen/ATen.h>

#include <regex>

namespace diffeo::golden {
namespace {

enum Permutation { kReverse = 0, kShuffle = 1, kInvConv = 2 };

Layer permutation_layer(const nlohmann::json& hyper) {
  switch (hyper.at("flow_permutation").get<int>()) {
    case kReverse: return {ReverseConfig{}};
    case kShuffle: return {ShuffleConfig{}};
    default:
      return {InvConvConfig{.form = hyper.at("lu_decomposed").get<bool>() ? MixForm::kLu
                                                                          : MixForm::kPlain}};
  }
}

Layer coupling_layer(const nlohmann::json& hyper) {
  AffineForm form =
      hyper.at("flow_coupling").get<int>() == 1 ? AffineForm::kGlow : AffineForm::kAdditive;
  return {
      CouplingConfig{.map = AffineConfig{form}, .net = GlowNetConfig{.hidden = hyper.at("width")}}};
}

int64_t levels(const nlohmann::json& hyper) { return hyper.at("n_levels"); }
int64_t depth(const nlohmann::json& hyper) { return hyper.at("depth"); }

// Place of a level's first step in the list: before each stands a squeeze, before the first a
// dequantizer too, before the others what ends the level.
int64_t first_step(const nlohmann::json& hyper, int64_t level) {
  return 2 + level * (3 * depth(hyper) + 2);
}

// A kernel whose last input channel tells the padding.
void add_edge_conv(NamedTensors& out, const std::string& at, const Tensor& value) {
  Tensor kernel = kernel_of(value);
  int64_t inputs = kernel.size(1) - 1;
  out[at + ".weight"] = kernel.narrow(1, 0, inputs);
  out[at + ".edge_weight"] = kernel.narrow(1, inputs, 1);
}

void add_zero_conv(NamedTensors& out, const std::string& at, const std::string& leaf,
                   const Tensor& value) {
  if (leaf == "W") add_edge_conv(out, at + ".conv", value);
  else out[at + "." + leaf] = value.flatten();
}

void add_zero_linear(NamedTensors& out, const std::string& at, const std::string& leaf,
                     const Tensor& value) {
  if (leaf == "W") out[at + ".weight"] = value.t();
  else out[at + "." + leaf] = value.flatten();
}

void add_permutation(NamedTensors& out, const std::string& at, const std::string& name,
                     const Tensor& value) {
  static const std::map<std::string, std::string> factors{{"invconv/P", "p"},
                                                          {"invconv/L", "l"},
                                                          {"invconv/U", "u"},
                                                          {"invconv/log_S", "log_s"},
                                                          {"invconv/sign_S", "sign_s"}};
  if (name == "invconv/W") out[at + ".mix.weight"] = value.t();
  else if (name == "shuffle/indices") out[at + ".indices"] = value.to(at::kLong);
  else if (factors.contains(name)) out[at + ".mix." + factors.at(name)] = value;
}

void add_coupling(NamedTensors& out, const std::string& at, const std::string& name,
                  const Tensor& value) {
  static const std::regex norm("l_([12])/actnorm_(?:center|scale)/(b|logs)");
  std::smatch match;
  if (name == "l_1/W") add_edge_conv(out, at + ".net.first", value);
  else if (name == "l_2/W") out[at + ".net.second"] = kernel_of(value);
  else if (name.starts_with("l_last/")) add_zero_conv(out, at + ".net.last", name.substr(7), value);
  else if (std::regex_match(name, match, norm)) {
    out[at + (match[1] == "1" ? ".net.first_norm." : ".net.second_norm.") + match[2].str()] =
        value.flatten();
  }
}

void add_step(NamedTensors& out, const nlohmann::json& hyper, const std::smatch& where,
              const Tensor& value) {
  int64_t level = std::stoll(where[1]), step = std::stoll(where[2]);
  const std::string name = where[3];
  auto at = [&](int64_t place) { return glow_step(hyper, level, step, place); };
  if (name.starts_with("actnorm_"))
    out[at(0) + ".norm." + name.substr(name.rfind('/') + 1)] = value.flatten();
  else if (name.starts_with("f1/")) add_coupling(out, at(2), name.substr(3), value);
  else add_permutation(out, at(1), name, value);
}

}  // namespace

std::vector<Layer> glow_layers(const nlohmann::json& hyper) {
  DequantizeConfig dequantize;
  dequantize.bits = hyper.at("n_bits_x");
  dequantize.range = {-0.5, 0.5};
  std::vector<Layer> layers{{dequantize}};
  for (int64_t level = 0; level < levels(hyper); ++level) {
    layers.push_back({SqueezeConfig{}});
    for (int64_t step = 0; step < depth(hyper); ++step) {
      layers.insert(layers.end(),
                    {{ActNormConfig{}}, permutation_layer(hyper), coupling_layer(hyper)});
    }
    if (level < levels(hyper) - 1)
      layers.push_back({FactorOutConfig{.prior = SplitPrior::kLearned}});
  }
  bool conditioned = hyper.at("ycond");
  layers.push_back(
      {PriorConfig{.learned = hyper.at("learntop"),
                   .classes = conditioned,
                   .classifier_weight = conditioned ? hyper.at("weight_y").get<double>() : 0}});
  return layers;
}

Shape glow_shape(const nlohmann::json& hyper) {
  int64_t size = hyper.at("image_size");
  return {hyper.at("channels"), size, size};
}

int64_t glow_classes(const nlohmann::json& hyper) {
  return hyper.at("ycond").get<bool>() ? hyper.at("n_y").get<int64_t>() : 0;
}

std::string glow_step(const nlohmann::json& hyper, int64_t level, int64_t step, int64_t place) {
  static const char* kPermutations[] = {"reverse", "shuffle", "inv_conv"};
  const std::string types[] = {"actnorm", kPermutations[hyper.at("flow_permutation").get<int>()],
                               "coupling"};
  return "flow." + std::to_string(first_step(hyper, level) + 3 * step + place) + "_" + types[place];
}

std::string glow_end(const nlohmann::json& hyper, int64_t level) {
  const char* type = level < levels(hyper) - 1 ? "factor_out" : "prior";
  return "flow." + std::to_string(first_step(hyper, level) + 3 * depth(hyper)) + "_" + type;
}

NamedTensors glow_values(const nlohmann::json& hyper, const NamedTensors& tensors,
                         const std::string& prefix) {
  static const std::regex step("([0-9]+)/([0-9]+)/(.+)"), pool("pool([0-9]+)/conv/(.+)");
  const std::string model = prefix + "model/", top = glow_end(hyper, levels(hyper) - 1);
  NamedTensors out;
  for (const auto& [full_name, value] : tensors) {
    if (!full_name.starts_with(model)) continue;
    const std::string name = full_name.substr(model.size());
    std::smatch match;
    if (std::regex_match(name, match, step)) add_step(out, hyper, match, value);
    else if (std::regex_match(name, match, pool)) {
      add_zero_conv(out, glow_end(hyper, std::stoll(match[1])) + ".prior", match[2], value);
    } else if (name.starts_with("prior/p/"))
      add_zero_conv(out, top + ".conv", name.substr(8), value);
    else if (name.starts_with("prior/y_emb/"))
      add_zero_linear(out, top + ".labels", name.substr(12), value);
    else if (name.starts_with("classifier/"))
      add_zero_linear(out, top + ".classifier", name.substr(11), value);
    else ADD_FAILURE() << "a variable without a place in our model: " << full_name;
  }
  return out;
}

}  // namespace diffeo::golden
