// Random numbers: the generator's known answers, their distribution, and that each follows from
// seed, path, example and element alone.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <time.h>

#include <array>
#include <cmath>
#include <functional>
#include <iostream>
#include <vector>

#include "core/draws.h"
#include "core/noise.h"
#include "core/shape.h"

namespace diffeo {
namespace {

std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> sets;
  for (auto set : {InstructionSet::kPlain, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (has_instructions(set)) sets.push_back(set);
  }
  return sets;
}

// ---- the generator ----

// The file kat_vectors of Random123, the authors' own program.
TEST(Philox, GivesItsAuthorsKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (PhiloxWords{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (PhiloxWords{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxWords{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, GivesAGroupWordByWordInEveryInstructionSet) {
  const uint64_t key = 0x299f31d0a4093822;
  for (uint64_t group : {uint64_t{0}, uint64_t{77}, (uint64_t{1} << 27) - 1, uint64_t{1} << 27,
                         (uint64_t{1} << 56) + 3}) {
    for (InstructionSet set : instruction_sets()) {
      std::vector<uint32_t> words(kGroupWords);
      philox_groups(key, group, 1, words.data(), set);
      for (int lane = 0; lane < kPhiloxLanes; ++lane) {
        uint64_t count = group * kPhiloxLanes + lane;
        PhiloxWords expected =
            philox({static_cast<uint32_t>(count), static_cast<uint32_t>(count >> 32), 0, 0},
                   {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)});
        for (int i = 0; i < 4; ++i)
          EXPECT_EQ(words[i * kPhiloxLanes + lane], expected[i])
              << group << " " << lane << " " << i << " of set " << static_cast<int>(set);
      }
    }
  }
}

// ---- numbers ----

constexpr uint64_t kMany = 1 << 22;

Tensor normals(uint64_t key, uint64_t first, uint64_t count,
               InstructionSet set = best_instructions()) {
  Tensor numbers = at::empty({static_cast<int64_t>(count)}, at::kFloat);
  draw_normals({key, first, count}, numbers.mutable_data_ptr<float>(), set);
  return numbers;
}

Tensor uniforms(uint64_t key, uint64_t first, uint64_t count,
                InstructionSet set = best_instructions()) {
  Tensor numbers = at::empty({static_cast<int64_t>(count)}, at::kFloat);
  draw_uniforms({key, first, count}, numbers.mutable_data_ptr<float>(), set);
  return numbers;
}

Tensor coins(uint64_t key, uint64_t first, uint64_t count, uint32_t chances,
             InstructionSet set = best_instructions()) {
  Tensor numbers = at::empty({static_cast<int64_t>(count)}, at::kBool);
  draw_coins({key, first, count}, chances, numbers.mutable_data_ptr<bool>(), set);
  return numbers;
}

TEST(Draws, AreTheSameBitsInEveryInstructionSet) {
  for (InstructionSet set : instruction_sets()) {
    EXPECT_TRUE(
        at::equal(normals(5, 3, 1 << 20, set), normals(5, 3, 1 << 20, InstructionSet::kPlain)));
    EXPECT_TRUE(
        at::equal(uniforms(5, 3, 1 << 20, set), uniforms(5, 3, 1 << 20, InstructionSet::kPlain)));
    EXPECT_TRUE(at::equal(coins(5, 3, 1 << 20, 9999, set),
                          coins(5, 3, 1 << 20, 9999, InstructionSet::kPlain)));
  }
}

TEST(Draws, FollowFromTheirPlaceHoweverARangeIsCut) {
  Tensor normal = normals(8, 1000, 1500), uniform = uniforms(8, 1000, 1500),
         coin = coins(8, 1000, 1500, 30000);
  for (uint64_t from : {0, 1, 24, 127, 128, 250, 499}) {
    for (uint64_t count : {0, 1, 2, 40, 129, 700, 1400}) {
      if (from + count > 1500) continue;
      auto part = [&](const Tensor& whole) {
        return whole.narrow(0, static_cast<int64_t>(from), static_cast<int64_t>(count));
      };
      EXPECT_TRUE(at::equal(normals(8, 1000 + from, count), part(normal)));
      EXPECT_TRUE(at::equal(uniforms(8, 1000 + from, count), part(uniform)));
      EXPECT_TRUE(at::equal(coins(8, 1000 + from, count, 30000), part(coin)));
    }
  }
}

// Each pair of normals against the formula in double precision, from the words that it came from.
// The rounding of u to 2^-25 moves a length l by up to 2^-25 / l, which counts where l is small.
TEST(Draws, OfNormalsAreBoxAndMullersFormula) {
  const int64_t blocks = 300, words_of_block = 3 * kGroupWords, numbers_of_block = 4 * kGroupWords;
  std::vector<uint32_t> all(blocks * words_of_block);
  philox_groups(3, 0, 3 * blocks, all.data(), InstructionSet::kPlain);
  Tensor drawn = normals(3, 0, blocks * numbers_of_block);
  const float* z = drawn.const_data_ptr<float>();
  double worst = 0;
  for (size_t row = 0; row < all.size() / kPhiloxLanes; row += 3) {
    for (int lane = 0; lane < kPhiloxLanes; ++lane) {
      uint32_t angles = all[(row + 2) * kPhiloxLanes + lane];
      for (int pair : {0, 1}) {
        uint32_t radius = all[(row + pair) * kPhiloxLanes + lane];
        uint32_t angle = pair == 0 ? angles & 0xffff : angles >> 16;
        double u = (radius & 0x7fffffff) | 1, length = std::sqrt(-2 * std::log(u / std::exp2(31)));
        double turn = M_PI / 2 * ((angle & 0x7fff) + 0.5) / std::exp2(15);
        double first = length * std::cos(turn) * (angle >> 15 ? -1 : 1),
               second = length * std::sin(turn) * (radius >> 31 ? -1 : 1);
        const float* found = z + row / 3 * 4 * kPhiloxLanes + 2 * pair * kPhiloxLanes + lane;
        double allowed = 3e-6 * length + std::exp2(-25) / length;
        worst = std::max({worst, std::abs(found[0] - first) / allowed,
                          std::abs(found[kPhiloxLanes] - second) / allowed});
      }
    }
  }
  EXPECT_LT(worst, 1);
  EXPECT_GT(worst, 0);
}

TEST(Draws, OfNormalsHaveTheirMoments) {
  Tensor z = normals(1, 0, kMany).to(at::kDouble);
  double root = std::sqrt(static_cast<double>(kMany));
  // The standard errors of the mean of z^k: sqrt(E z^2k - (E z^k)^2).
  EXPECT_NEAR(z.mean().item<double>(), 0, 4 * 1 / root);
  EXPECT_NEAR(z.pow(2).mean().item<double>(), 1, 4 * std::sqrt(2) / root);
  EXPECT_NEAR(z.pow(3).mean().item<double>(), 0, 4 * std::sqrt(15) / root);
  EXPECT_NEAR(z.pow(4).mean().item<double>(), 3, 4 * std::sqrt(96) / root);
  EXPECT_NEAR(z.pow(6).mean().item<double>(), 15, 4 * std::sqrt(10170) / root);
}

// Counts beyond multiples of 1/2 on either side against what the normal distribution expects of
// them.
TEST(Draws, OfNormalsHaveTails) {
  const int64_t rounds = 32;
  std::array<std::array<int64_t, 14>, 2> counts{};  // by sign and by twice the distance from 0
  for (int64_t round = 0; round < rounds; ++round) {
    Tensor drawn = normals(2, round * kMany, kMany);
    const float* z = drawn.const_data_ptr<float>();
    for (uint64_t i = 0; i < kMany; ++i)
      ++counts[std::signbit(z[i])].at(static_cast<size_t>(2 * std::abs(z[i])));
  }
  for (auto& side : counts) {
    int64_t beyond = 0;
    for (size_t bin = side.size(); bin-- > 0;) {
      beyond += side[bin];
      double expected = rounds * kMany * 0.5 * std::erfc(0.5 * bin / M_SQRT2);
      EXPECT_NEAR(beyond, expected, 4 * std::sqrt(expected) + 0.5) << 0.5 * bin;
    }
  }
  EXPECT_GT(counts[0][11] + counts[1][11], 0) << "none of 10^8 is beyond 5.5";
}

TEST(Draws, OfUniformsFillTheIntervalEvenlyAndNeverReachOne) {
  Tensor u = uniforms(1, 0, kMany);
  EXPECT_GE(u.min().item<float>(), 0);
  EXPECT_LT(u.min().item<float>(), 1e-5);
  EXPECT_GT(u.max().item<float>(), 1 - 1e-5);
  EXPECT_LT(u.max().item<float>(), 1);
  Tensor counts = (u * 1024).to(at::kLong).bincount({}, 1024).to(at::kDouble);
  double expected = static_cast<double>(kMany) / 1024;
  double chi_square = ((counts - expected).square() / expected).sum().item<double>();
  EXPECT_NEAR(chi_square, 1023, 4 * std::sqrt(2 * 1023.0));
  Tensor last_bit = (u * (1 << 24)).to(at::kLong) % 2;
  EXPECT_NEAR(last_bit.to(at::kDouble).mean().item<double>(), 0.5,
              4 * 0.5 / std::sqrt(static_cast<double>(kMany)));
}

TEST(Draws, OfCoinsFallAsOftenAsAsked) {
  for (uint32_t chances : {0u, 1u, 13107u, 32768u, 65535u, 65536u}) {
    double p = chances / 65536.0, count = static_cast<double>(kMany);
    EXPECT_NEAR(coins(1, 0, kMany, chances).sum().item<double>(), p * count,
                4 * std::sqrt(p * (1 - p) * count))
        << chances;
  }
}

// ---- speed ----

double seconds_on_processor() {
  struct timespec time = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// The least of many rounds for each action, taken in turns, so that a busy machine slows all alike.
std::vector<double> least_seconds(const std::vector<std::function<void()>>& actions) {
  std::vector<double> least(actions.size(), INFINITY);
  for (int round = 0; round < 25; ++round) {
    for (size_t i = 0; i < actions.size(); ++i) {
      double start = seconds_on_processor();
      actions[i]();
      least[i] = std::min(least[i], seconds_on_processor() - start);
    }
  }
  return least;
}

// Prints how many times as fast as LibTorch's generator they are. On a quiet machine about 5
// with AVX-512 and 3 with AVX2; a loop that is no longer vectorized stays below 2 everywhere.
TEST(Draws, AreFasterThanLibTorchs) {
  const int64_t count = 1 << 20;
  Tensor numbers = at::empty({count});
  float* out = numbers.mutable_data_ptr<float>();
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
  for (InstructionSet set : instruction_sets()) {
    std::vector<double> seconds = least_seconds({[&] { numbers.normal_(0, 1, generator); },
                                                 [&] { draw_normals({1, 0, count}, out, set); },
                                                 [&] { numbers.uniform_(0, 1, generator); },
                                                 [&] { draw_uniforms({1, 0, count}, out, set); }});
    double normal = seconds[0] / seconds[1], uniform = seconds[2] / seconds[3];
    const char* name = set == InstructionSet::kPlain  ? "plain"
                       : set == InstructionSet::kAvx2 ? "AVX2"
                                                      : "AVX-512";
    std::cout << name << ": normals " << 1e9 * seconds[1] / count << " ns, " << normal
              << " times as fast; uniforms " << 1e9 * seconds[3] / count << " ns, " << uniform
              << " times as fast\n";
    if (set == InstructionSet::kPlain) continue;
    EXPECT_GT(normal, 2) << name;
    EXPECT_GT(uniform, 2) << name;
  }
}

// ---- what a draw follows from ----

double correlation(const Tensor& a, const Tensor& b) {
  Tensor x = a.flatten().to(at::kDouble), y = b.flatten().to(at::kDouble);
  x = x - x.mean();
  y = y - y.mean();
  return ((x * y).mean() / (x.square().mean() * y.square().mean()).sqrt()).item<double>();
}

// Values, and what a dependence of the spread alone would show in: squares.
void expect_independent(const Tensor& a, const Tensor& b, const std::string& what) {
  double allowed = 4 / std::sqrt(static_cast<double>(a.numel()));
  EXPECT_NEAR(correlation(a, b), 0, allowed) << what;
  EXPECT_NEAR(correlation(a.square(), b.square()), 0, allowed) << what;
  EXPECT_NEAR(correlation(a, b.square()), 0, allowed) << what;
}

TEST(SeededNoise, IsIndependentOfItsNeighbours) {
  Tensor like = at::empty({2000, 500});
  SeededNoise noise(1), next(2), streamed(seed_of(1, "train")), other(seed_of(1, "sample"));
  for (auto draw : {&Noise::normal, &Noise::uniform}) {
    Tensor x = (noise.*draw)("flow.1", like);
    for (int64_t step : {1, 2, 3, 16, 32, 64, 96, 128}) {
      expect_independent(x.narrow(1, 0, 500 - step), x.narrow(1, step, 500 - step), "elements");
    }
    expect_independent(x.narrow(0, 0, 1999), x.narrow(0, 1, 1999), "examples");
    expect_independent(x, (noise.*draw)("flow.2", like), "paths");
    expect_independent(x, (next.*draw)("flow.1", like), "seeds");
    expect_independent((streamed.*draw)("flow.1", like), (other.*draw)("flow.1", like), "streams");
  }
}

TEST(SeededNoise, GivesAnExampleTheSameDrawInEveryBatch) {
  for (Shape event : {Shape{}, Shape{1}, Shape{3}, Shape{3, 5, 7}, Shape{2, 16, 16}}) {
    auto like = [&](int64_t count) { return at::empty(batched(count, event), at::kDouble); };
    SeededNoise whole(7), part(7, 29);
    for (auto draw : {&Noise::normal, &Noise::uniform}) {
      Tensor all = (whole.*draw)("a", like(100));
      EXPECT_TRUE(at::equal((part.*draw)("a", like(40)), all.narrow(0, 29, 40))) << event.size();
      EXPECT_TRUE(at::equal((part.*draw)("a", like(1)), all.narrow(0, 29, 1))) << event.size();
      EXPECT_FALSE(at::equal((whole.*draw)("b", like(100)), all));
    }
    EXPECT_TRUE(at::equal(part.coin("a", like(40), 0.3),
                          whole.coin("a", like(100), 0.3).narrow(0, 29, 40)));
    EXPECT_EQ(part.uniform("a", like(0)).size(0), 0);
  }
}

TEST(SeededNoise, CountsTheElementsOfAnImageWhateverItsLayout) {
  Tensor like = at::empty({4, 3, 5, 6}), last = like.contiguous(at::MemoryFormat::ChannelsLast);
  SeededNoise noise(1);
  for (auto draw : {&Noise::normal, &Noise::uniform}) {
    Tensor drawn = (noise.*draw)("a", last);
    EXPECT_TRUE(at::equal(drawn, (noise.*draw)("a", like)));
    EXPECT_TRUE(drawn.is_contiguous(at::MemoryFormat::ChannelsLast));
  }
  EXPECT_TRUE(at::equal(noise.coin("a", last, 0.5), noise.coin("a", like, 0.5)));
}

TEST(SeededNoise, IsTheSameInBothPrecisions) {
  SeededNoise noise(1);
  for (auto draw : {&Noise::normal, &Noise::uniform}) {
    EXPECT_TRUE(at::equal((noise.*draw)("a", at::empty({5, 9}, at::kFloat)).to(at::kDouble),
                          (noise.*draw)("a", at::empty({5, 9}, at::kDouble))));
  }
}

TEST(SeededNoise, IsTheSameWithAnyNumberOfThreads) {
  int before = at::get_num_threads();
  Tensor like = at::empty({7, 3, 100, 101});
  std::vector<Tensor> drawn;
  for (int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    SeededNoise noise(1, 5);
    drawn.push_back(at::cat({noise.normal("a", like), noise.uniform("a", like),
                             noise.coin("a", like, 0.3).to(at::kFloat)}));
  }
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(drawn[0], drawn[1]) && at::equal(drawn[0], drawn[2]));
}

// An earlier result may be part of a graph that a later draw must not change.
TEST(SeededNoise, LeavesEarlierDrawsAlone) {
  Tensor like = at::empty({100, 10});
  SeededNoise noise(1);
  Tensor first = noise.normal("a", like), copy = first.clone();
  noise.normal("b", like);
  noise.uniform("a", like);
  EXPECT_TRUE(at::equal(first, copy));
  EXPECT_NE(first.data_ptr(), noise.normal("a", like).data_ptr());
}

}  // namespace
}  // namespace diffeo
