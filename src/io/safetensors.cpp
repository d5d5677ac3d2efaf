#include "io/safetensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "io/durable.h"
#include "io/elements.h"
#include "io/files.h"
#include "io/json.h"

namespace diffeo {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little,
              "the format stores what this machine has in memory");

constexpr uint64_t kMaxHeader = uint64_t{16} << 20;
constexpr size_t kMaxDimensions = 8;
constexpr size_t kAlignment = 64;
constexpr const char* kMetadataKey = "__metadata__";

constexpr std::array kStoredTypes{std::pair{"BOOL", at::kBool}, std::pair{"U8", at::kByte},
                                  std::pair{"I8", at::kChar},   std::pair{"I16", at::kShort},
                                  std::pair{"I32", at::kInt},   std::pair{"I64", at::kLong},
                                  std::pair{"F16", at::kHalf},  std::pair{"BF16", at::kBFloat16},
                                  std::pair{"F32", at::kFloat}, std::pair{"F64", at::kDouble}};

struct Entry {
  std::string name;
  at::ScalarType type;
  Shape shape;
  uint64_t begin, end;  // in the data
};

const char* stored_name(const std::string& tensor, at::ScalarType type) {
  for (auto [name, candidate] : kStoredTypes) {
    if (candidate == type) return name;
  }
  fail("tensor '", tensor, "': type ", c10::toString(type), " has no place in a safetensors file");
}

std::string stored_names() {
  std::string names;
  for (auto [name, type] : kStoredTypes) names.append(names.empty() ? "" : " ").append(name);
  return names;
}

using Ordered = std::vector<std::pair<std::string, Tensor>>;

Ordered in_file_order(const NamedTensors& tensors) {
  Ordered ordered(tensors.begin(), tensors.end());
  for (const auto& [name, tensor] : ordered) {
    require(name != kMetadataKey, "a tensor cannot be named ", kMetadataKey,
            " in a safetensors file");
    require(tensor.defined() && !tensor.is_meta() && tensor.layout() == at::kStrided, "tensor '",
            name, "': has no values to store");
  }
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.second.element_size() > b.second.element_size();
  });
  return ordered;
}

