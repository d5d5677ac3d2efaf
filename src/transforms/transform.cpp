#include "transforms/transform.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace diffeo {

Tensor sum_of(const Tensor& a, const Tensor& b) {
  if (!a.defined()) return b;
  return b.defined() ? a + b : a;
}

Tensor Mapped::log_det_or_zeros() const {
  return log_det.defined() ? log_det : zero_log_det(value);
}

void Mapped::append(Mapped next) {
  value = std::move(next.value);
  log_det = sum_of(log_det, next.log_det);
  for (Tensor& part : next.ended) ended.push_back(std::move(part));
  for (auto& [name, term] : next.auxiliary) {
    Tensor& sum = auxiliary[name];
    sum = sum_of(sum, term);
  }
}

std::optional<OutsideDomain> first_outside(const Tensor& x, const Domain& domain) {
  Tensor places = at::logical_or(x<domain.low, x> domain.high).nonzero();
  if (places.size(0) == 0) return {};
  Shape place;
  Tensor value = x;
  for (int64_t d = 0; d < x.dim(); ++d) {
    place.push_back(places[0][d].item<int64_t>());
    value = value[place.back()];
  }
  return OutsideDomain{place[0], joined("is given ", value.item<double>(), " at ",
                                        to_string({place.begin() + 1, place.end()}), ", and maps ",
                                        domain.low, " to ", domain.high)};
}

Transform::Transform(const char* type, const Site& site, Shape output, std::vector<Shape> ended)
    : torch::nn::Module(type),
      path_(site.path),
      input_(site.input),
      output_(std::move(output)),
      ended_(std::move(ended)) {}

void Transform::check(const char* method, const char* what, const Tensor& t,
                      const Shape& expected) const {
  if (t.dim() >= 1 && event_shape(t) == expected) return;
  fail(path_, ".", method, ": expected ", what, " of shape [B]+", to_string(expected), ", got ",
       t.sizes());
}

void Transform::check_ended(const char* method, at::TensorList parts) const {
  require(parts.size() == ended_.size(), path_, ".", method, ": ends ", ended_.size(),
          " parts of the latents, got ", parts.size());
  for (size_t i = 0; i < parts.size(); ++i) check(method, "ended part", parts[i], ended_[i]);
}

Mapped Transform::forward(const Tensor& x, const Pass& pass) {
  check("forward", "input", x, input_);
  Mapped out = do_forward(x, pass);
  check("forward", "output", out.value, output_);
  check_ended("forward", out.ended);
  if (out.log_det.defined()) check("forward", "log_det", out.log_det, {});
  if (pass.observer) pass.observer({path_, x, out.value, out.log_det, out.ended, pass});
  return out;
}

Tensor Transform::inverse(const Tensor& z, const Pass& pass, at::TensorList ended) {
  check("inverse", "input", z, output_);
  check_ended("inverse", ended);
  Tensor x = do_inverse_with(z, ended, pass);
  check("inverse", "output", x, input_);
  if (pass.observer) pass.observer({path_, z, x, {}, ended, pass});
  return x;
}

Tensor Transform::do_inverse_with(const Tensor& z, at::TensorList, const Pass& pass) {
  return do_inverse(z, pass);
}

Mapped Transform::inverse_with_log_det(const Tensor& z, const Pass& pass) {
  check("inverse_with_log_det", "input", z, output_);
  require(ended_.empty(), path_, ".inverse_with_log_det: ends a part of the latents");
  Mapped x = do_inverse_with_log_det(z, pass);
  check("inverse_with_log_det", "output", x.value, input_);
  return x;
}

Mapped Transform::do_inverse_with_log_det(const Tensor& z, const Pass& pass) {
  Tensor x = do_inverse(z, pass);
  Tensor log_det = do_forward(x, pass).log_det;
  return {x, log_det.defined() ? -log_det : log_det};
}

Replayed Transform::replay(const Tensor& z, const Pass& pass, at::TensorList ended) {
  check("replay", "input", z, output_);
  check_ended("replay", ended);
  require(rebuilds_input(), path_, ".replay: does not rebuild its input");
  Replayed again = do_replay(z, ended, pass.with_mode(Mode::kReplay));
  check("replay", "output", again.input, input_);
  return again;
}

Replayed Transform::do_replay(const Tensor& z, at::TensorList ended, const Pass& pass) {
  Tensor x;
  {
    at::NoGradGuard no_grad;
    x = do_inverse_with(z, ended, pass);
  }
  Tensor input = x.detach().requires_grad_();
  return {input, do_forward(input, pass)};
}

}  // namespace diffeo
