// Columns of vectors whose likelihoods would mean nothing.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/noise.h"
#include "data/columns.h"
#include "io_support.h"

namespace diffeo {
namespace {

Tensor randn(at::IntArrayRef sizes, uint64_t seed = 3) {
  return SeededNoise(seed).normal("test", at::empty(sizes, at::kDouble));
}

std::string refusal_of(const Tensor& vectors) {
  Complaint complaint = complaint_of([&] { require_single_precision("x.npy", vectors); });
  if (complaint.message == "no error") return "";
  EXPECT_EQ(complaint.exit, Exit::kData);
  return complaint.message;
}

TEST(SinglePrecision, IsTooLittleForSecondsSince1970) {
  Tensor x = randn({2000, 3});
  x.select(1, 1).mul_(3600).add_(1.7e9);
  std::string refusal = refusal_of(x);
  EXPECT_TRUE(refusal.starts_with("x.npy: column 1 goes from 1699")) << refusal;
  EXPECT_TRUE(refusal.ends_with(
      ", where numbers of single precision, in which flows compute, are 1.3e+02 apart, so that "
      "values which differ would become equal; set data.standardise: true, which takes columns in "
      "double precision, or save the file as float32 if that is meant"))
      << refusal;
  EXPECT_EQ(refusal_of(x.to(at::kFloat)), "") << "saved as float32, it is meant";
}

TEST(SinglePrecision, IsTooLittleForManyKindsOfColumn) {
  Tensor noise = randn({2000}), zeros = at::zeros({2000}, at::kDouble);
  Tensor with_zeros = noise + 1e8, with_outlier = noise + 1e8;
  with_zeros.slice(0, 0, 400) = 0;
  with_outlier[5] = -1e30;
  Tensor whole = at::arange(2000, at::kDouble).mul(3).remainder(400) + (1 << 26);
  for (const Tensor& column : {noise + 1e8, with_zeros, with_outlier, whole, 1e-50 * noise,
                               at::arange(2000, at::kDouble).remainder(2) + 1e9}) {
    EXPECT_NE(refusal_of(column.unsqueeze(1)), "") << column.slice(0, 0, 5);
  }
}

TEST(SinglePrecision, SufficesForOrdinaryColumns) {
  Tensor noise = randn({5000}), index = at::arange(5000, at::kDouble);
  Tensor computed = index.remainder(7) * 0.1 + noise * 1e-17;  // seven values and their rounding
  for (const Tensor& column :
       {noise, noise + 1000, 1e30 * noise, 1e-30 * noise, index, 1e12 * index, computed,
        at::full({5000}, 0.1, at::kDouble), at::full({5000}, 1e9, at::kDouble)}) {
    EXPECT_EQ(refusal_of(column.unsqueeze(1)), "");
  }
  EXPECT_EQ(refusal_of(noise.view({1, 5000})), "") << "one example";
}

std::vector<std::string> doubts_of(const std::vector<Tensor>& columns) {
  return column_doubts(at::stack(columns, 1).to(at::kFloat));
}

TEST(ColumnDoubts, AreNotRaisedByOrdinaryColumns) {
  Tensor noise = randn({5000, 4});
  Tensor clipped = noise.select(1, 2).clamp_max(2);  // 2 % of the examples
  EXPECT_EQ(doubts_of({noise.select(1, 0), 1e4 * noise.select(1, 1) + 1e5, clipped,
                       noise.select(1, 0) + 0.01 * noise.select(1, 3)}),
            std::vector<std::string>{});
  EXPECT_EQ(column_doubts(at::arange(20, at::kFloat).remainder(2).view({20, 1})).size(), 0u)
      << "that few examples may repeat by chance";
}

TEST(ColumnDoubts, NameConstantAndDiscreteColumns) {
  Tensor noise = randn({5000}), index = at::arange(5000, at::kDouble);
  Tensor often_zero = noise.clone();
  often_zero.masked_fill_(index.remainder(5) == 0, 0);
  EXPECT_EQ(
      doubts_of({noise, at::full_like(noise, 3), index.remainder(40), often_zero}),
      (std::vector<std::string>{
          "column 1: the same value in every example, so that likelihoods have no bound; leave out",
          "columns 2, 3: few distinct values, or one value in a tenth of the examples and more; "
          "likelihoods of discrete values have no bound: leave out, or add noise as wide as their "
          "steps"}));
}

TEST(ColumnDoubts, NameColumnsThatOthersDetermine) {
  Tensor x = randn({3000, 4});
  Tensor a = x.select(1, 0), b = x.select(1, 1), c = x.select(1, 2);
  EXPECT_EQ(doubts_of({a, b, a}),
            (std::vector<std::string>{
                "columns 0, 2: 1 of them follows from the others by a linear formula (a copy, a "
                "sum), so that likelihoods have no bound; leave 1 out"}));
  EXPECT_EQ(doubts_of({a, b, 3 - a - b, c, 100 * c + 7, x.select(1, 3)}),
            (std::vector<std::string>{
                "columns 0, 1, 2, 3, 4: 2 of them follow from the others by a linear formula (a "
                "copy, a sum), so that likelihoods have no bound; leave 2 out"}));
}

TEST(ColumnDoubts, NameUnitsThatLayersAreNotMadeFor) {
  Tensor x = randn({3000, 4});
  std::vector<Tensor> columns{x.select(1, 0), 1e-8 * x.select(1, 1), 1e25 * x.select(1, 2)};
  EXPECT_EQ(doubts_of(columns),
            (std::vector<std::string>{
                "columns 1, 2: deviations below 1e-06 or above 1e+09, where layers' epsilons, "
                "starts and steps are made for numbers near 1; choose another unit or "
                "set data.standardise: true"}));
  EXPECT_EQ(column_doubts(1e-8 * randn({600, 12}).to(at::kFloat))[0].substr(0, 44),
            "columns 0, 1, 2, 3, 4, 5, 6, 7 and 4 more: d");
}

}  // namespace
}  // namespace diffeo
