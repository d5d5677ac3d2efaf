// The shipped configurations as flows: they build, count right, read nothing back, and fit known
// densities.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "config/config.h"
#include "config/configured_flow.h"
#include "flow/flow.h"
#include "read_backs.h"

namespace diffeo {
namespace {

std::vector<std::string> shipped_names() {
  std::vector<std::string> names;
  const std::filesystem::path folder = DIFFEO_SOURCE "/configs";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().parent_path().filename() == "maps") continue;  // of train --map
    if (entry.path().extension() == ".yaml")
      names.push_back(entry.path().lexically_relative(folder).replace_extension());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Config shipped(const std::string& name, const std::vector<std::string>& overrides = {}) {
  return read_config(DIFFEO_SOURCE "/configs/" + name + ".yaml", overrides);
}

Flow built(const Config& config, c10::TensorOptions options) {
  Site site{.input = data_shape(config.data),
            .classes = data_classes(config.data),
            .options = options,
            .seed = 1};
  return Flow(config.flow, site, config.base);
}

int64_t parameter_count(const Flow& flow) {
  int64_t count = 0;
  for (const Tensor& p : flow.parameters()) count += p.numel();
  return count;
}

TEST(Shipped, EveryConfigurationBuildsOnTheMetaDevice) {
  ASSERT_GT(shipped_names().size(), 15);
  for (const std::string& name : shipped_names()) {
    std::shared_ptr<Flow> flow = build_flow(shipped(name), at::kMeta);
    for (const Tensor& p : flow->parameters()) EXPECT_TRUE(p.is_meta()) << name;
    EXPECT_GT(parameter_count(*flow), 0) << name;
  }
}

TEST(Shipped, ThePublishedNetworksHaveThePublishedSizes) {
  const std::map<std::string, int64_t> published{{"cifar10/realnvp", 19609545},
                                                 {"imagenet32/realnvp", 46220359},
                                                 {"imagenet64/realnvp", 185898341},
                                                 {"celeba64/realnvp", 96363237},
                                                 {"cifar10/glow", 44603604},
                                                 {"cifar10/glow_additive", 38395668},
                                                 {"imagenet32/glow", 66861588},
                                                 {"imagenet64/glow", 112377540},
                                                 {"celebahq256/glow", 175099620},
                                                 {"flowpp/cifar10", 31443440},
                                                 {"flowpp/cifar10_uniform", 32324408},
                                                 {"flowpp/cifar10_affine", 32045708},
                                                 {"flowpp/cifar10_no_attention", 31443440},
                                                 {"flowpp/imagenet32", 168955724},
                                                 {"flowpp/imagenet64", 73489960},
                                                 {"flowpp/imagenet64_5bit", 73489960},
                                                 {"flowpp/celeba64_3bit", 73489960},
                                                 {"flowpp/celeba64_5bit", 73489960},
                                                 {"flowpp/celeba128_5bit", 122790952},
                                                 {"tabular/nsf_coupling", 2820402},
                                                 {"tabular/nsf_autoregressive", 3004722},
                                                 {"tabular/maf", 60120},
                                                 {"tabular/maf_mog", 89100},
                                                 {"tabular/realnvp", 414180},
                                                 {"tabular/gaussian", 42}};
  for (const auto& [name, count] : published)
    EXPECT_EQ(parameter_count(built(shipped(name), at::kMeta)), count) << name;
  EXPECT_EQ(parameter_count(built(shipped("imagenet64/realnvp", {"flow.**.blocks=2"}), at::kMeta)),
            96363237);
}

// Started on a batch and perturbed, in single precision.
void expect_exact_encoding(const std::string& name, const std::vector<std::string>& overrides,
                           int64_t images) {
  Config config = shipped(name, overrides);
  Flow flow = built(config, at::kFloat);
  SeededNoise noise(3);
  at::NoGradGuard no_grad;
  auto pixels = [&](int64_t batch, int64_t count) {
    Tensor like = at::empty(batched(count, flow.shape()), at::kFloat);
    return (noise.uniform("x" + std::to_string(batch), like) * 256).floor();
  };
  flow.initialise(pixels(-1, 16), {.noise = &noise});
  for (auto& p : flow.named_parameters()) p.value().add_(0.02 * noise.normal(p.key(), p.value()));
  Tensor wrong = at::zeros({}, at::kLong);
  for (int64_t batch = 0; batch * 64 < images; ++batch) {
    Tensor x = pixels(batch, std::min<int64_t>(64, images - batch * 64));
    wrong += flow.decode(flow.encode(x)).ne(x).sum();
  }
  EXPECT_EQ(wrong.item<int64_t>(), 0) << name << ", pixels";
}

TEST(Shipped, EncodeThenDecodeGivesBackEveryPixel) {
  expect_exact_encoding("cifar10/glow", {"flow.**.hidden=4", "flow.**.times=2"}, 64);
  expect_exact_encoding("cifar10/realnvp", {"flow.**.hidden=4", "flow.**.blocks=1"}, 64);
  expect_exact_encoding("flowpp/cifar10",
                        {"flow.**.filters=4", "flow.**.blocks=1", "flow.**.components=2"}, 4);
}

TEST(Shipped, TrainingStepAndSamplingReadNothingBack) {
  const std::map<std::string, std::vector<std::string>> small{
      {"cifar10/realnvp", {"flow.**.hidden=4", "flow.**.blocks=1"}},
      {"cifar10/glow", {"flow.**.hidden=4", "flow.**.times=1"}},
      {"cifar10/glow_conditional", {"flow.**.hidden=4", "flow.**.times=1"}},
      {"cifar10/nice", {"flow.**.hidden=4"}},
      {"flowpp/cifar10", {"flow.**.filters=4", "flow.**.blocks=1", "flow.**.components=2"}},
      {"toy/two_moons", {}},
      {"toy/spline/two_moons", {}},
      {"tabular/nsf_coupling", {"flow.**.hidden=8"}},
      {"tabular/maf_mog", {"flow.**.hidden=8"}},
      {"tutorial/as_published", {}}};
  for (const auto& [name, overrides] : small) {
    Config config = shipped(name, overrides);
    Flow flow = built(config, at::kFloat);
    SeededNoise noise(2);
    Tensor x = noise.uniform("x", at::empty(batched(4, flow.shape()), at::kFloat));
    if (data_is_image(config.data)) x = (x * 256).floor();
    Pass pass{.mode = Mode::kTrain, .noise = &noise};
    if (data_classes(config.data) > 0) pass.labels = at::arange(4);
    flow.initialise(x, pass);
    ReadBacks read_backs;
    flow.log_prob(x, pass).mean().backward();
    flow.decode(flow.draw_latents(4, pass), pass);
    EXPECT_EQ(read_backs.count(), 0) << name;
    x.max().item<float>();
    EXPECT_EQ(read_backs.count(), 1) << "the counter counts";
  }
}

}  // namespace
}  // namespace diffeo
