#pragma once

#include <string>
#include <variant>
#include <vector>

#include "transforms/actnorm.h"
#include "transforms/autoregressive.h"
#include "transforms/batch_norm.h"
#include "transforms/coupling.h"
#include "transforms/dequantize.h"
#include "transforms/elementwise.h"
#include "transforms/factor_out.h"
#include "transforms/householder.h"
#include "transforms/inv_conv.h"
#include "transforms/inverse.h"
#include "transforms/layer_facts.h"
#include "transforms/linear.h"
#include "transforms/lu_linear.h"
#include "transforms/permutation.h"
#include "transforms/pointwise.h"
#include "transforms/prior.h"
#include "transforms/qr.h"
#include "transforms/sequence.h"
#include "transforms/squeeze.h"
#include "transforms/svd.h"

namespace diffeo {

struct RepeatConfig {
  static constexpr const char* kType = "repeat";
  static constexpr bool kKeepsShape = false;
  static constexpr const char* kDoc =
      "The same layers several times over, with fresh parameters each time.";
  int64_t times = 1;
  std::vector<Layer> body;

  bool samples_by_class() const;

  template <class Archive>
  void fields(Archive& ar);
};

// Every layer a configuration can name, in the alphabet's order. This list is the registry: the
// reader finds a type by its kType, the builder by its Builds; what else a configuration says of
// its layer is in layer_facts.h.
using LayerConfig = std::variant<  //
    ActNormConfig,                 //
    AutoregressiveConfig,          //
    BatchNormConfig,               //
    CouplingConfig,                //
    DequantizeConfig,              //
    DiagonalConfig,                //
    ElementwiseConfig,             //
    FactorOutConfig,               //
    FlattenConfig,                 //
    FlipConfig,                    //
    HouseholderConfig,             //
    InvConvConfig,                 //
    InverseConfig,                 //
    LinearConfig,                  //
    LogitConfig,                   //
    LuLinearConfig,                //
    MaskedCouplingConfig,          //
    PermutationConfig,             //
    PReluConfig,                   //
    PriorConfig,                   //
    QrConfig,                      //
    RepeatConfig,                  //
    ReverseConfig,                 //
    ScaleConfig,                   //
    ShuffleConfig,                 //
    SigmoidConfig,                 //
    SqueezeConfig,                 //
    SvdConfig,                     //
    UnsqueezeConfig>;

// One entry of a layer list. `place` names it in messages: "glow.yaml:12:5: flow[3]".
struct Layer {
  LayerConfig config;
  std::string place = {};
};

template <class Archive>
void RepeatConfig::fields(Archive& ar) {
  ar("times", times, "how often", between(0, 10000));
  ar("body", body, "the layers");
}

template <class Archive>
void InverseConfig::fields(Archive& ar) {
  ar.required("body", body, "the layers");
}

template <class Archive>
void DequantizeConfig::fields(Archive& ar) {
  ar("bits", bits,
     "of the data that are kept, the leading ones; bits/dim then counts 2^bits values",
     between(1, 16));
  ar("data_bits", data_bits, "of the data as stored: pixels 0 .. 2^data_bits - 1", between(1, 16));
  ar("range", range, "the interval that the values are mapped to");
  ar("noise", noise,
     "layers that map N(0, 1) to the noise within a bin, ending in a sigmoid; none: uniform noise");
  ar("features", features, "features of the image for the noise layers that ask for them");
}

// Builds the layers in order, each on the shape the one before it produces. Throws one error that
// lists every layer that cannot be built, each by its place; those after a failed layer that may
// change the shape are not looked at.
std::shared_ptr<Sequence> build_layers(const std::vector<Layer>& layers, const Site& site);

// Whether what a flow of these layers samples depends on a class.
bool samples_by_class(const std::vector<Layer>& layers);

// Whether a layer of the list reads the features that passes give it.
bool reads_features(const std::vector<Layer>& layers);

// The kType of a layer's configuration.
const char* type_of(const Layer& layer);

}  // namespace diffeo
