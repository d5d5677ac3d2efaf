#include "config/yaml_text.h"

#include <nlohmann/json.hpp>

#include "config/scalars.h"

namespace diffeo {
namespace {

constexpr size_t kWidth = 100;

std::string scalar_text(const YamlNode& node) {
  if (!node.is_text || reads_as_text(node.text)) return node.text;
  // A JSON string is a double-quoted YAML one.
  return nlohmann::json(node.text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool fits(const std::string& line, size_t indent) { return indent + line.size() <= kWidth; }

void write_block(const YamlNode& node, size_t indent, std::string& out);

// After "key:" or "-": on the same line where it fits, else below.
void write_value(const YamlNode& value, const std::string& start, size_t indent, std::string& out) {
  std::string line = start + " " + one_line(value);
  bool is_scalar = value.kind == YamlNode::Kind::kScalar;
  if (is_scalar || fits(line, indent)) {
    out += std::string(indent, ' ') + line + "\n";
  } else if (start == "-") {
    size_t begin = out.size();
    write_block(value, indent + 2, out);
    out[begin + indent] = '-';
  } else {
    out += std::string(indent, ' ') + start + "\n";
    write_block(value, indent + 2, out);
  }
}

void write_block(const YamlNode& node, size_t indent, std::string& out) {
  for (size_t i = 0; i < node.items.size(); ++i) {
    bool in_map = node.kind == YamlNode::Kind::kMap;
    write_value(node.items[i], in_map ? node.keys[i].name + ":" : "-", indent, out);
  }
}

}  // namespace

std::string one_line(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return "null";
  if (node.kind == YamlNode::Kind::kScalar) return scalar_text(node);
  bool is_map = node.kind == YamlNode::Kind::kMap;
  std::string line = is_map ? "{" : "[";
  for (size_t i = 0; i < node.items.size(); ++i) {
    line += (i ? ", " : "") + (is_map ? node.keys[i].name + ": " : "") + one_line(node.items[i]);
  }
  return line + (is_map ? "}" : "]");
}

std::string yaml_text(const YamlNode& root) {
  std::string out;
  write_block(root, 0, out);
  return out;
}

}  // namespace diffeo
