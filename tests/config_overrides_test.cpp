#include "config_errors.h"

namespace diffeo {
namespace {

const std::string kShared =
    "data: {source: synthetic, density: tutorial}\n"
    "flow:\n"
    "  - &level {type: repeat, times: 2, body: [{type: coupling, net: &net {type: mlp, hidden: "
    "8}}]}\n"
    "  - *level\n"
    "  - {type: coupling, net: *net}\n"
    "  - {type: coupling, net: {type: mlp}}\n";

const RepeatConfig& repeat_at(const Config& config, size_t index) {
  return std::get<RepeatConfig>(config.flow.at(index).config);
}

int64_t hidden_of(const Layer& layer) {
  return std::get<MlpConfig>(std::get<CouplingConfig>(layer.config).net).hidden;
}

TEST(ConfigOverrides, WinOverTheFileAndTheLastWins) {
  Config config = parse_config(kSmallest + "seed: 3", "c.yaml", {"seed=4", "seed=5"});
  EXPECT_EQ(config.seed, 5);
}

TEST(ConfigOverrides, SetWhatTheFileLeavesAtItsDefault) {
  Config config = parse_config(
      kSmallest, "c.yaml",
      {"train.steps=1e3", "train.sample_temperatures=[0.5, 0.7]", "optimizer.kind=adamax",
       "optimizer.schedule.warmup_steps=10", "penalty.parameters=[a]"});
  EXPECT_EQ(config.train.steps, 1000);
  EXPECT_EQ(config.train.sample_temperatures, (std::vector<double>{0.5, 0.7}));
  const auto& adamax = std::get<AdamaxConfig>(config.optimizer);
  EXPECT_EQ(std::get<ConstantSchedule>(adamax.schedule).warmup_steps, 10);
  EXPECT_EQ(config.penalty.parameters, std::vector<std::string>{"a"});
}

TEST(ConfigOverrides, ReplaceSectionsAndElements) {
  Config config =
      parse_config(kSmallest, "c.yaml",
                   {"optimizer={kind: rmsprop, decay: 0.5}", "train.sample_temperatures[0]=0.1",
                    "flow[0]={type: repeat, times: 7, body: []}"});
  EXPECT_EQ(std::get<RmsPropConfig>(config.optimizer).decay, 0.5);
  EXPECT_EQ(config.train.sample_temperatures, std::vector<double>{0.1});
  EXPECT_EQ(repeat_at(config, 0).times, 7);
  EXPECT_EQ(config.flow[0].place,
            "command line: flow[0]={type: repeat, times: 7, body: []}: flow[0]");
}

TEST(ConfigOverrides, CanGiveWhatTheFileMustHold) {
  Config config =
      parse_config("flow: []", "c.yaml", {"data.source=synthetic", "data.density=rings"});
  EXPECT_EQ(std::get<SyntheticConfig>(config.data).density, DensityKind::kRings);
  EXPECT_EQ(errors_of("flow: []", {"data.source=synthetic"}),
            "command line: data.source=synthetic: data: missing key 'density' of synthetic (which "
            "density)");
  EXPECT_EQ(
      errors_of("flow: []", {"data.density=rings"})
          .find("command line: data.density=rings: data: missing key 'source', expected one of: "),
      0u);
}

TEST(ConfigOverrides, ChangeOneCopyOfAnAlias) {
  Config config =
      parse_config(kShared, "c.yaml", {"flow[1].times=32", "flow[0].body[0].net.hidden=16"});
  EXPECT_EQ(repeat_at(config, 0).times, 2);
  EXPECT_EQ(repeat_at(config, 1).times, 32);
  EXPECT_EQ(hidden_of(repeat_at(config, 0).body[0]), 16);
  EXPECT_EQ(hidden_of(repeat_at(config, 1).body[0]), 8);
  EXPECT_EQ(hidden_of(config.flow[2]), 8);
}

TEST(ConfigOverrides, SetEveryMatchOfAPatternAndCountThem) {
  std::vector<std::string> notes;
  Config config =
      parse_config(kShared, "c.yaml", {"flow.**.hidden=128", "seed=1", "**.times=1"}, &notes);
  EXPECT_EQ(hidden_of(repeat_at(config, 0).body[0]), 128);
  EXPECT_EQ(hidden_of(repeat_at(config, 1).body[0]), 128);
  EXPECT_EQ(hidden_of(config.flow[2]), 128);
  EXPECT_EQ(hidden_of(config.flow[3]), 128);  // a default before
  EXPECT_EQ(repeat_at(config, 1).times, 1);
  EXPECT_EQ(notes, (std::vector<std::string>{"flow.**.hidden=128: set 4 values",
                                             "**.times=1: set 2 values"}));
}

TEST(ConfigOverrides, OfAPatternBringNothingIntoBeing) {
  std::string text =
      "data: {source: synthetic, density: tutorial}\n"
      "flow: [{type: dequantize}, {type: coupling, net: {type: mlp}}]";
  std::vector<std::string> notes;
  Config config = parse_config(text, "c.yaml", {"flow.**.hidden=128"}, &notes);
  EXPECT_FALSE(std::get<DequantizeConfig>(config.flow[0].config).features.has_value());
  EXPECT_EQ(notes, std::vector<std::string>{"flow.**.hidden=128: set 1 value"});
}

TEST(ConfigOverrides, ThatBringAPartIntoBeingMustGiveAllItNeeds) {
  EXPECT_EQ(errors_of("data: {source: synthetic, density: tutorial}\nflow: [{type: dequantize}]\n",
                      {"flow[0].features.channels=3"}),
            "command line: flow[0].features.channels=3: flow[0].features: missing key 'net' (the "
            "network that computes "
            "them)");
}

TEST(ConfigOverrides, ThatNameNothingAreRefusedWithTheNearestName) {
  EXPECT_EQ(errors_of(kSmallest, {"train.stepz=5"}),
            "command line: train.stepz=5: nothing has this name, did you mean 'train.steps'?");
  EXPECT_EQ(errors_of(kShared, {"flow[9].times=5"}),
            "command line: flow[9].times=5: nothing has this name, did you mean 'flow[0].times'?");
  EXPECT_EQ(errors_of(kShared, {"flow.**.hiden=5"}),
            "command line: flow.**.hiden=5: nothing has this name, did you mean 'flow.**.hidden'?");
  EXPECT_EQ(errors_of(kSmallest, {"train.learning_rate=5"}),
            "command line: train.learning_rate=5: nothing has this name, did you mean "
            "'optimizer.learning_rate'?");
  EXPECT_EQ(errors_of(kShared, {"hidden=5"}),
            "command line: hidden=5: nothing has this name, did you mean 'flow.**.hidden'?");
  EXPECT_EQ(errors_of(kSmallest, {"completely.elsewhere=5"}),
            "command line: completely.elsewhere=5: nothing has this name");
  EXPECT_EQ(errors_of(kSmallest, {"optimizer.decay=0.9"}),
            "command line: optimizer.decay=0.9: nothing has this name");
}

TEST(ConfigOverrides, AreNamedInTheErrorsOfTheirValues) {
  EXPECT_EQ(
      errors_of(kSmallest + "sed: 1", {"train.steps=abc", "train.keep=0"}),
      "c.yaml:3:1: unknown key 'sed', did you mean 'seed'?\n"
      "command line: train.steps=abc: train.steps: expected a whole number of at least 1, found "
      "'abc'\n"
      "command line: train.keep=0: train.keep: expected a whole number of at least 1, found '0'");
  EXPECT_EQ(errors_of(kSmallest, {"train={keeep: 1}"}),
            "command line: train={keeep: 1}: train: unknown key 'keeep', did you mean 'keep'?");
  EXPECT_EQ(errors_of(kSmallest, {"seed="}),
            "command line: seed=: seed: expected a whole number of at least 0, found nothing");
  EXPECT_EQ(errors_of(kSmallest + "train: {batch_size: 9}", {"train.accumulate=2"}),
            "c.yaml:3:8: train: batch_size is not a multiple of accumulate (command line: "
            "train.accumulate=2)");
}

TEST(ConfigOverrides, AreReadAsStrictlyAsTheFile) {
  EXPECT_EQ(errors_of(kSmallest, {"train.sample_temperatures=[1, 2"}),
            "command line: train.sample_temperatures=[1, 2: not YAML: a '[' is still open here, or "
            "a ',' is missing");
  EXPECT_EQ(errors_of(kSmallest, {"train={keep: 1, keep: 2}"}),
            "command line: train={keep: 1, keep: 2}: duplicate key 'keep'");
  EXPECT_EQ(errors_of(kSmallest, {"seed=\xFF"}),
            "command line: seed=\xFF: not UTF-8; save the file as UTF-8");
}

TEST(ConfigOverrides, NeedANameAndAValue) {
  for (std::string text :
       {"seed", "=3", "a..b=3", "a b=3", "flow[x]=3", "flow[1=3", ".seed=3", "seed.=3", "[0]=3"}) {
    EXPECT_EQ(errors_of(kSmallest, {text}), "command line: " + text +
                                                ": expected KEY=VALUE, such as train.steps=1000, "
                                                "flow[2].times=32 or flow.**.hidden=128");
  }
}

TEST(ConfigOverrides, ThatAreNotReadAreToldWithTheRest) {
  EXPECT_EQ(
      errors_of(kSmallest + "sed: 1", {"seed", "train.keep=x"}),
      "c.yaml:3:1: unknown key 'sed', did you mean 'seed'?\n"
      "command line: seed: expected KEY=VALUE, such as train.steps=1000, flow[2].times=32 or "
      "flow.**.hidden=128\n"
      "command line: train.keep=x: train.keep: expected a whole number of at least 1, found 'x'");
}

TEST(ConfigOverrides, AreNotBlamedForWhatCouldNotBeRead) {
  EXPECT_EQ(errors_of(kData + "flow: [{type: couplin}]", {"flow[0].net.hidden=3"}),
            "c.yaml:2:15: flow[0].type: unknown type 'couplin', did you mean 'coupling'?");
}

}  // namespace
}  // namespace diffeo
