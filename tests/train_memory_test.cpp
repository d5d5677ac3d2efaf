// Memory modes of a run: what is measured, warned of and kept; what a dry run predicts.

#include <gtest/gtest.h>

#include "core/tensor_memory.h"
#include "train/dry_run.h"
#include "train_run_support.h"

namespace diffeo {
namespace {

// The second layer's shift leaves few digits of its input, so that it cannot be rebuilt.
std::string drifting_yaml() {
  std::string yaml = plane_yaml();
  return yaml.insert(yaml.find("  - {type: linear}"),
                     "  - {type: scale, factor: 1, shift: 30000}\n"
                     "  - {type: scale, factor: 1, shift: -30000}\n");
}

const Overrides kInverting{"train.memory=invert", "train.evaluate_every=8"};

TEST(MemoryOfARun, KeepsTheInputThatCannotBeRebuiltAndWarns) {
  TemporaryDirectory directory;
  ConsoleText text;
  run_training(drifting_yaml(), {.run = directory / "run"}, kInverting, &text);
  std::string expected =
      "warning: train.memory: invert cannot rebuild the input of flow.1_scale, off by ";
  EXPECT_NE(text.text().find(expected), std::string::npos) << text.text();
  EXPECT_NE(text.text().find(" at most of its largest number (the bound is 0.0001); it is kept "
                             "from here on\n"),
            std::string::npos)
      << text.text();
  Warn none = [](const std::string& warning) { ADD_FAILURE() << warning; };
  Checkpoint end = read_checkpoint(locate_checkpoint((directory / "run").string(), none));
  EXPECT_EQ(end.state.memory.mode, Memory::kInvert);
  EXPECT_EQ(end.state.memory.kept, std::set<std::string>{"flow.1_scale"});
  nlohmann::json measured;
  for (const nlohmann::json& line : timeless_metrics(directory / "run"))
    if (line.at("kind") == "memory") measured = line;
  EXPECT_EQ(measured.at("step"), 1);
  EXPECT_EQ(measured.at("layer"), "flow.1_scale");
  EXPECT_GT(measured.at("drift"), kDriftBound);
}

TEST(MemoryOfARun, EndsInTheSameBytesWhenResumed) {
  TemporaryDirectory directory;
  run_training(drifting_yaml(), {.run = directory / "whole"}, kInverting);
  Overrides first = kInverting;
  first.push_back("train.steps=8");
  run_training(drifting_yaml(), {.run = directory / "cut"}, first);
  run_training(drifting_yaml(), {.run = directory / "cut", .resume = true}, kInverting);
  expect_same_end(directory / "whole", directory / "cut");
}

TEST(MemoryOfARun, IsKeptOnResumeWhereItWasChosenAutomatically) {
  TemporaryDirectory directory;
  ConsoleText text;
  Overrides automatic{"train.memory=auto", "train.steps=8"};
  run_training(plane_yaml(), {.run = directory / "run"}, automatic, &text);
  EXPECT_NE(text.text().find("train.memory: auto takes store, the fastest that fits (store "),
            std::string::npos)
      << text.text();
  automatic.back() = "train.steps=9";
  ConsoleText again;
  run_training(plane_yaml(), {.run = directory / "run", .resume = true}, automatic, &again);
  EXPECT_EQ(again.text().find("auto takes"), std::string::npos) << again.text();
}

TEST(MemoryChoice, IsTheFirstThatFitsOrElseTheLeast) {
  std::vector<MemoryNeed> needs{
      {Memory::kStore, 12e9}, {Memory::kRecompute, 5e9}, {Memory::kInvert, 3e9}};
  EXPECT_EQ(choice_among(needs, 16e9).mode, Memory::kStore);
  EXPECT_EQ(choice_among(needs, 12e9).mode, Memory::kRecompute);
  EXPECT_EQ(choice_among(needs, 4e9).reason,
            "train.memory: auto takes invert, the fastest that fits (store 12.0 GB, recompute 5.0 "
            "GB, invert 3.0 GB of 4.0 GB)");
  EXPECT_EQ(choice_among(needs, 2e9).reason,
            "train.memory: auto takes invert, which needs least, but none fits (store 12.0 GB, "
            "recompute 5.0 GB, invert 3.0 GB of 2.0 GB)");
}

TEST(MemoryNeeds, ArePredictedWithinFifteenPercent) {
  TemporaryDirectory directory;
  Config config = parse_config(image_yaml(directory), "config",
                               {"train.batch_size=32", "train.accumulate=1",
                                "flow[2].net.hidden=16", "flow[2].net.blocks=4"});
  Data data = fitting_data(config);
  for (const MemoryNeed& need : memory_needs(config, c10::kCPU, data)) {
    TensorMemory memory(c10::kCPU);
    Learner learner(config, build_flow(config, at::kFloat));
    learner.flow().set_memory({need.mode});
    Batch batch = data.training->at(0, config.train.batch_size);
    learner.initialise(batch);
    learner.step(batch);
    memory.forget_peak();
    learner.step(batch);
    EXPECT_NEAR(need.bytes / static_cast<double>(memory.peak()), 1, 0.15) << name_of(need.mode);
  }
}

TEST(MemoryNeeds, StandInTheDryRun) {
  TemporaryDirectory directory;
  DryRun found = dry_run(parse_config(image_yaml(directory)), c10::kCPU);
  std::string text = text_of(found);
  EXPECT_NE(text.find("\npredicted   store "), std::string::npos) << text;
  EXPECT_NE(text.find(" of tensors at the peak, by train.memory\n            train.memory: auto "
                      "takes store, the fastest that fits ("),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace diffeo
