// RealNVP against the numbers of its authors' program: every case of golden/realnvp.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>

#include "golden/realnvp_names.h"
#include "learn/flat_moments.h"

namespace diffeo::golden {
namespace {

struct ModeName {
  Mode mode;
  const char* name;
};
constexpr ModeName kModes[] = {{Mode::kEvaluate, "eval"}, {Mode::kTrain, "train"}};

Tensor as_ours(const Tensor& t) { return t.dim() == 4 ? image_of(t) : t; }

// A whole model built from its case.
class RealNvpModel {
 public:
  RealNvpModel(const Case& c, at::ScalarType precision)
      : hyper_(c.hyper()),
        tensors_(load(c)),
        precision_(precision),
        shape_(event_shape(image_of(tensors_.at("in/x")))),
        flow_(realnvp_layers(hyper_), {.input = shape_, .options = precision}),
        close_(c, precision) {
    reset();
  }

  void reset() { EXPECT_TRUE(assign(flow_, realnvp_values(hyper_, tensors_, "var/")).empty()); }
  void check_forward(ModeName mode);
  void check_running_moments();
  void check_inverse();
  void check_parameter_count(int64_t trainable);

  // The train-mode cost in nats with its L2 term, and nothing of the running averages kept.
  Tensor cost() {
    Recorded noise = this->noise();
    return -flow_.log_prob(x(), {.mode = Mode::kTrain, .noise = &noise}).mean() - log_256();
  }
  Tensor penalty() const {
    Tensor sum = at::zeros({}, precision_);
    for (auto& p : flow_.named_parameters()) {
      if (realnvp_penalised(p.key())) sum = sum + p.value().square().sum();
    }
    return sum;
  }
  double penalty_weight() const { return hyper_.at("l2_coeff"); }
  Flow& flow() { return flow_; }
  const nlohmann::json& hyper() const { return hyper_; }
  Tensor theirs(const std::string& name) const { return tensors_.at("f64/" + name); }
  Comparison& close() { return close_; }

 private:
  double log_256() const { return static_cast<double>(numel(shape_)) * std::log(256.0); }
  int64_t scales() const { return hyper_.at("n_scale"); }
  Tensor in(const std::string& name) const {
    return image_of(tensors_.at("in/" + name)).to(precision_);
  }
  Tensor x() const { return in("x"); }
  Recorded noise() const {
    return Recorded({{"flow.0_dequantize", image_of(tensors_.at("in/noise"))}});
  }
  void close(const std::string& name, const Tensor& ours) {
    close_(name, ours, as_ours(theirs(name)), name);
  }
  void check_couplings(const std::string& mode, const Trace& trace);

