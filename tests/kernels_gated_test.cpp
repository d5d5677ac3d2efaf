// The loops of Flow++'s networks against their tensor operations: values and gradients, every
// instruction set and precision, sizes that do not fill registers, tensors that are not contiguous.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/autograd.h>

#include <functional>
#include <limits>

#include "core/error.h"
#include "kernels/attention.h"
#include "kernels/concat_elu.h"
#include "kernels/gate.h"
#include "kernels/layer_norm.h"
#include "kernels/logistic_mixture.h"
#include "kernels/plain_kernels.h"
#include "kernels/weight_norm.h"
#include "kernels_support.h"

namespace diffeo {
namespace {

using at::Tensor;
using Tensors = std::vector<Tensor>;
using Sizes = std::vector<int64_t>;

// One kernel, as a function of the tensors it is differentiated by.
struct Kernel {
  std::function<Tensor(const Tensors&, InstructionSet)> loops;
  std::function<Tensor(const Tensors&)> plain;
  std::vector<Sizes> inputs;
};

Tensors drawn(const std::vector<Sizes>& sizes) {
  at::manual_seed(5);
  Tensors inputs;
  for (const Sizes& of_one : sizes) inputs.push_back(at::randn(of_one, at::kDouble) * 1.5);
  return inputs;
}

// The value, and the gradients of its inner product with fixed numbers.
Tensors value_and_gradients(const std::function<Tensor(const Tensors&)>& function,
                            const Tensors& inputs) {
  Tensors leaves;
  for (const Tensor& input : inputs) leaves.push_back(input.detach().requires_grad_());
  Tensor value = function(leaves);
  at::manual_seed(6);
  Tensor by_value = at::randn(value.sizes(), at::kDouble).to(value.scalar_type());
  Tensors all = torch::autograd::grad({value}, leaves, {by_value});
  all.insert(all.begin(), value.detach());
  return all;
}

void expect_near(const Tensors& ours, const Tensors& theirs, double tolerance) {
  ASSERT_EQ(ours.size(), theirs.size());
  for (size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i].sizes(), theirs[i].sizes());
    EXPECT_LT(deviation(ours[i], theirs[i]), tolerance) << (i == 0 ? "value" : "gradient ") << i;
  }
}

Tensors converted(const Tensors& inputs, at::ScalarType type) {
  Tensors all;
  for (const Tensor& input : inputs) all.push_back(input.to(type));
  return all;
}

// The same numbers, every second one of twice as many.
Tensors spread_out(const Tensors& inputs) {
  Tensors all;
  for (const Tensor& input : inputs) all.push_back(at::stack({input, input * 3}, -1).select(-1, 0));
  return all;
}

void expect_agreement(const Kernel& kernel) {
  Tensors inputs = drawn(kernel.inputs), exact = value_and_gradients(kernel.plain, inputs);
  for (InstructionSet set : instruction_sets()) {
    SCOPED_TRACE(testing::Message() << "instruction set " << static_cast<int>(set) << ", sizes "
                                    << at::IntArrayRef(kernel.inputs[0]));
    auto loops = [&](const Tensors& tensors) { return kernel.loops(tensors, set); };
    expect_near(value_and_gradients(loops, inputs), exact, 1e-12);
    expect_near(value_and_gradients(loops, spread_out(inputs)), exact, 1e-12);
    expect_near(value_and_gradients(loops, converted(inputs, at::kFloat)), exact, 5e-5);
  }
}

// As autograd sees a function whose gradient it takes for a number.
void expect_no_second_derivative(const std::function<Tensor(const Tensors&)>& loops,
                                 const std::vector<Sizes>& sizes) {
  if (plain_kernels()) GTEST_SKIP() << "tensor operations can be differentiated again";
  Tensors inputs = drawn(sizes);
  for (Tensor& input : inputs) input.requires_grad_();
  Tensor value = loops(inputs).sum();
  try {
    torch::autograd::grad({value}, inputs, {}, /*retain_graph=*/true, /*create_graph=*/true);
    FAIL() << "a second derivative was promised";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("differentiable once"), std::string::npos)
        << error.what();
  }
}

// Fewer elements than lanes, examples that end within a register, and whole registers.
const std::vector<Sizes> kImages{{1, 1, 1, 1}, {2, 3, 5, 7}, {3, 4, 8, 8}, {5, 2, 1, 17}};

Sizes with_channels(Sizes sizes, int64_t channels) {
  sizes[1] = channels;
  return sizes;
}

