#include <ATen/Parallel.h>

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands/bench_text.h"
#include "commands/benchmark.h"
#include "commands/commands.h"
#include "commands/devices.h"
#include "commands/model_argument.h"
#include "config/findings.h"
#include "config/outline.h"
#include "core/memory.h"

namespace diffeo {
namespace {

using Json = nlohmann::json;

// Two values of one key of the configuration.
struct Comparison {
  std::string key, first, second;
};

struct BenchArguments {
  std::string model, device = "auto";
  Words overrides;
  std::optional<int64_t> rounds, threads, batch_size;
  std::vector<double> seconds, depths;
  std::optional<Comparison> comparison;
  bool random_data = false, json = false;
};

// Parts at the commas that stand outside of all brackets and quotes: a value may be a YAML list.
Words split_at_commas(const std::string& text) {
  Words parts(1);
  int depth = 0;
  char quote = 0;
  for (char c : text) {
    if (quote != 0) quote = c == quote ? 0 : quote;
    else if (c == '"' || c == '\'') quote = c;
    else if (c == '[' || c == '{') ++depth;
    else if (c == ']' || c == '}') --depth;
    bool ends = c == ',' && depth == 0 && quote == 0;
    if (ends) parts.emplace_back();
    else parts.back() += c;
  }
  return parts;
}

std::string read_comparison(const std::string& text, std::optional<Comparison>& comparison) {
  size_t equals = text.find('=');
  std::string key = text.substr(0, equals);
  Words values = equals == std::string::npos ? Words{} : split_at_commas(text.substr(equals + 1));
  if (key.empty() || values.size() != 2 || values[0].empty() || values[1].empty())
    return joined("expected a key and two values, KEY=A,B, found '", excerpt(text), "'");
  comparison = {key, values[0], values[1]};
  return {};
}

void declare(CommandLine& line, BenchArguments& arguments) {
  line.argument("MODEL", arguments.model, "Configuration (file or shipped name), or checkpoint");
  line.arguments("KEY=VALUE", arguments.overrides, "Changes: flow[2].times=32");
  line.option("--compare", "KEY=A,B", "Time two settings in turns, and tell their ratio",
              [&](const std::string& text) { return read_comparison(text, arguments.comparison); });
  line.option("--depths", "N,N,...", arguments.depths,
              "Set `times` of every repeat, and tell a step's time and memory against it",
              between(0, 10000));
  line.option("--seconds", "S", arguments.seconds,
              "About how long to time each setting; a slow flow takes longer [8]", above(0));
  line.option("--rounds", "N", arguments.rounds, "In which everything is timed in turn [5]",
              between(1, 1000));
  line.option("--batch-size", "N", arguments.batch_size, "Examples at once [the training's]",
              at_least(1));
  line.option("--device", "DEVICE", arguments.device,
              "auto, cpu, cuda or cuda:N [auto: a GPU where there is one]");
  line.option("--threads", "N", arguments.threads,
              "Processor threads [OMP_NUM_THREADS, or one a core]", between(1, 4096));
  line.flag("--random-data", arguments.random_data,
            "Random examples, as where the configuration's are not at hand");
  line.flag("--json", arguments.json, "Print JSON");
}

void check(const BenchArguments& arguments) {
  require(!arguments.comparison || arguments.depths.empty(), Exit::kUsage,
          "diffeo bench: --compare and --depths: expected one of them");
  require(arguments.seconds.size() <= 1, Exit::kUsage,
          "diffeo bench: --seconds: expected one number");
  require(arguments.depths.empty() || !is_checkpoint(arguments.model), Exit::kUsage,
          "diffeo bench: --depths: expected a configuration, found a checkpoint, whose weights are "
          "of one depth");
  for (double depth : arguments.depths) {
    require(depth == std::floor(depth), Exit::kUsage,
            "diffeo bench: --depths: expected whole numbers, found ", depth);
  }
}

// What is measured: a configuration, or a checkpoint with its own.
class Model {
 public:
  explicit Model(const BenchArguments& arguments)
      : arguments_(arguments), device_(device_named(arguments.device)) {
    if (is_checkpoint(arguments.model))
      checkpoint_ = locate_checkpoint(arguments.model, warn_user).string();
  }

