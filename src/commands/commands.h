#pragma once

#include "commands/command_line.h"
#include "terminal/signals.h"

namespace diffeo {

// The commands of the program. Each reads its own words, writes its results to standard output and
// what is said on the way to standard error, and throws Error when it cannot do what was asked.
void train_command(const Words& words, StopRequest& stop);  // which listens already
void sample_command(const Words& words);
void evaluate_command(const Words& words);
void score_command(const Words& words);
void encode_command(const Words& words);
void decode_command(const Words& words);
void export_command(const Words& words);
void describe_command(const Words& words);
void check_command(const Words& words);
void bench_command(const Words& words);
void data_command(const Words& words);
void config_command(const Words& words);
void env_command(const Words& words);
void completions_command(const Words& words);

}  // namespace diffeo
