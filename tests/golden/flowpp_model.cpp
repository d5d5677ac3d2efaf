// Flow++'s whole models, dequantizers, starts and gradients against golden/flowpp.

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>

#include "golden/flowpp_checks.h"
#include "golden/flowpp_names.h"

namespace diffeo::golden {
namespace {

// A model built from its case, or a dequantizer alone.
class FlowppModel {
 public:
  FlowppModel(const Case& c, at::ScalarType precision, const std::string& prefix = "var/")
      : case_(c),
        tensors_(load(c)),
        precision_(precision),
        plan_(flowpp_plan(c, tensors_, prefix)),
        shape_(event_shape(image_of(tensors_.at("in/x")))),
        flow_(plan_.layers, {.input = shape_, .options = precision}),
        close_(c, precision) {
    load_flowpp(flow_, flowpp_values(plan_, tensors_, prefix));
  }

  Flow& flow() { return flow_; }
  const FlowppPlan& plan() const { return plan_; }

  Tensor log_prob(Pass pass = {}) {
    Recorded noise({{"flow.0_dequantize", image_of(tensors_.at("in/eps"))}});
    pass.noise = &noise;
    return flow_.log_prob(in("x"), pass);
  }
  Tensor loss() { return -log_prob({.mode = Mode::kTrain}).mean(); }

  void check_dequantizer();
  void check_bound();
  void check_inverse();
  void check_parameter_count();
  void check_start();

 private:
  // Everything a pass went through, and the features it had inside the dequantizer.
  struct States : Trace {
    Tensor features;
    Observer watching() {
      return [this, observe = observer()](const Report& report) {
        observe(report);
        if (report.pass.features.defined()) features = report.pass.features;
      };
    }
  };

  Tensor in(const std::string& name) const {
    return flowpp_state(tensors_.at("in/" + name)).to(precision_);
  }
  bool has(const std::string& name) const { return tensors_.contains("f64/" + name); }
  Tensor theirs(const std::string& name) const { return flowpp_state(tensors_.at("f64/" + name)); }
  double bins() const { return flowpp_bins(case_.hyper()); }
  double log_bins() const { return static_cast<double>(numel(shape_)) * std::log(bins()); }
  void close(const std::string& name, const Tensor& ours) {
    close_(name, ours, theirs(name), name);
  }
  void close_state(const FlowppLayer& layer, const Tensor& state, const Tensor& log_det);
  void check_states(const States& states, const std::string& part);
  void check_dequantized(const States& states);
  Tensor main_log_det(Tensor dequantized);
  Tensor sum_of_log_dets(const States& states, const std::string& part) const;

