#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace diffeo {

enum class OperatorKind {
  kProduct,  // a convolution or matrix product: its work is counted in FLOPs
  kMemory,   // reads and writes tensors: its work is counted in bytes
  kView,     // moves nothing: views, and tensors not yet filled
};

// What all calls of one operator took.
struct OperatorUse {
  OperatorKind kind = OperatorKind::kMemory;
  int64_t calls = 0;
  double seconds = 0;  // without those of the operators that it calls
};

// The arguments of a convolution, to run it again by itself.
struct ConvolutionCall {
  std::vector<int64_t> input, weight;  // sizes, [B, Cin, H, W] and [Cout, Cin / groups, kh, kw]
  std::vector<int64_t> stride, padding, dilation;
  int64_t groups = 1;
  double flops = 0;
};

// One function of a backward pass. `sequence`: the place in the order of the forward pass of what
// it differentiates; a function that differentiates nothing, such as the adding up of gradients,
// has the largest number there is.
struct BackwardCall {
  uint64_t sequence;
  double seconds;
};

// What a stretch of work asked of LibTorch.
struct OperatorUses {
  std::map<std::string, OperatorUse> operators;  // by name, "aten::mul"
  std::vector<BackwardCall> backward;
  std::optional<ConvolutionCall> convolution;  // the one with the most FLOPs
  int64_t calls = 0;                           // of operators, those by other operators included
  double flops = 0;  // of convolutions, matrix products and attention; a multiply-add is two
  double bytes = 0;  // an estimate of what the others have read and written
};

// While it lives, writes down each call of an operator that this thread makes, also through the
// backward passes it starts. One at a time. The own kernels of this program are no operators.
class OperatorRecord {
 public:
  explicit OperatorRecord(c10::Device device);
  ~OperatorRecord();
  OperatorRecord(const OperatorRecord&) = delete;
  OperatorRecord& operator=(const OperatorRecord&) = delete;

  const OperatorUses& uses() const;

  // Seconds since the beginning, without those that the writing down has taken. Waits for the
  // device.
  double seconds() const;

 private:
  class Recorder;

  std::shared_ptr<Recorder> recorder_;
  c10::DebugInfoGuard where_callbacks_find_it_;
  at::CallbackHandle handle_;
};

// Waits until a device has done all that it was given. A CPU never has anything left.
void wait_for(c10::Device device);

}  // namespace diffeo
