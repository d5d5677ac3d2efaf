#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <vector>

#include "core/pass.h"
#include "core/site.h"

namespace diffeo {

// A transformed batch and what the step adds to each example's log-likelihood.
struct Mapped {
  Tensor value;    // [B, ...]
  Tensor log_det;  // [B], nats
};

// One layer of a flow: data to noise with forward(), noise to data with inverse().
//
//   log p(x) = log p(z) + log_det,   {z, log_det} = forward(x)
//
// For a bijection, log_det is log |det dz/dx|. A stochastic layer (dequantization) draws fresh
// randomness in forward(), and its log_det is one sample of a lower bound.
// Only forward() carries a log_det: sampling never needs one.
//
// Shapes are fixed at construction. The public methods check them once, here, and report to the
// pass's observer; layers implement do_forward() and do_inverse() without either.
class Transform : public torch::nn::Module {
 public:
  Transform(const char* type, const Site& site, Shape output);

  Mapped forward(const Tensor& x, const Pass& pass = {});
  Tensor inverse(const Tensor& z, const Pass& pass = {});

  const Shape& input_shape() const { return input_; }
  const Shape& output_shape() const { return output_; }
  const std::string& path() const { return path_; }

  // Whether forward() draws noise, so that its log_det is a bound.
  virtual bool stochastic() const { return false; }

  // Shapes of the latents in the order they stand in the flat output: those factored out first.
  virtual std::vector<Shape> latent_shapes() const { return {output_}; }

 protected:
  virtual Mapped do_forward(const Tensor& x, const Pass& pass) = 0;
  virtual Tensor do_inverse(const Tensor& z, const Pass& pass) = 0;

 private:
  void check(const char* method, const char* what, const Tensor& t, const Shape& expected) const;

  std::string path_;
  Shape input_;
  Shape output_;
};

using TransformPtr = std::shared_ptr<Transform>;

}  // namespace diffeo
