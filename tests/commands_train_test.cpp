#include <ATen/ATen.h>

#include <csignal>
#include <regex>

#include "commands/commands.h"
#include "io/npy.h"
#include "io/png.h"
#include "program.h"

namespace diffeo {
namespace {

// A training that takes a moment, on the plane or on images of 4 x 4.
class CommandTrain : public Commands {
 protected:
  void SetUp() override {
    write("toy.yaml", R"(
data: {source: synthetic, density: gaussian, evaluation_examples: 50}
train: {steps: 4, batch_size: 8, evaluate_every: 2, checkpoint_every: 2, sample_temperatures: []}
flow: [{type: actnorm}, {type: linear}]
)");
    write("image.yaml", R"(
data: {source: npy, path: x.npy, shape: [1, 4, 4], test_fraction: 0.25, labels: y.npy, classes: 3}
train: {steps: 2, batch_size: 8, sample_count: 4}
flow: [{type: dequantize}, {type: logit}, {type: actnorm}]
)");
    save_npy(path("x.npy"), at::arange(640).remainder(256).view({40, 4, 4}).to(at::kByte));
    save_npy(path("y.npy"), at::arange(40).remainder(3).to(at::kByte));
  }

  bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }
};

TEST_F(CommandTrain, PrintsItsResultsAndLeavesARun) {
  Answer answer = diffeo({"train", "image.yaml", "--run", "r"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_TRUE(
      std::regex_match(answer.out, std::regex("test: [0-9.]+ ± [0-9.]+ bits/dim over 10 images\n"
                                              "samples: r/samples/step_00000002.png\n"
                                              "run: r\n")))
      << answer.out;
  EXPECT_TRUE(answer.err.starts_with("starting a run in r\n")) << answer.err;
  EXPECT_EQ(read_plainly(path("r/command.txt")), "diffeo train image.yaml --run r\n");
  EXPECT_TRUE(exists("r/samples/step_00000002.png"));
  EXPECT_EQ(answer.err.find('\x1b'), std::string::npos) << "no colours and no bar in a file";
}

TEST_F(CommandTrain, NumbersRunsThatAreNotNamed) {
  EXPECT_TRUE(diffeo({"train", "toy.yaml"}).out.ends_with("run: runs/toy/001\n"));
  EXPECT_TRUE(diffeo({"train", "toy.yaml", "train.steps=2"}).out.ends_with("run: runs/toy/002\n"));
  Answer resumed = diffeo({"train", "toy.yaml", "--resume"});
  EXPECT_TRUE(resumed.out.ends_with("run: runs/toy/002\n"));
  EXPECT_TRUE(resumed.err.starts_with("resuming runs/toy/002 after step 2\n")) << resumed.err;
}

TEST_F(CommandTrain, NamesRunsAfterTheWholeNameOfAShippedConfiguration) {
  Words words{"train", "toy/rings", "train.steps=1", "train.sample_temperatures=[]",
              "data.evaluation_examples=10"};
  EXPECT_TRUE(diffeo(words).out.ends_with("run: runs/toy/rings/001\n"));
  words[1] = DIFFEO_SOURCE "/configs/toy/rings.yaml";
  EXPECT_TRUE(diffeo(words).out.ends_with("run: runs/toy/rings/002\n"));
}

TEST_F(CommandTrain, SaysWhyThereIsNoResult) {
  save_npy(path("far.npy"), at::tensor({1.0f, 1e30f}).view({2, 1}));
  Answer answer =
      diffeo({"train", "toy.yaml", "data={source: npy, path: far.npy, test: far.npy, shape: [1]}",
              "flow=[{type: linear}]", "train.steps=1", "--run", "r"});
  EXPECT_EQ(answer.exit, 5) << "a batch with such an example is not learned from: " << answer.err;
  save_npy(path("near.npy"), at::tensor({1.0f, 2.0f}).view({2, 1}));
  answer =
      diffeo({"train", "toy.yaml", "data={source: npy, path: near.npy, test: far.npy, shape: [1]}",
              "flow=[{type: actnorm}]", "train.steps=1", "--run", "s"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_EQ(answer.out,
            "test: no number: evaluation: log p is not finite for 1 of 2 examples, the first of "
            "them example 1 (-inf)\n"
            "run: s\n");
}

TEST_F(CommandTrain, NeverTouchesAnExistingRun) {
  diffeo({"train", "toy.yaml", "--run", "r"});
  std::string before = read_plainly(path("r/metrics.jsonl"));
  expect_refused(diffeo({"train", "toy.yaml", "--run", "r"}), 2,
                 "r: exists and is not empty; --resume continues the run in it, --run DIR names "
                 "another folder for a new "
                 "one");
  EXPECT_EQ(read_plainly(path("r/metrics.jsonl")), before);
}

TEST_F(CommandTrain, StartsWhereThereIsNothingToResume) {
  Answer answer = diffeo({"train", "toy.yaml", "--run", "r", "--resume"});
  EXPECT_EQ(answer.exit, 0);
  EXPECT_EQ(answer.first_line(), "no checkpoint to resume, starting a run in r");
}

TEST_F(CommandTrain, ForksFromAnotherRun) {
  diffeo({"train", "toy.yaml", "--run", "r"});
  Answer answer = diffeo({"train", "toy.yaml", "--run", "s", "--fork", "r:2"});
  EXPECT_EQ(answer.exit, 0);
  EXPECT_EQ(answer.first_line(),
            "starting a run in s from the weights of r/checkpoints/step_00000002");
  Words again{"train", "toy.yaml", "--run", "t", "--fork", "r:2", "--resume"};
  EXPECT_EQ(diffeo(again).first_line(),
            "no checkpoint to resume, starting a run in t from the weights of "
            "r/checkpoints/step_00000002");
  EXPECT_EQ(diffeo(again).first_line(), "resuming t after step 4");
}

TEST_F(CommandTrain, StopsAtASignalWithACheckpointToResume) {
  Program program(folder_.path(), {"train", "toy.yaml", "train.steps=100000000", "--run", "r"});
  program.wait_for_output("step 1/");
  program.signal(SIGINT);
  Answer stopped = program.wait();
  EXPECT_EQ(stopped.exit, 75) << stopped.err;
  EXPECT_TRUE(stopped.err.ends_with("\nto go on, give the same command with --resume --run r\n"))
      << stopped.err;
  EXPECT_EQ(stopped.out, "run: r\n");
  nlohmann::json summary = nlohmann::json::parse(read_plainly(path("r/summary.json")));
  int64_t step = summary.at("step");
  Answer resumed =
      diffeo({"train", "toy.yaml", joined("train.steps=", step + 1), "--run", "r", "--resume"});
  EXPECT_EQ(resumed.exit, 0) << resumed.err;
  EXPECT_NE(resumed.err.find(joined("resuming r after step ", step, "\n")), std::string::npos)
      << resumed.err;
}

// What `timeout` and batch systems send at a job's end, and a terminal that is closed.
TEST_F(CommandTrain, SavesOnceHoweverManySignalsCome) {
  const std::vector<std::vector<int>> all{
      {SIGTERM, SIGCONT, SIGTERM}, {SIGHUP, SIGTERM, SIGINT}, {SIGUSR2, SIGXCPU, SIGUSR1}};
  for (const std::vector<int>& signals : all) {
    std::filesystem::remove_all(path("r"));
    Program program(folder_.path(), {"train", "toy.yaml", "train.steps=100000000", "--run", "r"});
    program.wait_for_output("step 1/");
    for (int number : signals) program.signal(number);
    Answer stopped = program.wait();
    EXPECT_EQ(stopped.exit, 75) << stopped.err;
    EXPECT_TRUE(exists("r/checkpoints/latest")) << stopped.err;
  }
}

TEST_F(CommandTrain, SavesAndGoesOnAtSigusr1) {
  Program program(folder_.path(),
                  {"train", "toy.yaml", "train.steps=100000000", "train.evaluate_every=0",
                   "train.checkpoint_every=0", "--run", "r"});
  program.wait_for_output("step 1/");
  program.signal(SIGUSR1);
  program.wait_for_output("SIGUSR1: saved step ");
  EXPECT_TRUE(exists("r/checkpoints/latest"));
  program.signal(SIGTERM);
  Answer stopped = program.wait();
  EXPECT_EQ(stopped.exit, 75) << stopped.err;
  EXPECT_LT(stopped.err.find("SIGUSR1: saved step "), stopped.err.find("stopped by SIGTERM after"))
      << stopped.err;
}

// A signal that comes as soon as there is a handler, long before the first step.
TEST_F(CommandTrain, LosesNoSignalThatComesBeforeTheFirstStep) {
  Program program(folder_.path(), {"train", "toy.yaml", "train.steps=100000000", "--run", "r"});
  program.wait_for_handler(SIGTERM);
  program.signal(SIGTERM);
  Answer stopped = program.wait();
  EXPECT_EQ(stopped.exit, 75) << stopped.err;
  EXPECT_NE(stopped.err.find("stopped by SIGTERM"), std::string::npos) << stopped.err;
}

TEST_F(CommandTrain, SaysThatThereWasNothingToSave) {
  StopRequest stop;
  stop.limit(0);
  Words words{path("toy.yaml"), "--run", path("r")};
  Complaint complaint = complaint_of([&] { train_command(words, stop); });
  EXPECT_EQ(complaint.exit, Exit::kStopped);
  EXPECT_EQ(complaint.message,
            "stopped by the time limit before the first step, so there was nothing to save; the "
            "same command with --resume --run " +
                path("r").string() + " starts again");
  EXPECT_FALSE(exists("r"));
  Words again{"train", "toy.yaml", "--resume", "--run", "r"};
  EXPECT_EQ(diffeo(again).first_line(), "no checkpoint to resume, starting a run in r");
}

TEST_F(CommandTrain, ExplainsItsSignals) {
  std::string help = diffeo({"train", "--help"}).out;
  EXPECT_NE(help.find("SIGUSR1: saves and goes on"), std::string::npos) << help;
}

TEST_F(CommandTrain, StopsAtItsTimeLimit) {
  Answer answer =
      diffeo({"train", "toy.yaml", "train.steps=100000000", "--run", "r", "--max-time", "1s"});
  EXPECT_EQ(answer.exit, 75) << answer.err;
  EXPECT_NE(answer.err.find("\nstopped by the time limit after step "), std::string::npos)
      << answer.err;
}

TEST_F(CommandTrain, TellsASecondWriterWhoIsTheFirst) {
  Program first(folder_.path(), {"train", "toy.yaml", "train.steps=100000000", "--run", "r"});
  first.wait_for_output("step 1/");
  std::filesystem::create_directory(path("elsewhere"));
  Answer second =
      Program(path("elsewhere"), {"train", "../toy.yaml", "--resume", "--run", "../r"}).wait();
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait().exit, 75);
  EXPECT_EQ(second.exit, 2);
  EXPECT_TRUE(std::regex_match(second.err, std::regex("../r: .*process [0-9]+.*\n"))) << second.err;
}

TEST_F(CommandTrain, TriesAStepAndWritesNothing) {
  Answer answer = diffeo({"train", "image.yaml", "--dry-run", "--run", "r"});
  EXPECT_EQ(answer.exit, 0) << answer.err;
  EXPECT_TRUE(std::regex_match(answer.out,
                               std::regex("parameters  2\n"
                                          "batch       8 x \\[1, 4, 4\\]\n"
                                          "latents     \\[1, 4, 4\\]\n"
                                          "loss        [0-9.]+ bits/dim\n"
                                          "round trip  0 off at most\n"
                                          "time        [-0-9.e]+ s a step, 0 s for 2 steps without "
                                          "evaluations and pictures\n"
                                          "memory      .*\n"
                                          "predicted   store [0-9.]+ kB, recompute [0-9.]+ kB, "
                                          "invert [0-9.]+ kB of tensors at the peak, by "
                                          "train.memory\n"
                                          "            train.memory: auto takes store, .*\n")))
      << answer.out;
  EXPECT_FALSE(exists("r"));
  EXPECT_FALSE(exists("runs"));
}

struct BadInput {
  Words overrides;
  int exit;
  std::string error;
};

TEST_F(CommandTrain, RefusesBadInputAndWritesNothing) {
  save_npy(path("labels.npy"), at::arange(40).remainder(5).to(at::kByte));
  save_npy(path("nan.npy"), at::tensor({1.0f, NAN}).view({2, 1}));
  std::string whole = read_plainly(path("x.npy"));
  write("short.npy", whole.substr(0, whole.size() - 1));
  write("long.npy", whole + "x");
  write("empty.npy", "");
  const std::vector<BadInput> all = {
      {{"train.stepz=3"},
       2,
       "command line: train.stepz=3: nothing has this name, did you mean 'train.steps'?"},
      {{"train.steps=0"},
       2,
       "command line: train.steps=0: train.steps: expected a whole number of at least 1, found "
       "'0'"},
      {{"flow=[{type: squeeze}]"},
       2,
       "command line: flow=[{type: squeeze}]: flow[0]: images are whole numbers, and no layer "
       "turns them into reals; "
       "begin with {type: dequantize}"},
      {{"data.path=none.npy"}, 3, "none.npy: no such file"},
      {{"data.path=empty.npy"}, 3, "empty.npy: is empty"},
      {{"data.path=short.npy"}, 3, "short.npy: [40, 4, 4] of |u1 takes 640 bytes, found 639"},
      {{"data.path=long.npy"}, 3, "long.npy: [40, 4, 4] of |u1 takes 640 bytes, found 641"},
      {{"data.path=image.yaml"},
       3,
       "image.yaml: does not begin as an npy file does; it is a text file"},
      {{"data.labels=labels.npy"}, 3, "labels.npy: example 3 has the label 3, expected 0 to 2"},
      {{"flow[0].bits=5", "flow[0].data_bits=5"},
       3,
       "test: the largest value is 223, but the flow's dequantize has data_bits: 5, values up to "
       "31"},
      {{"flow[0].data_bits=16"},
       3,
       "image.yaml:4:8: flow[0] (dequantize): takes the leading bits: 8 of data_bits: 16, but the "
       "largest value in train is 255, which is one of 8 bits: of 256 different values 1 is left, "
       "and bits/dim would be of those; for data of that size set data_bits: 8"},
      {{"train.batch_size=1", "flow[2].per=position"},
       2,
       "flow.2_actnorm.norm: its start takes a deviation over train.batch_size: 1 example, and one "
       "number has none; set train.initialise_examples to some hundreds, at least 2"},
      {{"data.shape=[1, 4, 6]"},
       3,
       "x.npy: holds examples of shape [1, 4, 4], but data.shape is [1, 4, 6]"},
      {{"data={source: npy, path: nan.npy, shape: [1], test_fraction: 0.5}",
        "flow=[{type: linear}]"},
       3,
       "nan.npy: element [1, 0] is nan, expected finite numbers"},
      {{"--device", "cuda:99"}, 2, ""},
      {{"--device", "gpu"}, 2, "--device: expected auto, cpu, cuda or cuda:NUMBER, found 'gpu'"},
      {{"--max-time", "3x"},
       2,
       "diffeo train: --max-time: expected a time such as 90s, 45m or 2h30m, found '3x'"},
      {{"--threads", "0"},
       2,
       "diffeo train: --threads: expected a whole number from 1 to 4096, found '0'"},
      {{"--fork", "none"}, 4, "none: no such run or checkpoint"},
      {{"--init", "none.pt"},
       2,
       "--init: none.pt: expected a file that ends in .safetensors; in Python, "
       "safetensors.torch.save_file(model.state_dict(), \"weights.safetensors\") writes one"},
      {{"--map", "x.yaml"},
       2,
       "diffeo train: --map: says what becomes of --init FILE, which is not given"},
      {{"--init", "x.safetensors", "--map", "none"},
       2,
       "--map: none: no such file; of the shipped maps there are normflows_glow and "
       "rosinality_glow"},
      {{"--init", "x.safetensors", "--fork", "r"},
       2,
       "diffeo train: --fork and --init both give the weights to start from; choose one"},
  };
  for (const BadInput& bad : all) {
    Words words{"train", "image.yaml", "--run", "r"};
    words.insert(words.end(), bad.overrides.begin(), bad.overrides.end());
    Answer answer = diffeo(words);
    expect_refused(answer, bad.exit, bad.error.empty() ? answer.first_line() : bad.error);
    EXPECT_FALSE(exists("r")) << bad.error;
  }
}

TEST_F(CommandTrain, SaysWhichDeviceIsNotThere) {
  Answer answer = diffeo({"train", "toy.yaml", "--device", "cuda:99"});
  EXPECT_EQ(answer.exit, 2);
  EXPECT_TRUE(answer.err.starts_with("--device cuda:99: not there: ")) << answer.err;
}

TEST_F(CommandTrain, SaysWhereItDiverged) {
  Answer answer = diffeo({"train", "toy.yaml", "optimizer.learning_rate=1e30", "--run", "r"});
  EXPECT_EQ(answer.exit, 5);
  EXPECT_NE(answer.err.find("\ntraining diverged in step 2: it would leave numbers that are not "
                            "finite; the first layer gone bad is flow.0_actnorm ("),
            std::string::npos)
      << answer.err;
}

TEST_F(CommandTrain, WarnsOnceOfDataWhoseLikelihoodSaysLittle) {
  save_npy(path("poor.npy"), at::stack({at::arange(40, at::kFloat), at::ones({40})}, 1));
  Words words{"train", "toy.yaml",
              "data={source: npy, path: poor.npy, shape: [2], test_fraction: 0.2}"};
  const std::string warning =
      "warning: train: column 1: the same value in every example, so that likelihoods have no "
      "bound; leave out\n";
  for (const Words& more : {Words{"--dry-run"}, Words{"--run", "r"}}) {
    Words all = words;
    all.insert(all.end(), more.begin(), more.end());
    Answer answer = diffeo(all);
    EXPECT_EQ(answer.exit, 0) << answer.err;
    size_t first = answer.err.find(warning);
    EXPECT_NE(first, std::string::npos) << answer.err;
    EXPECT_EQ(answer.err.find("warning:", first + 1), std::string::npos) << answer.err;
  }
}

TEST_F(CommandTrain, TellsDataThatALayerDoesNotMapFromDivergence) {
  Tensor x = at::linspace(0, 1, 80, at::kFloat).view({40, 2}).clone();
  x[5][1] = 9;
  save_npy(path("far.npy"), x);
  Words words{"train", "toy.yaml", "data={source: npy, path: far.npy, test: far.npy, shape: [2]}",
              "flow=[{type: diagonal}, {type: logit}]", "train.batch_size=40"};
  const std::string reason =
      " has the density 0: flow.1_logit is given 9 at [1], and maps -0.0555556 to 1.05556; rescale "
      "the data, or scale them in a layer before it\n";
  words.insert(words.end(), {"--run", "r"});
  Answer answer = diffeo(words);
  EXPECT_EQ(answer.exit, 3) << answer.err;
  EXPECT_TRUE(answer.err.ends_with("training: an example of step 1" + reason)) << answer.err;
  words.back() = "s";
  words.push_back("--dry-run");
  answer = diffeo(words);
  EXPECT_EQ(answer.exit, 3) << answer.err;
  EXPECT_TRUE(answer.err.ends_with("training: an example of step 1" + reason)) << answer.err;
}

TEST_F(CommandTrain, TriesTheWeightsOfAnotherProgramInADryRun) {
  expect_refused(diffeo({"train", "toy.yaml", "--dry-run", "--map", "m.yaml"}), 2,
                 "diffeo train: --map: says what becomes of --init FILE, which is not given");
  Answer answer = diffeo({"train", "toy.yaml", "--dry-run", "--init", "none.safetensors"});
  EXPECT_NE(answer.err.find("none.safetensors: "), std::string::npos) << answer.err;
  EXPECT_NE(answer.exit, 0);
}

TEST_F(CommandTrain, NamesTheBatchWhereMemoryDoesNotSuffice) {
  Answer answer = diffeo({"train", "toy.yaml", "train.batch_size=100000000000000", "--dry-run"});
  expect_refused(answer, 6,
                 "out of memory in training with train.batch_size 100000000000000 in 1 pass: asked "
                 "for 100.0 TB; cures, what disturbs least first: train.memory invert or recompute "
                 "(the same gradients, slower), a larger train.accumulate (the batch in more "
                 "passes; other noise, and batch norms see smaller batches), a smaller "
                 "train.batch_size, fewer hidden "
                 "channels or layers");
}

TEST_F(CommandTrain, SaysThatTheModelIsTooLargeForTheMemory) {
  save_npy(path("wide.npy"), at::zeros({3, 6000000}));
  Answer answer =
      diffeo({"train", "toy.yaml", "train.batch_size=2", "--run", "r",
              "data={source: npy, path: wide.npy, test_fraction: 0.34, shape: [6000000]}"});
  EXPECT_EQ(answer.exit, 6) << answer.err;
  EXPECT_TRUE(
      answer.err.starts_with("out of memory in building the flow: asked for 144.0 TB; cure: "))
      << answer.err;
  EXPECT_FALSE(exists("r"));
}

TEST_F(CommandTrain, LeavesASummaryWhereMemoryDoesNotSuffice) {
  Answer answer = diffeo({"train", "toy.yaml", "train.batch_size=100000000000000",
                          "train.initialise_examples=8", "--run", "r"});
  EXPECT_EQ(answer.exit, 6) << answer.err;
  nlohmann::json summary = nlohmann::json::parse(read_plainly(path("r/summary.json")));
  EXPECT_EQ(summary.at("exit"), "failed");
  std::string reason = summary.at("reason");
  EXPECT_NE(reason.find("allocate 800000000000000 bytes"), std::string::npos) << reason;
  EXPECT_EQ(reason.find('\n'), std::string::npos) << reason;
}

TEST_F(CommandTrain, SaysThatItsFolderIsALinkToNothing) {
  std::filesystem::create_symlink("/nowhere/at/all", path("r"));
  expect_refused(diffeo({"train", "toy.yaml", "--run", "r"}), 1,
                 "r: is a link to /nowhere/at/all, which does not exist; make that folder or name "
                 "another");
}

// Images of one row, and of two channels, which are no colours.
TEST_F(CommandTrain, DrawsImagesOfAnyShape) {
  save_npy(path("row.npy"), at::arange(40 * 512).remainder(256).view({40, 1, 512}).to(at::kByte));
  save_npy(path("two.npy"), at::arange(40 * 32).remainder(256).view({40, 4, 4, 2}).to(at::kByte));
  const std::vector<std::pair<std::string, Shape>> all{
      {"data={source: npy, path: row.npy, shape: [1, 1, 512], test_fraction: 0.25}",
       {1, 4 * 18 + 2, 516}},
      {"data={source: npy, path: two.npy, shape: [2, 4, 4], test_fraction: 0.25}", {1, 0, 0}}};
  for (const auto& [data, size] : all) {
    std::filesystem::remove_all(path("r"));
    Answer answer =
        diffeo({"train", "image.yaml", data, "--run", "r", "train.sample_temperatures=[1]"});
    EXPECT_EQ(answer.exit, 0) << answer.err;
    EXPECT_NE(answer.out.find("samples: r/samples/step_00000002.png\n"), std::string::npos)
        << answer.err;
    Answer sampled = diffeo({"sample", "r", "--count", "4"});
    EXPECT_EQ(sampled.out, "r/samples/step_00000002_n4_seed0_t1.png\n") << sampled.err;
    Tensor picture = load_png(path("r/samples/step_00000002_n4_seed0_t1.png"));
    EXPECT_EQ(picture.size(0), 1);
    if (size[1] > 0) {
      EXPECT_EQ(picture.sizes(), at::IntArrayRef(size));
    }
  }
}

TEST_F(CommandTrain, SaysWhatTheDiskRefused) {
  Answer answer = diffeo({"train", "toy.yaml", "--run", "toy.yaml/r"});
  EXPECT_EQ(answer.exit, 1);
  EXPECT_EQ(answer.first_line(),
            "toy.yaml/r/samples: cannot be created: a part of the path is not a directory");
}

}  // namespace
}  // namespace diffeo
