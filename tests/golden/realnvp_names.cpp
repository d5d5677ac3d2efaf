#include "golden/realnvp_names.h"

#include <ATen/ATen.h>

#include <regex>

namespace diffeo::golden {
namespace {

int64_t scales(const nlohmann::json& hyper) { return hyper.at("n_scale"); }

bool flag(const nlohmann::json& value) {
  return value.is_boolean() ? value.get<bool>() : value.get<int>() != 0;
}

ConditionerConfig net(const nlohmann::json& hyper, int64_t hidden) {
  return ResNetConfig{.hidden = hidden,
                      .blocks = hyper.at("residual_blocks"),
                      .batch_norm = flag(hyper.at("use_batch_norm"))};
}

Layer masked(const nlohmann::json& hyper, int64_t hidden, Cells keep) {
  return {MaskedCouplingConfig{.keep = keep,
                               .batch_norm = flag(hyper.at("use_batch_norm")),
                               .map = AffineConfig{AffineForm::kRealNvp},
                               .net = net(hyper, hidden)}};
}

Layer halved(const nlohmann::json& hyper, int64_t hidden, Keep keep) {
  return {CouplingConfig{.keep = keep,
                         .batch_norm = flag(hyper.at("use_batch_norm")),
                         .map = AffineConfig{AffineForm::kRealNvp},
                         .net = net(hyper, hidden)}};
}

// Their name of a layer of the residual network to ours.
std::string net_layer(const std::string& name) {
  static const std::map<std::string, std::string> ends{
      {"h_in", "first"}, {"skip_in", "first_skip"}, {"bn_pre_out", "last_norm"}, {"out", "last"}};
  static const std::map<std::string, std::string> parts{
      {"bn_in", "norm_in"}, {"h_0", "mid"}, {"bn_0", "norm_mid"}, {"out", "out"}};
  static const std::regex skip("skip_([0-9]+)"), block("block_([0-9]+)/(.+)");
  std::smatch match;
  if (std::regex_match(name, match, skip)) return "block" + match[1].str() + "_skip";
  if (std::regex_match(name, match, block))
    return "block" + match[1].str() + "_" + parts.at(match[2]);
  return ends.at(name);
}

void add_variable(NamedTensors& out, const std::string& path, const std::string& name,
                  const Tensor& value) {
  static const std::map<std::string, std::string> leaves{
      {"weights", "weight"}, {"biases", "bias"},       {"magnitude", "magnitude"},
      {"beta", "beta"},      {"mean", "moments.mean"}, {"var", "moments.variance"}};
  const std::string leaf = name.substr(name.rfind('/') + 1),
                    parent = name.substr(0, name.find_last_of('/'));
  if (leaf == "step") return;
  if (name == "rescaling_scale" || name == "scale") out[path + ".map.scale"] = value;
  else if (name == "scale_shift") out[path + ".map.scale_shift"] = value;
  else if (parent == "bn_out") out[path + "." + leaves.at(leaf)] = value;
  else if (parent == "bn_in") out[path + ".net_norm." + leaves.at(leaf)] = value;
  else {
    const std::string layer = net_layer(parent.substr(std::string("resnet/").size()));
    out[path + ".net." + layer + "." + leaves.at(leaf)] =
        leaf == "weights" ? kernel_of(value) : value;
  }
}

Unsqueeze unsqueeze_of(const Shape& shape, at::ScalarType precision) {
  return Unsqueeze(UnsqueezeConfig{SqueezeOrder::kDiagonal},
                   {.input = {4 * shape[0], shape[1] / 2, shape[2] / 2}, .options = precision});
}

Shape next_scale(const Shape& shape) { return {2 * shape[0], shape[1] / 2, shape[2] / 2}; }

}  // namespace

std::vector<Layer> realnvp_layers(const nlohmann::json& hyper) {
  std::vector<Layer> layers{
      {DequantizeConfig{}},
      {LogitConfig{.alpha = (1 - hyper.at("data_constraint").get<double>()) / 2}}};
  int64_t width = hyper.at("base_dim");
  for (int64_t i = 0; i < scales(hyper); ++i, width *= 2) {
    for (Cells keep : {Cells::kEven, Cells::kOdd, Cells::kEven})
      layers.push_back(masked(hyper, width, keep));
    if (i == scales(hyper) - 1) break;
    layers.push_back({SqueezeConfig{}});
    for (Keep keep : {Keep::kFirst, Keep::kSecond, Keep::kFirst})
      layers.push_back(halved(hyper, 2 * width, keep));
    layers.insert(
        layers.end(),
        {{UnsqueezeConfig{}}, {SqueezeConfig{SqueezeOrder::kDiagonal}}, {FactorOutConfig{}}});
  }
  layers.push_back(masked(hyper, width, Cells::kOdd));
  return layers;
}

Layer realnvp_coupling(const Case& c) {
  const nlohmann::json& hyper = c.hyper();
  if (hyper.at("split") == "channel") {
    return halved(hyper, hyper.at("dim"),
                  c.entry.at("change_bottom").get<bool>() ? Keep::kFirst : Keep::kSecond);
  }
  return masked(hyper, hyper.at("dim"),
                c.entry.at("mask_in").get<double>() == 1 ? Cells::kEven : Cells::kOdd);
}

std::string realnvp_path(const nlohmann::json&, int64_t scale, int64_t coupling) {
  // A scale has ten layers: coupling_4 stands behind a squeeze in coupling_3's place.
  int64_t place = 2 + 10 * scale + coupling;
  return "flow." + std::to_string(place) + (coupling >= 4 ? "_coupling" : "_masked_coupling");
}

NamedTensors realnvp_values(const nlohmann::json& hyper, const NamedTensors& tensors,
                            const std::string& prefix) {
  static const std::regex where("model/scale_([0-9]+)/coupling_([0-9]+)/(.+)");
  NamedTensors out;
  for (const auto& [name, value] : tensors) {
    if (!name.starts_with(prefix)) continue;
    const std::string variable = name.substr(prefix.size());
    std::smatch match;
    if (!std::regex_match(variable, match, where)) {
      ADD_FAILURE() << "a variable without a place in our model: " << name;
      continue;
    }
    add_variable(out, realnvp_path(hyper, std::stoll(match[1]), std::stoll(match[2])), match[3],
                 value);
  }
  return out;
}

NamedTensors realnvp_coupling_values(const NamedTensors& tensors, const std::string& prefix,
                                     const std::string& path) {
  const std::string scope = prefix + "model/coupling/";
  NamedTensors out;
  for (const auto& [name, value] : tensors) {
    if (name.starts_with(scope)) add_variable(out, path, name.substr(scope.size()), value);
  }
  return out;
}

bool realnvp_penalised(const std::string& name) {
  return name.ends_with(".magnitude") || name.ends_with("_masked_coupling.map.scale");
}

Tensor realnvp_image(const Tensor& latents, const Shape& shape, int64_t scales) {
  if (scales == 1) return latents.reshape(batched(latents.size(0), shape));
  Shape next = next_scale(shape);
  Tensor ended = latents.narrow(1, 0, numel(next)).reshape(batched(latents.size(0), next));
  Tensor rest = realnvp_image(latents.narrow(1, numel(next), numel(next)), next, scales - 1);
  return unsqueeze_of(shape, latents.scalar_type()).forward(at::cat({rest, ended}, 1)).value;
}

Tensor realnvp_latents(const Tensor& image, int64_t scales) {
  if (scales == 1) return image.flatten(1);
  std::vector<Tensor> halves =
      unsqueeze_of(event_shape(image), image.scalar_type()).inverse(image).chunk(2, 1);
  return at::cat({halves[1].flatten(1), realnvp_latents(halves[0], scales - 1)}, 1);
}

}  // namespace diffeo::golden
