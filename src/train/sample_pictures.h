#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "config/config.h"
#include "data/data.h"
#include "flow/flow.h"

namespace diffeo {

using Poll = std::function<void()>;

// The pictures that show a training's progress, drawn with the same noise each time so that they
// can be compared. Images of any shape: a grid of samples, one block for each temperature
// (step_N.png). The plane: density, samples and data, side by side (step_N.png), and how the layers
// warp noise into samples, of class 0 where there are classes (step_N_warp.png). Other data, and a
// configuration without sample_temperatures, have no picture.
class SamplePictures {
 public:
  SamplePictures(const Config& config, const Data& data, std::filesystem::path folder)
      : config_(config), data_(data), folder_(std::move(folder)) {}

  // The files written. `poll` is called on the way and may throw to stop.
  std::vector<std::filesystem::path> write(Flow& flow, int64_t step, const Poll& poll) const;

 private:
  std::vector<std::filesystem::path> write_grid(Flow& flow, int64_t step, const Poll& poll) const;
  std::vector<std::filesystem::path> write_plane(Flow& flow, int64_t step, const Poll& poll) const;
  void write_warp(Flow& flow, int64_t step) const;
  Tensor samples(Flow& flow, double temperature, int64_t count, const Poll& poll) const;
  std::filesystem::path file(int64_t step, const char* ending) const;

  const Config& config_;
  const Data& data_;
  std::filesystem::path folder_;
};

}  // namespace diffeo
