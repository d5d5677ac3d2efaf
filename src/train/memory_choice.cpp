#include "train/memory_choice.h"

#include <algorithm>
#include <ranges>

#include "core/listed.h"
#include "core/memory.h"
#include "core/tensor_memory.h"
#include "learn/learner.h"

namespace diffeo {
namespace {

constexpr double kShareOfMemory = 0.9;

// Two numbers of examples, far enough apart to see what one adds, and few enough to fit: an eighth
// and a quarter of a pass.
struct Probes {
  int64_t few, more;
};

Probes probes_for(int64_t examples) {
  int64_t few = std::max<int64_t>(1, examples / 8);
  return {few, std::max(few + 1, examples / 4)};
}

double peak_of_step(Learner& learner, const Batch& batch, TensorMemory& memory) {
  memory.forget_peak();
  learner.step(batch);
  return static_cast<double>(memory.peak());
}

}  // namespace

std::vector<MemoryNeed> memory_needs(const Config& config, c10::Device device, const Data& data) {
  TensorMemory memory(device);
  Config one_pass = config;
  one_pass.train.accumulate = 1;
  Learner learner(one_pass, build_flow(config, at::TensorOptions(at::kFloat).device(device)));
  int64_t examples = config.train.examples_in_pass();
  auto [few, more] = probes_for(examples);
  Batch small = data.training->at(0, few), larger = data.training->at(0, more);
  learner.initialise(larger);
  std::vector<MemoryNeed> needs;
  for (Memory mode : {Memory::kStore, Memory::kRecompute, Memory::kInvert}) {
    learner.flow().set_memory({mode});
    learner.step(small);  // what is made once and stays
    double at_few = peak_of_step(learner, small, memory),
           at_more = peak_of_step(learner, larger, memory);
    double each = (at_more - at_few) / static_cast<double>(more - few);
    needs.push_back({mode, at_few + each * static_cast<double>(examples - few)});
  }
  return needs;
}

MemoryChoice choice_among(const std::vector<MemoryNeed>& needs, double memory) {
  auto fits = [&](const MemoryNeed& need) { return need.bytes <= kShareOfMemory * memory; };
  auto found = std::find_if(needs.begin(), needs.end(), fits);
  std::string all = joined(text_of(needs), " of ", bytes_text(memory));
  if (found != needs.end())
    return {found->mode, joined("train.memory: auto takes ", name_of(found->mode),
                                ", the fastest that fits (", all, ")")};
  auto least = std::min_element(needs.begin(), needs.end(),
                                [](auto& a, auto& b) { return a.bytes < b.bytes; });
  return {least->mode, joined("train.memory: auto takes ", name_of(least->mode),
                              ", which needs least, but none fits (", all, ")")};
}

std::string text_of(const std::vector<MemoryNeed>& needs) {
  return listed(needs | std::views::transform([](const MemoryNeed& need) {
                  return joined(name_of(need.mode), " ", bytes_text(need.bytes));
                }));
}

}  // namespace diffeo
