// Layers for vectors: splines, autoregressive flows, their inverses, and what they refuse.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "config/config.h"
#include "core/base.h"
#include "flow/flow.h"
#include "kernels/gaussian_mixture.h"

namespace diffeo {
namespace {

Flow flow_of(const std::string& layers, const Shape& shape, const Shape& features = {},
             Base base = Base::kNormal) {
  Flow flow(parse_layers(layers), {.input = shape, .features = features, .options = at::kDouble},
            base);
  at::NoGradGuard no_grad;
  SeededNoise noise(3);
  for (auto& p : flow.named_parameters()) p.value().add_(0.3 * noise.normal(p.key(), p.value()));
  return flow;
}

std::string error_of(const std::string& layers, const Shape& shape, const Shape& features = {}) {
  try {
    flow_of(layers, shape, features);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string config_error_of(const std::string& layers) {
  try {
    parse_layers(layers);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

Tensor normal(const Shape& shape, int64_t count) {
  return SeededNoise(5).normal("x", at::empty(batched(count, shape), at::kDouble));
}

// Of each output the inputs that it depends on, [D, D].
Tensor dependence(Flow& flow, int64_t size, const Pass& pass = {}) {
  Tensor x = normal({size}, 1).requires_grad_();
  Tensor z = flow.encode(x, pass);
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < size; ++i) {
    if (x.grad().defined()) x.mutable_grad().zero_();
    z[0][i].backward({}, /*retain_graph=*/true);
    rows.push_back(x.grad().clone()[0] != 0);
  }
  return at::stack(rows);
}

const char* kSplineMade =
    "map: {type: rational_quadratic, bins: 4, bound: 6}, net: {hidden: 24, activation: tanh}";

TEST(Autoregressive, EachCoordinateDependsOnThoseBeforeItInTheOrder) {
  auto of = [&](const std::string& order) {
    Flow flow = flow_of("[{type: autoregressive, " + order + ", " + kSplineMade + "}]", {4});
    return dependence(flow, 4);
  };
  Tensor lower = at::ones({4, 4}, at::kBool).tril();
  EXPECT_TRUE(at::equal(of("order: sequential"), lower));
  EXPECT_TRUE(at::equal(of("order: reversed"), lower.t()));
  Tensor places = at::tensor({2, 0, 3, 1}, at::kLong);
  EXPECT_TRUE(at::equal(of("places: [2, 0, 3, 1]"), places.unsqueeze(1) >= places.unsqueeze(0)));
  EXPECT_EQ(of("order: random").sum().item<int64_t>(), 10);
  // Of the first half none depends on another, of the second each on all of the first.
  Tensor halves = at::eye(4, at::kDouble).to(at::kBool);
  halves.slice(0, 2).slice(1, 0, 2).fill_(true);
  EXPECT_TRUE(at::equal(of("passes: 2"), halves));
}

TEST(Autoregressive, TheFirstCoordinateReadsTheContextWhereItMay) {
  for (bool reads : {true, false}) {
    for (const char* blocks : {"plain", "residual"}) {
      Flow flow = flow_of(
          joined("[{type: autoregressive, context: features, map: {type: affine, form: zuko}, net: "
                 "{hidden: 12, blocks: ",
                 blocks, ", first_reads_context: ", reads ? "true" : "false", "}}]"),
          {3}, {2});
      Tensor context = normal({2}, 1).requires_grad_();
      Tensor z = flow.encode(normal({3}, 1), Pass{}.with_features(context));
      z[0][0].backward();
      bool depends = context.grad().defined() && (context.grad() != 0).any().item<bool>();
      EXPECT_EQ(depends, reads) << blocks;
    }
  }
}

// A network that is run whole for each coordinate gives the same samples.
TEST(Autoregressive, SamplesAreThoseOfAWholePassForEachCoordinate) {
  for (const char* blocks : {"plain", "residual"}) {
    Flow flow =
        flow_of(joined("[{type: autoregressive, places: [3, 0, 4, 1, 2], context: features, "
                       "map: {type: affine, form: softplus}, net: {hidden: 16, depth: 3, "
                       "blocks: ",
                       blocks, "}}]"),
                {5}, {2});
    Pass pass = Pass{}.with_features(normal({2}, 7));
    Tensor z = normal({5}, 7), x = at::zeros_like(z);
    for (int step = 0; step < 5; ++step) {  // each makes one more coordinate right
      Tensor missed = z - flow.encode(x, pass);
      Tensor slope = at::ones_like(x);
      for (int64_t i = 0; i < 5; ++i) {
        Tensor moved = x.clone();
        moved.select(1, i).add_(1);
        slope.select(1, i).copy_((flow.encode(moved, pass) - flow.encode(x, pass)).select(1, i));
      }
      x = x + missed / slope;
    }
    at::NoGradGuard no_grad;
    EXPECT_TRUE(at::allclose(flow.decode(z, pass), x, 1e-9, 1e-9)) << blocks;
  }
}

TEST(Autoregressive, InverseIsDifferentiable) {
  Flow flow =
      flow_of(joined("[{type: inverse, body: [{type: autoregressive, ", kSplineMade, "}]}]"), {3});
  Tensor x = normal({3}, 4);
  auto loss = [&] { return -flow.log_prob(x).sum(); };
  loss().backward();
  const double step = 1e-6;
  for (auto& p : flow.named_parameters()) {
    Tensor gradient = p.value().grad();
    ASSERT_TRUE(gradient.defined()) << p.key();
    at::NoGradGuard no_grad;
    int64_t place = gradient.abs().flatten().argmax().item<int64_t>();
    Tensor element = p.value().view(-1)[place];
    element.add_(step);
    double above = loss().item<double>();
    element.sub_(2 * step);
    double below = loss().item<double>();
    element.add_(step);
    double expected = (above - below) / (2 * step);
    EXPECT_NEAR(gradient.view(-1)[place].item<double>(), expected, 1e-5 * (1 + std::abs(expected)))
        << p.key();
  }
}

TEST(Autoregressive, RefusesWhatIsNoOrderAndNetworksTooNarrowForAll) {
  auto of = [&](const std::string& keys) {
    return error_of("[{type: autoregressive, " + keys + "}]", {4});
  };
  expect_contains(of("places: [0, 1, 1, 3]"),
                  "places: expected each of 0 to 3 once, found [0, 1, 1, 3]");
  expect_contains(of("places: [0, 1, 2]"), "places: expected each of 0 to 3 once, found [0, 1, 2]");
  expect_contains(of("order: reversed, places: [0, 1, 2, 3]"),
                  "places and order exclude each other; give one");
  expect_contains(of("passes: 5"), "passes: 5 groups of 4 coordinates; at most 4");
  expect_contains(of("net: {hidden: 2}"),
                  "net: 2 hidden units have the degrees 1 to 2, so no coordinate would depend on "
                  "those after place 2 of the order; hidden must be at least 3");
  expect_contains(of("context: features"), "context: there are no features here");
  expect_contains(error_of("[{type: autoregressive}]", {3, 2, 2}),
                  "maps vectors [D], not [3, 2, 2]; put a flatten before it");
}

TEST(Permutation, RefusesWhatIsNone) {
  expect_contains(error_of("[{type: permutation, order: [0, 2, 2]}]", {3}),
                  "order: expected each of 0 to 2 once, found [0, 2, 2]");
  Flow flow = flow_of("[{type: permutation, order: [2, 0, 1]}]", {3});
  Tensor x = at::tensor({10., 20., 30.}, at::kDouble).unsqueeze(0);
  EXPECT_TRUE(at::equal(flow.encode(x), at::tensor({30., 10., 20.}, at::kDouble).unsqueeze(0)));
}

TEST(Inverse, IsItsBodyTheOtherWayRound) {
  const std::string body =
      "[{type: lu_linear}, {type: coupling, map: {type: affine, form: exp}, net: {type: mlp, "
      "hidden: "
      "8}}, {type: batch_norm}]";
  Flow flow = flow_of(body, {3}), back = flow_of("[{type: inverse, body: " + body + "}]", {3});
  at::NoGradGuard no_grad;
  auto ours = flow.named_parameters();
  for (auto& p : back.named_parameters()) {
    std::string name = p.key();
    name.replace(name.find(".0_inverse.body"), 15, "");
    p.value().copy_(ours[name]);
  }
  Tensor x = normal({3}, 6), z = flow.encode(x);
  EXPECT_TRUE(at::allclose(back.encode(z), x));
  EXPECT_TRUE(at::allclose(back.decode(x), z));
  EXPECT_TRUE(at::allclose(back.log_prob_parts(z).log_det, -flow.log_prob_parts(x).log_det));
}

TEST(Inverse, RefusesBodiesWithoutOne) {
  expect_contains(
      error_of("[{type: inverse, body: [{type: squeeze}]}]", {1, 2, 2}),
      "body: makes [4, 1, 1] of [1, 2, 2]; an inverse needs layers that keep the shape");
  expect_contains(error_of("[{type: inverse, body: [{type: dequantize}]}]", {1, 2, 2}),
                  "body: a layer that draws noise has no inverse with a density");
  expect_contains(error_of("[{type: inverse, body: [{type: factor_out}]}]", {4, 2, 2}),
                  "ends a part of the latents, which the noise of a dequantizer and the body of an "
                  "inverse do not have");
}

// Beyond the ends of a circle its other end follows: neighbours there are neighbours, and so are
// the densities.
TEST(Spline, ACircleHasNoEnds) {
  Flow flow = flow_of(
      "[{type: elementwise, map: {type: rational_quadratic, ends: circular, from: [-3, 3], bins: "
      "5}}]",
      {1});
  auto at = [&](double x) {
    Tensor point = at::full({1, 1}, x, at::kDouble);
    return std::pair(flow.encode(point).item<double>(),
                     flow.log_prob_parts(point).log_det.item<double>());
  };
  auto [left, left_slope] = at(-3);
  auto [right, right_slope] = at(3);
  EXPECT_NEAR(left, right, 1e-12);
  EXPECT_NEAR(left_slope, right_slope, 1e-12);
  Tensor x = at::linspace(-3, 3, 101, at::kDouble).unsqueeze(1), z = flow.encode(x);
  EXPECT_TRUE((z >= -3).all().item<bool>() && (z <= 3).all().item<bool>());
  Tensor apart = (flow.decode(z) - x).abs();
  EXPECT_LT(at::minimum(apart, (apart - 6).abs()).max().item<double>(), 1e-9);
}

TEST(Spline, ABoxHasDensityZeroOutsideAndNamesWhatLiesThere) {
  const std::string box = "{type: rational_quadratic, ends: box, from: [0, 2]}";
  for (const std::string& layer :
       {"{type: elementwise, map: " + box + "}",
        "{type: autoregressive, map: " + box + ", net: {hidden: 8}}",
        "{type: coupling, map: " + box + ", kept_map: " + box + ", net: {type: mlp, hidden: 8}}"}) {
    Flow flow = flow_of("[" + layer + "]", {3});
    Tensor x = at::ones({2, 3}, at::kDouble);
    EXPECT_FALSE(flow.layers()->layers()[0]->outside_domain(x)) << layer;
    for (int64_t column = 0; column < 3; ++column) {
      Tensor outside = x.clone();
      outside[1][column] = 2.5;
      EXPECT_TRUE(at::isfinite(flow.log_prob(outside)[0]).item<bool>());
      EXPECT_EQ(flow.log_prob(outside)[1].item<double>(), -INFINITY) << layer << column;
      auto found = flow.layers()->layers()[0]->outside_domain(outside);
      ASSERT_TRUE(found) << layer << column;
      EXPECT_EQ(found->example, 1);
      EXPECT_EQ(found->what, joined("is given 2.5 at [", column, "], and maps 0 to 2"));
    }
  }
}

TEST(Spline, RefusesMembersThatDoNotFit) {
  auto of = [&](const std::string& keys) {
    return config_error_of("[{type: elementwise, map: {type: rational_quadratic, " + keys + "}}]");
  };
  expect_contains(
      of("bins: 100, minimum_width: 0.01"),
      "100 bins of minimum_width: 0.01 or more fill the box, 1 of it, and leave nothing "
      "to learn; take fewer bins or a smaller minimum");
  expect_contains(of("bins: 30, minimum_height: 0.1"), "30 bins of minimum_height: 0.1 or more");
  expect_contains(of("from: [0, 1]"), "from and onto belong to ends: box and circular");
  expect_contains(of("ends: box, from: [1, 1]"), "from: expected [low, high] with low < high");
  expect_contains(of("ends: box, onto: [3]"), "onto: expected [low, high] with low < high");
  expect_contains(of("ends: circular, onto: [0, 1]"), "onto: a circle goes to itself");
}

TEST(Elementwise, RefusesANetworkWithoutContextAndContextWithoutANetwork) {
  expect_contains(config_error_of("[{type: elementwise, net: {type: mlp}}]"),
                  "net: reads the context, and there is none; give context: features or class, or "
                  "leave the net out");
  expect_contains(config_error_of("[{type: elementwise, context: features}]"),
                  "context: a net must read it, and there is none; give net");
}

TEST(Spline, ZeroNumbersAreTheIdentityInZukosForm) {
  Spline spline{
      .bins = 6, .form = SplineForm::kZuko, .left = -2, .right = 2, .bottom = -2, .top = 2};
  Tensor x = at::linspace(-3, 3, 61, at::kDouble).unsqueeze(1);
  auto [y, log_det] = rational_quadratic(x, x.new_zeros({61, spline.numbers()}), spline);
  EXPECT_TRUE(at::allclose(y, x, 0, 1e-14));
  EXPECT_LT(log_det.abs().max().item<double>(), 1e-13);
}

// Under a normal base the density is the mixture's own, far into both tails too.
TEST(GaussianMixture, HasTheDensityOfTheMixture) {
  constexpr int64_t kComponents = 3;
  Tensor x = at::tensor({-60., -9., -1., 0., 0.3, 2., 7., 80.}, at::kDouble).unsqueeze(1);
  Tensor raw = at::tensor({0.3, -0.2, 0.8, -1., 0.5, 2., -0.7, 0.1, -1.5}, at::kDouble);
  Tensor numbers = raw.expand({x.size(0), -1}).contiguous();
  auto [y, log_det] = gaussian_mixture(x, numbers, kComponents);
  Tensor ours = log_det + standard_normal_log_prob(y);
  Tensor weights = raw.narrow(0, 0, 3).log_softmax(0), means = raw.narrow(0, 3, 3);
  Tensor deviations = raw.narrow(0, 6, 3);
  Tensor z = (x - means) * (-deviations).exp();
  Tensor exact = (weights - 0.5 * z.square() - deviations - 0.5 * std::log(2 * M_PI)).logsumexp(1);
  EXPECT_TRUE(at::allclose(ours, exact, 1e-12, 1e-10)) << ours - exact;
  EXPECT_TRUE(at::allclose(gaussian_mixture_inverse(y, numbers, kComponents), x, 1e-10, 1e-10));
}

TEST(GaussianMixture, GradientsAreThoseOfDifferences) {
  Tensor x = normal({2}, 3), raw = 0.7 * normal({12}, 3);
  auto differences = [&](const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
    Tensor x_leaf = x.clone().requires_grad_(), raw_leaf = raw.clone().requires_grad_();
    f(x_leaf, raw_leaf).backward();
    at::NoGradGuard no_grad;
    for (auto [leaf, other_x] : {std::pair{x_leaf, true}, std::pair{raw_leaf, false}}) {
      for (int64_t i = 0; i < leaf.numel(); ++i) {
        Tensor moved = leaf.detach().clone();
        auto at_step = [&](double step) {
          moved.view(-1)[i] = leaf.view(-1)[i] + step;
          return (other_x ? f(moved, raw) : f(x, moved)).item<double>();
        };
        double expected = (at_step(1e-6) - at_step(-1e-6)) / 2e-6;
        EXPECT_NEAR(leaf.grad().view(-1)[i].item<double>(), expected, 1e-6);
      }
    }
  };
  differences([](const Tensor& at, const Tensor& numbers) {
    auto [y, log_det] = gaussian_mixture(at, numbers, 2);
    return (y * at::arange(1, 7, at::kDouble).view({3, 2})).sum() + log_det.square().sum();
  });
  differences([](const Tensor& at, const Tensor& numbers) {
    Tensor back = gaussian_mixture_inverse(at, numbers, 2);
    return (back * at::arange(1, 7, at::kDouble).view({3, 2})).sum();
  });
}

}  // namespace
}  // namespace diffeo
