#include "commands/operator_work.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>

#include "core/shape.h"

namespace diffeo {
namespace {

using Values = c10::ArrayRef<const c10::IValue>;

void visit_tensors(Values values, const auto& action) {
  for (const c10::IValue& value : values) {
    if (value.isTensor() && value.toTensor().defined()) action(value.toTensor());
    if (!value.isTensorList()) continue;
    for (const Tensor& tensor : value.toTensorVector()) {
      if (tensor.defined()) action(tensor);
    }
  }
}

double count(const c10::IValue& tensor) { return static_cast<double>(tensor.toTensor().numel()); }

// A convolution's output element takes a multiply-add for each weight of its channel.
double flops_an_output(const Tensor& weight) {
  return 2 * static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0));
}

// A list of one number stands for that number in every direction.
int64_t in_direction(const std::vector<int64_t>& list, int64_t direction) {
  return list[list.size() == 1 ? 0 : static_cast<size_t>(direction)];
}

// aten::convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding,
// groups)
ConvolutionCall convolution_of(Values inputs) {
  Tensor input = inputs[0].toTensor(), weight = inputs[1].toTensor();
  ConvolutionCall call;
  call.input = input.sizes().vec();
  call.weight = weight.sizes().vec();
  call.stride = inputs[3].toIntVector();
  call.padding = inputs[4].toIntVector();
  call.dilation = inputs[5].toIntVector();
  call.groups = inputs[8].toInt();
  int64_t outputs = input.size(0) * weight.size(0);
  for (int64_t i = 0; i < input.dim() - 2; ++i) {
    int64_t reach = in_direction(call.dilation, i) * (weight.size(i + 2) - 1) + 1;
    int64_t room = input.size(i + 2) + 2 * in_direction(call.padding, i) - reach;
    outputs *= room / in_direction(call.stride, i) + 1;
  }
  call.flops = static_cast<double>(outputs) * flops_an_output(weight);
  return call;
}

// aten::convolution_backward(grad_output, input, weight, …, output_mask): a gradient of the input
// and one of the weight cost as much as the convolution, each where it is asked for.
double convolution_backward_flops(Values inputs) {
  auto wanted = inputs.back().toBoolList();
  double gradients = static_cast<double>(wanted[0]) + static_cast<double>(wanted[1]);
  return gradients * count(inputs[0]) * flops_an_output(inputs[2].toTensor());
}

// [.., n, k] by [.., k, m]
double product_flops(const c10::IValue& a, const c10::IValue& b) {
  return 2 * count(a) * static_cast<double>(b.toTensor().size(-1));
}

// Two products of [B, H, T, d] with the keys; backward has five.
double attention_flops(const c10::IValue& queries, const c10::IValue& keys, double products) {
  return products * 2 * count(queries) * static_cast<double>(keys.toTensor().size(-2));
}

std::optional<double> flops_of(const std::string& name, Values inputs) {
  if (name == "aten::convolution_backward") return convolution_backward_flops(inputs);
  if (name == "aten::mm" || name == "aten::bmm") return product_flops(inputs[0], inputs[1]);
  if (name == "aten::addmm" || name == "aten::baddbmm") return product_flops(inputs[1], inputs[2]);
  if (name == "aten::mv" || name == "aten::dot") return 2 * count(inputs[0]);
  if (name == "aten::addmv") return 2 * count(inputs[1]);
  if (!name.starts_with("aten::_scaled_dot_product_") || name.ends_with("attention_math"))
    return {};
  if (name.find("_backward") == std::string::npos) return attention_flops(inputs[0], inputs[1], 2);
  return attention_flops(inputs[1], inputs[2], 5);
}

bool leaves_tensors_unfilled(const std::string& name) {
  return name.find("empty") != std::string::npos || name == "aten::resize_" || name == "aten::set_";
}

bool overwrites(const std::string& name) {
  static const std::set<std::string> names{"aten::copy_", "aten::fill_", "aten::zero_"};
  return names.contains(name);
}

}  // namespace

double bytes_of(Values values) {
  double bytes = 0;
  visit_tensors(values, [&](const Tensor& tensor) {
    double elements = 1;
    for (int64_t i = 0; i < tensor.dim(); ++i) {
      if (tensor.stride(i) != 0) elements *= static_cast<double>(tensor.size(i));
    }
    bytes += elements * static_cast<double>(tensor.itemsize());
  });
  return bytes;
}

std::vector<const void*> storages_of(Values values) {
  std::vector<const void*> storages;
  visit_tensors(values, [&](const Tensor& tensor) {
    if (tensor.has_storage()) storages.push_back(tensor.storage().unsafeGetStorageImpl());
  });
  return storages;
}

bool returns_view(const std::string& name, const std::string& overload,
                  c10::ArrayRef<const void*> storages_of_inputs, Values outputs) {
  if (name.ends_with("_") || overload.find("out") != std::string::npos) return false;
  std::vector<const void*> results = storages_of(outputs);
  return std::any_of(results.begin(), results.end(), [&](const void* storage) {
    return std::find(storages_of_inputs.begin(), storages_of_inputs.end(), storage) !=
           storages_of_inputs.end();
  });
}

OperatorWork work_of(const std::string& name, Values inputs) {
  OperatorWork work;
  if (name == "aten::convolution" && !inputs[6].toBool()) {
    work.convolution = convolution_of(inputs);
    return {OperatorKind::kProduct, work.convolution->flops, 0, work.convolution};
  }
  if (auto flops = flops_of(name, inputs)) return {OperatorKind::kProduct, *flops, 0, {}};
  if (leaves_tensors_unfilled(name)) return {OperatorKind::kView, 0, 0, {}};
  work.bytes_read = bytes_of(overwrites(name) && !inputs.empty() ? inputs.slice(1) : inputs);
  return work;
}

}  // namespace diffeo
