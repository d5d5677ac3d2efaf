#include "commands/dispatch.h"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "config/findings.h"
#include "core/error.h"

namespace diffeo {
namespace {

std::string usage(const std::string& name, std::span<const Command> commands) {
  std::ostringstream text;
  text << "Usage: " << name << " COMMAND ...\n\nCommands:\n";
  for (const Command& command : commands) {
    text << "  " << std::left << std::setw(13) << command.name << command.help << "\n";
  }
  text << "\n" << name << " COMMAND --help explains a command.";
  return text.str();
}

}  // namespace

void dispatch(const std::string& name, std::span<const Command> commands, const Words& words) {
  if (words.empty()) fail(Exit::kUsage, name, ": no command given\n\n", usage(name, commands));
  const std::string& word = words[0];
  if (word == "--help" || word == "-h") {
    std::cout << usage(name, commands) << "\n";
    return;
  }
  if (words == Words{"--options"}) {
    for (const Command& command : commands)
      std::cout << command.name << "\t" << command.help << "\n";
    return;
  }
  auto found = std::find_if(commands.begin(), commands.end(),
                            [&](const Command& c) { return c.name == word; });
  if (found != commands.end()) return found->run({words.begin() + 1, words.end()});
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name);
  fail(Exit::kUsage, name, ": unknown ", word.starts_with("-") ? "option " : "command ", "'",
       excerpt(word), "', ", advice(word, names));
}

}  // namespace diffeo
