#pragma once

#include <string>
#include <vector>

#include "flow/flow.h"

namespace diffeo {

// What a flow reads beside examples.
struct FlowInputs {
  int64_t classes = 0;  // of the labels; 0: it reads none
  int64_t context = 0;  // context columns; 0: it reads none
};

// A flow as a program of tensor operations, for whatever loads TorchScript: torch.jit.load in
// Python, torch::jit::load in C++. Its methods, at any batch size B, are
//
//   log_prob(x [, u] [, labels] [, context]) -> [B] nats, with a gradient by x
//   encode(x [, u] [, labels] [, context])   -> [B, D]
//   decode(z [, labels] [, context])         -> [B, ...]
//
// where u [B, ...] is the noise that a dequantizer would draw, uniform in [0, 1), or N(0, 1) where
// it is learned; labels are int64 [B], context is [B, C]. Inverses by search take a fixed number of
// rounds.
struct TorchScript {
  std::string bytes;                    // of the file
  std::vector<std::string> signatures;  // a line a method, with shapes
  double largest_difference;  // from the flow itself, at 1, 3 and 64 examples, relative above 1
};

// Each method is traced at two batch sizes, and the numbers in which the traces differ become
// multiples of the batch's size. The program is compared with the flow at others. Throws
// Exit::kFailed where the flow cannot be written down in this way or the two do not agree.
TorchScript torchscript_of(Flow& flow, const FlowInputs& inputs);

}  // namespace diffeo
