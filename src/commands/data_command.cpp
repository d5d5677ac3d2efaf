#include "commands/commands.h"
#include "commands/data_commands.h"
#include "commands/dispatch.h"

namespace diffeo {

void data_command(const Words& words) {
  const Command commands[] = {
      {"info", "splits, ranges, columns, classes and what is doubtful", data_info},
      {"pack", "decode once, and write what a training maps", data_pack},
  };
  dispatch("diffeo data", commands, words);
}

}  // namespace diffeo
