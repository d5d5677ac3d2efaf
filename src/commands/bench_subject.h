#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "data/data.h"
#include "inference/sampling.h"
#include "inference/unit.h"
#include "learn/learner.h"

namespace diffeo {

// Training batches to measure with.
struct BenchData {
  std::unique_ptr<Batches> batches;
  std::string why_random;  // why they are not the configuration's; empty: they are
};

// The data of a configuration. Where they cannot be read, or are not wanted, random examples of
// the same shape and labels.
BenchData bench_data(const Config& config, bool random);

// A flow that trains and samples, ready to be measured: every action is one that a user waits for.
class BenchSubject {
 public:
  // Starts the flow from data, or takes the weights of a checkpoint (a directory) where one is
  // named, and makes the first step. Throws Exit::kCheckpoint where they do not fit the flow.
  BenchSubject(const Config& config, BenchData& data, c10::Device device,
               const std::optional<std::string>& checkpoint);

  void train();                         // one step, the update of the weights included
  void passes();                        // the passes of a step, without the update
  void pass(const Observer& observer);  // one of them
  void forward();                       // log p of a batch
  void sample();                        // as many examples as a batch has
  void draw_batch();                    // the next of the training

  // Evaluations of the forward map for each element that an inverse without a formula searches, by
  // the layer's path.
  std::map<std::string, double> inverse_evaluations();

  const Config& config() const { return config_; }
  c10::Device device() const { return learner_->options().device(); }
  const at::TensorOptions& options() const { return learner_->options(); }
  Unit unit() const { return Unit(config_.data); }
  int64_t examples() const { return batch_.x.size(0); }  // of a batch
  int64_t parameters() const { return learner_->flat().count(); }
  double state_bytes() const;  // of a batch as the flow computes with it
  double seconds_to_first_step() const { return seconds_to_first_step_; }
  int64_t peak_bytes() const { return peak_bytes_; }  // of tensors during a step of training

 private:
  SampleOptions sampling() const;

  Config config_;
  Batches& batches_;
  std::unique_ptr<Learner> learner_;
  Batch batch_;
  int64_t drawn_ = 0;
  double seconds_to_first_step_ = 0;
  int64_t peak_bytes_ = 0;
};

}  // namespace diffeo
