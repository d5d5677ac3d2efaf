// Flows on vectors against what nflows, zuko, normflows and the authors' forms of MAF and IAF
// recorded (golden/misc, m2 to m5), and MADE's masks.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/base.h"
#include "flow/flow.h"
#include "golden/vector_plan.h"

namespace diffeo::golden {
namespace {

bool is_vector_flow(const Case& c) {
  for (const char* prefix :
       {"m2_", "m3_", "m4_", "m5_coupling_block", "m5_nice_d4", "m5_realnvp"}) {
    if (c.name().starts_with(prefix)) return !c.name().starts_with("m4_zuko_rqs");
  }
  return false;
}

class VectorJudge {
 public:
  VectorJudge(const Case& c, at::ScalarType precision)
      : c_(c), t_(load(c)), precision_(precision), close_(c, precision) {}

  void judge() {
    if (c_.name().starts_with("m3_made_masks")) masks();
    else if (c_.name().starts_with("m3_iaf_gated")) gated();
    else if (c_.name().starts_with("m3_maf_author")) whole_flow(maf_author_plan(c_, t_));
    else whole_flow(vector_plan(c_, t_));
  }

 private:
  Tensor get(const std::string& name) const { return t_.at(name).to(precision_); }
  void close(const std::string& what, const Tensor& ours, const std::string& theirs) {
    close_(what, ours, t_.at(theirs), "");
  }
  Flow built(const VectorPlan& plan, const char* data) const {
    Site site{.input = event_shape(t_.at(data)), .options = precision_};
    if (t_.contains("context")) site.features = event_shape(t_.at("context"));
    Flow model(plan.layers, site);
    EXPECT_TRUE(assign(model, plan.values).empty());
    return model;
  }
  Pass pass(Trace& trace) const {
    Pass pass{.observer = trace.observer()};
    if (t_.contains("context")) pass.features = get("context");
    return pass;
  }
  std::string trace_of(int64_t step, const char* what) const {
    return joined("trace.", step < 10 ? "0" : "", step, ".", what);
  }

  void whole_flow(const VectorPlan& plan);
  void steps_from_data(const VectorPlan& plan, const Trace& trace);
  void steps_from_noise(const VectorPlan& plan, Flow& model);
  void gated();
  void masks();

  const Case& c_;
  NamedTensors t_;
  at::ScalarType precision_;
  Comparison close_;
};

void VectorJudge::whole_flow(const VectorPlan& plan) {
  Flow model = built(plan, "x");
  Trace trace;
  Pass with = pass(trace);
  Tensor z = model.encode(get("x"), with);
  close("z", z.view(t_.at("z").sizes()), "z");
  close("log_det", trace.log_dets.at("flow"), "logabsdet");
  close("base", at::stack(model.log_prob_parts(get("x"), with).base).sum(0), "base_log_prob");
  close("log_prob", model.log_prob(get("x"), with), "log_prob");
  Trace of_samples;
  Pass sampling = pass(of_samples);
  close("samples", model.decode(get("noise").flatten(1), sampling), "samples");
  // As they tell it: of the noise, beside its sample.
  Mapped sample = model.layers()->inverse_with_log_det(get("noise"), sampling);
  close("sample_log_prob", standard_normal_log_prob(get("noise")) - sample.log_det_or_zeros(),
        "sample_log_prob");
  if (precision_ == at::kDouble)
    close("log_prob of samples", model.log_prob(get("samples"), sampling), "sample_log_prob");
  if (plan.from_noise) steps_from_noise(plan, model);
  else if (!plan.steps.empty()) steps_from_data(plan, trace);
}

void VectorJudge::steps_from_data(const VectorPlan& plan, const Trace& trace) {
  size_t layer = 0;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    Tensor log_det = at::zeros_like(t_.at("logabsdet")), value;
    for (int64_t part = 0; part < plan.steps[i]; ++part, ++layer) {
      const std::string at = joined("flow.", layer, "_", type_of(plan.layers[layer]));
      value = trace.values.at(at);
      log_det = log_det + trace.log_dets.at(at);
    }
    close(joined("step ", i), value, trace_of(static_cast<int64_t>(i), "out"));
    close(joined("log_det of step ", i), log_det, trace_of(static_cast<int64_t>(i), "logabsdet"));
  }
}

// Their steps go from the noise to the samples; our last layer is their first.
void VectorJudge::steps_from_noise(const VectorPlan& plan, Flow& model) {
  Trace inverse;
  model.decode(get("noise"), pass(inverse));
  Trace forward;
  model.log_prob(get("samples"), pass(forward));
  size_t count = plan.layers.size();
  for (size_t i = 0; i < count; ++i) {
    size_t layer = count - 1 - i;
    const std::string at = joined("flow.", layer, "_", type_of(plan.layers[layer]));
    close(joined("step ", i), inverse.values.at(at), trace_of(static_cast<int64_t>(i), "out"));
    close(joined("log_det of step ", i), -forward.log_dets.at(at),
          trace_of(static_cast<int64_t>(i), "logabsdet"));
  }
}

// Its data are z and its noise z0, each with a density of its own there.
void VectorJudge::gated() {
  Flow model = built(iaf_gated_plan(t_), "z");
  Trace trace;
  Pass with = pass(trace);
  close("z", model.decode(get("z0"), with), "z");
  close("z0", model.encode(get("z"), with), "z0");
  close_("log_det", trace.log_dets.at("flow"), t_.at("log_q") - t_.at("log_q0"), "",
         t_.at("log_q").abs().max().item<double>());
}

// Groups of a network D -> H -> H -> 2 D, as "D5_H16" says.
void VectorJudge::masks() {
  int64_t found = 0;
  for (const auto& [name, degrees] : t_) {
    if (!name.ends_with(".degrees.0")) continue;
    const std::string at = name.substr(0, name.find('.'));
    int64_t units = degrees.numel(), size = t_.at(at + ".mask.0").size(1);
    std::vector<int64_t> hidden = made_degrees(units, size, 1), inputs, outputs;
    for (int64_t i = 0; i < size; ++i) {
      inputs.push_back(i + 1);
      outputs.insert(outputs.end(), 2, i + 1);
    }
    EXPECT_EQ(hidden, whole(degrees)) << at;
    EXPECT_EQ(hidden, whole(t_.at(at + ".degrees.1"))) << at;
    EXPECT_EQ(outputs, whole(t_.at(at + ".degrees.2"))) << at;
    Site site{.input = {size}, .options = precision_};
    auto equal = [&](const Tensor& mask, const char* theirs) {
      EXPECT_TRUE(at::equal(mask, get(at + theirs))) << at << theirs;
    };
    equal(made_mask(hidden, inputs, /*strictly=*/false, site), ".mask.0");
    equal(made_mask(hidden, hidden, /*strictly=*/false, site), ".mask.1");
    equal(made_mask(outputs, hidden, /*strictly=*/true, site), ".mask.2");
    ++found;
  }
  EXPECT_GT(found, 0);
}

class Vectors : public GoldenTest {};

TEST_P(Vectors, AgreesInFloat64) { VectorJudge(GetParam(), at::kDouble).judge(); }

TEST_P(Vectors, AgreesInFloat32) { VectorJudge(GetParam(), at::kFloat).judge(); }

INSTANTIATE_TEST_SUITE_P(golden, Vectors, testing::ValuesIn(cases("misc", is_vector_flow)),
                         test_name);

}  // namespace
}  // namespace diffeo::golden
