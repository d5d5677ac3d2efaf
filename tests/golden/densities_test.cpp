// The 2-D densities against recorded values: every case of kind `density` in
// $DIFFEO_GOLDEN/misc/INDEX.json. A case says what it is by its definition in words, and the
// numbers in the words are the density's parameters.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <regex>

#include "data/curve_densities.h"
#include "data/gaussian_densities.h"
#include "data/shaped_densities.h"
#include "golden/golden.h"

namespace diffeo::golden {
namespace {

using Made = std::unique_ptr<Density>;
using Numbers = std::vector<double>;
using Holes = std::vector<Numbers>;

struct Definition {
  std::string text;  // of its beginning, with {} where a number or a list of numbers stands
  std::function<Made(const Holes& holes, const NamedTensors& file)> make;
};

Made gaussian_of(const NamedTensors& file) {
  auto numbers = [&](const char* name) {
    Tensor x = file.at(name).to(at::kDouble).contiguous();
    return Numbers(x.const_data_ptr<double>(), x.const_data_ptr<double>() + x.numel());
  };
  return std::make_unique<CorrelatedGaussian>(numbers("mean"), numbers("A"));
}

const std::vector<Definition>& definitions() {
  static const std::vector<Definition> all = {
      {"x2 ~ N(0, standard deviation {}); x1|x2 ~ N(x2^2/4, standard deviation 1)",
       [](const Holes& h, const NamedTensors&) -> Made {
         return std::make_unique<Tutorial>(h[0][0]);
       }},
      {"Gaussian with mean m and covariance A^T A (x = m + z A",
       [](const Holes&, const NamedTensors& file) { return gaussian_of(file); }},
      {"x1 ~ N(0, standard deviation {}); x2|x1 ~ N(0, variance exp(x1))",
       [](const Holes& h, const NamedTensors&) -> Made {
         return std::make_unique<Funnel>(h[0][0]);
       }},
      {"{} equal-weight isotropic Gaussians, centres {}(cos 2 pi k/{}, sin 2 pi k/{}), standard "
       "deviation {}",
       [](const Holes& h, const NamedTensors&) -> Made {
         return std::make_unique<GaussianCircle>(static_cast<int64_t>(h[0][0]), h[1][0], h[4][0]);
       }},
      {"t uniform on [0,pi]; with probability 1/2 (cos t, sin t), else (1-cos t, 1/2-sin t); plus "
       "N(0,{}^2 I)",
       [](const Holes& h, const NamedTensors&) -> Made {
         return std::make_unique<TwoMoons>(h[0][0]);
       }},
      {"u uniform on [0,1], n={} pi sqrt(u); x = +-(-n cos n, n sin n)/{} (sign + or - with "
       "probability 1/2) plus "
       "N(0,{}^2 I)",
       [](const Holes& h, const NamedTensors&) -> Made {
         return std::make_unique<TwoSpirals>(h[0][0] * M_PI, h[1][0], h[2][0]);
       }},
      {"equal-weight mixture of circles of radius [{}], angle uniform, plus N(0,{}^2 I)",
       [](const Holes& h, const NamedTensors&) -> Made {
         return std::make_unique<Rings>(h[0], h[1][0]);
       }},
      {"uniform on the {} squares [{}i,{}i+{}) x [{}j,{}j+{}), i,j in {}..{}, i+j even",
       [](const Holes& h, const NamedTensors&) -> Made {
         return std::make_unique<Checkerboard>(static_cast<int64_t>(h[8][0] - h[7][0]) + 1,
                                               h[1][0]);
       }},
      {"k uniform on 0..{}; f ~ N((1,0), diag({}^2,{}^2)); rotate f clockwise by 2 pi k/{} + {} "
       "exp(|f|) (|f|, not f1: "
       "so that the twist is an exact area-preserving bijection); x = {} times that",
       [](const Holes& h, const NamedTensors&) -> Made {
         return std::make_unique<Pinwheel>(Pinwheel::Parameters{
             static_cast<int64_t>(h[3][0]), h[1][0], h[2][0], h[4][0], h[5][0]});
       }},
      {"log p = -((|x|-{})/{})^2/2 + log(exp(-((x1-{})/{})^2/2)+exp(-((x1+{})/{})^2/2)) - log Z",
       [](const Holes& h, const NamedTensors&) -> Made {
         return std::make_unique<TwoMoonsEnergy>(h[0][0], h[1][0], h[3][0]);
       }},
  };
  return all;
}

std::regex regex_of(const std::string& definition) {
  std::string literal =
      std::regex_replace(definition, std::regex(R"([.^$|()\[\]*+?\\])"), R"(\$&)");
  return std::regex(std::regex_replace(literal, std::regex(R"(\{\})"), "(-?[0-9][-0-9., e]*)"));
}

Numbers numbers_in(const std::string& list) {
  Numbers numbers;
  std::istringstream rest(list);
  for (std::string item; std::getline(rest, item, ',');) numbers.push_back(std::stod(item));
  return numbers;
}

Made density_of(const std::string& words, const NamedTensors& file) {
  for (const Definition& definition : definitions()) {
    std::smatch match;
    if (!std::regex_search(words, match, regex_of(definition.text),
                           std::regex_constants::match_continuous))
      continue;
    Holes holes;
    for (size_t i = 1; i < match.size(); ++i) holes.push_back(numbers_in(match[i]));
    return definition.make(holes, file);
  }
  fail("no density is defined as: ", words);
}

class Densities : public GoldenTest {
 protected:
  void SetUp() override {
    GoldenTest::SetUp();
    if (IsSkipped()) return;
    file_ = load(GetParam());
    density_ = density_of(GetParam().hyper()["definition"], file_);
  }

