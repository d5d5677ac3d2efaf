#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/error.h"
#include "core/shape.h"

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

// Strict: the tensors cover the file from the end of the header to its end without holes or
// overlaps, every length is that of its shape, no name stands twice, there is nothing but what the
// format has. Values are not judged, but for BOOL, where a byte is 0 or 1.
SafetensorsFile read_safetensors(Input& in);
SafetensorsFile load_safetensors(const std::filesystem::path& path, Exit exit = Exit::kData);

}  // namespace diffeo
