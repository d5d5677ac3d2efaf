#include "inference/torchscript.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/common_subexpression_elimination.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <sstream>

#include "core/error.h"
#include "inference/batch_constants.h"
#include "kernels/plain_kernels.h"

namespace diffeo {
namespace {

using torch::jit::Stack;
using Tensors = std::vector<Tensor>;

// Noise that was drawn before, given to the one layer that asks.
class GivenNoise final : public Noise {
 public:
  explicit GivenNoise(Tensor u) : u_(std::move(u)) {}
  Tensor normal(const std::string& path, const Tensor&) override { return taken(path); }
  Tensor uniform(const std::string& path, const Tensor&) override { return taken(path); }

 private:
  Tensor taken(const std::string& path) {
    require(u_.defined(), "export: ", path, " draws noise where none can be given");
    return std::exchange(u_, Tensor());
  }

  Tensor u_;
};

// What a dequantizer asks for.
class NoiseRecord final : public Noise {
 public:
  Tensor normal(const std::string& path, const Tensor& like) override {
    kind = "N(0, 1)";
    return u = source_.normal(path, like);
  }
  Tensor uniform(const std::string& path, const Tensor& like) override {
    kind = "uniform in [0, 1)";
    return u = source_.uniform(path, like);
  }

  Tensor u;
  const char* kind = nullptr;

 private:
  SeededNoise source_{seed_of(0, "export")};
};

// So many examples that a flow maps: samples of its own, and all that its methods may take.
struct Examples {
  Tensor x, z, u, labels, context;

  Tensors for_arguments(const std::vector<std::string>& names) const {
    Tensors chosen;
    for (const std::string& name : names) {
      chosen.push_back(name == "x"        ? x
                       : name == "z"      ? z
                       : name == "u"      ? u
                       : name == "labels" ? labels
                                          : context);
    }
    return chosen;
  }
};

// One of the three methods: how it is called, and what the flow answers.
struct Method {
  std::string name;
  std::vector<std::string> arguments;
  Tensor (*of_flow)(Flow&, const Tensor&, const Pass&);
};

class Exporter {
 public:
  Exporter(Flow& flow, const FlowInputs& inputs) : flow_(flow), inputs_(inputs), module_("Flow") {
    // The very tensors that the flow computes with, for a trace knows attributes by identity.
    auto add = [&](const auto& named, bool is_buffer) {
      for (const auto& item : named) {
        names_.push_back(item.key());
        std::replace(names_.back().begin(), names_.back().end(), '.', '_');
        module_.register_parameter(names_.back(), item.value(), is_buffer);
      }
    };
    add(flow.named_parameters(), false);
    add(flow.named_buffers(), true);
  }

  TorchScript result() {
    constexpr int64_t kOne = 7, kOther = 12;
    Examples one = examples(kOne), other = examples(kOther);
    TorchScript script{{}, {}, 0};
    for (const Method& method : methods()) {
      std::shared_ptr<torch::jit::Graph> graph = traced(method, one);
      free_batch_size(*graph, kOne, *traced(method, other), kOther);
      add_method(method.name, graph);
      script.signatures.push_back(signature(method, one));
    }
    for (const std::string& name : names_)
      module_.setattr(name, module_.attr(name).toTensor().detach());
    std::ostringstream file;
    module_.save(file);
    script.bytes = file.str();
    for (int64_t count : {1, 3, 64})
      script.largest_difference = std::max(script.largest_difference, difference(script, count));
    return script;
  }

 private:
  std::vector<Method> methods() const {
    std::vector<std::string> beside;
    if (inputs_.classes > 0) beside.emplace_back("labels");
    if (inputs_.context > 0) beside.emplace_back("context");
    auto with_beside = [&](std::vector<std::string> first) {
      first.insert(first.end(), beside.begin(), beside.end());
      return first;
    };
    std::vector<std::string> forward{"x"};
    if (flow_.stochastic()) forward.emplace_back("u");
    return {
        {"log_prob", with_beside(forward),
         [](Flow& flow, const Tensor& x, const Pass& pass) { return flow.log_prob(x, pass); }},
        {"encode", with_beside(forward),
         [](Flow& flow, const Tensor& x, const Pass& pass) { return flow.noisy_latents(x, pass); }},
        {"decode", with_beside({"z"}),
         [](Flow& flow, const Tensor& z, const Pass& pass) { return flow.decode(z, pass); }}};
  }

  // What the flow itself answers to the arguments.
  Tensor answer(const Method& method, const Tensors& arguments) {
    Pass pass;
    GivenNoise noise{{}};
    for (size_t i = 1; i < arguments.size(); ++i) {
      if (method.arguments[i] == "u") noise = GivenNoise(arguments[i]);
      if (method.arguments[i] == "labels") pass.labels = arguments[i];
      if (method.arguments[i] == "context") pass.features = arguments[i];
    }
    pass.noise = &noise;
    return method.of_flow(flow_, arguments[0], pass);
  }

