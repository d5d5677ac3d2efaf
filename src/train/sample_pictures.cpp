#include "train/sample_pictures.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/listed.h"
#include "inference/sampling.h"
#include "io/png.h"
#include "pictures/image_grid.h"
#include "pictures/plane.h"
#include "pictures/warp.h"
#include "runs/checkpoint_store.h"

namespace diffeo {
namespace {

constexpr int64_t kPlanePoints = 4000;

constexpr int64_t kPlaneContexts = 16;  // whose densities the plane's picture is the mean of

// Of the mixture of all classes in equal parts, as samples of the classes in turn are, or of some
// rows of context.
Tensor mixture_log_prob(Flow& flow, const Tensor& points, int64_t classes, const Tensor& context) {
  Tensor here = points.to(flow.options());
  int64_t parts = context.defined() ? context.size(0) : std::max<int64_t>(classes, 1);
  std::vector<Tensor> of_parts;
  for (int64_t part = 0; part < parts; ++part) {
    int64_t label = classes > 0 ? part % classes : 0;
    Pass pass{.labels = at::full({here.size(0)}, label, here.options().dtype(at::kLong))};
    if (context.defined())
      pass.features = context[part].to(here.options()).expand({here.size(0), -1});
    of_parts.push_back(flow.log_prob(here, pass).to(at::kCPU, at::kDouble));
  }
  return at::logsumexp(at::stack(of_parts), 0) - std::log(static_cast<double>(parts));
}

Tensor whole_log_prob(Flow& flow, const Tensor& points, int64_t classes, const Tensor& context) {
  std::vector<Tensor> parts;
  for (const Tensor& part : points.split(1 << 14))
    parts.push_back(mixture_log_prob(flow, part, classes, context));
  return at::cat(parts);
}

}  // namespace

std::filesystem::path SamplePictures::file(int64_t step, const char* ending) const {
  return folder_ / (step_name(step) + ending + ".png");
}

Tensor SamplePictures::samples(Flow& flow, double temperature, int64_t count,
                               const Poll& poll) const {
  return sample(flow, {.count = count,
                       .batch_size = config_.train.examples_in_pass(),
                       .seed = static_cast<uint64_t>(config_.seed),
                       .temperatures = {temperature},
                       .classes = data_classes(config_.data),
                       .given = data_.training->at(0, count).context,
                       .poll = poll});
}

std::vector<std::filesystem::path> SamplePictures::write(Flow& flow, int64_t step,
                                                         const Poll& poll) const {
  at::NoGradGuard no_grad;
  if (config_.train.sample_temperatures.empty()) return {};
  switch (picture_kind(flow.shape())) {
    case PictureKind::kImages: return write_grid(flow, step, poll);
    case PictureKind::kPlane: return write_plane(flow, step, poll);
    case PictureKind::kNone: break;
  }
  return {};
}

std::vector<std::filesystem::path> SamplePictures::write_grid(Flow& flow, int64_t step,
                                                              const Poll& poll) const {
  std::vector<Tensor> blocks;
  for (double temperature : config_.train.sample_temperatures) {
    blocks.push_back(as_bytes(samples(flow, temperature, config_.train.sample_count, poll)));
  }
  ImageGrid grid = image_grid(blocks, square_columns(config_.train.sample_count));
  std::string text = joined("samples after step ", step, ", temperatures ",
                            listed(config_.train.sample_temperatures), " from the top");
  if (!grid.note.empty()) text += "; " + grid.note;
  save_png(file(step, ""), grid.picture, {{"Description", text}});
  return {file(step, "")};
}

std::vector<std::filesystem::path> SamplePictures::write_plane(Flow& flow, int64_t step,
                                                               const Poll& poll) const {
  Batch batch = data_.training->at(0, kPlanePoints);
  Tensor data = batch.x, context = batch.narrow(0, kPlaneContexts).context;
  Box box = box_around(data);
  auto log_density = [&](const Tensor& points) {
    return whole_log_prob(flow, points, data_classes(config_.data), context);
  };
  std::vector<Tensor> pictures{density_picture(log_density, box)};
  for (double temperature : config_.train.sample_temperatures) {
    pictures.push_back(scatter_picture(samples(flow, temperature, kPlanePoints, poll), box));
  }
  pictures.push_back(scatter_picture(data, box));
  std::string text = joined("after step ", step, ": density, samples and data");
  save_png(file(step, ""), panels(pictures, static_cast<int64_t>(pictures.size())),
           {{"Description", text}});
  write_warp(flow, step);
  return {file(step, ""), file(step, "_warp")};
}

void SamplePictures::write_warp(Flow& flow, int64_t step) const {
  SampleOptions options{.seed = static_cast<uint64_t>(config_.seed)};
  Tensor latents = sample_latents(flow, options, 0, kPlanePoints / 2).to(at::kCPU);
  std::vector<WarpStage> stages = warp_stages(flow, latents, data_.training->at(0, 1).context,
                                              grid_lines(box_around(latents), 15, 200));
  std::string text =
      joined("after step ", step, ": how the layers make samples of noise, the last layer first",
             data_classes(config_.data) > 0 ? ", of class 0" : "",
             data_context(config_.data).empty() ? "" : ", of one example's context");
  save_png(file(step, "_warp"), warp_picture(stages, latents), {{"Description", text}});
}

}  // namespace diffeo
