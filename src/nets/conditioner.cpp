#include "nets/conditioner.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace diffeo {

Conditioner::Conditioner(const Site& site) : features_(site.features), path_(site.path) {
  const Shape &x = site.input, &f = site.features;
  bool fits =
      f.empty() || (f.size() == x.size() && std::equal(f.begin() + 1, f.end(), x.begin() + 1));
  require(fits, "net: features of shape ", to_string(f), " do not fit beside its input ",
          to_string(x), "; height and width must agree");
}

Tensor Conditioner::forward(const Tensor& x, const Pass& pass) {
  if (features_.empty()) return do_forward(read(x, {}), pass);
  if (!pass.features.defined() || event_shape(pass.features) != features_) {
    fail(path_, ": this pass needs features of shape [B]+", to_string(features_));
  }
  return do_forward(read(x, pass.features), pass);
}

Tensor Conditioner::read(const Tensor& x, const Tensor& features) const {
  return features.defined() ? at::cat({x, features}, 1) : x;
}

int64_t input_channels(const Site& site) {
  return site.input[0] + (site.features.empty() ? 0 : site.features[0]);
}

void require_vector(const Site& site, const char* net) {
  require(site.input.size() == 1, "net: ", net, " reads vectors [D], not ", to_string(site.input),
          "; for images take glow_net or resnet");
}

void require_image(const Site& site, const char* net) {
  require(site.input.size() == 3, "net: ", net, " reads images [C, H, W], not ",
          to_string(site.input), "; for vectors take mlp");
}

}  // namespace diffeo