  // The same by the operations that were traced, so that nothing but the trace can differ.
  Tensor plain_answer(const Method& method, const Tensors& arguments) {
    PlainKernels plain;
    return answer(method, arguments);
  }

  Examples examples(int64_t count) {
    SeededNoise source(seed_of(0, "export"));
    Tensor like = at::empty({count, 1}, flow_.options());
    Pass pass{.noise = &source};
    if (inputs_.classes > 0)
      pass.labels = at::arange(count, like.options().dtype(at::kLong)).remainder(inputs_.classes);
    if (inputs_.context > 0)
      pass.features = source.normal("context", like.expand({count, inputs_.context}));
    Tensor z = flow_.draw_latents(count, pass), x = flow_.decode(z, pass);
    NoiseRecord noise;
    if (flow_.stochastic()) flow_.log_prob(x, pass.with_noise(noise));
    noise_kind_ = noise.kind;
    return {x, z, noise.u, pass.labels, pass.features};
  }

  std::shared_ptr<torch::jit::Graph> traced(const Method& method, const Examples& examples) {
    Tensors arguments = examples.for_arguments(method.arguments);
    Stack stack(arguments.begin(), arguments.end());
    auto act = [&](Stack given) -> Stack {
      PlainKernels plain;  // a trace follows tensor operations alone
      Tensors tensors;
      for (const c10::IValue& value : given) tensors.push_back(value.toTensor());
      return {answer(method, tensors)};
    };
    auto no_name = [](const at::Tensor&) { return std::string(); };
    auto [state, out] =
        torch::jit::tracer::trace(stack, act, no_name, /*strict=*/true,
                                  /*force_outplace=*/false, &module_, method.arguments);
    return state->graph;
  }

  void add_method(const std::string& name, std::shared_ptr<torch::jit::Graph> graph) {
    torch::jit::EliminateDeadCode(graph);
    torch::jit::EliminateCommonSubexpression(graph);
    c10::QualifiedName whole_name(*module_.type()->name(), name);
    module_.type()->addMethod(
        module_._ivalue()->compilation_unit()->create_function(whole_name, graph));
  }

  // "log_prob(x [B, 1, 28, 28], u [B, 1, 28, 28] uniform in [0, 1)) -> [B]"
  std::string signature(const Method& method, const Examples& examples) {
    Tensors arguments = examples.for_arguments(method.arguments);
    auto shape = [](const Tensor& t) {
      std::string text = "[B";
      for (int64_t size : event_shape(t)) text += ", " + std::to_string(size);
      return text + "]";
    };
    std::string text = method.name + "(";
    for (size_t i = 0; i < arguments.size(); ++i) {
      text += joined(i ? ", " : "", method.arguments[i], " ", shape(arguments[i]));
      if (method.arguments[i] == "u") text += joined(" ", noise_kind_);
      if (method.arguments[i] == "labels") text += joined(" int64 below ", inputs_.classes);
    }
    return joined(text, ") -> ", shape(answer(method, arguments)));
  }

  double difference(const TorchScript& script, int64_t count) {
    std::istringstream file(script.bytes);
    torch::jit::Module loaded = torch::jit::load(file, flow_.options().device());
    Examples some = examples(count);
    double largest = 0;
    for (const Method& method : methods()) {
      Tensors arguments = some.for_arguments(method.arguments);
      Tensor expected = plain_answer(method, arguments).to(at::kDouble);
      Stack stack(arguments.begin(), arguments.end());
      Tensor found = loaded.get_method(method.name)(stack).toTensor().to(at::kDouble);
      require(found.sizes() == expected.sizes(), "export: what ", method.name, " answers to ",
              count, " examples has shape ", found.sizes(), ", and the flow's answer ",
              expected.sizes());
      // A flow may have samples that are not finite; then neither answer is.
      Tensor neither = at::logical_not(at::logical_or(found.isfinite(), expected.isfinite()));
      Tensor apart =
          ((found - expected).abs() / expected.abs().clamp_min(1)).masked_fill(neither, 0);
      require(apart.isfinite().all().item<bool>(), "export: what ", method.name, " answers to ",
              count, " examples is finite where the flow's answer is not, or the other way");
      double farthest = apart.max().item<double>();
      require(farthest < (flow_.options().dtype() == at::kDouble ? 1e-8 : 1e-3), "export: what ",
              method.name, " answers to ", count, " examples is off by ", farthest,
              " from the flow, more than rounding");
      largest = std::max(largest, farthest);
    }
    return largest;
  }

  Flow& flow_;
  FlowInputs inputs_;
  torch::jit::Module module_;
  std::vector<std::string> names_;  // of its attributes
  const char* noise_kind_ = nullptr;
};

}  // namespace

TorchScript torchscript_of(Flow& flow, const FlowInputs& inputs) {
  at::NoGradGuard no_grad;
  // The comparisons call each method a few times, which optimising it first would not be worth.
  torch::jit::GraphOptimizerEnabledGuard unoptimised(false);
  return Exporter(flow, inputs).result();
}

}  // namespace diffeo
