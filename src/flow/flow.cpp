#include "flow/flow.h"

#include <ATen/ATen.h>

#include <cmath>

#include "flow/frugal_pass.h"

namespace diffeo {
namespace {

std::shared_ptr<Sequence> built(const std::vector<Layer>& layers, const Site& site) {
  try {
    return build_layers(layers, site);
  } catch (const Error& error) {
    fail(Exit::kUsage, error.what());
  }
}

// Of what reads the context, beside the layers.
Site reader_site(const Site& site) {
  Site reader = site;
  reader.path = "features";
  reader.input = site.features;
  reader.features.clear();
  return reader;
}

// The latents in their order: those that ended on the way first.
std::vector<Tensor> parts_of(const Mapped& out) {
  std::vector<Tensor> parts = out.ended;
  parts.push_back(out.value);
  return parts;
}

}  // namespace

Tensor LogProb::sum() const {
  Tensor total = log_det;
  for (const Tensor& part : base) total = total + part;
  return total;
}

Flow::Flow(const std::vector<Layer>& layers, const Site& site, Base base,
           const std::optional<ContextConfig>& context, bool standardise)
    : options_(site.options), base_(base) {
  Site of_layers = site;
  if (context) {
    context_ =
        register_module("features", std::make_shared<ContextReader>(*context, reader_site(site)));
    of_layers.features = context_->output_shape();
  }
  if (standardise) {
    units_ = register_module(
        "standardise", std::make_shared<Standardiser>(site.inside("standardise", site.input)));
  }
  layers_ = register_module(site.path, built(layers, of_layers));
}

Pass Flow::conditioned(const Pass& pass) const {
  return context_ ? pass.with_features(context_->forward(pass)) : pass;
}

void Flow::initialise(const Tensor& x, const Pass& pass) {
  at::NoGradGuard no_grad;
  if (units_ && !units_->is_set()) units_->set(x);
  through_layers(x, pass.with_mode(Mode::kInitialise));
}

void Flow::take_moments(const Tensor& examples) {
  if (units_) units_->set(examples);
}

at::ScalarType Flow::example_type() const {
  return units_ ? at::kDouble : c10::typeMetaToScalarType(options_.dtype());
}

Mapped Flow::layers_forward(const Tensor& x, const Pass& pass) {
  bool stores = memory_.mode == Memory::kStore || pass.mode != Mode::kTrain || pass.observer ||
                !at::GradMode::is_enabled();
  return stores ? layers_->forward(x, pass) : frugal_forward(*layers_, x, pass, memory_);
}

Mapped Flow::through_layers(const Tensor& x, const Pass& pass) {
  if (!units_) return layers_forward(x, conditioned(pass));
  Mapped units = units_->forward(x), out = layers_forward(units.value, conditioned(pass));
  out.log_det = sum_of(units.log_det, out.log_det);
  return out;
}

LogProb Flow::log_prob_parts(const Tensor& x, const Pass& pass) {
  Mapped out = through_layers(x, pass);
  LogProb parts{.log_det = out.log_det_or_zeros(),
                .base = {},
                .latents = parts_of(out),
                .auxiliary = out.auxiliary};
  for (const Tensor& z : parts.latents) parts.base.push_back(base_log_prob(base_, z));
  return parts;
}

Tensor Flow::log_prob(const Tensor& x, const Pass& pass) { return log_prob_parts(x, pass).sum(); }

Tensor Flow::encode(const Tensor& x, const Pass& pass) {
  return noisy_latents(x, pass.with_bins_centred());
}

Tensor Flow::noisy_latents(const Tensor& x, const Pass& pass) {
  std::vector<Tensor> parts = parts_of(through_layers(x, pass));
  for (Tensor& part : parts) part = part.flatten(1);
  return at::cat(parts, 1);
}

Tensor Flow::decode(const Tensor& z, const Pass& pass) {
  require(z.dim() == 2 && z.size(1) == numel(shape()), "decode: expected latents of shape [B]+[",
          numel(shape()), "], got ", z.sizes());
  std::vector<Tensor> parts;
  for (const Segment& s : latents()) {
    Tensor part = z.narrow(1, s.offset, numel(s.shape));
    parts.push_back(part.reshape(batched(z.size(0), s.shape)));
  }
  Tensor x = layers_->inverse(parts.back(), conditioned(pass),
                              at::TensorList(parts).slice(0, parts.size() - 1));
  return units_ ? units_->inverse(x) : x;
}

Tensor Flow::draw_latents(int64_t count, const Pass& pass) const {
  Tensor like = at::empty({count, numel(shape())}, options_);
  return base_sample(base_, pass.noise_for("latents"), "latents", like);
}

std::vector<Segment> Flow::latents() const {
  std::vector<Shape> shapes = layers_->ended_shapes();
  shapes.push_back(layers_->output_shape());
  std::vector<Segment> segments;
  int64_t offset = 0;
  for (const Shape& shape : shapes) {
    segments.push_back({static_cast<int64_t>(segments.size()), offset, shape});
    offset += numel(shape);
  }
  return segments;
}

Tensor bits_per_dim(const Tensor& log_prob, int64_t dimensions) {
  return log_prob / (-std::log(2.0) * static_cast<double>(dimensions));
}

}  // namespace diffeo