Kernel concat_elu_of(const Sizes& sizes, const Dropout& dropout) {
  return {[=](const Tensors& in, InstructionSet set) { return concat_elu(in[0], dropout, set); },
          [=](const Tensors& in) { return concat_elu_aten(in[0], dropout); },
          {sizes}};
}

Dropout some_dropped(const Sizes& sizes) {
  at::manual_seed(7);
  return {at::rand(sizes) < 0.3, 1 / 0.7};
}

TEST(GatedLoops, ConcatEluAgreesWithTensorOperations) {
  for (const Sizes& sizes : kImages) {
    expect_agreement(concat_elu_of(sizes, {}));
    expect_agreement(concat_elu_of(sizes, some_dropped(with_channels(sizes, 2 * sizes[1]))));
  }
}

TEST(GatedLoops, ConcatEluIsExactFarOutAndAtZero) {
  for (at::ScalarType type : {at::kDouble, at::kFloat}) {
    Tensor x = at::tensor({0.0, -0.0, 1e-30, -1e-30, 1e4, -1e4}, type).view({1, 6, 1});
    for (InstructionSet set : instruction_sets()) {
      auto loops = [&](const Tensors& in) { return concat_elu(in[0], {}, set); };
      auto plain = [](const Tensors& in) { return concat_elu_aten(in[0]); };
      expect_near(value_and_gradients(loops, {x}), value_and_gradients(plain, {x}), 1e-12);
    }
  }
}

TEST(GatedLoops, DropoutAgreesWithTensorOperations) {
  for (const Sizes& sizes : kImages) {
    Dropout dropout = some_dropped(sizes);
    expect_agreement(
        {[=](const Tensors& in, InstructionSet set) { return dropped_out(in[0], dropout, set); },
         [=](const Tensors& in) { return dropped_out_aten(in[0], dropout); },
         {sizes}});
  }
}

// What is dropped is zero even where it was not finite.
TEST(GatedLoops, DropoutForgetsWhatItDrops) {
  Tensor x = at::full({4}, std::numeric_limits<double>::infinity());
  Dropout dropout{at::ones({4}, at::kBool), 2};
  for (InstructionSet set : instruction_sets())
    EXPECT_TRUE(at::equal(dropped_out(x, dropout, set), at::zeros({4}))) << static_cast<int>(set);
}

TEST(GatedLoops, GatesAgreeWithTensorOperations) {
  for (const Sizes& sizes : kImages) {
    expect_agreement(
        {[](const Tensors& in, InstructionSet set) { return gated_sum(in[0], in[1], set); },
         [](const Tensors& in) { return gated_sum_aten(in[0], in[1]); },
         {sizes, with_channels(sizes, 2 * sizes[1])}});
  }
}

TEST(GatedLoops, LayerNormAgreesWithTensorOperations) {
  for (const Sizes& sizes : kImages) {
    expect_agreement(
        {[](const Tensors& in, InstructionSet set) {
           return channel_layer_norm(in[0], in[1], in[2], set);
         },
         [](const Tensors& in) { return channel_layer_norm_aten(in[0], in[1], in[2]); },
         {with_channels(sizes, sizes[1] + 1), {sizes[1] + 1, 1, 1}, {sizes[1] + 1, 1, 1}}});
  }
}

TEST(GatedLoops, WeightNormAgreesWithTensorOperations) {
  for (const Sizes& sizes : kImages) {
    expect_agreement(
        {[](const Tensors& in, InstructionSet set) { return weight_normalised(in[0], in[1], set); },
         [](const Tensors& in) { return weight_normalised_aten(in[0], in[1]); },
         {sizes, {sizes[0]}}});
  }
}

// A row of zeros, whose norm is held: its gradient does not pass through the norm.
TEST(GatedLoops, WeightNormHoldsTheNormOfVanishingRows) {
  Tensor v = at::randn({3, 5}, at::kDouble), g = at::randn({3}, at::kDouble);
  v[1].zero_();
  for (InstructionSet set : instruction_sets()) {
    auto loops = [&](const Tensors& in) { return weight_normalised(in[0], in[1], set); };
    auto plain = [](const Tensors& in) { return weight_normalised_aten(in[0], in[1]); };
    Tensors ours = value_and_gradients(loops, {v, g}), theirs = value_and_gradients(plain, {v, g});
    expect_near(ours, theirs, 1e-12);
    EXPECT_GT(ours[1][1].abs().max().item<double>(), 1);
  }
}