  // Its configuration with one more change than the user's, or none.
  Config config(const std::string& change = {}) const {
    Words changes = arguments_.overrides;
    if (arguments_.batch_size)
      changes.push_back("train.batch_size=" + std::to_string(*arguments_.batch_size));
    if (!change.empty()) changes.push_back(change);
    Config config = checkpoint_ ? parse_config(to_yaml(stored_config(*checkpoint_)),
                                               *checkpoint_ + "/config.yaml", changes)
                                : config_of(arguments_.model, changes);
    trainable_outline_of(config);
    return config;
  }

  BenchSubject subject(const Config& config, BenchData& data) const {
    return BenchSubject(config, data, device_, checkpoint_);
  }

 private:
  const BenchArguments& arguments_;
  c10::Device device_;
  std::optional<std::string> checkpoint_;
};

BenchData data_of(const Config& config, const BenchArguments& arguments) {
  BenchData data = bench_data(config, arguments.random_data);
  if (!data.why_random.empty()) {
    std::cerr << "random examples of shape " << to_string(data_shape(config.data))
              << " stand for the data: " << data.why_random << std::endl;
  }
  return data;
}

BenchOptions options_of(const BenchArguments& arguments) {
  BenchOptions options;
  if (!arguments.seconds.empty()) options.seconds = arguments.seconds[0];
  options.rounds = arguments.rounds.value_or(options.rounds);
  return options;
}

void print(const Json& report, bool json, std::string (*text)(const Json&)) {
  std::cout << (json ? report.dump(2) + "\n" : text(report));
}

void bench_one(const BenchArguments& arguments) {
  Model model(arguments);
  Config config = model.config();
  BenchData data = data_of(config, arguments);
  BenchSubject subject = model.subject(config, data);
  Json report = benchmark(subject, options_of(arguments));
  report["random_data"] = !data.why_random.empty();
  print(report, arguments.json, bench_text);
}

void bench_two(const BenchArguments& arguments) {
  Model model(arguments);
  const Comparison& two = *arguments.comparison;
  Config a = model.config(two.key + "=" + two.first), b = model.config(two.key + "=" + two.second);
  BenchData data_a = data_of(a, arguments), data_b = data_of(b, arguments);
  BenchSubject first = model.subject(a, data_a), second = model.subject(b, data_b);
  Json report = compared(first, second, options_of(arguments));
  report["compare"] = two.key;
  report["settings"][0]["value"] = two.first;
  report["settings"][1]["value"] = two.second;
  report["random_data"] = !data_a.why_random.empty() || !data_b.why_random.empty();
  print(report, arguments.json, comparison_text);
}

// One depth after the other, so that only one flow is in memory.
void bench_depths(const BenchArguments& arguments) {
  Model model(arguments);
  BenchData data = data_of(model.config(), arguments);
  BenchOptions options = options_of(arguments);
  Json report = {{"depths", Json::array()}, {"random_data", !data.why_random.empty()}};
  for (double depth : arguments.depths) {
    Config config = model.config(joined("flow.**.times=", static_cast<int64_t>(depth)));
    BenchSubject subject = model.subject(config, data);
    Json cost = step_cost(subject, options.seconds / static_cast<double>(arguments.depths.size()));
    cost["depth"] = static_cast<int64_t>(depth);
    report["depths"].push_back(cost);
  }
  print(report, arguments.json, depths_text);
}

void bench(const BenchArguments& arguments) {
  check(arguments);
  if (arguments.threads) at::set_num_threads(static_cast<int>(*arguments.threads));
  if (arguments.comparison) bench_two(arguments);
  else if (!arguments.depths.empty()) bench_depths(arguments);
  else bench_one(arguments);
}

}  // namespace

void bench_command(const Words& words) {
  BenchArguments arguments;
  CommandLine line(
      "diffeo bench",
      "Measures a training step, forward and sampling: examples a second, time by layer and by "
      "operator, memory, and the share of what this machine reaches in a matrix product. Two "
      "settings are compared in turns. Nothing is written.",
      "diffeo bench quickstart --compare train.batch_size=32,128");
  declare(line, arguments);
  if (!line.parse(words)) return;
  within_memory("in measuring", "cure: a smaller --batch-size", [&] { bench(arguments); });
}

}  // namespace diffeo
