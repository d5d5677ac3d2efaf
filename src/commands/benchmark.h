#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "commands/bench_subject.h"

namespace diffeo {

struct BenchOptions {
  double seconds = 8;  // about, for all that is timed of one subject
  int64_t rounds = 5;  // in which everything is timed in turn
};

// What a flow takes to train, evaluate and sample on this machine. Keys: train, forward, sample,
// each with examples_per_second and milliseconds (of a batch); train also with operator_calls,
// flops_per_second, passes_over_state (bytes that operators other than products move in a step, by
// the bytes of a batch); data.batches_per_second; update.milliseconds (of a step: all but the
// passes); start.seconds; machine (gemm_flops_per_second, convolution_flops_per_second or null,
// copy_bytes_per_second); share_of_gemm and share_of_convolution (of the training's FLOPs);
// peak_bytes (of tensors in a step of training), process_peak_bytes; layers; operators; inverses.
// Times are medians over the rounds' medians.
nlohmann::json benchmark(BenchSubject& subject, const BenchOptions& options);

// Two flows, timed in turns so that what else the machine does falls on both. Keys: settings, two
// of the above; ratios.{train, forward, sample}.{median, least, most}: the second's speed by the
// first's, over the rounds.
nlohmann::json compared(BenchSubject& first, BenchSubject& second, const BenchOptions& options);

// Milliseconds of a step, and peak_bytes.
nlohmann::json step_cost(BenchSubject& subject, double seconds);

}  // namespace diffeo
