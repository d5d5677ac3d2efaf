// Flow++'s couplings and networks alone, and updates of its weights, against golden/flowpp.

#include <ATen/ATen.h>

#include <cmath>

#include "golden/flowpp_checks.h"
#include "golden/flowpp_names.h"
#include "learn/ema.h"
#include "learn/gradient.h"
#include "learn/optimizer.h"

namespace diffeo::golden {
namespace {

// A flow without a dequantizer.
class FlowppPart {
 public:
  FlowppPart(const Case& c, at::ScalarType precision, const std::string& input)
      : case_(c),
        tensors_(load(c)),
        precision_(precision),
        plan_(flowpp_plan(c, tensors_, "var/")),
        flow_(plan_.layers, {.input = event_shape(in(input)), .options = precision}),
        close_(c, precision) {
    load_flowpp(flow_, values("var/"));
  }

  void check_forward();
  void check_inverse();
  void check_updates();

 private:
  Tensor in(const std::string& name) const {
    return image_of(tensors_.at("in/" + name)).to(precision_);
  }
  Tensor theirs(const std::string& name) const { return flowpp_state(tensors_.at("f64/" + name)); }
  NamedTensors values(const std::string& prefix) const {
    return flowpp_values(plan_, tensors_, prefix);
  }
  Partition partition() const { return {plan_.theirs.at(0).split.value()}; }
  void close(const std::string& name, const Tensor& ours) {
    close_(name, ours, theirs(name), name);
  }
  Tensor logits_of(const Tensor& y);
  void close_flat(const std::string& prefix, const FlatParameters& flat, const Tensor& buffer);

  const Case& case_;
  NamedTensors tensors_;
  at::ScalarType precision_;
  FlowppPlan plan_;
  Flow flow_;
  Comparison close_;
};

void FlowppPart::check_forward() {
  auto [a, b] = partition().split(in("x"));
  auto [y, log_det, ended, auxiliary] = flow_.layers()->forward(in("x"));
  auto [a_out, b_out] = partition().split(y);
  close("mid/a", a);
  close("mid/b", b);
  close("mid/a_out", a_out);
  close("mid/b_out", b_out);
  close("out/y", y);
  close("out/logdet", log_det);
  close("roundtrip/x", flow_.layers()->inverse(y));
}

// The logit of the mixture that the coupling's output stands for.
Tensor FlowppPart::logits_of(const Tensor& y) {
  auto [a, b] = partition().split(y);
  Tensor raw = module_at<Conditioner>(flow_, plan_.theirs.at(1).path + ".net")->forward(a, {});
  int64_t numbers = 2 + 3 * case_.hyper().at("components").get<int64_t>();
  Tensor log_scale = raw.slice(1, 0, std::nullopt, numbers).tanh(),
         shift = raw.slice(1, 1, std::nullopt, numbers);
  return (b - shift) * (-log_scale).exp();
}

// Theirs clips the quantile (ImageNet) or loses it where it nears 1: of no use beyond a logit of
// log(1e5).
void FlowppPart::check_inverse() {
  Tensor y = in("yq"), x = flow_.layers()->inverse(y);
  auto [back, log_det, ended, auxiliary] = flow_.layers()->forward(x);
  close_("out of inv/x", back, y, "inv/x");
  Tensor good = (logits_of(y).abs() < std::log(1e5)).to(precision_);
  Tensor whole = partition().merge(good.new_ones(good.sizes()), good);
  EXPECT_GT(good.mean().item<double>(), 0.25);
  close_("inv/x", x * whole, theirs("inv/x") * whole, "inv/x");
  Tensor all_good = good.flatten(1).amin(1);
  close_("inv/logdet", -log_det * all_good, theirs("inv/logdet") * all_good, "inv/logdet");
}

void FlowppPart::close_flat(const std::string& prefix, const FlatParameters& flat,
                            const Tensor& buffer) {
  NamedTensors expected = values(prefix);
  for (const ParameterRange& range : flat.ranges()) {
    close_(prefix + range.name, range.of(buffer), expected.at(range.name).reshape(range.shape),
           "variables after 4 steps, worst abs");
  }
}

// Adam with its constants as floats, which is what the authors' double run computes with. Their
// powers of the betas are products of floats, too: what that changes of a bias correction, the rate
// makes up for.
AdamConfig flowpp_adam(const nlohmann::json& hyper, const Tensor& rates) {
  AdamConfig config;
  config.learning_rate = 1;
  float beta1 = hyper.at("beta1"), beta2 = hyper.at("beta2");
  config.beta1 = beta1;
  config.beta2 = beta2;
  config.epsilon = hyper.at("epsilon").get<float>();
  PiecewiseSchedule schedule;
  float power1 = 1, power2 = 1;
  for (int64_t step = 0; step < rates.numel(); ++step) {
    power1 *= beta1;
    power2 *= beta2;
    double t = static_cast<double>(step + 1);
    double theirs = std::sqrt(1 - static_cast<double>(power2)) / (1 - static_cast<double>(power1));
    double ours = std::sqrt(1 - std::pow(config.beta2, t)) / (1 - std::pow(config.beta1, t));
    schedule.points.push_back({step, rates[step].item<double>() * theirs / ours});
  }
  config.schedule = schedule;
  return config;
}

void FlowppPart::check_updates() {
  const nlohmann::json& hyper = case_.hyper();
  FlatParameters flat(flow_);
  Tensor rates = tensors_.at("in/lr");
  Optimizer optimizer(flowpp_adam(hyper, rates), flat.values());
  Tensor none = at::zeros({0}, precision_);
  Ema ema(hyper.at("ema_decay"), flat.values(), none);
  for (int64_t step = 1; step <= rates.numel(); ++step) {
    const std::string number = std::to_string(step), at = "out/step" + number;
    flat.gradients().zero_();
    Tensor loss = -flow_.log_prob(in("x" + number), {.mode = Mode::kTrain}).mean();
    loss.backward();
    if (step == 1) close_flat("f64/grad/", flat, flat.gradients());
    Tensor norm = clip_to_norm(flat.gradients(), hyper.at("max_grad_norm"));
    close(at + "_loss", loss.detach().view({1}));
    close(at + "_grad_norm", norm.view({1}));
    optimizer.update(flat.values(), flat.gradients(), at::ones({}, precision_));
    ema.follow(flat.values(), none, at::ones({}, precision_));
    if (step == 1) close_flat("f64/step1/", flat, flat.values());
  }
  close_flat("f64/step" + std::to_string(rates.numel()) + "/", flat, flat.values());
  close_flat("f64/ema" + std::to_string(rates.numel()) + "/", flat, ema.average());
}

// A coupling's network alone.
class FlowppNet {
 public:
  FlowppNet(const Case& c, at::ScalarType precision)
      : case_(c), tensors_(load(c)), precision_(precision), close_(c, precision) {
    Tensor x = in("x");
    Site site{.input = event_shape(x), .options = precision};
    if (has("in/context")) site.features = event_shape(in("context"));
    net_ = make_conditioner(flowpp_net(c, tensors_, "var/"), site, x.size(1) * numbers());
    load_flowpp(*net_, flowpp_net_values(tensors_, "var/"));
  }

