#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace diffeo {

// The context that a user gives to condition on: "width=1.5,angle=0", each of the names once, or a
// .npy file of floats [R, columns]. -> [R, columns] float32. Throws Exit::kUsage for a text that
// does not name all columns, Exit::kData for a file that does not hold them.
at::Tensor given_context(const std::string& text, const std::vector<std::string>& names);

}  // namespace diffeo
