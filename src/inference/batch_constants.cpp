#include "inference/batch_constants.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <optional>
#include <vector>

#include "core/error.h"

namespace diffeo {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

// A number of the graph that is factor * batch + offset.
struct Linear {
  Node* node;
  int64_t factor, offset;
};

[[noreturn]] void refuse(const Node& node) {
  fail(
      "export: this flow's operations follow the batch's size in a way that cannot be written down "
      "(",
      node.kind().toQualString(), ")");
}

bool same(const c10::IValue& a, const c10::IValue& b) {
  if (a.isTensor() && b.isTensor()) return at::equal(a.toTensor(), b.toTensor());
  return a == b;
}

class Comparison {
 public:
  Comparison(int64_t size, int64_t other_size) : size_(size), other_size_(other_size) {}

  std::vector<Linear> found(Graph& graph, Graph& other) {
    auto theirs = other.nodes().begin();
    for (Node* node : graph.nodes()) {
      if (theirs == other.nodes().end() || theirs->kind() != node->kind()) refuse(*node);
      if (node->kind() == c10::prim::Constant) compare(node, *theirs);
      ++theirs;
    }
    return linear_;
  }

 private:
  void compare(Node* node, Node* other) {
    auto here = torch::jit::toIValue(node->output()), there = torch::jit::toIValue(other->output());
    if (!here || !there) refuse(*node);
    if (same(*here, *there)) return;
    if (!here->isInt() || !there->isInt()) refuse(*node);
    int64_t rise = there->toInt() - here->toInt(), run = other_size_ - size_;
    if (rise % run != 0) refuse(*node);
    int64_t factor = rise / run;
    linear_.push_back({node, factor, here->toInt() - factor * size_});
  }

  int64_t size_, other_size_;
  std::vector<Linear> linear_;
};

}  // namespace

void free_batch_size(Graph& graph, int64_t size, Graph& other, int64_t other_size) {
  std::vector<Linear> numbers = Comparison(size, other_size).found(graph, other);
  if (numbers.empty()) return;
  torch::jit::WithInsertPoint at_start(*graph.nodes().begin());
  Value* batch = graph.insert(c10::aten::size, {graph.inputs().at(1), 0});
  for (const Linear& number : numbers) {
    Value* value = batch;
    if (number.factor != 1) value = graph.insert(c10::aten::mul, {value, number.factor});
    if (number.offset != 0) value = graph.insert(c10::aten::add, {value, number.offset});
    number.node->output()->replaceAllUsesWith(value);
  }
}

}  // namespace diffeo
