// Glow against the numbers of its authors' program: every case of golden/glow.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>

#include "golden/glow_names.h"

namespace diffeo::golden {
namespace {

// A model built from a case, with what comparing it needs.
class GlowModel {
 public:
  GlowModel(const Case& c, at::ScalarType precision)
      : case_(c),
        hyper_(c.hyper()),
        tensors_(load(c)),
        precision_(precision),
        flow_(glow_layers(hyper_),
              {.input = glow_shape(hyper_), .classes = glow_classes(hyper_), .options = precision}),
        close_(c, precision) {}

  void load_variables(const std::string& prefix) {
    for (const std::string& name : assign(flow_, glow_values(hyper_, tensors_, prefix))) {
      EXPECT_TRUE(name.ends_with("initialised")) << name << " got no value";
    }
    for (auto& b : flow_.named_buffers()) {
      if (b.key().ends_with("initialised")) b.value().fill_(true);
    }
  }

  // Mean over the batch of the authors' loss, bits/dim and the weighted class loss in bits.
  Tensor loss(const std::string& prefix, const Observer& observer = {}) {
    LogProb parts = log_prob(prefix, {.mode = Mode::kTrain, .observer = observer});
    Tensor bits = bits_per_dim(parts.sum(), dims());
    for (const auto& [name, term] : parts.auxiliary) bits = bits + term / std::log(2.0);
    return bits.mean();
  }

  LogProb log_prob(const std::string& prefix, Pass pass) {
    Recorded noise = recorded_noise(prefix);
    pass.noise = &noise;
    if (tensors_.contains(prefix + "y")) pass.labels = tensors_.at(prefix + "y").to(at::kLong);
    return flow_.log_prob_parts(x(prefix), pass);
  }

  void initialise() {
    Recorded noise = recorded_noise("");
    flow_.initialise(x(""), {.noise = &noise});
  }

  // The authors' result of this precision's reference run, in their layout.
  Tensor theirs(const std::string& name) const { return tensors_.at("f64/" + name); }
  bool has(const std::string& name) const { return tensors_.contains(name); }

  void check_forward();
  void check_class_terms(const NamedTensors& values);
  void check_prior(const NamedTensors& values);
  void check_samples();
  void check_gradients(const std::string& prefix, const std::string& group);
  void check_initialised();
  void check_steps();

 private:
  int64_t dims() const { return numel(glow_shape(hyper_)); }
  int64_t levels() const { return hyper_.at("n_levels"); }
  Tensor x(const std::string& prefix) const {
    return image_of(tensors_.at(prefix + "x")).to(precision_);
  }
  Recorded recorded_noise(const std::string& prefix) const {
    double bins = std::exp2(hyper_.at("n_bits_x").get<double>());
    return Recorded(
        {{"flow.0_dequantize", image_of(tensors_.at(prefix + "noise")).to(at::kDouble) * bins}});
  }
  void check_step(int64_t level, int64_t step, const Trace& trace, Tensor& objective);
  Tensor check_pool(int64_t level, const Trace& trace);