  nlohmann::json hyper_;
  NamedTensors tensors_;
  at::ScalarType precision_;
  Shape shape_;
  Flow flow_;
  Comparison close_;
};

void RealNvpModel::check_couplings(const std::string& mode, const Trace& trace) {
  for (int64_t scale = 0; scale < scales(); ++scale) {
    for (int64_t j = 0; j < 7; ++j) {
      const std::string mid =
          "mid/" + mode + "/scale_" + std::to_string(scale) + ".coupling_" + std::to_string(j);
      if (!tensors_.contains("f64/" + mid)) continue;
      const std::string path = realnvp_path(hyper_, scale, j);
      close_(mid, trace.values.at(path), image_of(theirs(mid)), mode + "/z");
      close_(mid + "/logdet", trace.log_dets.at(path), theirs(mid + "/logdet"),
             mode + "/couplings_logdet");
    }
  }
}

void RealNvpModel::check_forward(ModeName mode) {
  Trace trace;
  Recorded noise = this->noise();
  Tensor z =
      flow_.noisy_latents(x(), {.mode = mode.mode, .noise = &noise, .observer = trace.observer()});
  const std::string of = std::string(mode.name) + "/";
  Tensor before = trace.log_dets.at("flow.1_logit"), couplings = zero_log_det(z);
  for (const auto& [path, log_det] : trace.log_dets) {
    if (path.ends_with("coupling")) couplings = couplings + log_det;
  }
  Tensor log_prior = standard_normal_log_prob(z), log_prob = log_prior + couplings + before;
  close("pre/x_unit", trace.values.at("flow.0_dequantize"));
  close("pre/x_logit", trace.values.at("flow.1_logit"));
  close("pre/logdet", before);
  check_couplings(mode.name, trace);
  close(of + "z", realnvp_image(z, shape_, scales()));
  close(of + "prior_logp", log_prior);
  close(of + "couplings_logdet", couplings);
  EXPECT_TRUE(at::allclose(trace.log_dets.at("flow"), couplings + before - log_256(), 1e-6));
  close(of + "logp", log_prob);
  close(of + "cost", -log_prob.mean().view({1}));
  close(of + "bpd_per_example", bits_per_dim(log_prob - log_256(), numel(shape_)));
  if (mode.mode != Mode::kTrain) return;
  close("train/authors_cost", -log_prob.mean().view({1}));
  close("train/authors_bits_per_dim",
        bits_per_dim(log_prob - log_256(), numel(shape_)).mean().view({1}));
  close("train/l2_sum", penalty().view({1}));
}

// What a training does of the last train-mode pass.
void follow_moments(Flow& flow) {
  FlatMoments moments(flow, flow.options());
  moments.follow(moments.pending(), at::ones({}, flow.options()));
}

// After one train-mode pass from the recorded variables.
void RealNvpModel::check_running_moments() {
  follow_moments(flow_);
  NamedTensors after = realnvp_values(hyper_, tensors_, "after_bn/");
  EXPECT_EQ(after.size(), flow_.named_buffers().size());
  for (auto& b : flow_.named_buffers()) {
    close_("after_bn/" + b.key(), b.value(), after.at(b.key()).reshape(b.value().sizes()),
           "running averages after one step, worst");
  }
}

void RealNvpModel::check_inverse() {
  Trace trace, back;
  flow_.decode(realnvp_latents(in("z"), scales()), {.observer = trace.observer()});
  Tensor logit = trace.values.at("flow.2_masked_coupling");
  close("sample/x_logit", logit);
  close("sample/x_authors", logit.sigmoid());
  Tensor z = realnvp_latents(as_ours(theirs("eval/z")).to(precision_), scales());
  flow_.decode(z, {.observer = back.observer()});
  close("roundtrip/x_logit", back.values.at("flow.2_masked_coupling"));
  Trace train;
  flow_.decode(realnvp_latents(in("z"), scales()),
               {.mode = Mode::kTrain, .observer = train.observer()});
  close("sample_train/x_logit", train.values.at("flow.2_masked_coupling"));
}

void RealNvpModel::check_parameter_count(int64_t trainable) {
  int64_t count = 0;
  for (const Tensor& p : flow_.parameters()) count += p.numel();
  EXPECT_EQ(count, trainable);
}

void check_model(const Case& c, at::ScalarType precision) {
  RealNvpModel model(c, precision);
  for (ModeName mode : kModes) model.check_forward(mode);
  model.check_running_moments();
  model.reset();
  model.check_inverse();
  model.check_parameter_count(c.entry.at("n_trainable"));
}

// One coupling alone.
class SingleCoupling {
 public:
  SingleCoupling(const Case& c, at::ScalarType precision)
      : tensors_(load(c)),
        precision_(precision),
        layer_(realnvp_coupling(c)),
        path_("flow.0_" + std::string(type_of(layer_))),
        flow_({layer_},
              {.input = event_shape(image_of(tensors_.at("in/x"))), .options = precision}),
        close_(c, precision) {
    reset();
  }

  void check() {
    for (ModeName mode : kModes) {
      reset();
      check_forward(mode);
    }
    check_running_moments();
    reset();
    check_inverse();
  }

 private:
  void reset() {
    EXPECT_TRUE(assign(flow_, realnvp_coupling_values(tensors_, "var/", path_)).empty());
  }
  Tensor in(const std::string& name) const {
    return image_of(tensors_.at("in/" + name)).to(precision_);
  }
  void close(const std::string& name, const Tensor& ours) {
    close_(name, ours, as_ours(tensors_.at("f64/" + name)), name);
  }
  void check_forward(ModeName mode);
  void check_network(ModeName mode);
  void check_running_moments();
  void check_inverse();

