// Whole trainings and what they leave behind, for the tests of src/train/.
#pragma once

#include <nlohmann/json.hpp>
#include <sstream>

#include "config/data_checks.h"
#include "runs/checkpoint_store.h"
#include "train/training.h"
#include "train_support.h"

namespace diffeo {

inline TrainResult run_training(const std::string& yaml, const TrainOptions& options,
                                const Overrides& overrides = {}, ConsoleText* text = nullptr) {
  ConsoleText own;
  return train(parse_config(yaml, "test.yaml", overrides), options,
               (text ? text : &own)->console());
}

// What train() makes before its first step.
struct Prepared {
  Prepared(const std::string& yaml, const TrainOptions& options)
      : config(parse_config(yaml, "test.yaml")),
        how(options),
        start(start_of(config, how)),
        data(fitting_data(config)),
        learner(config, build_flow(config, at::kFloat)),
        state(begin(start, config, how, data, learner)),
        journal(config, data, how, text.console(), std::move(start), state,
                learner.flat().count()) {}

  Config config;
  TrainOptions how;
  Start start;
  Data data;
  Learner learner;
  TrainingState state;
  ConsoleText text;
  Journal journal;
};

// metrics.jsonl without what depends on the clock.
inline std::vector<nlohmann::json> timeless_metrics(const std::filesystem::path& run) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(read_plainly(run / "metrics.jsonl"));
  for (std::string line; std::getline(text, line);) {
    lines.push_back(nlohmann::json::parse(line));
    EXPECT_EQ(lines.back().erase("time"), 1) << line;
  }
  return lines;
}

// Fails unless both runs ended in the same bytes, times apart.
inline void expect_same_end(const std::filesystem::path& one, const std::filesystem::path& other) {
  Warn none = [](const std::string& warning) { ADD_FAILURE() << warning; };
  std::filesystem::path a = locate_checkpoint(one.string(), none),
                        b = locate_checkpoint(other.string(), none);
  EXPECT_EQ(a.filename(), b.filename());
  for (const char* file : {"weights.safetensors", "optimizer.safetensors", "config.yaml"}) {
    EXPECT_TRUE(read_plainly(a / file) == read_plainly(b / file)) << file;
  }
  auto state = [](const std::filesystem::path& path) {
    nlohmann::json json = nlohmann::json::parse(read_plainly(path / "state.json"));
    json.erase("time");
    return json;
  };
  EXPECT_EQ(state(a), state(b));
  EXPECT_EQ(timeless_metrics(one), timeless_metrics(other));
}

}  // namespace diffeo
