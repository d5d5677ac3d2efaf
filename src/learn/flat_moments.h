#pragma once

#include "learn/flat_parameters.h"
#include "nets/running_moments.h"

namespace diffeo {

// The running moments of all batch norms of a module as views of one buffer [M], so that following
// a batch, checking and averaging them are a few kernels whatever the number of norms. Takes effect
// when built; the module keeps its dtype and device from there on.
//
// A step's passes leave the moments of their batches pending in the modules. They are followed here
// once the step is admitted, and once a step: several passes of one step are pooled before.
class FlatMoments {
 public:
  // `options`: of the buffer where the module has no batch norm.
  FlatMoments(const torch::nn::Module& module, const at::TensorOptions& options);
  FlatMoments(const FlatMoments&) = delete;
  FlatMoments& operator=(const FlatMoments&) = delete;

  bool are_there() const { return !norms_.empty(); }
  const Tensor& values() const { return values_; }  // [M]
  const std::vector<ParameterRange>& ranges() const { return ranges_; }

  void forget();           // what is pending
  Tensor pending() const;  // [M], values() where no pass was

  // values <- values + kFollowRate (pending - values), and forgets. `admitted`: one number, 1, or 0
  // to leave them as they are.
  void follow(const Tensor& pending, const Tensor& admitted);

  // Makes the module compute with another buffer laid out like values(); show(values()) ends that.
  void show(const Tensor& flat);

 private:
  std::vector<std::shared_ptr<RunningMoments>> norms_;
  std::vector<ParameterRange> ranges_;  // mean and variance of each norm in turn
  Tensor values_;
};

}  // namespace diffeo
