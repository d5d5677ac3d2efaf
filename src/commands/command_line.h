#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/range.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace diffeo {

using Words = std::vector<std::string>;

// What one command takes, and the reading of it. Every mistake throws Exit::kUsage: the command,
// the option, what was expected, what was found, the nearest name.
class CommandLine {
 public:
  // `name` as the user types it: "diffeo sample". `example`: a whole command, shown at the end of
  // the help.
  CommandLine(std::string name, const char* purpose, const char* example);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Arguments told apart by their order. `value` must be given; of `values`, at least `least`.
  void argument(const char* name, std::string& value, const char* help);
  void arguments(const char* name, Words& values, const char* help, int least = 0);

  void flag(const char* name, bool& value, const char* help);

  // An option that is not given leaves its variable alone. `value_name` stands for the value in the
  // help: "N".
  void option(const char* name, const char* value_name, std::string& value, const char* help);
  void option(const char* name, const char* value_name, std::optional<std::string>& value,
              const char* help);
  void option(const char* name, const char* value_name, std::optional<int64_t>& value,
              const char* help, Range range);
  void option(const char* name, const char* value_name, std::vector<double>& values,
              const char* help, Range range);

  // Like the others, read by `read`, which returns what is wrong with the text, or nothing.
  void option(const char* name, const char* value_name, const char* help,
              std::function<std::string(const std::string&)> read);

  // False when only help was asked for, or by --options a line for each option, as completions
  // read them (completions_command.cpp); it has been printed then.
  bool parse(const Words& words);

 private:
  struct Waiting {
    CLI::Option* option;
    std::string text;
    std::function<std::string(const std::string&)> read;
  };

  void print_options() const;
  void parse_words(const Words& words);
  void refuse_leftovers() const;

  std::string name_;
  std::unique_ptr<CLI::App> app_;
  std::deque<Waiting> waiting_;
};

}  // namespace diffeo
