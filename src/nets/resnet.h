#pragma once

#include <vector>

#include "nets/conditioner.h"
#include "nets/running_moments.h"

namespace diffeo {

// A convolution whose kernel has unit norm for each output channel, times a learned magnitude where
// it has one (Salimans & Kingma 2016, as laurent-dinh/models use it): odd kernel, stride 1, zero
// padding.
class WeightNormConv final : public torch::nn::Module {
 public:
  struct Form {
    int64_t kernel;
    bool magnitude, bias;
  };

  WeightNormConv(const Site& site, int64_t inputs, int64_t outputs, Form form);
  Tensor forward(const Tensor& x) const;

 private:
  Tensor weight_;     // [outputs, inputs, k, k]
  Tensor magnitude_;  // [outputs], or undefined
  Tensor bias_;       // [outputs], or undefined
};

struct ResNetConfig {
  using Builds = class ResNet;
  static constexpr const char* kType = "resnet";
  static constexpr const char* kDoc =
      "RealNVP's residual network for images: weight norm, batch norm, a skip sum over all blocks.";
  int64_t hidden = 64;
  int64_t blocks = 8;
  bool batch_norm = true;

  template <class Archive>
  void fields(Archive& ar) {
    ar("hidden", hidden, "channels of every hidden layer", between(1, 65536));
    ar("blocks", blocks, "residual blocks", between(0, 1000));
    ar("batch_norm", batch_norm,
       "normalise before each ReLU; couples the examples of a batch while training");
  }
};

// laurent-dinh/models, real_nvp: reads relu([x, -x]); h = first(x), acc = skip(h); for each block h
// += out(relu(norm(mid(relu(norm(h)))))), acc += skip(h); the answer is last(relu(norm(acc))).
class ResNet final : public Conditioner {
 public:
  ResNet(const ResNetConfig& config, const Site& site, int64_t outputs);

 private:
  using ConvPtr = std::shared_ptr<WeightNormConv>;
  using NormPtr = std::shared_ptr<ShiftNorm>;  // null: none
  struct Block {
    NormPtr norm_in;
    ConvPtr mid;
    NormPtr norm_mid;
    ConvPtr out, skip;
  };

  Tensor read(const Tensor& x, const Tensor& features) const override;
  Tensor do_forward(const Tensor& x, const Pass& pass) override;

  ConvPtr first_, first_skip_;
  std::vector<Block> blocks_;
  NormPtr last_norm_;
  ConvPtr last_;
};

}  // namespace diffeo
