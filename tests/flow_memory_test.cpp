// Memory modes of whole trainings: the same gradients and moments, and less memory.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "config/configured_flow.h"
#include "core/tensor_memory.h"
#include "learn/learner.h"

namespace diffeo {
namespace {

Config in_two_passes(const std::string& name, std::vector<std::string> overrides) {
  overrides.insert(overrides.end(), {"train.batch_size=4", "train.accumulate=2"});
  return read_config(DIFFEO_SOURCE "/configs/" + name + ".yaml", overrides);
}

struct Model {
  const char* name;
  std::vector<std::string> overrides;
};

// Class terms and a classifier; batch moments in layers and networks; dropout, a dequantizer with
// layers and features of its own; features of context columns.
const Model kModels[] = {
    {"cifar10/glow_conditional", {"flow.**.hidden=4", "flow.**.times=2"}},
    {"cifar10/realnvp", {"flow.**.hidden=4", "flow.**.blocks=1"}},
    {"flowpp/cifar10", {"flow.**.filters=4", "flow.**.blocks=1", "flow.**.components=2"}},
    {"tabular/maf", {"flow.**.hidden=8"}},
};

Batch batch_for(const Config& config, int64_t size) {
  SeededNoise noise(2);
  Tensor x = noise.uniform("x", at::empty(batched(size, data_shape(config.data)), at::kFloat));
  Batch batch{data_is_image(config.data) ? (x * 256).floor() : x, {}};
  int64_t classes = data_classes(config.data);
  if (classes > 0) batch.labels = at::arange(size) % classes;
  return batch;
}

// A learner, started, perturbed, and given the gradient of one batch.
std::unique_ptr<Learner> derived(const Config& config, Memory memory, at::ScalarType precision) {
  auto learner = std::make_unique<Learner>(config, build_flow(config, precision));
  learner->flow().set_memory({memory});
  Batch batch = batch_for(config, config.train.batch_size);
  learner->initialise(batch);
  {
    at::NoGradGuard no_grad;
    SeededNoise noise(3);
    for (auto& p : learner->flow().named_parameters()) {
      Tensor like = at::empty(p.value().sizes(), at::kDouble);
      p.value().add_(0.02 * noise.normal(p.key(), like).to(precision));
    }
  }
  learner->backward(5, batch);
  return learner;
}

void expect_same(const Model& model, Memory memory, at::ScalarType precision, double tolerance) {
  Config config = in_two_passes(model.name, model.overrides);
  auto expected = derived(config, Memory::kStore, precision),
       found = derived(config, memory, precision);
  Tensor gradient = expected->flat().gradients();
  EXPECT_GT(gradient.norm().item<double>(), 0);
  EXPECT_LE((found->flat().gradients() - gradient).norm().item<double>(),
            tolerance * gradient.norm().item<double>())
      << model.name << ", " << name_of(memory);
  EXPECT_TRUE(at::equal(found->moments().pending(), expected->moments().pending())) << model.name;
}

TEST(MemoryModes, GiveTheGradientsOfStoredPassesInDoublePrecision) {
  for (const Model& model : kModels) {
    expect_same(model, Memory::kRecompute, at::kDouble, 1e-9);
    expect_same(model, Memory::kInvert, at::kDouble, 1e-9);
  }
}

TEST(MemoryModes, GiveTheGradientsOfStoredPassesInSinglePrecision) {
  for (const Model& model : kModels) {
    expect_same(model, Memory::kRecompute, at::kFloat, 1e-4);
    expect_same(model, Memory::kInvert, at::kFloat, 1e-4);
  }
}

// Bytes at a step's worst moment, without the weights and what belongs to them.
int64_t bytes_of_passes(Memory memory, int64_t depth) {
  TensorMemory counter(at::kCPU);
  Config config =
      in_two_passes("cifar10/glow", {"flow.**.hidden=16", joined("flow.**.times=", depth)});
  Learner learner(config, build_flow(config, at::kFloat));
  learner.flow().set_memory({memory});
  Batch batch = batch_for(config, 4);
  learner.initialise(batch);
  learner.step(batch);
  int64_t held = counter.now();
  counter.forget_peak();
  learner.step(batch);
  return counter.peak() - held;
}

TEST(MemoryModes, InvertedPassesTakeTheSameAtEveryDepth) {
  int64_t shallow = bytes_of_passes(Memory::kInvert, 2), deep = bytes_of_passes(Memory::kInvert, 8);
  EXPECT_LT(static_cast<double>(deep), 1.05 * static_cast<double>(shallow));
  EXPECT_GT(bytes_of_passes(Memory::kRecompute, 8), deep);
  EXPECT_GT(bytes_of_passes(Memory::kStore, 8), bytes_of_passes(Memory::kRecompute, 8));
}

}  // namespace
}  // namespace diffeo