// Heads of one channel and of more than a product holds in registers; keys and queries that end
// within tiles and blocks, and several of them.
TEST(GatedLoops, AttentionAgreesWithTensorOperations) {
  struct Case {
    int64_t heads;
    Sizes sizes;
  };
  for (const Case& c : {Case{1, {1, 3, 1, 1}},
                        {2, {2, 3 * 2 * 3, 5, 7}},
                        {4, {2, 3 * 4 * 8, 8, 8}},
                        {1, {1, 3 * 13, 9, 15}}}) {
    expect_agreement(
        {[&](const Tensors& in, InstructionSet set) { return attention(in[0], c.heads, set); },
         [&](const Tensors& in) { return attention_aten(in[0], c.heads); },
         {c.sizes}});
  }
}

TEST(GatedLoops, AttentionStaysFiniteWithLargeScores) {
  Tensor projected = drawn({{1, 12, 8, 8}})[0] * 100;
  for (at::ScalarType type : {at::kDouble, at::kFloat}) {
    for (InstructionSet set : instruction_sets()) {
      auto loops = [&](const Tensors& in) { return attention(in[0], 2, set); };
      auto plain = [](const Tensors& in) { return attention_aten(in[0], 2); };
      Tensor x = projected.to(type);
      expect_near({loops({x})}, {plain({projected})}, type == at::kDouble ? 1e-9 : 0.05);
      for (const Tensor& one : value_and_gradients(loops, {x}))
        EXPECT_TRUE(at::isfinite(one).all().item<bool>());
    }
  }
}

TEST(GatedLoops, GiveTheSameWithAnyNumberOfThreads) {
  Tensor x = drawn({{4, 12, 16, 16}})[0].to(at::kFloat), gain = at::ones({12, 1, 1});
  auto all = [&] {
    Tensors together;
    auto add = [&](const std::function<Tensor(const Tensors&)>& function, const Tensors& inputs) {
      for (const Tensor& one : value_and_gradients(function, inputs)) together.push_back(one);
    };
    add([](const Tensors& in) { return concat_elu(in[0]); }, {x});
    add([](const Tensors& in) { return gated_sum(in[0], in[1]); }, {x, at::cat({x, -x}, 1)});
    add([&](const Tensors& in) { return channel_layer_norm(in[0], in[1], in[2]); },
        {x, gain, gain});
    add([](const Tensors& in) { return attention(in[0], 2); }, {x});
    return together;
  };
  int before = at::get_num_threads();
  at::set_num_threads(1);
  Tensors of_one = all();
  at::set_num_threads(3);
  Tensors of_three = all();
  at::set_num_threads(before);
  for (size_t i = 0; i < of_one.size(); ++i) EXPECT_TRUE(at::equal(of_one[i], of_three[i])) << i;
}

TEST(GatedLoops, ConcatEluRefusesASecondDerivative) {
  expect_no_second_derivative([](const Tensors& in) { return concat_elu(in[0]); }, {{2, 3, 4}});
}

TEST(GatedLoops, DropoutRefusesASecondDerivative) {
  Dropout dropout = some_dropped({2, 3});
  expect_no_second_derivative([&](const Tensors& in) { return dropped_out(in[0], dropout); },
                              {{2, 3}});
}

TEST(GatedLoops, GatesRefuseASecondDerivative) {
  expect_no_second_derivative([](const Tensors& in) { return gated_sum(in[0], in[1]); },
                              {{2, 3, 4}, {2, 6, 4}});
}

TEST(GatedLoops, LayerNormRefusesASecondDerivative) {
  expect_no_second_derivative(
      [](const Tensors& in) { return channel_layer_norm(in[0], in[1], in[2]); },
      {{2, 3, 4}, {3, 1}, {3, 1}});
}

TEST(GatedLoops, WeightNormRefusesASecondDerivative) {
  expect_no_second_derivative([](const Tensors& in) { return weight_normalised(in[0], in[1]); },
                              {{2, 3}, {2}});
}

TEST(GatedLoops, AttentionRefusesASecondDerivative) {
  expect_no_second_derivative([](const Tensors& in) { return attention(in[0], 1); }, {{2, 3, 4}});
}

TEST(GatedLoops, TheMixtureRefusesASecondDerivative) {
  expect_no_second_derivative(
      [](const Tensors& in) { return logistic_mixture(in[0], in[1], 1).first; }, {{2, 3}, {2, 15}});
}

}  // namespace
}  // namespace diffeo
