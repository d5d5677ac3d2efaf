#include "golden/flowpp_plan.h"

#include <cmath>
#include <regex>

namespace diffeo::golden {
namespace {

const char* const kDequantizer = "flow.0_dequantize.";

// Which variables a case has under the prefix.
class FlowppVariables {
 public:
  FlowppVariables(const NamedTensors& tensors, std::string prefix)
      : tensors_(tensors), prefix_(std::move(prefix)) {}

  bool has(const std::string& beginning) const {
    auto next = tensors_.lower_bound(prefix_ + beginning);
    return next != tensors_.end() && next->first.starts_with(prefix_ + beginning);
  }

 private:
  const NamedTensors& tensors_;
  std::string prefix_;
};

std::optional<Split> flowpp_split(const std::string& type) {
  if (type == "CheckerboardSplit")
    return Split::kColumns;  // even and odd columns, for all its name
  if (type == "ChannelSplit") return Split::kChannel;
  return std::nullopt;
}

// The scopes of a type in the order of their numbers: Norm, Norm_1, ...
std::vector<std::string> flowpp_scopes(const FlowppVariables& variables, const std::string& type) {
  std::vector<std::string> scopes;
  for (std::string scope = type; variables.has(scope + "/");
       scope = type + "_" + std::to_string(scopes.size())) {
    scopes.push_back(scope);
  }
  return scopes;
}

// The layers of a case that lists none: what has variables, coupling by coupling, between one split
// and its merge.
nlohmann::json flowpp_listed(const Case& c, const FlowppVariables& variables) {
  const std::string part = c.kind() == "dequantizer" ? "dequant/" : "main/";
  const bool channels = c.hyper().value("split", "checkerboard") == "channel";
  const std::string split = channels ? "ChannelSplit" : "CheckerboardSplit";
  nlohmann::json listed;
  auto add = [&](const std::string& type, const std::string& scope) {
    listed.push_back({part + std::to_string(listed.size()), type, scope});
  };
  const std::string type =
      variables.has("MixLogisticAttnCoupling") ? "MixLogisticAttnCoupling" : "MixLogisticCoupling";
  const std::vector<std::string> couplings = flowpp_scopes(variables, type),
                                 norms = flowpp_scopes(variables, "Norm"),
                                 mixes = flowpp_scopes(variables, "Pointwise");
  add(split, "");
  for (size_t i = 0; i < couplings.size(); ++i) {
    if (i < norms.size()) add("Norm", norms[i]);
    if (i < mixes.size()) add("Pointwise", mixes[i]);
    add(type, couplings[i]);
    if (!norms.empty()) add("TupleFlip", "");
  }
  add("Inverse(" + split + ")", "");
  // In other families it is no layer of theirs.
  if (c.kind() == "dequantizer" && c.hyper().at("family") == "cifar") add("Sigmoid", "");
  return listed;
}

GatedAttentionNetConfig flowpp_coupling_net(const nlohmann::json& hyper,
                                            const FlowppVariables& variables,
                                            const std::string& scope, bool dequantizes) {
  const char* widths[] = {"filters", "dequant_filters"};
  const char* depths[] = {"blocks", "dequant_blocks"};
  return {.filters = hyper.at(widths[dequantizes]),
          .blocks = hyper.at(depths[dequantizes]),
          .heads = hyper.at("heads"),
          .attention = scope.starts_with("MixLogisticAttn") ? Attention::kFull : Attention::kNone,
          .weight_norm = variables.has(scope + "/c1/V"),
          .last_elu = !variables.has(scope + "/proj_in/")};
}

FeaturesConfig flowpp_features(const nlohmann::json& hyper, const FlowppVariables& variables) {
  const std::string scope = "context_proc/";
  GatedConvNetConfig net{
      .blocks = hyper.at("context_blocks"),
      .layer_norm = variables.has(scope + "dqln"),
      .attention = variables.has(scope + "dqattn") ? Attention::kFull : Attention::kNone,
      .heads = 4,
      .weight_norm = variables.has(scope + "proj/V")};
  return {.split = Split::kColumns, .channels = hyper.at("context_filters"), .net = net};
}

// Builds both lists of a plan, layer by layer.
class FlowppPlanner {
 public:
  FlowppPlanner(const Case& c, const NamedTensors& tensors, const std::string& prefix)
      : hyper_(c.hyper()),
        variables_(tensors, prefix),
        listed_(c.entry.contains("layers") ? c.entry.at("layers") : flowpp_listed(c, variables_)) {}

