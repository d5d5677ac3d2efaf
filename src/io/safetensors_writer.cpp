#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "io/elements.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "io/safetensors_format.h"

namespace diffeo {
namespace {

using nlohmann::json;

constexpr size_t kHeaderAlignment = 64;

const char* stored_name(const std::string& tensor, at::ScalarType type) {
  for (auto [name, candidate] : kStoredTypes) {
    if (candidate == type) return name;
  }
  fail("tensor '", tensor, "': type ", c10::toString(type), " has no place in a safetensors file");
}

using Ordered = std::vector<std::pair<std::string, Tensor>>;

Ordered in_file_order(const NamedTensors& tensors) {
  Ordered ordered(tensors.begin(), tensors.end());
  for (const auto& [name, tensor] : ordered) {
    require(name != kMetadataKey, "a tensor cannot be named ", kMetadataKey,
            " in a safetensors file");
    require(tensor.defined() && tensor.layout() == at::kStrided, "tensor '", name,
            "': has no values to store");
  }
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.second.element_size() > b.second.element_size();
  });
  return ordered;
}

std::string header_bytes(const Ordered& tensors, const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  // The name of a file need not be UTF-8; what tells of one must not fail for it.
  if (!metadata.empty()) header[kMetadataKey] = nlohmann::json::parse(json_text(metadata));
  uint64_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    uint64_t begin = end;
    end += tensor.nbytes();
    header[name] = {{"dtype", stored_name(name, tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {begin, end}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& error) {
    fail("a tensor's name is not UTF-8, as a safetensors file needs");
  }
  uint64_t length = sizeof(uint64_t) + text.size();
  text.append((kHeaderAlignment - length % kHeaderAlignment) % kHeaderAlignment, ' ');
  length = text.size();
  require(length <= kMaxHeader, "the header of a safetensors file would take ", length,
          " bytes, at most ", kMaxHeader);
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + text;
}

void write_all(const NamedTensors& tensors, const Metadata& metadata,
               const std::function<void(const void*, uint64_t)>& write) {
  Ordered ordered = in_file_order(tensors);
  std::string header = header_bytes(ordered, metadata);
  write(header.data(), header.size());
  for (const auto& [name, tensor] : ordered) {
    require(!tensor.is_meta(), "tensor '", name, "': has no values to store");
    Tensor host = tensor.detach().to(at::kCPU).contiguous();
    write(host.const_data_ptr(), host.nbytes());
  }
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

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     const NamedTensors& outlines, const Metadata& metadata)
    : path_(path), file_(path) {
  Ordered ordered = in_file_order(outlines);
  file_.write(header_bytes(ordered, metadata));
  for (const auto& [name, outline] : ordered) {
    parts_.push_back(
        {name, RowsLeft(outline), parts_.empty() ? nullptr : std::make_unique<Spool>(path)});
  }
}

void SafetensorsWriter::append(const std::string& name, const Tensor& rows) {
  auto part =
      std::find_if(parts_.begin(), parts_.end(), [&](const Part& p) { return p.name == name; });
  require(part != parts_.end(), path_.string(), ": has no tensor '", name, "'");
  Tensor bytes = part->left.take(rows, name);
  if (part->waiting) part->waiting->write(bytes.const_data_ptr(), bytes.nbytes());
  else file_.write(bytes.const_data_ptr(), bytes.nbytes());
}

void SafetensorsWriter::commit() {
  for (Part& part : parts_) {
    part.left.finish(part.name);
    if (part.waiting) part.waiting->move_into(file_);
  }
  file_.commit();
}

}  // namespace diffeo