  Tensor recorded(const std::string& name) const { return file_.at(name).to(at::kDouble); }

  NamedTensors file_;
  Made density_;
};

TEST_P(Densities, LogProb) {
  nlohmann::json tolerance = GetParam().entry["tolerance"]["float64"];
  for (const char* at : {"grid", "points"}) {
    Tensor log_p = density_->log_prob(recorded(at)),
           expected = recorded(at + std::string("_log_prob"));
    EXPECT_TRUE(at::allclose(log_p, expected, tolerance["rtol"], tolerance["atol"]))
        << at << ": " << (log_p - expected).abs().nan_to_num(0).max();
  }
}

// Quadratures on both sides; the case states the error of its own.
TEST_P(Densities, Entropy) {
  double tolerance = std::max(GetParam().entry["tolerance"]["entropy"].get<double>(), 1e-9);
  EXPECT_NEAR(density_->entropy(), recorded("entropy").item<double>(), tolerance);
}

// Within 4.5 standard errors: once in 150,000 numbers by chance, and the seed is fixed.
TEST_P(Densities, SamplesHaveTheMeanTheCovarianceAndTheMeanLogProb) {
  constexpr int64_t kDraws = 20000;
  SeededNoise noise(5);
  Tensor x = density_->sample(kDraws, noise, at::kDouble), centred = x - recorded("mean");
  auto expect_mean = [&](const Tensor& values, const Tensor& expected, const char* what) {
    Tensor allowed = 4.5 * values.std(0) / std::sqrt(kDraws) + 1e-12, mean = values.mean(0);
    bool near = ((mean - expected).abs() <= allowed).all().item<bool>();
    EXPECT_TRUE(near) << what << "\n" << mean << "\nexpected\n" << expected;
  };
  expect_mean(x, recorded("mean"), "mean");
  expect_mean(centred.unsqueeze(1) * centred.unsqueeze(2), recorded("covariance"), "covariance");
  expect_mean(-density_->log_prob(x), recorded("entropy").squeeze(), "-log p");
}

bool is_density(const Case& c) { return c.kind() == "density"; }

INSTANTIATE_TEST_SUITE_P(golden, Densities, testing::ValuesIn(cases("misc", is_density)),
                         test_name);

}  // namespace
}  // namespace diffeo::golden
