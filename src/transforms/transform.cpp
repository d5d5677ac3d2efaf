#include "transforms/transform.h"

#include "core/error.h"

namespace diffeo {

Transform::Transform(const char* type, const Site& site, Shape output)
    : torch::nn::Module(type), path_(site.path), input_(site.input), output_(std::move(output)) {}

void Transform::check(const char* method, const char* what, const Tensor& t,
                      const Shape& expected) const {
  if (t.dim() >= 1 && event_shape(t) == expected) return;
  fail(path_, ".", method, ": expected ", what, " of shape [B]+", to_string(expected), ", got ",
       t.sizes());
}

Mapped Transform::forward(const Tensor& x, const Pass& pass) {
  check("forward", "input", x, input_);
  Mapped out = do_forward(x, pass);
  check("forward", "output", out.value, output_);
  check("forward", "log_det", out.log_det, {});
  if (pass.observer) pass.observer({path_, x, out.value, out.log_det, pass});
  return out;
}

Tensor Transform::inverse(const Tensor& z, const Pass& pass) {
  check("inverse", "input", z, output_);
  Tensor x = do_inverse(z, pass);
  check("inverse", "output", x, input_);
  if (pass.observer) pass.observer({path_, z, x, {}, pass});
  return x;
}

}  // namespace diffeo
