#pragma once

#include <ATen/record_function.h>

#include "commands/operator_record.h"

namespace diffeo {

// How much one call of an operator has to do, told from its name and the shapes of its arguments.
struct OperatorWork {
  OperatorKind kind = OperatorKind::kMemory;
  double flops = 0;
  double bytes_read = 0;
  std::optional<ConvolutionCall> convolution;
};

OperatorWork work_of(const std::string& name, c10::ArrayRef<const c10::IValue> inputs);

// Bytes of the tensors among the values. What is repeated by a stride of zero is counted once.
double bytes_of(c10::ArrayRef<const c10::IValue> values);

// Whether an operator has returned a view of an argument, told from its full name ("aten::add_",
// overload "out"), arguments and results.
bool returns_view(const std::string& name, const std::string& overload,
                  c10::ArrayRef<const void*> storages_of_inputs,
                  c10::ArrayRef<const c10::IValue> outputs);

std::vector<const void*> storages_of(c10::ArrayRef<const c10::IValue> values);

}  // namespace diffeo