std::string header_bytes(const Ordered& tensors, const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  uint64_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    uint64_t begin = end;
    end += tensor.nbytes();
    header[name] = {{"dtype", stored_name(name, tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump();
  uint64_t length = sizeof(uint64_t) + text.size();
  text.append((kAlignment - length % kAlignment) % kAlignment, ' ');
  length = text.size();
  require(length <= kMaxHeader, "the header of a safetensors file would take ", length,
          " bytes, at most ", kMaxHeader);
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + text;
}

void write_all(const NamedTensors& tensors, const Metadata& metadata,
               const std::function<void(const void*, uint64_t)>& write) {
  Ordered ordered = in_file_order(tensors);
  std::string header;
  try {
    header = header_bytes(ordered, metadata);
  } catch (const json::exception& error) {
    fail("a name or a metadata value for a safetensors file is not UTF-8");
  }
  write(header.data(), header.size());
  for (const auto& [name, tensor] : ordered) {
    Tensor host = tensor.detach().to(at::kCPU).contiguous();
    write(host.const_data_ptr(), host.nbytes());
  }
}

bool is_count(const json& value) {
  return value.is_number_unsigned() &&
         value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()};
}

at::ScalarType parse_type(const Input& in, const std::string& name, const json& value) {
  in.require(value.is_string(), "tensor '", name, "': dtype is not a string");
  for (auto [stored, type] : kStoredTypes) {
    if (value == stored) return type;
  }
  in.fail("tensor '", name, "': dtype ", value.dump(), ", expected one of ", stored_names());
}

std::vector<int64_t> parse_counts(const Input& in, const std::string& name, const char* key,
                                  const json& value) {
  in.require(value.is_array() && std::all_of(value.begin(), value.end(), is_count), "tensor '",
             name, "': ", key, " is not a list of whole numbers from 0 to 2^63 - 1");
  return value.get<std::vector<int64_t>>();
}

Entry parse_entry(const Input& in, const std::string& name, const json& fields) {
  bool complete = fields.is_object() && fields.size() == 3 && fields.contains("dtype") &&
                  fields.contains("shape") && fields.contains("data_offsets");
  in.require(complete, "tensor '", name,
             "': expected exactly the keys dtype, shape and data_offsets");
  Entry entry{name, parse_type(in, name, fields["dtype"]),
              parse_counts(in, name, "shape", fields["shape"]), 0, 0};
  std::vector<int64_t> offsets = parse_counts(in, name, "data_offsets", fields["data_offsets"]);
  in.require(offsets.size() == 2 && offsets[0] <= offsets[1], "tensor '", name,
             "': data_offsets are not a beginning and an end");
  in.require(entry.shape.size() <= kMaxDimensions, "tensor '", name, "': ", entry.shape.size(),
             " dimensions, at most ", kMaxDimensions);
  auto bytes = bytes_of(entry.shape, static_cast<int64_t>(c10::elementSize(entry.type)));
  in.require(bytes.has_value(), "tensor '", name, "': its shape ", to_string(entry.shape),
             " is larger than any memory");
  in.require(*bytes == offsets[1] - offsets[0], "tensor '", name, "': ", offsets[1] - offsets[0],
             " bytes for ", fields["dtype"].get<std::string>(), " ", to_string(entry.shape),
             ", expected ", *bytes);
  entry.begin = static_cast<uint64_t>(offsets[0]);
  entry.end = static_cast<uint64_t>(offsets[1]);
  return entry;
}

Metadata parse_metadata(const Input& in, const json& value) {
  in.require(value.is_object() && std::all_of(value.begin(), value.end(),
                                              [](const json& v) { return v.is_string(); }),
             kMetadataKey, " is not an object of strings");
  return value.get<Metadata>();
}

json parse_header(Input& in) {
  uint64_t length = in.read_value<uint64_t>("the length of the header");
  in.require(length <= kMaxHeader, "the header takes ", length, " bytes, at most ", kMaxHeader,
             "; this is not a safetensors file");
  std::string text = in.read_text(length, "the header");
  in.require(text.starts_with('{'),
             "the header does not begin with '{'; this is not a safetensors file");
  return parse_json(text, in.place() + ": header", in.exit());
}

void check_layout(const Input& in, std::vector<Entry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t end = 0;
  for (const Entry& entry : entries) {
    in.require(entry.begin == end, "tensor '", entry.name, "': its data begin at byte ",
               entry.begin, ", expected ", end, " (tensors neither overlap nor leave holes)");
    end = entry.end;
  }
  in.require(end == in.remaining(), "the header describes ", end, " bytes of data, found ",
             in.remaining());
}

}  // namespace

std::string safetensors_bytes(const NamedTensors& tensors, const Metadata& metadata) {
  std::string bytes;
  write_all(tensors, metadata, [&](const void* from, uint64_t count) {
    bytes.append(static_cast<const char*>(from), count);
  });
  return bytes;
}

void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                      const Metadata& metadata) {
  DurableFile file(path);
  write_all(tensors, metadata, [&](const void* from, uint64_t count) { file.write(from, count); });
  file.commit();
}

SafetensorsFile read_safetensors(Input& in) {
  SafetensorsFile file;
  std::vector<Entry> entries;
  const json header = parse_header(in);
  for (const auto& [name, fields] : header.items()) {
    if (name == kMetadataKey) {
      file.metadata = parse_metadata(in, fields);
    } else {
      entries.push_back(parse_entry(in, name, fields));
    }
  }
  check_layout(in, entries);
  for (const Entry& entry : entries) {
    file.tensors[entry.name] =
        read_elements(in, entry.shape, entry.type, "tensor '" + entry.name + "'");
  }
  return file;
}

SafetensorsFile load_safetensors(const std::filesystem::path& path, Exit exit) {
  FileInput in(path, exit);
  return read_safetensors(in);
}

}  // namespace diffeo
