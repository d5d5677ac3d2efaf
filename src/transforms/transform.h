#pragma once

#include <torch/nn/module.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/pass.h"
#include "core/site.h"

namespace diffeo {

// A number of nats for each example, [B]. Undefined stands for zero, so that what keeps volumes
// costs nothing.
Tensor sum_of(const Tensor& a, const Tensor& b);

// All that a step has to say of a batch.
struct Mapped {
  Tensor value;         // [B, ...], what the next step reads
  Tensor log_det = {};  // [B], nats, added to each log-likelihood; undefined: zero
  // Parts of the latents that end here, standardised by their prior: [B, ...] each.
  std::vector<Tensor> ended = {};
  // Terms of the objective that are no part of the likelihood, by name: [B] each, in nats, already
  // weighted.
  std::map<std::string, Tensor> auxiliary = {};

  Tensor log_det_or_zeros() const;  // [B], always defined
  void append(Mapped next);         // what the next step says of the value, which it replaces
};

// A forward that was made once more to be differentiated.
struct Replayed {
  Tensor input;  // [B, ...], a leaf that requires a gradient
  Mapped out;    // forward(input), with a graph
};

// A number that a layer does not map.
struct OutsideDomain {
  int64_t example;   // in the batch
  std::string what;  // "is given 2 at [0], and maps 0 to 1"
};

// The numbers that a layer maps, ends included.
struct Domain {
  double low, high;
};

// The first element of x [B, ...] that lies outside; NaN counts as inside. Waits for the device.
std::optional<OutsideDomain> first_outside(const Tensor& x, const Domain& domain);

// One layer of a flow: data to noise with forward(), noise to data with inverse().
//
//   log p(x) = log p(z) + sum of log p(ended) + log_det,   {z, log_det, ended} = forward(x)
//
// where p is the flow's base density: a layer whose ended part has a prior of its own standardises
// it, which counts in log_det. For a bijection from x to z and what ended, log_det is
// log |det d(z, ended)/dx|. A stochastic layer (dequantization) draws fresh randomness in
// forward(), and its log_det is one sample of a lower bound. inverse() takes the ended parts back.
//
// Shapes are fixed at construction. The public methods check them once, here, and report to the
// pass's observer; layers implement do_forward() and do_inverse() without either.
class Transform : public torch::nn::Module {
 public:
  // `ended`: shapes of the parts that end here.
  Transform(const char* type, const Site& site, Shape output, std::vector<Shape> ended = {});

  Mapped forward(const Tensor& x, const Pass& pass = {});
  Tensor inverse(const Tensor& z, const Pass& pass = {}, at::TensorList ended = {});

  // The inverse and its own log_det, that of dx/dz. Of a layer that ends nothing.
  Mapped inverse_with_log_det(const Tensor& z, const Pass& pass = {});

  const Shape& input_shape() const { return input_; }
  const Shape& output_shape() const { return output_; }
  const std::vector<Shape>& ended_shapes() const { return ended_; }
  const std::string& path() const { return path_; }

  // forward() of this layer and then of `next`, where both together are cheaper than one after the
  // other; nothing where they are not, or in this pass. The value between is not made, so no
  // observer hears of it.
  virtual std::optional<Mapped> forward_with(Transform& /*next*/, const Tensor& /*x*/,
                                             const Pass&) {
    return {};
  }

  // Whether replay() has the input back to rounding, for about the cost of one forward. The input
  // of a layer that does not is kept where memory is saved.
  virtual bool rebuilds_input() const { return false; }

  // The input of a forward in mode train, rebuilt from what that returned, and the forward made
  // again, in mode replay and with a graph. `pass`: that of the forward, which was the last one.
  Replayed replay(const Tensor& z, const Pass& pass, at::TensorList ended = {});

  // Whether forward() draws noise, so that its log_det is a bound.
  virtual bool stochastic() const { return false; }

  // How often inverse(z) evaluates the forward map for each element that it searches for, int64 on
  // the host; undefined where the inverse is a formula.
  virtual Tensor inverse_evaluations(const Tensor&, const Pass&) { return {}; }

  // The first number of an input [B, ...] that this layer does not map, so that the density is 0.
  // Waits for the device.
  virtual std::optional<OutsideDomain> outside_domain(const Tensor&) const { return {}; }

 protected:
  virtual Mapped do_forward(const Tensor& x, const Pass& pass) = 0;
  virtual Tensor do_inverse(const Tensor& z, const Pass& pass) = 0;
  // What inverse() calls: layers that end a part of the latents implement it, for all others the
  // form above does.
  virtual Tensor do_inverse_with(const Tensor& z, at::TensorList ended, const Pass& pass);
  // By default minus the forward's at the solution. A layer whose forward follows the batch, or
  // that has the log_det at hand, says it itself.
  virtual Mapped do_inverse_with_log_det(const Tensor& z, const Pass& pass);
  // Of a layer that rebuilds its input. By default the inverse and then the forward; a layer with a
  // network shares one evaluation between both.
  virtual Replayed do_replay(const Tensor& z, at::TensorList ended, const Pass& pass);

 private:
  void check(const char* method, const char* what, const Tensor& t, const Shape& expected) const;
  void check_ended(const char* method, at::TensorList parts) const;

  std::string path_;
  Shape input_, output_;
  std::vector<Shape> ended_;
};

using TransformPtr = std::shared_ptr<Transform>;

}  // namespace diffeo
