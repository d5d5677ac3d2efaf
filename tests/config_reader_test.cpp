#include "config_errors.h"

namespace diffeo {
namespace {

TEST(ConfigReader, TakesDefaultsForWhatIsNotGiven) {
  Config config = parse_config(kSmallest);
  EXPECT_EQ(config.seed, 0);
  EXPECT_EQ(config.objective, ObjectiveUnit::kNats);
  EXPECT_EQ(config.train.steps, 10000);
  EXPECT_EQ(std::get<AdamConfig>(config.optimizer).beta2, 0.999);
  EXPECT_EQ(config.flow.size(), 1u);
}

TEST(ConfigReader, ReadsEveryKindOfValue) {
  Config config = parse_config(kSmallest + R"(
seed: 7
objective: bits_per_dim
penalty: {l2: 5e-5, parameters: [magnitude, rescaling_scale]}
optimizer:
  kind: adamax
  form: textbook
  learning_rate: +.5E-2
  schedule: {kind: piecewise, warmup_steps: 1e3, linear: true, points: [{step: 10, factor: 1}, {step: 20, factor: 0}]}
train: {steps: 20, sample_temperatures: [0.7, 1]}
)");
  EXPECT_EQ(config.seed, 7);
  EXPECT_EQ(config.objective, ObjectiveUnit::kBitsPerDim);
  EXPECT_EQ(config.penalty.l2, 5e-5);
  EXPECT_EQ(config.penalty.parameters, (std::vector<std::string>{"magnitude", "rescaling_scale"}));
  const auto& adamax = std::get<AdamaxConfig>(config.optimizer);
  EXPECT_EQ(adamax.form, AdamaxForm::kTextbook);
  EXPECT_EQ(adamax.learning_rate, 0.005);
  const auto& schedule = std::get<PiecewiseSchedule>(adamax.schedule);
  EXPECT_EQ(schedule.warmup_steps, 1000);
  EXPECT_TRUE(schedule.linear);
  EXPECT_EQ(schedule.points.at(1).step, 20);
  EXPECT_EQ(config.train.sample_temperatures, (std::vector<double>{0.7, 1}));
}

TEST(ConfigReader, GivesEachLayerItsPlace) {
  std::string flow = "flow:\n  - {type: reverse}\n  - type: repeat\n    body: [{type: reverse}]\n";
  Config config = parse_config(flow + kData, "c.yaml");
  EXPECT_EQ(config.flow[0].place, "c.yaml:2:5: flow[0]");
  EXPECT_EQ(std::get<RepeatConfig>(config.flow[1].config).body[0].place,
            "c.yaml:4:12: flow[1].body[0]");
}

TEST(ConfigReader, KeepsTheDefaultsKindWhereNoneIsGiven) {
  Config config = parse_config(kSmallest + "optimizer: {beta1: 0.5, schedule: {warmup_steps: 3}}");
  EXPECT_EQ(std::get<AdamConfig>(config.optimizer).beta1, 0.5);
  EXPECT_EQ(
      std::get<ConstantSchedule>(std::get<AdamConfig>(config.optimizer).schedule).warmup_steps, 3);
}

TEST(ConfigReader, NamesTheNearestKey) {
  EXPECT_EQ(errors_with("sed: 0"), "c.yaml:3:1: unknown key 'sed', did you mean 'seed'?");
  EXPECT_EQ(
      errors_with("optimizer: {learning_rte: 1}"),
      "c.yaml:3:13: optimizer: unknown key 'learning_rte' of adam, did you mean 'learning_rate'?");
}

TEST(ConfigReader, ListsTheKeysWhereNoneIsNear) {
  EXPECT_EQ(errors_with("penalty: {weights: 1}"),
            "c.yaml:3:11: penalty: unknown key 'weights', expected one of: l2, parameters");
}

TEST(ConfigReader, RefusesKeysThatTheChosenKindDoesNotUse) {
  EXPECT_EQ(errors_with("optimizer: {kind: adam, decay: 0.9}"),
            "c.yaml:3:25: optimizer: unknown key 'decay' of adam, expected one of: kind, "
            "learning_rate, clip_norm, "
            "schedule, beta1, beta2, epsilon, form");
}

TEST(ConfigReader, RefusesAWrongType) {
  EXPECT_EQ(errors_with("train: {steps: abc}"),
            "c.yaml:3:16: train.steps: expected a whole number of at least 1, found 'abc'");
  EXPECT_EQ(errors_with("train: {steps: 1.5}"),
            "c.yaml:3:16: train.steps: expected a whole number of at least 1, found '1.5'");
  EXPECT_EQ(
      errors_with("train: {steps: \"3\"}"),
      "c.yaml:3:16: train.steps: expected a whole number of at least 1, found the text \"3\"");
  EXPECT_EQ(errors_with("train: {steps: [3]}"),
            "c.yaml:3:16: train.steps: expected a whole number of at least 1, found a list");
  EXPECT_EQ(errors_with("train:\n  steps:\n"),
            "c.yaml:4:3: train.steps: expected a whole number of at least 1, found nothing");
  EXPECT_EQ(errors_with("train: 3"), "c.yaml:3:8: train: expected a mapping, found '3'");
  EXPECT_EQ(errors_with("train:"), "c.yaml:3:1: train: expected a mapping, found nothing");
  EXPECT_EQ(errors_with("optimizer: adam"),
            "c.yaml:3:12: optimizer: expected a mapping with the key 'kind', found 'adam'");
  EXPECT_EQ(errors_with("penalty: {parameters: a}"),
            "c.yaml:3:23: penalty.parameters: expected a list, found 'a'");
  EXPECT_EQ(errors_with("penalty: {parameters: [[a]]}"),
            "c.yaml:3:24: penalty.parameters[0]: expected a text, found a list");
}

TEST(ConfigReader, RefusesBoolsOtherThanTrueAndFalse) {
  std::string start =
      "optimizer: {schedule: {kind: piecewise, points: [{step: 0, factor: 1}], linear: ";
  EXPECT_EQ(errors_with(start + "true}}"), "");
  for (std::string word : {"yes", "on", "True", "1", "y"}) {
    EXPECT_EQ(
        errors_with(start + word + "}}"),
        "c.yaml:3:81: optimizer.schedule.linear: expected true or false, found '" + word + "'");
  }
}

TEST(ConfigReader, RefusesNumbersOutOfRange) {
  EXPECT_EQ(errors_with("seed: -1"),
            "c.yaml:3:7: seed: expected a whole number of at least 0, found '-1'");
  EXPECT_EQ(errors_with("train: {ema_decay: 1}"),
            "c.yaml:3:20: train.ema_decay: expected a number from 0 to below 1, found '1'");
  EXPECT_EQ(errors_with("optimizer: {kind: rmsprop, floor: 0}"),
            "c.yaml:3:35: optimizer.floor: expected a number above 0, found '0'");
  EXPECT_EQ(errors_with("optimizer: {schedule: {kind: exponential, factor: 2, minimum: 2}}"),
            "c.yaml:3:51: optimizer.schedule.factor: expected a number above 0 and of at most 1, "
            "found '2'\n"
            "c.yaml:3:63: optimizer.schedule.minimum: expected a number from 0 to 1, found '2'");
  EXPECT_EQ(
      errors_with("train: {sample_temperatures: [1, -1]}"),
      "c.yaml:3:34: train.sample_temperatures[1]: expected a number of at least 0, found '-1'");
}

TEST(ConfigReader, ReadsWholeNumbersWrittenAsFloats) {
  EXPECT_EQ(parse_config(kSmallest + "train: {steps: 1e5}").train.steps, 100000);
  EXPECT_EQ(parse_config(kSmallest + "train: {steps: 2.0}").train.steps, 2);
  EXPECT_EQ(parse_config(kSmallest + "seed: 9223372036854775807").seed, INT64_MAX);
}

TEST(ConfigReader, RefusesNumbersThatReadersDisagreeOn) {
  EXPECT_EQ(errors_with("seed: 010"),
            "c.yaml:3:7: seed: expected a whole number of at least 0, found '010', whose leading "
            "zero may mean octal; "
            "leave it out");
  for (std::string number :
       {"0x10", "0o17", "1_000", "1e", "1 000", "--1", "9223372036854775808", "1e19", "1e-1"}) {
    EXPECT_EQ(errors_with("seed: " + number),
              "c.yaml:3:7: seed: expected a whole number of at least 0, found '" + number + "'");
  }
}

TEST(ConfigReader, RefusesNumbersThatAreNotFinite) {
  for (std::string number : {".inf", "-.inf", ".nan", ".NaN", "inf", "nan", "+Infinity"}) {
    EXPECT_EQ(errors_with("optimizer: {clip_norm: " + number + "}"),
              "c.yaml:3:24: optimizer.clip_norm: expected a number of at least 0, found '" +
                  number + "', which is not finite");
  }
  EXPECT_EQ(errors_with("optimizer: {clip_norm: 1e400}"),
            "c.yaml:3:24: optimizer.clip_norm: expected a number of at least 0, found '1e400', "
            "which double precision "
            "does not hold");
}

TEST(ConfigReader, RefusesUnknownNames) {
  EXPECT_EQ(errors_with("objective: bits_per_dims"),
            "c.yaml:3:12: objective: unknown value 'bits_per_dims', did you mean 'bits_per_dim'?");
  EXPECT_EQ(errors_with("objective: loss"),
            "c.yaml:3:12: objective: unknown value 'loss', expected one of: nats, bits_per_dim");
  EXPECT_EQ(errors_with("objective: [nats]"),
            "c.yaml:3:12: objective: expected one of: nats, bits_per_dim; found a list");
  EXPECT_EQ(errors_with("optimizer: {kind: sgd}"),
            "c.yaml:3:19: optimizer.kind: unknown kind 'sgd', expected one of: adam, adamw, "
            "adamax, rmsprop");
  EXPECT_EQ(
      errors_of("data: {source: synthetic, density: tutorial}\nflow: [{type: revers, no: 1}]"),
      "c.yaml:2:15: flow[0].type: unknown type 'revers', did you mean 'reverse'?");
}

TEST(ConfigReader, RefusesMissingKeys) {
  EXPECT_EQ(errors_of("seed: 1"),
            "c.yaml:1:1: missing key 'data' (where the examples come from)\n"
            "c.yaml:1:1: missing key 'flow' (the layers, from data to noise)");
  EXPECT_EQ(errors_of(""), errors_of("seed: 1"));
  EXPECT_EQ(errors_of("# nothing\n---\n"), errors_of("seed: 1"));
  EXPECT_EQ(errors_with("optimizer: {schedule: {kind: cosine}}"),
            "c.yaml:3:23: optimizer.schedule: missing key 'steps' of cosine (step at which the "
            "minimum is reached)");
  std::string start = "c.yaml:2:8: flow[0]: missing key 'type', expected one of: actnorm, ";
  EXPECT_EQ(errors_of(kData + "flow: [{times: 2}]").substr(0, start.size()), start);
}

TEST(ConfigReader, RefusesMembersThatDoNotFitEachOther) {
  EXPECT_EQ(errors_with("train: {batch_size: 10, accumulate: 3}"),
            "c.yaml:3:8: train: batch_size is not a multiple of accumulate");
  EXPECT_EQ(errors_with("optimizer: {kind: rmsprop, momentum_start: 2, momentum_end: 1}"),
            "c.yaml:3:12: optimizer: momentum_end stands before momentum_start");
  EXPECT_EQ(errors_with("optimizer: {schedule: {kind: piecewise, points: []}}"),
            "c.yaml:3:23: optimizer.schedule: needs at least one point");
  std::string points = "[{step: 2, factor: 1}, {step: 1, factor: 1}]";
  EXPECT_EQ(errors_with("optimizer: {schedule: {kind: piecewise, points: " + points + "}}"),
            "c.yaml:3:23: optimizer.schedule: the points are not in the order of their steps");
}

TEST(ConfigReader, TellsAllMistakesInTheOrderOfTheirPlaces) {
  EXPECT_EQ(errors_of("train: {keep: 0}\nsed: 1\nflow: [{type: reverse, a: 1}, {type: "
                      "revers}]\nseed: x\nseed: 1\n"),
            "c.yaml:1:1: missing key 'data' (where the examples come from)\n"
            "c.yaml:1:15: train.keep: expected a whole number of at least 1, found '0'\n"
            "c.yaml:2:1: unknown key 'sed', did you mean 'seed'?\n"
            "c.yaml:3:24: flow[0]: unknown key 'a' of reverse, expected type\n"
            "c.yaml:3:38: flow[1].type: unknown type 'revers', did you mean 'reverse'?\n"
            "c.yaml:4:7: seed: expected a whole number of at least 0, found 'x'\n"
            "c.yaml:5:1: duplicate key 'seed', first on line 4");
}

TEST(ConfigReader, TellsAMistakeInAnAliasedValueOnce) {
  EXPECT_EQ(errors_of(kData + "flow:\n  - &a {type: reverse, b: 1}\n  - *a\n  - *a\n"),
            "c.yaml:3:24: flow[0]: unknown key 'b' of reverse, expected type");
}

TEST(ConfigReader, ShortensAndEscapesWhatItQuotes) {
  EXPECT_EQ(errors_with("seed: \"a\\nb\\e[31m\""),
            "c.yaml:3:7: seed: expected a whole number of at least 0, found the text "
            "\"a\\x0ab\\x1b[31m\"");
  std::string sixty(60, 'x');
  EXPECT_EQ(
      errors_with(joined("seed: ", sixty, "yz")),
      joined("c.yaml:3:7: seed: expected a whole number of at least 0, found '", sixty, "...'"));
}

TEST(ConfigReader, StopsListingAfterFiftyMistakes) {
  std::string lines;
  for (int i = 0; i < 60; ++i) lines += joined("unheard_of_", i, ": 1\n");
  std::string errors = errors_with(lines);
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 50);
  EXPECT_TRUE(errors.ends_with("\n... and 10 more"));
}

TEST(ConfigReader, ReadsALayerListAlone) {
  EXPECT_EQ(parse_layers("[{type: reverse}, {type: flip}]").size(), 2u);
  EXPECT_EQ(parse_layers("- type: reverse\n- {type: flip}\n").size(), 2u);
}

}  // namespace
}  // namespace diffeo
