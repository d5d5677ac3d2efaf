#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/commands.h"
#include "commands/layer_check.h"
#include "commands/model_argument.h"
#include "commands/text_table.h"
#include "config/configured_flow.h"
#include "config/outline.h"
#include "flow/drift.h"
#include "inference/sampling.h"
#include "io/json.h"
#include "terminal/console.h"

namespace diffeo {
namespace {

constexpr int64_t kExamples = 4;
constexpr uint64_t kSeed = 0;

// A flow to check and examples that it may meet.
struct Subject {
  std::shared_ptr<Flow> flow;
  Tensor x;
  Tensor labels, context;   // undefined: none
  std::string source = {};  // which weights of which checkpoint; empty: random ones
};

Tensor labels_for(const Config& config, const c10::TensorOptions& options) {
  int64_t classes = data_classes(config.data);
  return classes > 0 ? at::arange(kExamples, options.dtype(at::kLong)) % classes : Tensor();
}

Tensor context_for(const Config& config, const c10::TensorOptions& options, Noise& noise) {
  auto columns = static_cast<int64_t>(data_context(config.data).size());
  return columns > 0 ? noise.normal("context", at::empty({kExamples, columns}, options)) : Tensor();
}

Tensor random_examples(const Config& config, const c10::TensorOptions& options, Noise& noise) {
  Tensor like = at::empty(batched(kExamples, data_shape(config.data)), options);
  if (!data_is_image(config.data)) return noise.normal("examples", like);
  return (noise.uniform("examples", like) * static_cast<double>(data_levels(config.data))).floor();
}

// Many layers start as the identity, which would make their checks trivial. A network's numbers
// stay of the same size however wide it is.
void perturb(Flow& flow, Noise& noise) {
  at::NoGradGuard no_grad;
  for (auto& entry : flow.named_parameters()) {
    Tensor& parameter = entry.value();
    double inputs =
        parameter.dim() < 2 ? 1 : static_cast<double>(parameter.numel() / parameter.size(0));
    parameter.add_(noise.normal(entry.key(), parameter), 0.1 / std::sqrt(inputs));
  }
}

Subject from_config(const std::string& argument, const c10::TensorOptions& options) {
  Config config = config_of(argument);
  outline_of(config);
  SeededNoise noise(kSeed);
  Subject subject{build_flow(config, options), random_examples(config, options, noise),
                  labels_for(config, options), context_for(config, options, noise)};
  subject.flow->initialise(
      subject.x, {.labels = subject.labels, .features = subject.context, .noise = &noise});
  perturb(*subject.flow, noise);
  return subject;
}

// The examples are the flow's own samples.
Subject from_checkpoint(const std::string& argument, const c10::TensorOptions& options,
                        const Warn& warn) {
  LoadedFlow loaded = load_flow(argument, options, Weights::kAverage, warn);
  SeededNoise noise(kSeed);
  Tensor context = context_for(loaded.config, options, noise);
  SampleOptions four{.count = kExamples,
                     .batch_size = kExamples,
                     .classes = data_classes(loaded.config.data),
                     .given = context};
  Tensor x = sample(*loaded.flow, four);
  return {loaded.flow, x, labels_for(loaded.config, options), context,
          "the " + loaded.weights_text()};
}

Subject subject_of(const std::string& argument, at::ScalarType precision, const Warn& warn) {
  c10::TensorOptions options = c10::TensorOptions(precision).device(at::kCPU);
  return is_checkpoint(argument) ? from_checkpoint(argument, options, warn)
                                 : from_config(argument, options);
}

std::string error_text(double error) {
  std::array<char, 16> text;
  std::snprintf(text.data(), text.size(), "%.1e", error);
  return text.data();
}

int64_t count_of(const std::vector<LayerVerdict>& verdicts, Verdict verdict) {
  return std::count_if(verdicts.begin(), verdicts.end(),
                       [&](const auto& v) { return v.verdict() == verdict; });
}

// What inverses without a formula cost, a line a layer.
std::string effort_text(const std::vector<LayerVerdict>& verdicts) {
  TextTable table({"inverse by search", "evaluations an element", "worst"});
  bool any = false;
  for (const LayerVerdict& v : verdicts) {
    if (!v.effort) continue;
    any = true;
    table.add(
        {v.path, joined(std::round(10 * v.effort->mean) / 10), grouped_digits(v.effort->worst)});
  }
  return any ? table.text() + "\n" : "";
}

// How far inputs drift that train.memory: invert rebuilds in single precision, in which flows
// train.
std::vector<Drift> drifts_in_training(const std::string& argument) {
  // Its warnings have been heard in double precision.
  Subject subject = subject_of(argument, at::kFloat, [](const std::string&) {});
  SeededNoise noise(kSeed);
  Pass pass{.labels = subject.labels, .features = subject.context, .noise = &noise};
  return drifts_of(*subject.flow, subject.x, pass, {Memory::kInvert});
}

std::string drift_text(const std::vector<Drift>& drifts) {
  if (drifts.empty()) return "";
  std::string text = joined("train.memory: invert would rebuild the inputs of ", drifts.size(),
                            drifts.size() == 1 ? " layer, the worst of " : " layers, the worst of ",
                            text_of(largest_of(drifts)), " of its largest number\n");
  for (const Drift& drift : drifts) {
    if (drift.is_too_large())
      text += joined("  and keep that of ", drift.path, ", for the bound is ", kDriftBound, "\n");
  }
  return text;
}

nlohmann::json drifts_json(const std::vector<Drift>& drifts) {
  nlohmann::json list = nlohmann::json::array();
  for (const Drift& drift : drifts) list.push_back({{"path", drift.path}, {"error", drift.error}});
  return {{"bound", kDriftBound}, {"layers", list}};
}

void print_verdicts(const std::vector<LayerVerdict>& verdicts, const std::vector<Drift>& drifts) {
  TextTable table({"layer", "verdict", "dimensions", "round trip", "log-det"});
  for (const LayerVerdict& v : verdicts) {
    table.add({v.path, name_of(v.verdict()), grouped_digits(v.dimensions), error_text(v.round_trip),
               v.log_det ? error_text(*v.log_det) : "not checked"});
  }
  std::cout << table.text() << "\n"
            << effort_text(verdicts) << drift_text(drifts) << count_of(verdicts, Verdict::kPass)
            << " of " << verdicts.size() << " layers pass\n";
}

void print_verdicts_as_json(const std::vector<LayerVerdict>& verdicts,
                            const std::vector<Drift>& drifts) {
  nlohmann::json layers = nlohmann::json::array();
  for (const LayerVerdict& v : verdicts) {
    nlohmann::json effort;
    if (v.effort) effort = {{"mean", v.effort->mean}, {"worst", v.effort->worst}};
    layers.push_back(
        {{"path", v.path},
         {"verdict", name_of(v.verdict())},
         {"dimensions", v.dimensions},
         {"round_trip_error", v.round_trip},
         {"inverse_evaluations", effort},
         {"log_det_error", v.log_det ? nlohmann::json(*v.log_det) : nlohmann::json()}});
  }
  std::cout << json_text({{"tolerance", kCheckTolerance},
                          {"layers", layers},
                          {"drift", drifts_json(drifts)}},
                         2)
            << "\n";
}

// Throws unless every layer has passed.
void conclude(const std::vector<LayerVerdict>& verdicts, const LayerCheck& check) {
  int64_t failed = count_of(verdicts, Verdict::kFail),
          unchecked = count_of(verdicts, Verdict::kNotChecked);
  if (failed > 0) {
    fail(failed, " of ", verdicts.size(), " layers fail: an error is above ",
         error_text(kCheckTolerance));
  }
  if (unchecked == 0) return;
  fail(unchecked, " of ", verdicts.size(),
       " layers are not checked: the Jacobians of layers with more than ", kFreeDimensions,
       " dimensions take about ", span_text(std::ceil(check.seconds_for_large())),
       ", by --jacobian");
}

void check_model(const std::string& model, bool large, bool json) {
  Subject subject = subject_of(model, at::kDouble, warn_user);
  if (!subject.source.empty()) std::cerr << "checking " << subject.source << "\n";
  SeededNoise noise(kSeed);
  Pass pass{.labels = subject.labels, .features = subject.context, .noise = &noise};
  LayerCheck check(*subject.flow->layers(), subject.flow->as_read(subject.x),
                   subject.flow->conditioned(pass));
  if (large && check.large_layers() > 0) {
    std::cerr << "Jacobians of " << check.large_layers() << " layers with more than "
              << kFreeDimensions << " dimensions: about "
              << span_text(std::ceil(check.seconds_for_large())) << std::endl;
  }
  std::vector<LayerVerdict> verdicts = check.verdicts(large);
  std::vector<Drift> drifts = drifts_in_training(model);
  json ? print_verdicts_as_json(verdicts, drifts) : print_verdicts(verdicts, drifts);
  conclude(verdicts, check);
}

}  // namespace

void check_command(const Words& words) {
  std::string model;
  bool json = false, large = false;
  CommandLine line(
      "diffeo check",
      "Tests every layer alone, in double precision: whether the inverse undoes the forward, and "
      "the "
      "log-determinant against the Jacobian. The weights of a configuration are random, those of a "
      "checkpoint its own. Ends with 0 only where every layer was checked and passed.",
      "diffeo check tutorial/realnvp");
  line.argument("MODEL", model, "Configuration (file or shipped name), or checkpoint");
  line.flag("--json", json, "Print JSON");
  line.flag("--jacobian", large,
            "Also compute Jacobians of more than 512 dimensions, after telling how long it takes");
  if (line.parse(words)) check_model(model, large, json);
}

}  // namespace diffeo
