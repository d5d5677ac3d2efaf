#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/shape.h"
#include "io/durable.h"
#include "io/elements.h"
#include "io/spool.h"

namespace diffeo {

class Input;

// The safetensors format (github.com/huggingface/safetensors): a JSON header and the bare bytes of
// each tensor, read by Python's `safetensors`. Types BOOL U8 I8 I16 I32 I64 F16 BF16 F32 F64.

using NamedTensors = std::map<std::string, Tensor>;
using Metadata = std::map<std::string, std::string>;

struct SafetensorsFile {
  NamedTensors tensors;  // on the CPU
  Metadata metadata;
};

// Equal tensors give equal bytes: the widest elements first, then by name, so that each tensor is
// aligned to its elements; the data start at a multiple of 64 bytes. Tensors may be on any device
// and need not be contiguous.
std::string safetensors_bytes(const NamedTensors& tensors, const Metadata& metadata = {});
void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                      const Metadata& metadata = {});

// Writes a file whose tensors are known by type and shape before their values are: each is given in
// parts, in turn with the others, and memory holds no more than a part.
class SafetensorsWriter {
 public:
  // `outlines`: of the type and shape [N, ...] to come; their values are not looked at, and they
  // may be on the meta device. Throws where the file cannot be written.
  SafetensorsWriter(const std::filesystem::path& path, const NamedTensors& outlines,
                    const Metadata& metadata = {});

  void append(const std::string& name, const Tensor& rows);  // the next ones, [n, ...]
  void commit();  // throws where rows are missing; without it nothing is left behind

 private:
  struct Part {
    std::string name;
    RowsLeft left;
    // The format wants each tensor in one piece, so all but the first wait beside the file.
    std::unique_ptr<Spool> waiting;
  };

  std::filesystem::path path_;
  DurableFile file_;
  std::vector<Part> parts_;
};

// Strict: the tensors cover the file from the end of the header to its end without holes or
// overlaps, every length is that of its shape, no name stands twice, there is nothing but what the
// format has. Values are not judged, but for BOOL, where a byte is 0 or 1.
SafetensorsFile read_safetensors(Input& in);
SafetensorsFile load_safetensors(const std::filesystem::path& path, Exit exit = Exit::kData);

}  // namespace diffeo