  const Case& case_;
  nlohmann::json hyper_;
  NamedTensors tensors_;
  at::ScalarType precision_;
  Flow flow_;
  Comparison close_;
};

void GlowModel::check_step(int64_t level, int64_t step, const Trace& trace, Tensor& objective) {
  const std::string mid = "mid/" + std::to_string(level) + "/" + std::to_string(step) + "/";
  const char* names[] = {"actnorm", "perm", "out"};
  const char* objectives[] = {"objective_actnorm", "objective_perm", "objective"};
  for (int64_t place = 0; place < 3; ++place) {
    const std::string path = glow_step(hyper_, level, step, place);
    objective = objective + trace.log_dets.at(path);
    close_(mid + names[place], trace.values.at(path), image_of(theirs(mid + names[place])),
           "mid tensors(max abs)");
    if (has("f64/" + mid + objectives[place])) {
      close_(mid + objectives[place], objective, theirs(mid + objectives[place]),
             "mid objective(max abs)");
    }
  }
}

// The learned prior of the half a level ends; returns its log-density.
Tensor GlowModel::check_pool(int64_t level, const Trace& trace) {
  const std::string path = glow_end(hyper_, level), pool = "mid/pool" + std::to_string(level) + "/";
  Tensor out = trace.values.at(glow_step(hyper_, level, hyper_.at("depth").get<int64_t>() - 1, 2));
  std::vector<Tensor> halves = out.chunk(2, 1);
  auto net = module_at<ZeroConv>(flow_, path + ".prior");
  Tensor h = net->forward(halves[0]);
  close_(pool + "mean", h.slice(1, 0, std::nullopt, 2), image_of(theirs(pool + "mean")),
         "prior(max abs)");
  close_(pool + "logsd", h.slice(1, 1, std::nullopt, 2), image_of(theirs(pool + "logsd")),
         "prior(max abs)");
  close_(pool + "z2", halves[1], image_of(theirs(pool + "z2")), "mid tensors(max abs)");
  Tensor eps = trace.ended.at(path);
  close_("eps/" + std::to_string(level), eps, image_of(theirs("eps/" + std::to_string(level))),
         "eps(max abs)");
  Tensor log_prob = standard_normal_log_prob(eps) + trace.log_dets.at(path);
  close_(pool + "logp", log_prob, theirs(pool + "logp"), "mid objective(max abs)");
  return log_prob;
}

void GlowModel::check_forward() {
  Trace trace;
  LogProb parts = this->log_prob("", {.observer = trace.observer()});
  Tensor log_prob = parts.sum();
  close_("mid/dequant", trace.values.at("flow.0_dequantize"), image_of(theirs("mid/dequant")),
         "mid tensors(max abs)");
  close_("mid/squeezed", trace.values.at("flow.1_squeeze"), image_of(theirs("mid/squeezed")),
         "mid tensors(max abs)");
  Tensor objective = trace.log_dets.at("flow.0_dequantize");
  for (int64_t level = 0; level < levels(); ++level) {
    for (int64_t step = 0; step < hyper_.at("depth"); ++step)
      check_step(level, step, trace, objective);
    if (level == levels() - 1) break;
    Tensor of_pool = check_pool(level, trace);
    EXPECT_TRUE(at::equal(of_pool, parts.base[static_cast<size_t>(level)] +
                                       trace.log_dets.at(glow_end(hyper_, level))));
    objective = objective + of_pool;
  }
  check_prior(trace.values);
  close_("logpx_nats", log_prob, theirs("logpx_nats"), "logpx_nats(max abs)");
  close_("bits_x", bits_per_dim(log_prob, dims()), theirs("bits_x"), "bits_x(max abs)");
  if (has("class_logits")) check_class_terms(trace.values);
}

void GlowModel::check_prior(const NamedTensors& values) {
  const std::string path = glow_end(hyper_, levels() - 1),
                    top = "eps/" + std::to_string(levels() - 1);
  Tensor z_top =
      values.at(glow_step(hyper_, levels() - 1, hyper_.at("depth").get<int64_t>() - 1, 2));
  close_("z_top", z_top, image_of(theirs("z_top")), "z_top(max abs)");
  close_(top, values.at(path), image_of(theirs(top)), "eps(max abs)");
  auto prior = module_at<Transform>(flow_, path);
  Pass pass;
  if (has("y")) pass.labels = tensors_.at("y").to(at::kLong);
  Tensor mean = prior->inverse(z_top.new_zeros(z_top.sizes()), pass);
  Tensor log_deviation = -prior->forward(z_top.new_zeros(z_top.sizes()), pass).log_det;
  close_("prior/mean", mean, image_of(theirs("prior/mean")), "prior(max abs)");
  close_("prior/logsd", log_deviation, sum_events(theirs("prior/logsd")), "prior(max abs)");
  Mapped eps = prior->forward(z_top, pass);
  close_("prior/logp", standard_normal_log_prob(eps.value) + eps.log_det, theirs("prior/logp"),
         "mid objective(max abs)");
}

void GlowModel::check_class_terms(const NamedTensors& values) {
  Tensor z_top =
      values.at(glow_step(hyper_, levels() - 1, hyper_.at("depth").get<int64_t>() - 1, 2));
  auto net = module_at<ZeroLinear>(flow_, glow_end(hyper_, levels() - 1) + ".classifier");
  Tensor logits = net->forward(z_top.mean(at::IntArrayRef{2, 3})),
         labels = tensors_.at("y").to(at::kLong);
  close_("class_logits", logits, theirs("class_logits"), "class_logits(max abs)");
  EXPECT_TRUE(
      at::equal((logits.argmax(1) != labels).to(at::kDouble), theirs("pred_loss").to(at::kDouble)));
  LogProb parts = log_prob("", {});
  Tensor term = parts.auxiliary.at("class") / std::log(2.0);
  Tensor bits = bits_per_dim(parts.sum(), dims());
  close_("bits_y", term / hyper_.at("weight_y").get<double>(), theirs("bits_y"), "bits_y(max abs)");
  close_("loss_per_example", bits + term, theirs("loss_per_example"), "loss_per_example(max abs)");
}

void GlowModel::check_samples() {
  std::vector<Tensor> parts;
  for (int64_t level = 0; level < levels(); ++level) {
    parts.push_back(
        image_of(tensors_.at("sample/eps/" + std::to_string(level))).flatten(1).to(precision_));
  }
  for (const auto& [text, temperature] : {std::pair{"T1.0", 1.0}, std::pair{"T0.7", 0.7}}) {
    const std::string name = std::string("sample/") + text;
    Trace trace;
    Pass pass{.observer = trace.observer()};
    if (has("sample/y")) pass.labels = tensors_.at("sample/y").to(at::kLong);
    Tensor image = flow_.decode(temperature * at::cat(parts, 1), pass);
    close_(name + "/float", trace.values.at("flow.1_squeeze"), image_of(theirs(name + "/float")),
           "sample " + std::string(text) + " float(max abs)");
    Tensor differing = (image.to(at::kByte) != image_of(theirs(name + "/image"))).sum();
    EXPECT_LE(differing.item<int64_t>(), precision_ == at::kDouble ? 0 : 2)
        << "pixels, near the edge of a bin";
  }
}

void GlowModel::check_gradients(const std::string& prefix, const std::string& group) {
  NamedTensors expected = glow_values(hyper_, tensors_, "f64/" + prefix + "grad/");
  EXPECT_FALSE(expected.empty());
  for (auto& p : flow_.named_parameters()) {
    auto found = expected.find(p.key());
    if (found == expected.end()) {
      EXPECT_TRUE(p.key().find("_prior.conv.conv.") != std::string::npos)
          << p.key() << ": no gradient to compare with";
      continue;
    }
    Tensor gradient =
        p.value().grad().defined() ? p.value().grad() : p.value().new_zeros(p.value().sizes());
    close_("grad/" + p.key(), gradient, found->second.reshape(gradient.sizes()), group);
  }
}

void GlowModel::check_initialised() {
  NamedTensors after = glow_values(hyper_, tensors_, "f64/after/");
  EXPECT_EQ(after.size(), case_.entry.at("variables_written_by_init").get<size_t>());
  NamedTensors before = glow_values(hyper_, tensors_, "before/");
  for (auto& p : flow_.named_parameters()) {
    if (after.contains(p.key())) {
      // A mean that is zero but for round-off: what it is the mean of has a deviation near 1.
      double scale = p.key().ends_with(".b") ? 1 : 0;
      close_("after/" + p.key(), p.value(), after.at(p.key()).reshape(p.value().sizes()),
             "after(max abs)", scale);
    } else {
      EXPECT_TRUE(at::equal(p.value().flatten().to(at::kFloat), before.at(p.key()).flatten()))
          << p.key();
    }
  }
}

// Loss and gradients at the weights each recorded step started from.
void GlowModel::check_steps() {
  const bool twice = precision_ == at::kDouble;
  const std::string chain = twice ? "f64/" : "";
  for (int64_t k = 1; has("step" + std::to_string(k) + "/x"); ++k) {
    const std::string step = "step" + std::to_string(k) + "/";
    load_variables(k == 1 ? "var0/" : chain + "step" + std::to_string(k - 1) + "/var/");
    flow_.zero_grad();
    Tensor loss = this->loss(step);
    loss.backward();
    close_(step + "loss", loss.detach().view({1}), theirs(step + "loss").view({1}),
           "step" + std::to_string(k) + " loss");
    check_gradients(step, "step" + std::to_string(k) + " grad(max abs)");
  }
}

class Glow : public GoldenTest {
 protected:
  static void check(const Case& c, at::ScalarType precision) {
    GlowModel model(c, precision);
    if (c.kind() == "optimiser steps") {
      model.check_steps();
      return;
    }
    bool starts = c.kind().starts_with("data-dependent init");
    model.load_variables(starts ? "before/" : "var/");
    if (starts) {
      model.initialise();
      model.check_initialised();
    }
    model.check_forward();
    if (starts) return;
    model.check_samples();
    model.loss("").backward();
    model.check_gradients("", "grad(max abs)");
  }
};

TEST_P(Glow, AgreesWithItsAuthorsInFloat64) { check(GetParam(), at::kDouble); }

TEST_P(Glow, AgreesWithItsAuthorsInFloat32) { check(GetParam(), at::kFloat); }

INSTANTIATE_TEST_SUITE_P(golden, Glow, testing::ValuesIn(cases("glow")), test_name);

}  // namespace
}  // namespace diffeo::golden
