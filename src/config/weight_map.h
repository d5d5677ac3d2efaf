#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/enums.h"

namespace diffeo {

// What is made of another program's tensors on the way. Rows count along the first dimension.
enum class WeightStep {
  kNegate,
  kLog,         // of numbers above 0; others become no numbers, which no model takes
  kThird,       // a third: of openai/glow's logs
  kFlatten,     // [1, C, 1, 1] -> [C]
  kSwapHalves,  // of the rows
  kInterleave,  // rows of the first half at 0, 2, …, of the second at 1, 3, …
  kNegateEven,  // rows 0, 2, …
  kSumInputs,   // [outputs, inputs, ...] -> [outputs, 1, ...]: padding by ones as an edge channel
  kJoin,        // all tensors, one behind the other
  kLuProduct,   // P L U of [P, L, U, log s, sign s], L and U without their diagonals, s that of U
};
template <>
struct EnumNames<WeightStep> {
  static constexpr std::array names{std::pair{"negate", WeightStep::kNegate},
                                    std::pair{"log", WeightStep::kLog},
                                    std::pair{"third", WeightStep::kThird},
                                    std::pair{"flatten", WeightStep::kFlatten},
                                    std::pair{"swap_halves", WeightStep::kSwapHalves},
                                    std::pair{"interleave", WeightStep::kInterleave},
                                    std::pair{"negate_even", WeightStep::kNegateEven},
                                    std::pair{"sum_inputs", WeightStep::kSumInputs},
                                    std::pair{"join", WeightStep::kJoin},
                                    std::pair{"lu_product", WeightStep::kLuProduct}};
};

// Where tensors of the model come from. In names `*` stands for any number: the names that match
// `to`, by their numbers in rising order, take those that match `from` in their order.
struct MappedWeight {
  static constexpr const char* kDoc = "Tensors of the model, and what they are made of.";
  std::string to;
  std::vector<std::string> from = {};
  std::vector<WeightStep> steps = {};
  std::optional<double> value = {};

  template <class Archive>
  void fields(Archive& ar) {
    ar.required("to", to, "name in the model; * stands for any number");
    ar("from", from, "names in the file; {last} stands for the largest number that * would match");
    ar("steps", steps, "what is made of them, one step after the other");
    ar("value", value, "a number for all elements, in place of names");
  }

  // What is wrong with the members together, or nothing.
  std::string problem() const {
    if (value.has_value() != from.empty()) return "needs either from or value";
    if (value && !steps.empty()) return "steps: need tensors (from), and a value is none";
    return {};
  }
};

// How the weights of another program's model become those of a flow: a file MAP.yaml.
struct WeightMap {
  static constexpr const char* kDoc = "Names of another program's weights.";
  bool reversed = false;
  std::vector<MappedWeight> weights;
  std::vector<std::string> unused = {};

  template <class Archive>
  void fields(Archive& ar) {
    ar("reversed", reversed,
       "the file's numbers count from noise to data, so that the largest comes first");
    ar.required("weights", weights, "each tensor of the model, once");
    ar("unused", unused, "names in the file that the model has no use for");
  }
};

// Throws one Error (Exit::kUsage) with a line for each mistake found, as read_config() does.
WeightMap read_weight_map(const std::string& path);

}  // namespace diffeo
