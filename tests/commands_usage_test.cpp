#include <regex>

#include "program.h"

namespace diffeo {
namespace {

using CommandUsage = Commands;

TEST_F(CommandUsage, ListsTheCommandsWhenNoneIsGiven) {
  Answer none = diffeo({});
  expect_refused(none, 2, "diffeo: no command given");
  for (const char* name :
       {"train", "sample", "evaluate", "describe", "check", "bench", "config", "env"}) {
    EXPECT_NE(none.err.find("\n  " + std::string(name) + " "), std::string::npos) << name;
  }
  Answer help = diffeo({"--help"});
  EXPECT_EQ(help.exit, 0);
  EXPECT_EQ(help.err, "");
  EXPECT_NE(none.err.find(help.out.substr(0, help.out.size() - 1)), std::string::npos);
}

TEST_F(CommandUsage, TellsItsVersion) {
  Answer answer = diffeo({"--version"});
  EXPECT_EQ(answer.exit, 0);
  EXPECT_TRUE(std::regex_match(
      answer.out, std::regex("diffeo [0-9.]+ \\((commit [0-9a-f]+, )?LibTorch 2[0-9.]+\\)\n")))
      << answer.out;
}

TEST_F(CommandUsage, NamesTheNearestCommand) {
  expect_refused(diffeo({"trian"}), 2, "diffeo: unknown command 'trian', did you mean 'train'?");
  expect_refused(diffeo({"config", "lst"}), 2,
                 "diffeo config: unknown command 'lst', did you mean 'list'?");
  expect_refused(diffeo({"frobnicate"}), 2,
                 "diffeo: unknown command 'frobnicate', expected one of: train, sample, evaluate, "
                 "score, encode, decode, export, describe, check, bench, data, config, env, "
                 "completions, --version");
  expect_refused(diffeo({"--verson"}), 2,
                 "diffeo: unknown option '--verson', did you mean '--version'?");
}

TEST_F(CommandUsage, RefusesWordsThatACommandDoesNotTake) {
  expect_refused(diffeo({"describe", "--jsn", "quickstart"}), 2,
                 "diffeo describe: unknown option --jsn, did you mean '--json'?");
  expect_refused(diffeo({"describe", "quickstart", "more"}), 2,
                 "diffeo describe: nothing expected after its arguments, found 'more'");
  expect_refused(diffeo({"describe"}), 2,
                 "diffeo describe: MODEL is required; see diffeo describe --help");
  expect_refused(diffeo({"sample", "run", "--count"}), 2,
                 "diffeo sample: --count: 1 required N missing");
}

TEST_F(CommandUsage, ShowsAnExampleInEveryHelp) {
  for (const Words& command : std::vector<Words>{{"train"},
                                                 {"sample"},
                                                 {"evaluate"},
                                                 {"describe"},
                                                 {"check"},
                                                 {"bench"},
                                                 {"env"},
                                                 {"config", "list"},
                                                 {"config", "show"},
                                                 {"config", "validate"},
                                                 {"config", "schema"},
                                                 {"config", "reference"}}) {
    Words words = command;
    words.push_back("--help");
    std::string name = "diffeo";
    for (const std::string& word : command) name += " " + word;
    Answer answer = diffeo(words);
    EXPECT_EQ(answer.exit, 0) << name;
    EXPECT_EQ(answer.err, "");
    EXPECT_NE(answer.out.find("\nExample:\n  " + name), std::string::npos) << answer.out;
    EXPECT_NE(answer.out.find("Usage: " + name), std::string::npos) << answer.out;
  }
}

TEST_F(CommandUsage, SaysWhenStandardOutputCannotBeWritten) {
  Answer answer = Program(folder_.path(), {"config", "schema"}, "/dev/full").wait();
  EXPECT_EQ(answer.exit, 1);
  EXPECT_EQ(answer.first_line(), "standard output: cannot be written");
}

TEST_F(CommandUsage, ListsOptionsForCompletions) {
  Answer commands = diffeo({"--options"});
  EXPECT_EQ(commands.exit, 0);
  EXPECT_TRUE(commands.out.starts_with("train\ttrain a flow from a configuration\n"));
  EXPECT_NE(diffeo({"sample", "--options"}).out.find("\n--temperature\tScale of the noise"),
            std::string::npos);
  EXPECT_NE(diffeo({"config", "--options"}).out.find("validate\t"), std::string::npos);
}

// Completes the last word of a command line as bash would.
TEST_F(CommandUsage, CompletesInBash) {
  for (const char* shell : {"bash", "zsh", "fish"})
    write(shell, diffeo({"completions", shell}).out);
  auto completed = [&](const std::string& words) {
    write("try.sh", "set -- " + words +
                        "\nsource ./bash\nCOMP_WORDS=(" DIFFEO_PROGRAM
                        " \"$@\")\nCOMP_CWORD=$#\n_diffeo\nprintf '%s ' \"${COMPREPLY[@]}\"\n");
    EXPECT_EQ(std::system(("cd " + path("").string() + " && bash try.sh >out").c_str()), 0);
    return read_plainly(path("out"));
  };
  EXPECT_EQ(completed("sa"), "sample ");
  EXPECT_EQ(completed("sample run --temp"), "--temperature ");
  EXPECT_EQ(completed("train cifar10/r"), "cifar10/realnvp ");
  EXPECT_EQ(completed("config val"), "validate ");
  EXPECT_EQ(completed("config show quick"), "quickstart ");
  expect_refused(diffeo({"completions", "tcsh"}), 2,
                 "diffeo completions: SHELL: expected bash, zsh or fish, found 'tcsh'");
}

}  // namespace
}  // namespace diffeo
