#include "commands/layer_check.h"

#include <ATen/ATen.h>
#include <torch/autograd.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/base.h"
#include "transforms/sequence.h"

namespace diffeo {
namespace {

constexpr uint64_t kNoiseSeed = 1;

// The same draw for every copy of an example, kept with its log-density, so that it can be derived
// by.
class TracedNoise final : public Noise {
 public:
  Tensor normal(const std::string& path, const Tensor& like) override {
    keep(source_.normal(path, like.narrow(0, 0, 1)), like);
    log_prob_ = standard_normal_log_prob(draw_.detach())[0].item<double>();
    return draw_;
  }
  Tensor uniform(const std::string& path, const Tensor& like) override {
    keep(source_.uniform(path, like.narrow(0, 0, 1)), like);
    log_prob_ = 0;
    return draw_;
  }
  const Tensor& draw() const { return draw_; }  // [copies, ...]
  double log_prob() const { return log_prob_; }

 private:
  void keep(const Tensor& one, const Tensor& like) {
    draw_ = one.expand(like.sizes()).clone().requires_grad_();
  }

  SeededNoise source_{kNoiseSeed};
  Tensor draw_;
  double log_prob_ = 0;
};

double relative(double error, double size) {
  return std::isfinite(error) ? error / std::max(1.0, std::abs(size))
                              : std::numeric_limits<double>::infinity();
}

double largest_error(const Tensor& found, const Tensor& expected) {
  double error = ((found - expected).abs() / expected.abs().clamp_min(1)).max().item<double>();
  return relative(error, 1);
}

// log |det d output / d variable| of one example, of which both are copies: output [copies, D],
// variable
// [copies, ...] of D numbers. Each backward yields one row a copy.
double log_abs_det(const Tensor& output, const Tensor& variable) {
  int64_t copies = output.size(0), dimensions = output.size(1);
  Tensor jacobian = output.new_zeros({dimensions, dimensions});
  for (int64_t row = 0; row < dimensions; row += copies) {
    int64_t count = std::min(copies, dimensions - row);
    Tensor chosen = output.narrow(0, 0, count).narrow(1, row, count).diagonal().sum();
    Tensor rows = torch::autograd::grad({chosen}, {variable}, {}, /*retain_graph=*/true,
                                        /*create_graph=*/false,
                                        /*allow_unused=*/true)[0];
    if (rows.defined()) jacobian.narrow(0, row, count).copy_(rows.flatten(1).narrow(0, 0, count));
  }
  return std::get<1>(at::linalg_slogdet(jacobian)).item<double>();
}

// Enough copies of an example to share the cost of a pass, few enough to stay small in memory.
int64_t copies_for(int64_t dimensions) {
  return std::clamp<int64_t>((1 << 20) / dimensions, 1, std::min<int64_t>(dimensions, 64));
}

Tensor copied(const Tensor& one, int64_t copies) {
  std::vector<int64_t> sizes = one.sizes().vec();
  sizes[0] = copies;
  return one.expand(sizes).clone();
}

// What goes on and what ended: [B, D].
Tensor all_outputs(const Mapped& out) {
  std::vector<Tensor> parts{out.value.flatten(1)};
  for (const Tensor& part : out.ended) parts.push_back(part.flatten(1));
  return at::cat(parts, 1);
}

std::optional<double> log_det_error(Transform& layer, const Tensor& example, const Pass& pass) {
  int64_t dimensions = example.numel(), copies = copies_for(dimensions);
  TracedNoise noise;
  auto of_each = [&](const Tensor& t) { return t.defined() ? copied(t, copies) : t; };
  Tensor x = copied(example, copies).requires_grad_();
  Mapped out = layer.forward(x, {.mode = pass.mode,
                                 .labels = of_each(pass.labels),
                                 .features = of_each(pass.features),
                                 .noise = &noise});
  bool draws = noise.draw().defined();
  if (draws && noise.draw().numel() != x.numel()) return {};
  double expected = log_abs_det(all_outputs(out), draws ? noise.draw() : x) - noise.log_prob();
  double log_det = out.log_det_or_zeros()[0].item<double>();
  return relative(std::abs(log_det - expected), expected);
}

Pass for_first_example(const Pass& pass) {
  auto first = [](const Tensor& t) { return t.defined() ? t.narrow(0, 0, 1) : t; };
  return {.mode = pass.mode, .labels = first(pass.labels), .features = first(pass.features)};
}

std::optional<Effort> effort_of(const Tensor& evaluations) {
  if (!evaluations.defined()) return {};
  return Effort{evaluations.to(at::kDouble).mean().item<double>(),
                evaluations.max().item<int64_t>()};
}

// Layers that a check judges: lists only hold others.
std::vector<TransformPtr> layers_of(const Transform& flow) {
  std::vector<TransformPtr> layers;
  for (const auto& module : flow.modules(/*include_self=*/false)) {
    auto layer = std::dynamic_pointer_cast<Transform>(module);
    if (layer && !layer->as<Sequence>()) layers.push_back(layer);
  }
  return layers;
}

}  // namespace

Verdict LayerVerdict::verdict() const {
  if (!(round_trip <= kCheckTolerance) || (log_det && !(*log_det <= kCheckTolerance)))
    return Verdict::kFail;
  return log_det ? Verdict::kPass : Verdict::kNotChecked;
}

LayerCheck::LayerCheck(Transform& flow, const Tensor& x, const Pass& pass)
    : layers_(layers_of(flow)) {
  at::NoGradGuard no_grad;
  std::map<std::string, TransformPtr> by_path;
  for (const TransformPtr& layer : layers_) by_path[layer->path()] = layer;
  flow.forward(x, pass.with_observer([&](const Report& report) {
    auto found = by_path.find(report.path);
    if (found != by_path.end()) look(found->second, report);
  }));
}

void LayerCheck::look(const TransformPtr& layer, const Report& report) {
  Pass alone = report.pass.with_observer({});
  Tensor back = layer->inverse(report.output, alone, report.ended);
  Seen seen{layer,
            report.input.narrow(0, 0, 1).clone(),
            for_first_example(alone),
            largest_error(back, report.input),
            effort_of(layer->inverse_evaluations(report.output, alone)),
            0};
  SeededNoise noise(kNoiseSeed);
  auto start = std::chrono::steady_clock::now();
  layer->forward(seen.example, seen.pass.with_noise(noise));
  seen.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  seen_.emplace(report.path, std::move(seen));
}

int64_t LayerCheck::large_layers() const {
  return std::count_if(seen_.begin(), seen_.end(), [](const auto& entry) {
    return entry.second.example.numel() > kFreeDimensions;
  });
}

// A row costs about two forwards; the determinant D^3 multiplications, a billion of them a second
// at the least.
double LayerCheck::seconds_for_large() const {
  double seconds = 0;
  for (const auto& [path, seen] : seen_) {
    auto dimensions = static_cast<double>(seen.example.numel());
    if (dimensions > kFreeDimensions)
      seconds += 2 * dimensions * seen.seconds + std::pow(dimensions, 3) / 1e10;
  }
  return seconds;
}

std::vector<LayerVerdict> LayerCheck::verdicts(bool large) const {
  std::vector<LayerVerdict> all;
  for (const TransformPtr& layer : layers_) {
    const Seen& seen = seen_.at(layer->path());
    LayerVerdict verdict{layer->path(), seen.example.numel(), seen.round_trip, seen.effort};
    if (large || verdict.dimensions <= kFreeDimensions) {
      verdict.log_det = log_det_error(*layer, seen.example, seen.pass);
    }
    all.push_back(verdict);
  }
  return all;
}

}  // namespace diffeo
