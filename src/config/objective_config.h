#pragma once

#include <string>
#include <vector>

#include "core/enums.h"
#include "core/range.h"

namespace diffeo {

// What is minimised is -mean log p in this unit. The unit scales gradients, and with them clipping
// and epsilon.
enum class ObjectiveUnit {
  kNats,
  kBitsPerDim,  // nats / (D ln 2), D the numbers of one example
};
template <>
struct EnumNames<ObjectiveUnit> {
  static constexpr std::array names{std::pair{"nats", ObjectiveUnit::kNats},
                                    std::pair{"bits_per_dim", ObjectiveUnit::kBitsPerDim}};
};

// l2 * (sum of squares of the chosen parameters), added to the objective and listed apart from it.
struct PenaltyConfig {
  static constexpr const char* kDoc =
      "An L2 term beside the likelihood, over parameters chosen by name.";
  static constexpr OnResume kOnResume = OnResume::kWarned;
  double l2 = 0;
  std::vector<std::string> parameters;

  // Whether a parameter's name contains one of the listed parts, or none is listed.
  bool chooses(const std::string& name) const;

  // Throws (Exit::kUsage) where a listed part is in none of the parameters' names.
  void require_names(const std::vector<std::string>& names) const;

  template <class Archive>
  void fields(Archive& ar) {
    ar("l2", l2, "weight of the sum of squares, 0: none", at_least(0));
    ar("parameters", parameters,
       "parts of names: parameters whose name contains one of them; empty: all parameters");
  }
};

}  // namespace diffeo
