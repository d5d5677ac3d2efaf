#pragma once

#include <functional>
#include <span>
#include <string>

#include "commands/command_line.h"

namespace diffeo {

// A word of the command line that says what to do, and what does it. `run` gets what follows the
// word.
struct Command {
  const char* name;
  const char* help;
  std::function<void(const Words& words)> run;
};

// Runs the command that the first word names, or prints the list of them for --help. Without a
// word, and for one that names nothing, throws Exit::kUsage with the list or the nearest name.
// `name`: what stands before the word, "diffeo".
void dispatch(const std::string& name, std::span<const Command> commands, const Words& words);

}  // namespace diffeo
