#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "core/pass.h"
#include "core/range.h"
#include "core/site.h"

namespace diffeo {

// Network that reads the kept half of a coupling, and the features if its site has any, and writes
// the numbers that transform the other half.
class Conditioner : public torch::nn::Module {
 public:
  // Throws when the site's features do not fit beside its input: same height and width, any
  // channels.
  explicit Conditioner(const Site& site);

  // [B, ...input] -> [B, outputs] for vectors, [B, outputs, H, W] for images.
  Tensor forward(const Tensor& x, const Pass& pass);

 protected:
  // What do_forward takes in of the input and the features (undefined: none). By default the
  // features are appended to the channels.
  virtual Tensor read(const Tensor& x, const Tensor& features) const;
  virtual Tensor do_forward(const Tensor& h, const Pass& pass) = 0;

 private:
  Shape features_;
  std::string path_;
};

// Channels of the site's input and features together.
int64_t input_channels(const Site& site);

// Throws unless the site's input is a vector [D], or an image [C, H, W]. `net` names the network in
// the message.
void require_vector(const Site& site, const char* net);
void require_image(const Site& site, const char* net);

}  // namespace diffeo
