#pragma once

#include <c10/core/ScalarType.h>

#include <array>
#include <bit>
#include <cstdint>
#include <utility>

namespace diffeo {

// What reading and writing of safetensors files have in common.

static_assert(std::endian::native == std::endian::little,
              "the format stores what this machine has in memory");

constexpr uint64_t kMaxHeader = uint64_t{16} << 20;
constexpr const char* kMetadataKey = "__metadata__";

constexpr std::array kStoredTypes{std::pair{"BOOL", at::kBool}, std::pair{"U8", at::kByte},
                                  std::pair{"I8", at::kChar},   std::pair{"I16", at::kShort},
                                  std::pair{"I32", at::kInt},   std::pair{"I64", at::kLong},
                                  std::pair{"F16", at::kHalf},  std::pair{"BF16", at::kBFloat16},
                                  std::pair{"F32", at::kFloat}, std::pair{"F64", at::kDouble}};

}  // namespace diffeo