  const Case& case_;
  NamedTensors tensors_;
  at::ScalarType precision_;
  FlowppPlan plan_;
  Shape shape_;
  Flow flow_;
  Comparison close_;
};

void FlowppModel::close_state(const FlowppLayer& layer, const Tensor& state,
                              const Tensor& log_det) {
  const std::string beginning = "f64/mid/" + layer.place + "_";
  auto found = tensors_.lower_bound(beginning);
  if (found == tensors_.end() || !found->first.starts_with(beginning)) return;
  const std::string name = found->first.substr(4, found->first.find('/', beginning.size()) - 4);
  if (layer.split) {
    auto [a, b] = Partition{*layer.split}.split(state);
    close_(name + "/a", a, theirs(name + "/a"), "out/y");
    close_(name + "/b", b, theirs(name + "/b"), "out/y");
  } else {
    close_(name, state, theirs(name), "out/y");
  }
  if (has(name + "/logdet"))
    close_(name + "/logdet", log_det, theirs(name + "/logdet"), "out/main_logd");
}

void FlowppModel::check_states(const States& states, const std::string& part) {
  Tensor state = in("eps");
  for (const FlowppLayer& layer : plan_.theirs) {
    if (!layer.place.starts_with(part)) continue;
    Tensor log_det;
    if (!layer.path.empty()) {
      state = states.values.at(layer.path);
      log_det = states.log_dets.at(layer.path);
    }
    if (layer.type == "ImgProc")
      log_det = log_det - log_bins();  // ours counts the bins in the dequantizer
    close_state(layer, state, log_det);
  }
}

Tensor FlowppModel::sum_of_log_dets(const States& states, const std::string& part) const {
  Tensor sum = zero_log_det(in("x"));
  for (const FlowppLayer& layer : plan_.theirs) {
    if (layer.path.empty() || !layer.place.starts_with(part)) continue;
    sum = sum + states.log_dets.at(layer.path);
  }
  return sum;
}

void FlowppModel::check_dequantized(const States& states) {
  close("mid/context", states.features);
  close("out/u", states.values.at("flow.0_dequantize.noise"));
  close("out/dequant_x", states.values.at("flow.0_dequantize") * bins());
}

void FlowppModel::check_dequantizer() {
  States states;
  Recorded noise({{"flow.0_dequantize", image_of(tensors_.at("in/eps"))}});
  flow_.layers()->forward(in("x"), {.noise = &noise, .observer = states.watching()});
  check_dequantized(states);
  check_states(states, "dequant/");
  Tensor minus_log_q = states.log_dets.at("flow.0_dequantize") + log_bins();
  close("out/minus_log_q", minus_log_q);
  close("out/log_q", -minus_log_q);
  close("mid/flow_logdet", sum_of_log_dets(states, "dequant/"));
}

void FlowppModel::check_bound() {
  States states;
  Tensor log_prob = this->log_prob({.observer = states.watching()});
  check_dequantized(states);
  check_states(states, "dequant/");
  check_states(states, "main/");
  Tensor y = states.values.at("flow");
  close("out/y", y);
  close("out/dequant_logd", states.log_dets.at("flow.0_dequantize") + log_bins());
  close("out/main_logd", sum_of_log_dets(states, "main/") - log_bins());
  close("out/prior_logp", standard_normal_log_prob(y));
  close("out/logp_bound", log_prob);
  close("out/loss", -log_prob.mean().view({1}));
  close("out/bpd_per_example", bits_per_dim(log_prob, numel(shape_)));
  close("out/bpd", bits_per_dim(log_prob, numel(shape_)).mean().view({1}));
}

// Of the main flow, from x + u on.
Tensor FlowppModel::main_log_det(Tensor dequantized) {
  Tensor sum = -log_bins() + zero_log_det(dequantized), value = dequantized / bins();
  for (const FlowppLayer& layer : plan_.theirs) {
    if (layer.path.empty() || !layer.place.starts_with("main/")) continue;
    Mapped out = module_at<Transform>(flow_, layer.path)->forward(value);
    value = out.value;
    sum = sum + out.log_det_or_zeros();
  }
  return sum;
}

void FlowppModel::check_inverse() {
  auto inverse = [&](const Tensor& z) {
    Trace trace;
    flow_.decode(z.to(precision_).flatten(1), {.observer = trace.observer()});
    return trace.values.at("flow.1_logit") * bins();
  };
  Tensor x = inverse(in("z"));
  close_("sample/x", x, image_of(tensors_.at("exact/sample_x")), "sample/x");
  close_("sample/logdet", -main_log_det(x), tensors_.at("exact/sample_logdet"), "sample/logdet");
  close_("roundtrip/dequant_x", inverse(theirs("out/y")), theirs("out/dequant_x"),
         "roundtrip/dequant_x");
}

void FlowppModel::check_parameter_count() {
  int64_t count = 0;
  for (const Tensor& p : flow_.parameters()) count += p.numel();
  EXPECT_EQ(count, case_.entry.at("n_parameters").get<int64_t>());
}

// What was recorded of the float64 run was rounded to float32: any number that rounds so will do.
void FlowppModel::check_start() {
  NamedTensors before = flowpp_values(plan_, tensors_, "before/"),
               after = flowpp_values(plan_, tensors_, "after/");
  EXPECT_FALSE(after.empty());
  Recorded noise({{"flow.0_dequantize", image_of(tensors_.at("in/eps"))}});
  flow_.initialise(in("x"), {.noise = &noise});
  for (auto& p : flow_.named_parameters()) {
    Tensor ours = p.value().detach();
    if (!after.contains(p.key())) {
      EXPECT_TRUE(at::equal(ours.to(at::kFloat), before.at(p.key()).reshape(ours.sizes())))
          << p.key();
      continue;
    }
    Tensor theirs = after.at(p.key()).reshape(ours.sizes()).to(at::kDouble),
           half = theirs.abs() * std::ldexp(1.0, -24);
    double scale = p.key().ends_with(".bias") ? 1 : 0;  // the deviation of what it is the mean of
    close_("after/" + p.key(), ours, at::clamp(ours.to(at::kDouble), theirs - half, theirs + half),
           "", scale);
  }
  Tensor loss = this->loss().detach().view({1});
  close_("out/init_loss", loss, theirs("init_loss"), "init_loss");
  close_("loss_after_init_same_batch", loss, theirs("loss_after_init_same_batch"), "init_loss");
}

}  // namespace

void check_flowpp_dequantizer(const Case& c, at::ScalarType precision) {
  FlowppModel(c, precision).check_dequantizer();
}

void check_flowpp_model(const Case& c, at::ScalarType precision) {
  FlowppModel model(c, precision);
  model.check_parameter_count();
  model.check_bound();
  model.check_inverse();
}

void check_flowpp_start(const Case& c, at::ScalarType precision) {
  FlowppModel(c, precision, "before/").check_start();
}

void check_flowpp_gradients(const Case& c, at::ScalarType precision) {
  std::vector<Case> all = cases("flowpp");
  auto of = std::find_if(all.begin(), all.end(),
                         [&](const Case& other) { return other.name() == c.entry.at("of"); });
  ASSERT_NE(of, all.end()) << "gradients of a case that is not there";
  FlowppModel model(*of, precision);
  Comparison close(c, precision);
  NamedTensors expected = flowpp_values(model.plan(), load(c), "grad/");
  model.loss().backward();
  Tensor squares = at::zeros({}, precision);
  for (auto& p : model.flow().named_parameters()) {
    const Tensor& value = p.value();
    Tensor gradient = value.grad().defined() ? value.grad() : value.new_zeros(value.sizes());
    squares = squares + gradient.square().sum();
    auto found = expected.find(p.key());
    if (found == expected.end())
      EXPECT_TRUE(at::equal(gradient, value.new_zeros(value.sizes()))) << p.key();
    else close("grad/" + p.key(), gradient, found->second.reshape(gradient.sizes()), "");
  }
  EXPECT_NEAR(squares.sqrt().item<double>() / c.entry.at("global_norm").get<double>(), 1, 1e-9);
}

}  // namespace diffeo::golden
