#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/shape.h"
#include "io/durable.h"
#include "io/elements.h"

namespace diffeo {

class Input;

struct NpyOptions {
  bool finite = false;  // refuse NaN and infinities

  // Arrays of at least so many bytes are not read but mapped (load_npy() alone): their pages come
  // from the file when they are used and can be given up again, so an array may be larger than
  // memory. Who shortens such a file meanwhile ends the process.
  std::optional<int64_t> mapped_from = {};
};

// NumPy's format, versions 1 to 3 (numpy.lib.format): <f2 <f4 <f8, signed and unsigned integers of
// 1 to 8 bytes, b1; little-endian, C or Fortran order; at most 8 dimensions. Nothing that needs
// pickle. The result is contiguous, and must not be written to where it is mapped.
Tensor read_npy(Input& in, const NpyOptions& options = {});
Tensor load_npy(const std::filesystem::path& path, const NpyOptions& options = {},
                Exit exit = Exit::kData);

// Version 1, C order, as numpy.save writes it.
std::string npy_bytes(const Tensor& tensor);
void save_npy(const std::filesystem::path& path, const Tensor& tensor);

// Writes an array of known type and shape whose values come in parts, the same bytes as save_npy().
class NpyWriter {
 public:
  // `outline`: of the type and shape [N, ...] to come; may be on the meta device. Throws where the
  // file cannot be written.
  NpyWriter(const std::filesystem::path& path, const Tensor& outline);

  void append(const Tensor& rows);  // the next ones, [n, ...]
  void commit();  // throws where rows are missing; without it nothing is left behind

 private:
  std::string place_;
  DurableFile file_;
  RowsLeft left_;
};

}  // namespace diffeo
