#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/noise.h"
#include "io/safetensors.h"
#include "transforms/transform.h"

// Numbers recorded from the authors' own programs (../shared/golden, its README gives the format),
// and what comparing with them needs.
namespace diffeo::golden {

// One entry of FAMILY/INDEX.json.
struct Case {
  std::string family;
  nlohmann::json entry;  // null: the folder is not at hand

  std::string name() const {
    return entry.is_null() ? "absent" : entry.at("case").get<std::string>();
  }
  std::string kind() const { return entry.at("kind"); }
  const nlohmann::json& hyper() const { return entry.at("hyper"); }
};

void PrintTo(const Case& c, std::ostream* out);

// Every case of a family, in the order of its index. Where the folder is not at hand, one case that
// says so.
std::vector<Case> cases(const std::string& family);

// Those of which `wanted` is true; never empty.
std::vector<Case> cases(const std::string& family, bool (*wanted)(const Case&));

// Judges one case; skipped where its folder is not at hand.
class GoldenTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (GetParam().entry.is_null())
      GTEST_SKIP() << "golden/" << GetParam().family << " is not at hand (DIFFEO_GOLDEN)";
  }
};

// The tensors of all the case's files together.
NamedTensors load(const Case& c);

// Letters, digits and _ only, as GoogleTest wants names.
std::string test_name(const testing::TestParamInfo<Case>& info);

// Fails the test where `ours` is further from `theirs` than the family allows. `group`: the key of
// the case's observed_error that bounds float32. Prints the worst of a test at its end.
class Comparison {
 public:
  Comparison(const Case& c, at::ScalarType precision) : case_(c), precision_(precision) {}
  ~Comparison();

  // `scale`: what the deviation is compared with, where theirs is round-off; by default their
  // largest value.
  void operator()(const std::string& what, const Tensor& ours, const Tensor& theirs,
                  const std::string& group, double scale = 0);

 private:
  double tolerance(double scale, const std::string& group) const;

  const Case& case_;
  at::ScalarType precision_;
  double worst_ = 0;  // deviation over the largest value of its tensor
  std::string worst_what_ = "nothing";
  int64_t count_ = 0;
};

// TensorFlow's layouts to ours.
Tensor image_of(const Tensor& nhwc);   // [N, H, W, C] -> [N, C, H, W]
Tensor kernel_of(const Tensor& hwio);  // [kh, kw, in, out] -> [out, in, kh, kw]

// Plays back what was recorded for each path; a draw that was not recorded fails.
class Recorded final : public Noise {
 public:
  explicit Recorded(NamedTensors draws) : draws_(std::move(draws)) {}
  Tensor normal(const std::string& path, const Tensor& like) override { return drawn(path, like); }
  Tensor uniform(const std::string& path, const Tensor& like) override { return drawn(path, like); }

 private:
  Tensor drawn(const std::string& path, const Tensor& like) const;

  NamedTensors draws_;
};

// Copies values into parameters and buffers by name. Fails the test for a name the module does not
// have, or a shape that differs. Returns the names of parameters and buffers that got no value.
std::vector<std::string> assign(torch::nn::Module& module, const NamedTensors& values);

// The module of that path inside `root`. Throws where there is none, or one of another type.
template <class M>
std::shared_ptr<M> module_at(const torch::nn::Module& root, const std::string& path) {
  auto found = std::dynamic_pointer_cast<M>(root.named_modules("", /*include_self=*/false)[path]);
  require(found != nullptr, path, ": another type of module");
  return found;
}

// What every layer returned in one pass, by path; of a layer that ends several parts the first.
struct Trace {
  NamedTensors values, log_dets, ended;
  Observer observer();
};

}  // namespace diffeo::golden
