#include "commands/command_line.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "config/findings.h"
#include "config/yaml_writer.h"
#include "core/error.h"

namespace diffeo {
namespace {

std::string read_number(const std::string& text, Range range, auto& value) {
  return read_scalar(plain_node(text), range, value);
}

std::string read_numbers(const std::string& text, Range range, std::vector<double>& values) {
  values.clear();
  for (const std::string& item : CLI::detail::split(text, ',')) {
    std::string problem = read_number(item, range, values.emplace_back());
    if (!problem.empty()) return problem;
  }
  return {};
}

}  // namespace

CommandLine::CommandLine(std::string name, const char* purpose, const char* example)
    : name_(std::move(name)), app_(std::make_unique<CLI::App>(purpose, name_)) {
  app_->set_help_flag("-h,--help", "Print this help");
  app_->allow_extras();
  app_->footer(joined("\nExample:\n  ", example));
  app_->get_formatter()->column_width(34);
}

CommandLine::~CommandLine() = default;

void CommandLine::argument(const char* name, std::string& value, const char* help) {
  app_->add_option(name, value, help)->required()->type_name("");
}

void CommandLine::arguments(const char* name, Words& values, const char* help, int least) {
  app_->add_option(name, values, help)
      ->required(least > 0)
      ->expected(least, CLI::detail::expected_max_vector_size)
      ->type_name("");
}

void CommandLine::flag(const char* name, bool& value, const char* help) {
  app_->add_flag(name, value, help);
}

void CommandLine::option(const char* name, const char* value_name, const char* help,
                         std::function<std::string(const std::string&)> read) {
  Waiting& waiting = waiting_.emplace_back();
  waiting.read = std::move(read);
  waiting.option = app_->add_option(name, waiting.text, help)->type_name(value_name);
}

void CommandLine::option(const char* name, const char* value_name, std::string& value,
                         const char* help) {
  option(name, value_name, help, [&value](const std::string& text) {
    value = text;
    return std::string(text.empty() ? "expected a value, found nothing" : "");
  });
}

void CommandLine::option(const char* name, const char* value_name,
                         std::optional<std::string>& value, const char* help) {
  option(name, value_name, help, [&value](const std::string& text) {
    value = text;
    return std::string(text.empty() ? "expected a value, found nothing" : "");
  });
}

void CommandLine::option(const char* name, const char* value_name, std::optional<int64_t>& value,
                         const char* help, Range range) {
  option(name, value_name, help, [&value, range](const std::string& text) {
    return read_number(text, range, value.emplace());
  });
}

void CommandLine::option(const char* name, const char* value_name, std::vector<double>& values,
                         const char* help, Range range) {
  option(name, value_name, help,
         [&values, range](const std::string& text) { return read_numbers(text, range, values); });
}

// What CLI11 says is kept where it names the argument that is missing; its exit codes are not.
void CommandLine::parse_words(const Words& words) {
  try {
    app_->parse(Words(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::RequiredError& error) {
    refuse_leftovers();
    fail(Exit::kUsage, name_, ": ", error.what(), "; see ", name_, " --help");
  } catch (const CLI::ParseError& error) {
    fail(Exit::kUsage, name_, ": ", error.what());
  }
  refuse_leftovers();
}

void CommandLine::refuse_leftovers() const {
  std::vector<std::string> known;
  for (const CLI::Option* option : app_->get_options()) {
    if (!option->get_positional()) known.push_back(option->get_name());
  }
  for (const std::string& word : app_->remaining()) {
    if (word.starts_with("-"))
      fail(Exit::kUsage, name_, ": unknown option ", word, ", ", advice(word, known));
    fail(Exit::kUsage, name_, ": nothing expected after its arguments, found '", excerpt(word),
         "'");
  }
}

// A line each: "--count<tab>How many samples".
void CommandLine::print_options() const {
  for (const CLI::Option* option : app_->get_options()) {
    if (!option->get_positional())
      std::cout << option->get_name() << "\t" << option->get_description() << "\n";
  }
}

bool CommandLine::parse(const Words& words) {
  if (words == Words{"--options"}) {
    print_options();
    return false;
  }
  try {
    parse_words(words);
  } catch (const CLI::CallForHelp&) {
    std::cout << app_->help();
    return false;
  }
  for (Waiting& waiting : waiting_) {
    if (waiting.option->count() == 0) continue;
    std::string problem = waiting.read(waiting.text);
    if (!problem.empty())
      fail(Exit::kUsage, name_, ": ", waiting.option->get_name(), ": ", problem);
  }
  return true;
}

}  // namespace diffeo
