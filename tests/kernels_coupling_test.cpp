// The coupling's loops against tensor operations: every form, half, layout, instruction set and
// precision, with chunks that end within examples and examples that end within chunks.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/autograd.h>

#include "core/shape.h"
#include "kernels/affine_coupling.h"
#include "kernels/affine_coupling_host.h"
#include "kernels_support.h"

namespace diffeo {
namespace {

using at::Tensor;

const std::vector<std::vector<int64_t>> kShapes{
    {1, 2}, {700, 2}, {37, 5}, {2, 2, 1, 1}, {3, 5, 4, 1}, {2, 12, 8, 8}, {40, 4, 2, 3}};

struct CouplingCase {
  Tensor x, raw, by_y, by_log_det;
  CouplingForm form;

  CouplingCase(const std::vector<int64_t>& sizes, ScaleForm scale, bool keeps_first,
               at::ScalarType precision, bool channels_last = false) {
    at::manual_seed(7);
    std::vector<int64_t> numbers = sizes;
    int64_t leading = (sizes[1] + 1) / 2;
    numbers[1] = 2 * (keeps_first ? sizes[1] - leading : leading);
    auto drawn = [&](at::IntArrayRef shape) {
      Tensor t = (at::randn(shape, at::kDouble) * 1.5).to(precision);
      return channels_last ? t.contiguous(at::MemoryFormat::ChannelsLast) : t;
    };
    x = drawn(sizes), raw = drawn(numbers), by_y = drawn(sizes);
    by_log_det = at::randn({sizes[0]}, at::kDouble).to(precision);
    form = {.scale = scale, .keeps_first = keeps_first};
    if (scale != ScaleForm::kRealNvp) return;
    form.gain = at::full({}, 0.7, at::TensorOptions(precision));
    form.offset = at::full({}, -0.3, at::TensorOptions(precision));
  }
};

double distance(const Tensor& ours, const Tensor& theirs) {
  Tensor exact = theirs.to(at::kDouble);
  return ((ours.to(at::kDouble) - exact).abs() / exact.abs().clamp_min(1)).max().item<double>();
}

// Value, log_det and gradients by x, raw, and the form's scalars, as formulas have them.
std::vector<Tensor> expected_of(const CouplingCase& in) {
  auto leaf = [](const Tensor& t) { return t.detach().to(at::kDouble).requires_grad_(); };
  Tensor x = leaf(in.x), raw = leaf(in.raw);
  int64_t leading = (x.size(1) + 1) / 2, count = raw.size(1) / 2;
  Tensor first = x.narrow(1, 0, leading), second = x.narrow(1, leading, x.size(1) - leading);
  std::vector<Tensor> leaves{x, raw};
  bool pairs = in.form.scale == ScaleForm::kGlow;
  Tensor shift = pairs ? raw.slice(1, 0, std::nullopt, 2) : raw.narrow(1, 0, count);
  Tensor r = pairs ? raw.slice(1, 1, std::nullopt, 2) : raw.narrow(1, count, count);
  Tensor log_scale = pairs ? (r + 2).sigmoid().log() : r;
  if (in.form.scale == ScaleForm::kRealNvp) {
    leaves.insert(leaves.end(), {leaf(in.form.gain), leaf(in.form.offset)});
    log_scale = leaves[2] * r.tanh() + leaves[3];
  }
  Tensor changed = ((in.form.keeps_first ? second : first) + shift) * log_scale.exp();
  Tensor y = in.form.keeps_first ? at::cat({first, changed}, 1) : at::cat({changed, second}, 1);
  Tensor log_det = sum_events(log_scale);
  std::vector<Tensor> all{y, log_det};
  auto gradients = torch::autograd::grad({y, log_det}, leaves,
                                         {in.by_y.to(at::kDouble), in.by_log_det.to(at::kDouble)});
  all.insert(all.end(), gradients.begin(), gradients.end());
  return all;
}

std::vector<Tensor> results_of(const CouplingCase& in, InstructionSet set) {
  auto [y, log_det] = affine_coupling_host(in.x, in.raw, in.form, set);
  auto [by_x, by_raw, by_gain, by_offset] =
      affine_coupling_gradient_host(y, in.raw, in.form, in.by_y, in.by_log_det, set);
  std::vector<Tensor> all{y, log_det, by_x, by_raw};
  if (by_gain.defined()) all.insert(all.end(), {by_gain, by_offset});
  return all;
}

void expect_coupling_agrees(const CouplingCase& in, InstructionSet set, double tolerance) {
  std::vector<Tensor> ours = results_of(in, set), expected = expected_of(in);
  ASSERT_EQ(ours.size(), expected.size());
  for (size_t i = 0; i < ours.size(); ++i)
    EXPECT_LT(distance(ours[i], expected[i]), tolerance) << "result " << i;
}

TEST(CouplingLoops, AgreeWithTensorOperations) {
  for (InstructionSet set : instruction_sets()) {
    for (ScaleForm scale : {ScaleForm::kGlow, ScaleForm::kExp, ScaleForm::kRealNvp}) {
      for (const auto& sizes : kShapes) {
        for (int variant = 0; variant < (sizes.size() == 4 ? 4 : 2); ++variant) {
          bool keeps_first = variant % 2 == 0, channels_last = variant >= 2;
          SCOPED_TRACE(testing::Message()
                       << "set " << static_cast<int>(set) << ", form " << static_cast<int>(scale)
                       << ", " << at::IntArrayRef(sizes) << ", keeps first " << keeps_first
                       << ", channels last " << channels_last);
          auto in = [&](at::ScalarType precision) {
            return CouplingCase(sizes, scale, keeps_first, precision, channels_last);
          };
          expect_coupling_agrees(in(at::kDouble), set, 1e-12);
          expect_coupling_agrees(in(at::kFloat), set, 1e-4);
        }
      }
    }
  }
}

TEST(CouplingLoops, GradientReachesAllInputsWhateverTheirLayout) {
  CouplingCase in({3, 6, 4, 5}, ScaleForm::kRealNvp, true, at::kDouble);
  std::vector<Tensor> expected = expected_of(in);
  Tensor x = in.x.contiguous(at::MemoryFormat::ChannelsLast).requires_grad_();
  Tensor raw = in.raw.clone().requires_grad_();
  in.form.gain.requires_grad_(), in.form.offset.requires_grad_();
  auto [y, log_det] = affine_coupling(x, raw, in.form);
  auto gradients = torch::autograd::grad({y, log_det}, {x, raw, in.form.gain, in.form.offset},
                                         {in.by_y, in.by_log_det});
  for (size_t i = 0; i < gradients.size(); ++i)
    EXPECT_LT(distance(gradients[i], expected[2 + i]), 1e-12) << "gradient " << i;
}

TEST(CouplingLoops, TakeEmptyBatchesAndScalarsThatAreNotLearned) {
  CouplingCase none({0, 4, 2, 2}, ScaleForm::kGlow, true, at::kFloat);
  EXPECT_EQ(affine_coupling(none.x, none.raw, none.form).y.sizes(), none.x.sizes());
  CouplingCase in({2, 4}, ScaleForm::kRealNvp, false, at::kDouble);
  in.form.offset = Tensor();
  Tensor raw = in.raw.clone().requires_grad_();
  auto [y, log_det] = affine_coupling(in.x, raw, in.form);
  EXPECT_TRUE(torch::autograd::grad({log_det.sum()}, {raw})[0].defined());
}

TEST(CouplingLoops, AgreeInEveryThread) {
  CouplingCase in({9, 12, 16, 16}, ScaleForm::kRealNvp, true, at::kFloat);
  auto with_threads = [&](int count) {
    at::set_num_threads(count);
    return results_of(in, best_instructions());
  };
  int before = at::get_num_threads();
  std::vector<Tensor> one = with_threads(1), three = with_threads(3);
  at::set_num_threads(before);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], three[i]));
}

}  // namespace
}  // namespace diffeo
