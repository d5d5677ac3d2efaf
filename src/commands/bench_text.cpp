#include "commands/bench_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands/text_table.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/shape.h"

namespace diffeo {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostOperators = 12;

double real(const Json& json, const char* key) { return json.at(key).get<double>(); }

std::string fixed(double value, int digits) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

// Three digits at least, grouped where there are many: "0.0123", "12.3", "12,345".
std::string number(double value) {
  if (value >= 1000) return grouped_digits(std::llround(value));
  return fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 4);
}

std::string percent(double share) { return fixed(100 * share, 1) + " %"; }

std::string gflops(double flops) { return number(flops / 1e9) + " GFLOP/s"; }

std::string shape_text(const Json& json) { return to_string(json.get<Shape>()); }

std::string subject_line(const Json& report) {
  int64_t threads = report.at("threads");
  return joined(grouped_digits(report.at("parameters")), " parameters, batches of ",
                report.at("batch_size").get<int64_t>(), " ",
                report.at("examples").get<std::string>(), " ", shape_text(report.at("shape")), ", ",
                report.at("device").get<std::string>(), ", ", threads,
                threads == 1 ? " thread" : " threads", "\n");
}

std::string speeds(const Json& report) {
  TextTable table({"measured", "", report.at("examples").get<std::string>() + "/s", "ms a batch"});
  for (auto [key, name] :
       {std::pair{"train", "training step"}, {"forward", "forward"}, {"sample", "sampling"}}) {
    const Json& speed = report.at(key);
    table.add({name, "", number(real(speed, "examples_per_second")),
               number(real(speed, "milliseconds"))});
  }
  double batches = real(report.at("data"), "batches_per_second");
  table.add({"data", "", number(batches * real(report, "batch_size")), number(1e3 / batches)});
  table.add({"update of the weights", "", "", number(real(report.at("update"), "milliseconds"))});
  table.add({"start to first step", "", "", number(1e3 * real(report.at("start"), "seconds"))});
  return table.text();
}

std::string rates_line(const Json& report) {
  const Json& machine = report.at("machine");
  std::string text =
      joined("training: ", gflops(real(report.at("train"), "flops_per_second")), ", ",
             percent(real(report, "share_of_gemm")), " of this machine's GEMM rate (",
             gflops(real(machine, "gemm_flops_per_second")), ")");
  const Json& convolution = machine.at("convolution");
  if (convolution.is_null()) return text + "\n";
  return joined(text, ", ", percent(real(report, "share_of_convolution")),
                " of its rate in the largest convolution (",
                gflops(real(convolution, "flops_per_second")), ": ",
                shape_text(convolution.at("input")), " by ", shape_text(convolution.at("weight")),
                ")\n");
}

std::string traffic_lines(const Json& report) {
  const Json& train = report.at("train");
  return joined("operator calls: ", grouped_digits(train.at("operator_calls")), " a step\n",
                "passes over the state: ", number(real(train, "passes_over_state")), " a step (",
                bytes_text(real(train, "state_bytes")), " each; this machine copies ",
                bytes_text(real(report.at("machine"), "copy_bytes_per_second")), "/s)\n",
                "memory: ", bytes_text(real(report, "peak_bytes")),
                " of tensors at a step's worst moment, ",
                bytes_text(real(report, "process_peak_bytes")), " of the process\n");
}

// The entries of a list, those with the largest first.
std::vector<Json> sorted_by(const Json& list, const auto& size_of) {
  std::vector<Json> entries(list.begin(), list.end());
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const Json& a, const Json& b) { return size_of(a) > size_of(b); });
  return entries;
}

double total_of(const std::vector<Json>& entries, const auto& size_of) {
  double total = 0;
  for (const Json& entry : entries) total += size_of(entry);
  return total;
}

std::string layers_table(const Json& report) {
  auto time = [](const Json& layer) {
    return real(layer, "forward_milliseconds") + real(layer, "backward_milliseconds");
  };
  std::vector<Json> layers = sorted_by(report.at("layers"), time);
  double total = total_of(layers, time);
  TextTable table({"layers in a pass", "", "number", "forward ms", "backward ms", "share"});
  for (const Json& layer : layers) {
    int64_t count = layer.at("count");
    table.add({layer.at("kind"), "", count > 0 ? grouped_digits(count) : "",
               number(real(layer, "forward_milliseconds")),
               number(real(layer, "backward_milliseconds")), percent(time(layer) / total)});
  }
  return table.text();
}

std::string operators_table(const Json& report) {
  auto time = [](const Json& use) { return real(use, "milliseconds"); };
  std::vector<Json> uses = sorted_by(report.at("operators"), time);
  double total = total_of(uses, time);
  size_t shown = std::min(uses.size(), kMostOperators);
  TextTable table({"operators in a step", "kind", "calls", "ms", "share"});
  for (size_t i = 0; i < shown; ++i) {
    table.add({uses[i].at("name"), uses[i].at("kind"), grouped_digits(uses[i].at("calls")),
               number(time(uses[i])), percent(time(uses[i]) / total)});
  }
  std::vector<Json> rest(uses.begin() + static_cast<int64_t>(shown), uses.end());
  if (rest.empty()) return table.text();
  int64_t calls = 0;
  for (const Json& use : rest) calls += use.at("calls").get<int64_t>();
  table.add({joined(rest.size(), " others"), "", grouped_digits(calls),
             number(total_of(rest, time)), percent(total_of(rest, time) / total)});
  return table.text();
}

std::string inverses_table(const Json& report) {
  const Json& inverses = report.at("inverses");
  if (inverses.empty()) return {};
  TextTable table({"inverse by search", "", "evaluations an element"});
  for (const Json& inverse : inverses)
    table.add({inverse.at("path"), "", number(real(inverse, "evaluations"))});
  return "\n" + table.text();
}

}  // namespace

std::string bench_text(const Json& report) {
  return joined(subject_line(report), "\n", speeds(report), "\n", rates_line(report),
                traffic_lines(report), "\n", layers_table(report), "\n", operators_table(report),
                inverses_table(report));
}

std::string comparison_text(const Json& report) {
  const Json &first = report.at("settings").at(0), &second = report.at("settings").at(1);
  std::string key = report.at("compare");
  auto name = [&](const Json& setting) {
    return key + "=" + setting.at("value").get<std::string>();
  };
  std::string unit = first.at("examples").get<std::string>() + "/s";
  TextTable table({unit, "", name(first), name(second), "ratio", "from", "to"});
  for (auto [part, title] :
       {std::pair{"train", "training step"}, {"forward", "forward"}, {"sample", "sampling"}}) {
    const Json& ratio = report.at("ratios").at(part);
    table.add({title, "", number(real(first.at(part), "examples_per_second")),
               number(real(second.at(part), "examples_per_second")),
               fixed(real(ratio, "median"), 3), fixed(real(ratio, "least"), 3),
               fixed(real(ratio, "most"), 3)});
  }
  double bytes = real(second, "peak_bytes") / real(first, "peak_bytes");
  table.add({"memory of tensors", "", bytes_text(real(first, "peak_bytes")),
             bytes_text(real(second, "peak_bytes")), fixed(bytes, 3), "", ""});
  return subject_line(first) + "\n" + table.text();
}

std::string depths_text(const Json& report) {
  TextTable table({"times", "", "ms a step", "memory of tensors"});
  for (const Json& depth : report.at("depths")) {
    table.add({std::to_string(depth.at("depth").get<int64_t>()), "",
               number(real(depth, "milliseconds")), bytes_text(real(depth, "peak_bytes"))});
  }
  return table.text();
}

}  // namespace diffeo
