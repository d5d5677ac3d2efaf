#include "data/checks.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "data/columns.h"

namespace diffeo {

void check_examples(const std::filesystem::path& file, int64_t count, const Shape& found,
                    const Shape& expected) {
  require(found == expected, Exit::kData, file.string(), ": holds examples of shape ",
          to_string(found), ", but data.shape is ", to_string(expected));
  require(count > 0, Exit::kData, file.string(), ": holds no examples");
}

Tensor single_precision(const std::filesystem::path& file, const Tensor& vectors) {
  Tensor single = vectors.to(at::kFloat), lost = single.isfinite().logical_not_().nonzero();
  if (lost.size(0) == 0) {
    require_single_precision(file.string(), vectors);
    return single;
  }
  int64_t row = lost[0][0].item<int64_t>(), column = lost[0][1].item<int64_t>();
  fail(Exit::kData, file.string(), ": example ", row, ", number ", column, " is ",
       vectors[row][column].item<double>(), ", expected a finite number in single precision");
}

Tensor checked_labels(const std::filesystem::path& file, const Tensor& labels, int64_t count,
                      int64_t classes) {
  require(labels.dim() == 1 && at::isIntegralType(labels.scalar_type(), /*includeBool=*/false),
          Exit::kData, file.string(), ": holds ", at::toString(labels.scalar_type()), " of shape ",
          to_string(labels.sizes().vec()), ", expected integer labels [N]");
  require(labels.size(0) == count, Exit::kData, file.string(), ": holds ", labels.size(0),
          " labels for ", count, " examples");
  Tensor all = labels.to(at::kLong), wrong = ((all < 0) | (all >= classes)).nonzero();
  if (wrong.size(0) == 0) return all;
  int64_t first = wrong[0].item<int64_t>();
  fail(Exit::kData, file.string(), ": example ", first, " has the label ",
       all[first].item<int64_t>(), ", expected 0 to ", classes - 1);
}

}  // namespace diffeo
