#include "flow/standardiser.h"

#include <ATen/ATen.h>

#include "core/error.h"

namespace diffeo {

Standardiser::Standardiser(const Site& site)
    : torch::nn::Module("standardiser"),
      precision_(c10::typeMetaToScalarType(site.options.dtype())),
      mean_(register_buffer("mean", site.constant({2, site.input.at(0)}, 0))),
      deviation_(register_buffer("deviation", site.constant({site.input.at(0)}, 1))),
      start_(*this, site) {}

void Standardiser::set(const Tensor& examples) {
  at::NoGradGuard no_grad;
  Tensor x = examples.to(at::kDouble), mean = x.mean(0);
  Tensor deviation = (x - mean).square().mean(0).sqrt();
  Tensor bad = at::isfinite(mean + deviation.to(at::kFloat)).logical_not().nonzero().flatten();
  require(bad.numel() == 0, Exit::kData, "standardise: the numbers of column ",
          bad.numel() > 0 ? bad[0].item<int64_t>() : 0,
          " are so large that their mean or deviation is beyond single precision; change the unit");
  Tensor first = mean.to(at::kFloat).to(at::kDouble);
  mean_.copy_(at::stack({first, mean - first}));
  deviation = deviation.to(at::kFloat);
  deviation_.copy_(at::where(deviation > 0, deviation, at::ones_like(deviation)));
  start_.set();
}

Mapped Standardiser::forward(const Tensor& x) {
  start_.require_set();
  Tensor deviation = deviation_.to(at::kDouble);
  Tensor z = (x.to(at::kDouble) - mean()) / deviation;
  return {z.to(precision_), -deviation.log().sum().to(precision_).expand({x.size(0)})};
}

Tensor Standardiser::inverse(const Tensor& z) {
  start_.require_set();
  return z.to(at::kDouble) * deviation_.to(at::kDouble) + mean();
}

}  // namespace diffeo
