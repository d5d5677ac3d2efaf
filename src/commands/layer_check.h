#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/enums.h"
#include "transforms/transform.h"

namespace diffeo {

// Errors above this fail; everything is computed in double precision.
constexpr double kCheckTolerance = 1e-6;

// Layers of more dimensions have their Jacobian computed only when asked for: its cost grows with
// their cube.
constexpr int64_t kFreeDimensions = 512;

enum class Verdict { kPass, kFail, kNotChecked };
template <>
struct EnumNames<Verdict> {
  static constexpr std::array names{std::pair{"pass", Verdict::kPass},
                                    std::pair{"fail", Verdict::kFail},
                                    std::pair{"not checked", Verdict::kNotChecked}};
};

// What an inverse without a formula costs: evaluations of the forward map for an element.
struct Effort {
  double mean;
  int64_t worst;
};

// How far one layer is from what it promises. Errors are relative where the true value is above 1.
struct LayerVerdict {
  std::string path;
  int64_t dimensions = 0;          // of its input
  double round_trip = 0;           // largest error of inverse(forward(x))
  std::optional<Effort> effort{};  // of the inverse; nothing: a formula
  std::optional<double>
      log_det{};  // error against log |det J| of the autograd Jacobian; nothing: not checked

  Verdict verdict() const;
};

// Checks each layer in double precision, alone, on the examples that reach it when `x` [B, ...]
// goes through the flow: the inverse on all of them, the log-det on the first. That of a layer that
// draws noise is checked against its derivative by the noise: log_det + log p(noise) = log |det d
// out / d noise|.
class LayerCheck {
 public:
  // Runs the layers, and the inverse of each. `flow`: the list of them, in double precision, on the
  // CPU.
  LayerCheck(Transform& flow, const Tensor& x, const Pass& pass);

  // The layers that have more than kFreeDimensions: their number, and about how long their
  // Jacobians take.
  int64_t large_layers() const;
  double seconds_for_large() const;

  // In the order of the layers; `large`: those too.
  std::vector<LayerVerdict> verdicts(bool large) const;

 private:
  struct Seen {
    TransformPtr layer;
    Tensor example;  // [1, ...]
    Pass pass;       // of that example alone, without observer and noise
    double round_trip;
    std::optional<Effort> effort;
    double seconds;  // of a forward with one example
  };

  void look(const TransformPtr& layer, const Report& report);

  std::vector<TransformPtr> layers_;
  std::map<std::string, Seen> seen_;  // by path
};

}  // namespace diffeo
