#pragma once

#include "config/schedule_config.h"
#include "core/enums.h"

namespace diffeo {

// Below, g is the gradient after clipping, t counts updates from 1, and every state starts at 0.
struct OptimizerCommon {
  static constexpr const char* kTag = "kind";
  static constexpr OnResume kOnResume = OnResume::kWarned;
  double learning_rate = 1e-3;
  double clip_norm =
      0;  // g <- g * clip_norm / max(clip_norm, |g|), |g| over all parameters; 0: none
  ScheduleConfig schedule;

  template <class Archive>
  void common_fields(Archive& ar) {
    ar("learning_rate", learning_rate, "size of a step before the schedule", at_least(0));
    ar("clip_norm", clip_norm,
       "largest global norm of the gradient, in the objective's unit; 0: any", at_least(0));
    ar("schedule", schedule, "how the learning rate goes with the step");
  }
};

// m <- beta1 m + (1 - beta1) g,  v <- beta2 v + (1 - beta2) g^2   (Kingma & Ba 2015)
struct AdamCommon : OptimizerCommon {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;

  template <class Archive>
  void moment_fields(Archive& ar) {
    common_fields(ar);
    ar("beta1", beta1, "decay of the gradient's running mean", from_to_below(0, 1));
    ar("beta2", beta2, "decay of the running mean of its squares or magnitudes",
       from_to_below(0, 1));
    ar("epsilon", epsilon, "added to the denominator", above(0));
  }
};

enum class AdamForm {
  kTensorFlow,  // w <- w - rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)
  kPyTorch,     // w <- w - rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
};
template <>
struct EnumNames<AdamForm> {
  static constexpr std::array names{std::pair{"tensorflow", AdamForm::kTensorFlow},
                                    std::pair{"pytorch", AdamForm::kPyTorch}};
};

struct AdamConfig : AdamCommon {
  static constexpr const char* kType = "adam";
  static constexpr const char* kDoc = "Adam (Kingma & Ba 2015).";
  AdamForm form = AdamForm::kTensorFlow;

  template <class Archive>
  void fields(Archive& ar) {
    moment_fields(ar);
    ar("form", form,
       "where epsilon stands: beside sqrt(v) as in TensorFlow, or after its correction as in "
       "PyTorch");
  }
};

// AdamForm::kPyTorch after w <- (1 - rate * weight_decay) w   (Loshchilov & Hutter 2019)
struct AdamWConfig : AdamCommon {
  static constexpr const char* kType = "adamw";
  static constexpr const char* kDoc =
      "Adam in PyTorch's form with decoupled weight decay (Loshchilov & Hutter 2019).";
  double weight_decay = 0.01;

  template <class Archive>
  void fields(Archive& ar) {
    moment_fields(ar);
    ar("weight_decay", weight_decay, "share of every weight taken off at rate 1", at_least(0));
  }
};

// u <- max(beta2 u, |g|),  w <- w - alpha_t * m / (u + epsilon)
enum class AdamaxForm {
  kGlow,      // alpha_t = rate * sqrt(1 - beta2^t) / (1 - beta1^t)   (openai/glow, optim.py)
  kTextbook,  // alpha_t = rate / (1 - beta1^t)                       (Kingma & Ba 2015, 7.1)
};
template <>
struct EnumNames<AdamaxForm> {
  static constexpr std::array names{std::pair{"glow", AdamaxForm::kGlow},
                                    std::pair{"textbook", AdamaxForm::kTextbook}};
};

struct AdamaxConfig : AdamCommon {
  static constexpr const char* kType = "adamax";
  static constexpr const char* kDoc = "Adam with the largest magnitude instead of the mean square.";
  AdamaxForm form = AdamaxForm::kGlow;

  template <class Archive>
  void fields(Archive& ar) {
    moment_fields(ar);
    ar("form", form,
       "glow multiplies the rate by sqrt(1 - beta2^t) as openai/glow does; textbook does not");
  }
};

// v <- decay v + (1 - decay) g^2,  d <- momentum(s) d - rate * g / max(sqrt(v), floor),  w <- w + d
// momentum(s), s counted from 0: 0 up to momentum_start, linear to `momentum` at momentum_end, held
// from there on.
struct RmsPropConfig : OptimizerCommon {
  static constexpr const char* kType = "rmsprop";
  static constexpr const char* kDoc =
      "RMSProp with a floor and momentum, as the NICE authors train.";
  double decay = 0.95;
  double floor = 1e-2;
  double momentum = 0.5;
  int64_t momentum_start = 0;
  int64_t momentum_end = 0;

  template <class Archive>
  void fields(Archive& ar) {
    common_fields(ar);
    ar("decay", decay, "decay of the running mean of squares", from_to_below(0, 1));
    ar("floor", floor, "smallest denominator", above(0));
    ar("momentum", momentum, "share of the last update kept in the next, after its rise",
       from_to_below(0, 1));
    ar("momentum_start", momentum_start, "last step without momentum", at_least(0));
    ar("momentum_end", momentum_end, "first step with the whole momentum", at_least(0));
  }

  std::string problem() const {
    return momentum_end < momentum_start ? "momentum_end stands before momentum_start" : "";
  }
};

using OptimizerConfig = std::variant<AdamConfig, AdamWConfig, AdamaxConfig, RmsPropConfig>;

}  // namespace diffeo
