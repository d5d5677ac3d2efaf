#pragma once

#include <vector>

#include "core/enums.h"
#include "nets/conditioner.h"

namespace diffeo {

enum class MlpStart {
  kZeroOutput,  // uniform within 1/sqrt(fan-in); the output layer zero
  kNice,        // every weight uniform within 0.01, biases zero (laurent-dinh/nice)
};
template <>
struct EnumNames<MlpStart> {
  static constexpr std::array names{std::pair{"zero_output", MlpStart::kZeroOutput},
                                    std::pair{"nice", MlpStart::kNice}};
};

struct MlpConfig {
  using Builds = class Mlp;
  static constexpr const char* kType = "mlp";
  static constexpr const char* kDoc = "Dense layers with ReLU between them, for vectors.";
  int64_t hidden = 128;
  int64_t depth = 2;
  MlpStart start = MlpStart::kZeroOutput;

  template <class Archive>
  void fields(Archive& ar) {
    ar("hidden", hidden, "width of each hidden layer", between(1, 65536));
    ar("depth", depth, "hidden layers", between(1, 1000));
    ar("start", start,
       "starting weights: identity-like with a zero output layer, or small everywhere as NICE's");
  }
};

// Dense layers with ReLU between them: [B, D] -> [B, outputs].
class Mlp final : public Conditioner {
 public:
  Mlp(const MlpConfig& config, const Site& site, int64_t outputs);

 private:
  struct Dense {
    Tensor weight;  // [outputs, inputs]
    Tensor bias;    // [outputs]
  };

  Dense dense(const Site& site, int64_t inputs, int64_t outputs, double bound, double bias_bound);
  Tensor do_forward(const Tensor& x, const Pass& pass) override;

  std::vector<Dense> layers_;
};

}  // namespace diffeo