  void check_layers();
  void check_numbers();

 private:
  bool has(const std::string& name) const { return tensors_.contains(name); }
  Tensor in(const std::string& name) const {
    return image_of(tensors_.at("in/" + name)).to(precision_);
  }
  Tensor context() const { return has("in/context") ? in("context") : Tensor(); }
  int64_t components() const { return case_.hyper().at("components"); }
  int64_t numbers() const { return 2 + 3 * components(); }
  template <class M>
  std::shared_ptr<M> layer(const std::string& theirs) const {
    return module_at<M>(*net_, flowpp_net_layer(theirs));
  }
  void close_mid(const std::string& name, const Tensor& ours) {
    close_("mid/" + name, ours, image_of(tensors_.at("f64/mid/" + name)), "out/raw");
  }
  void check_block(const std::string& name, Tensor& h);

  const Case& case_;
  NamedTensors tensors_;
  at::ScalarType precision_;
  Comparison close_;
  std::shared_ptr<Conditioner> net_;
};

void FlowppNet::check_block(const std::string& name, Tensor& h) {
  h = layer<GatedConv>(name + ".conv")->forward(h, context(), {});
  close_mid(name + ".conv", h);
  h = layer<ChannelLayerNorm>(name + ".ln1")->forward(h);
  close_mid(name + ".ln1", h);
  if (!case_.hyper().at("attention").get<bool>()) return;
  Tensor positions = net_->named_parameters()["blocks.positions"];
  h = layer<GatedAttention>(name + ".attn")->forward(h, positions, {});
  close_mid(name + ".attn", h);
  h = layer<ChannelLayerNorm>(name + ".ln2")->forward(h);
  close_mid(name + ".ln2", h);
}

void FlowppNet::check_layers() {
  const std::string first = has("f64/mid/proj_in") ? "proj_in" : "c1";
  Tensor h = layer<StartedConv>(first)->forward(in("x"), {});
  close_mid(first, h);
  for (int64_t i = 0; i < case_.hyper().at("blocks"); ++i)
    check_block("block" + std::to_string(i), h);
}

void FlowppNet::check_numbers() {
  Pass pass;
  pass.features = context();
  Tensor raw = net_->forward(in("x"), pass);
  close_("out/raw", raw, image_of(tensors_.at("f64/out/raw")), "out/raw");
  Tensor by_element = raw.permute({0, 2, 3, 1}).unflatten(3, {raw.size(1) / numbers(), numbers()});
  auto close = [&](const std::string& name, const Tensor& ours) {
    close_(name, ours, tensors_.at("f64/" + name), name);
  };
  close("out/log_scale", by_element.select(4, 0).tanh());
  close("out/shift", by_element.select(4, 1));
  close("out/mix_logits", by_element.narrow(4, 2, components()));
  close("out/mix_means", by_element.narrow(4, 2 + components(), components()));
  // Recorded before the clamp or after it.
  close_("out/mix_logscales",
         by_element.narrow(4, 2 + 2 * components(), components()).clamp_min(-7),
         tensors_.at("f64/out/mix_logscales").clamp_min(-7), "out/mix_logscales");
}

}  // namespace

void check_flowpp_coupling(const Case& c, at::ScalarType precision) {
  FlowppPart part(c, precision, "x");
  part.check_forward();
  part.check_inverse();
}

void check_flowpp_conditioner(const Case& c, at::ScalarType precision) {
  FlowppNet net(c, precision);
  net.check_layers();
  net.check_numbers();
}

void check_flowpp_updates(const Case& c, at::ScalarType precision) {
  FlowppPart(c, precision, "x1").check_updates();
}

}  // namespace diffeo::golden