  NamedTensors tensors_;
  at::ScalarType precision_;
  Layer layer_;
  std::string path_;
  Flow flow_;
  Comparison close_;
};

void SingleCoupling::check_forward(ModeName mode) {
  auto [y, log_det, ended, auxiliary] = flow_.layers()->forward(in("x"), {.mode = mode.mode});
  close(std::string(mode.name) + "/y", y);
  close(std::string(mode.name) + "/logdet", log_det);
  reset();
  check_network(mode);
}

// What the residual network is fed and answers, put together from the coupling's modules.
void SingleCoupling::check_network(ModeName mode) {
  Pass pass{.mode = mode.mode};
  Tensor x = in("x"), h;
  bool masked = std::holds_alternative<MaskedCouplingConfig>(layer_.config);
  Partition partition{masked ? Split::kCheckerboard : Split::kChannel};
  if (masked)
    partition.keep = std::get<MaskedCouplingConfig>(layer_.config).keep == Cells::kEven
                         ? Keep::kFirst
                         : Keep::kSecond;
  else partition.keep = std::get<CouplingConfig>(layer_.config).keep;
  Tensor kept = partition.split(x).first;
  h = masked ? partition.merge(kept, kept.new_zeros(kept.sizes())) : kept;
  if (flow_.named_buffers().contains(path_ + ".net_norm.moments.mean")) {
    h = module_at<ShiftNorm>(flow_, path_ + ".net_norm")->forward(h, pass) * (masked ? 2 : 1);
  }
  Tensor network_in = at::cat({h, -h}, 1).relu();
  if (masked) {
    Tensor mask =
        partition.merge(kept.new_ones(kept.sizes()), kept.new_zeros(kept.sizes())).narrow(1, 0, 1);
    network_in = at::cat({network_in, mask}, 1);
    pass.features = mask;
  }
  close(std::string(mode.name) + "/net_in", network_in);
  close(std::string(mode.name) + "/net_out",
        module_at<Conditioner>(flow_, path_ + ".net")->forward(h, pass));
}

void SingleCoupling::check_running_moments() {
  reset();
  FlatMoments(flow_, flow_.options()).forget();
  flow_.layers()->forward(in("x"), {.mode = Mode::kTrain});
  follow_moments(flow_);
  NamedTensors after = realnvp_coupling_values(tensors_, "after_bn/", path_);
  EXPECT_EQ(after.size(), flow_.named_buffers().size());
  for (auto& b : flow_.named_buffers()) {
    Tensor theirs = after.at(b.key()).reshape(b.value().sizes());
    close_("after_bn/" + b.key(), b.value(), theirs, "train/net_in");
  }
}

void SingleCoupling::check_inverse() {
  Tensor x = flow_.layers()->inverse(in("y_to_invert"));
  close("inv/x", x);
  close("inv/logdet", -flow_.layers()->forward(x).log_det);
  close("roundtrip/x", flow_.layers()->inverse(flow_.layers()->forward(in("x")).value));
}

// Gradients of a model's cost, against those recorded in `c`. Only a float64 run was recorded.
void check_gradients(const Case& c, const Case& of) {
  RealNvpModel model(of, at::kDouble);
  NamedTensors expected = realnvp_values(model.hyper(), load(c), "grad/");
  (model.cost() + model.penalty_weight() * model.penalty()).backward();
  Tensor squares = at::zeros({}, at::kDouble);
  for (auto& p : model.flow().named_parameters()) {
    Tensor gradient = p.value().grad();
    squares = squares + gradient.square().sum();
    // Biases in front of a batch norm have none: what is recorded is round-off, beside a norm of
    // this size.
    bool zero = expected.at(p.key()).abs().max().item<double>() < 1e-9;
    model.close()("grad/" + p.key(), gradient, expected.at(p.key()).reshape(gradient.sizes()), "",
                  zero ? 1 : 0);
  }
  model.close()("train/grad_norm", squares.sqrt().view({1}), model.theirs("train/grad_norm"), "");
}

class RealNvp : public GoldenTest {
 protected:
  static void check(const Case& c, at::ScalarType precision) {
    if (c.kind() == "coupling") return SingleCoupling(c, precision).check();
    if (c.kind() == "model") return check_model(c, precision);
    for (const Case& other : cases("realnvp")) {
      if (other.name() == c.entry.at("of")) check_gradients(c, other);
    }
  }
};

TEST_P(RealNvp, AgreesWithItsAuthorsInFloat64) { check(GetParam(), at::kDouble); }

INSTANTIATE_TEST_SUITE_P(golden, RealNvp, testing::ValuesIn(cases("realnvp")), test_name);

// The gradients were recorded in float64 alone.
class RealNvpSingle : public RealNvp {};

TEST_P(RealNvpSingle, AgreesWithItsAuthorsInFloat32) { check(GetParam(), at::kFloat); }

INSTANTIATE_TEST_SUITE_P(golden, RealNvpSingle,
                         testing::ValuesIn(cases("realnvp",
                                                 [](const Case& c) {
                                                   return c.kind() == "coupling" ||
                                                          c.kind() == "model";
                                                 })),
                         test_name);

}  // namespace
}  // namespace diffeo::golden
