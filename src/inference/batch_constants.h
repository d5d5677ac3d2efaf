#pragma once

#include <cstdint>

namespace torch::jit {
struct Graph;
}

namespace diffeo {

// Sizes that are read in C++ become constants of a trace, the batch's among them. Of two traces of
// one function, at other batch sizes, the constants that differ are those that follow from it. Each
// becomes, in `graph`, factor * x.size(0) + offset, with x the first argument beside the module.
// Throws where the traces differ in anything else.
void free_batch_size(torch::jit::Graph& graph, int64_t size, torch::jit::Graph& other,
                     int64_t other_size);

}  // namespace diffeo
