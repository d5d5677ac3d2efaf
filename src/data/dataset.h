#pragma once

#include "core/pass.h"
#include "core/shape.h"

namespace diffeo {

struct Batch {
  Tensor x;  // [B, ...] on the host: float32, or float64 to be standardised; images as 0 … 255
  Tensor labels = {};   // [B] int64, or undefined
  Tensor context = {};  // [B, C] float32, what a flow is conditioned on beside labels, or undefined

  // Where and in the precision that a flow computes; float64 examples stay so.
  Batch to(const at::TensorOptions& options) const;
  Batch narrow(int64_t first, int64_t count) const;

  // A pass with the labels and the context.
  Pass pass() const { return {.labels = labels, .features = context}; }
};

// A whole split: images stay uint8, so CIFAR-10 takes 184 MB. Examples may lie in a mapped file,
// images with their channels last.
struct Dataset {
  Tensor examples;        // [N, ...] uint8 or float32; float64 where the flow standardises them
  Tensor labels = {};     // [N] int64, or undefined
  Tensor context = {};    // [N, C] float32, or undefined
  std::string note = {};  // what the user should know of how it was read; empty: nothing

  int64_t size() const { return examples.size(0); }
  Shape shape() const { return event_shape(examples); }

  // Without gaps, as [B, C, H, W] lies; fewer where the end is reached.
  Batch slice(int64_t first, int64_t count) const;
  Dataset first(int64_t count) const;           // fewer where there are no more
  Dataset chosen(const Tensor& indices) const;  // [M] int64
};

// Two parts that a seed and a stream's name choose: `part` holds the fraction, rounded, at least
// one example; `rest` the others. Both keep the order of the whole. No version of this program
// chooses otherwise. Throws Exit::kData where nothing would be left.
struct Cut {
  Dataset rest, part;
};
Cut cut(const Dataset& whole, double fraction, uint64_t seed, const std::string& stream);

}  // namespace diffeo
