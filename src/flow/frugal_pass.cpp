#include "flow/frugal_pass.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace diffeo {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// One link of the chain, and what was kept of it.
struct Passed {
  size_t first, layers;
  size_t ended;  // parts of the latents
  Tensor input;  // undefined: to be rebuilt
};

// What the way back starts from.
struct Record final : torch::CustomClassHolder {
  std::vector<TransformPtr> owners;  // of what `chain` applies
  Sequence* chain = nullptr;
  Pass pass;
  MemoryPlan plan;
  std::vector<Passed> links;
  Tensor value;
  std::vector<Tensor> ended;
  std::vector<std::string> auxiliary;  // names, in the order of the gradients
  bool derives_x = false;              // whether the chain's own input asks for a gradient
};

bool rebuilds(const Record& record, const Passed& link) {
  bool all = link.first > 0;  // the first input is there anyhow
  for (size_t i = link.first; i < link.first + link.layers; ++i)
    all = all && record.plan.rebuilds(*record.owners[i]);
  return all;
}

Mapped pass_forward(Record& record, const Tensor& x) {
  Mapped whole{x};
  for (size_t i = 0; i < record.owners.size();) {
    Link link = record.chain->forward_from(i, whole.value, record.pass);
    Passed passed{i, link.layers, link.out.ended.size(), {}};
    if (!rebuilds(record, passed)) passed.input = whole.value.detach();
    record.links.push_back(std::move(passed));
    whole.append(std::move(link.out));
    i += link.layers;
  }
  return whole;
}

// The input of a link whose layers have no network to share with the forward.
Tensor inverted(const Record& record, const Passed& link, Tensor z, const Pass& pass) {
  at::NoGradGuard no_grad;
  for (size_t i = link.layers; i-- > 0;) z = record.owners[link.first + i]->inverse(z, pass);
  return z;
}

Replayed replayed(const Record& record, const Passed& link, const Tensor& z, at::TensorList ended,
                  const Pass& pass) {
  if (!link.input.defined() && link.layers == 1)
    return record.owners[link.first]->replay(z, pass, ended);
  Tensor x = link.input.defined() ? link.input : inverted(record, link, z, pass);
  Tensor input = x.detach().requires_grad_(link.first > 0 || record.derives_x);
  return {input, record.chain->forward_from(link.first, input, pass).out};
}

// Gradients of all that a chain, or a link of it, returns; undefined ones are zero.
struct Gradients {
  Tensor value, log_det;
  std::vector<Tensor> ended = {};
  std::map<std::string, Tensor> auxiliary = {};
};

Gradients read(const Record& record, const variable_list& all) {
  auto next = all.begin();
  Gradients by{.value = *next++, .log_det = *next++};
  for (size_t i = 0; i < record.ended.size(); ++i) by.ended.push_back(*next++);
  for (const std::string& name : record.auxiliary) by.auxiliary[name] = *next++;
  return by;
}

// Adds the gradients of parameters to theirs; that of the input is in its grad().
void derive(const Mapped& out, const Gradients& by) {
  variable_list roots, gradients;
  auto add = [&](const Tensor& root, const Tensor& gradient) {
    if (!root.defined() || !root.requires_grad() || !gradient.defined()) return;
    roots.push_back(root);
    gradients.push_back(gradient);
  };
  add(out.value, by.value);
  add(out.log_det, by.log_det);
  for (size_t i = 0; i < out.ended.size(); ++i) add(out.ended[i], by.ended[i]);
  for (const auto& [name, term] : out.auxiliary) add(term, by.auxiliary.at(name));
  if (!roots.empty()) torch::autograd::backward(roots, gradients);
}

// The way back. Returns the gradient of the chain's input.
Tensor pass_backward(const Record& record, Gradients by, const Pass& pass) {
  Tensor z = record.value;
  std::vector<Tensor> by_ended = std::move(by.ended);
  size_t end = record.ended.size();
  for (auto link = record.links.rbegin(); link != record.links.rend(); ++link) {
    size_t begin = end - link->ended;
    at::TensorList ended = at::TensorList(record.ended).slice(begin, link->ended);
    Replayed again = replayed(record, *link, z, ended, pass);
    by.ended.assign(by_ended.begin() + begin, by_ended.begin() + end);
    derive(again.out, by);
    by.value = again.input.grad();
    z = again.input.detach();
    end = begin;
  }
  return by.value;
}

// The parameters are no inputs: their gradients would all have to exist at once before they are
// added. `anchor` stands for them, so that autograd asks for a gradient at all.
struct FrugalChain : torch::autograd::Function<FrugalChain> {
  static variable_list forward(AutogradContext* context, const Tensor& x,
                               const std::optional<Tensor>& /*features*/, const Tensor& /*anchor*/,
                               const c10::intrusive_ptr<Record>& record) {
    context->set_materialize_grads(false);
    context->saved_data["record"] = c10::IValue::make_capsule(record);
    Mapped out = pass_forward(*record, x);
    record->value = out.value.detach();
    variable_list all{out.value, out.log_det_or_zeros()};
    for (const Tensor& part : out.ended) {
      record->ended.push_back(part.detach());
      all.push_back(part);
    }
    for (const auto& [name, term] : out.auxiliary) {
      record->auxiliary.push_back(name);
      all.push_back(term);
    }
    return all;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    auto record =
        c10::static_intrusive_pointer_cast<Record>(context->saved_data.at("record").toCapsule());
    at::AutoGradMode with_gradient(true);
    Pass pass = record->pass.with_mode(Mode::kReplay);
    if (pass.features.defined())
      pass.features = pass.features.detach().requires_grad_(record->pass.features.requires_grad());
    Tensor by_x = pass_backward(*record, read(*record, gradients), pass);
    return {by_x, pass.features.defined() ? pass.features.grad() : Tensor(), {}, {}};
  }
};

}  // namespace

Mapped frugal_forward(Sequence& layers, const Tensor& x, const Pass& pass, const MemoryPlan& plan) {
  auto record = c10::make_intrusive<Record>();
  record->owners = layers.layers();
  record->chain = &layers;
  record->pass = pass;
  record->plan = plan;
  record->derives_x = x.requires_grad();
  std::optional<Tensor> features;
  if (pass.features.defined()) features = pass.features;
  Tensor anchor = at::zeros({}, x.options()).requires_grad_();
  variable_list all = FrugalChain::apply(x, features, anchor, record);
  auto next = all.begin();
  Mapped out{.value = *next++, .log_det = *next++};
  for (size_t i = 0; i < record->ended.size(); ++i) out.ended.push_back(*next++);
  for (const std::string& name : record->auxiliary) out.auxiliary[name] = *next++;
  return out;
}

}  // namespace diffeo
