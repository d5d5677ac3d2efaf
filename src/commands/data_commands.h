#pragma once

#include "commands/command_line.h"

namespace diffeo {

// The commands of diffeo data.
void data_info(const Words& words);
void data_pack(const Words& words);

}  // namespace diffeo
