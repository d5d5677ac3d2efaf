#include "kernels/plain_kernels.h"

#include <cstdlib>
#include <string>

#include "core/error.h"

namespace diffeo {
namespace {

bool read_environment() {
  const char* value = std::getenv("DIFFEO_KERNELS");
  std::string form = value ? value : "";
  require(form.empty() || form == "plain", "DIFFEO_KERNELS: \"", form,
          "\" is not known; leave it unset, or say plain for tensor operations on the host too");
  return form == "plain";
}

}  // namespace

bool plain_kernels() {
  static const bool plain = read_environment();
  return plain;
}

}  // namespace diffeo