  FlowppPlan plan() {
    for (const auto& entry : listed_)
      add(entry.at(0), entry.at(1), entry.at(2).is_null() ? "" : entry.at(2));
    if (noise_.empty()) return plan_;
    if (type_of(noise_.back()) != std::string("sigmoid")) noise_.push_back({SigmoidConfig{}});
    DequantizeConfig dequantize;
    dequantize.bits = dequantize.data_bits = std::lround(std::log2(flowpp_bins(hyper_)));
    dequantize.noise = noise_;
    if (variables_.has("context_proc/")) {
      dequantize.features = flowpp_features(hyper_, variables_);
      plan_.features = std::string(kDequantizer) + "features";
    }
    plan_.layers.insert(plan_.layers.begin(), {dequantize});
    return plan_;
  }

 private:
  void add(const std::string& place, const std::string& type, const std::string& scope) {
    bool dequantizes = place.starts_with("dequant/");
    if (type.ends_with("Split")) split_ = flowpp_split(type);
    if (type.starts_with("Inverse(")) split_ = std::nullopt;
    std::optional<Layer> ours = layer(type, scope, dequantizes);
    std::string path;
    if (ours) {
      std::vector<Layer>& list = dequantizes ? noise_ : plan_.layers;
      size_t number =
          list.size() + (dequantizes || noise_.empty() ? 0 : 1);  // behind the dequantizer
      path = dequantizes ? std::string(kDequantizer) + "noise." : "flow.";
      path += std::to_string(number) + "_" + type_of(*ours);
      list.push_back(*ours);
    }
    plan_.theirs.push_back({place, type, scope, path, split_});
  }

  std::optional<Layer> layer(const std::string& type, const std::string& scope,
                             bool dequantizes) const {
    if (type.ends_with("Split") || type.starts_with("Inverse(")) return std::nullopt;
    if (type == "ImgProc") return Layer{LogitConfig{.alpha = 0.05}};
    if (type == "Sigmoid") return Layer{SigmoidConfig{}};
    if (type == "SpaceToDepth") return Layer{SqueezeConfig{SqueezeOrder::kSpaceToDepth}};
    if (type == "Norm") return Layer{ActNormConfig{ActNormPer::kPosition}};
    if (type == "TupleFlip") return Layer{FlipConfig{split_.value()}};
    if (type == "Pointwise") {
      MixSplit split = split_.value() == Split::kChannel ? MixSplit::kChannel : MixSplit::kColumns;
      return Layer{InvConvConfig{.split = split, .start = MixStart::kNearIdentity}};
    }
    require(flowpp_is_coupling(type), "a layer no test knows: ", type);
    bool reads_features = variables_.has(scope + "/block0/conv/a_proj/");
    return Layer{
        CouplingConfig{.split = split_.value(),
                       .context = reads_features ? Context::kFeatures : Context::kNone,
                       .map = LogisticMixtureConfig{hyper_.at("components")},
                       .net = flowpp_coupling_net(hyper_, variables_, scope, dequantizes)}};
  }

  const nlohmann::json& hyper_;
  FlowppVariables variables_;
  nlohmann::json listed_;
  std::vector<Layer> noise_;
  FlowppPlan plan_;
  std::optional<Split> split_;
};

}  // namespace

bool flowpp_is_coupling(const std::string& type) {
  return type == "MixLogisticAttnCoupling" || type == "MixLogisticCoupling";
}

double flowpp_bins(const nlohmann::json& hyper) {
  static const std::regex few_bits(".*([0-9])bit");
  const std::string family = hyper.at("family");
  std::smatch match;
  return hyper.value(
      "bins", std::regex_match(family, match, few_bits) ? std::exp2(std::stod(match[1])) : 256.0);
}

FlowppPlan flowpp_plan(const Case& c, const NamedTensors& tensors, const std::string& prefix) {
  return FlowppPlanner(c, tensors, prefix).plan();
}

ConditionerConfig flowpp_net(const Case& c, const NamedTensors& tensors,
                             const std::string& prefix) {
  FlowppVariables variables(tensors, prefix);
  bool attends = variables.has("MixLogisticAttnCoupling/");
  return flowpp_coupling_net(c.hyper(), variables,
                             attends ? "MixLogisticAttnCoupling" : "MixLogisticCoupling", false);
}

}  // namespace diffeo::golden
