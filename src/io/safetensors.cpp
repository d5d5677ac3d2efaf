#include "io/safetensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <ranges>
#include <vector>

#include "core/listed.h"
#include "io/elements.h"
#include "io/file_kind.h"
#include "io/files.h"
#include "io/json.h"
#include "io/safetensors_format.h"

namespace diffeo {
namespace {

using nlohmann::json;

constexpr size_t kMaxDimensions = 8;

struct Entry {
  std::string name;
  at::ScalarType type;
  Shape shape;
  uint64_t begin, end;  // in the data
};

bool is_count(const json& value) {
  return value.is_number_unsigned() &&
         value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()};
}

at::ScalarType parse_type(const Input& in, const std::string& name, const json& value) {
  in.require(value.is_string(), "tensor '", name, "': dtype is not a string");
  for (auto [stored, type] : kStoredTypes) {
    if (value == stored) return type;
  }
  in.fail("tensor '", name, "': dtype ", value.dump(), ", expected one of ",
          listed(std::views::keys(kStoredTypes), " "));
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
  std::string start = in.read_text(sizeof(uint64_t), "the length of the header");
  uint64_t length = 0;
  std::memcpy(&length, start.data(), sizeof length);
  if (length > kMaxHeader) {
    std::string kind = actual_kind(in, start);
    in.fail("the header takes ", length, " bytes, at most ", kMaxHeader,
            kind.empty() ? "; this is not a safetensors file" : kind);
  }
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
