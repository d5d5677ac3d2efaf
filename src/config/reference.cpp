#include <algorithm>
#include <deque>
#include <ranges>
#include <set>

#include "config/config_types.h"
#include "config/schema.h"
#include "config/yaml_text.h"
#include "core/error.h"
#include "core/listed.h"

namespace diffeo {
namespace {

using Kind = TypeInfo::Kind;

std::string code(const std::string& text) { return joined("`", text, "`"); }

std::string codes(const std::vector<std::string>& texts) {
  return listed(texts | std::views::transform(code));
}

std::vector<std::string> names_inside(const TypeInfo& variant) {
  std::vector<std::string> names;
  for (const TypeInfo& alternative : variant.inside) names.push_back(alternative.name);
  return names;
}

std::string type_text(const TypeInfo& type, Range range) {
  switch (type.kind) {
    case Kind::kBool: return "`true` or `false`";
    case Kind::kInteger: return number_wanted(true, range);
    case Kind::kNumber: return number_wanted(false, range);
    case Kind::kText: return "text";
    case Kind::kEnum: return codes(type.names);
    case Kind::kOptional: return type_text(type.inside[0], range) + ", or `null`";
    case Kind::kList: return "list of: " + type_text(type.inside[0], range);
    case Kind::kVariant:
      return "mapping, by its " + code(type.tag) + ": " + codes(names_inside(type));
    case Kind::kLayer: return "layer";
    default: return "mapping";
  }
}

// A section's defaults stand in its own table.
std::string default_text(const FieldInfo& field) {
  if (field.required) return "";
  if (field.type.kind == Kind::kStruct) return "`{}`";
  if (field.type.kind != Kind::kVariant) return code(one_line(field.standard));
  return code(joined("{", field.type.tag, ": ", field.standard.find(field.type.tag)->text, "}"));
}

std::string cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.insert(at, 1, '\\');
  return text;
}

// Sections follow those whose keys lead to them; what several keys hold is explained once.
class Reference {
 public:
  std::string written() {
    text_ = "# Configuration\n\nA key without a default must be given.\n\n";
    write_table(config_type());
    while (!waiting_.empty()) {
      auto [key, type] = waiting_.front();
      waiting_.pop_front();
      text_ += joined("\n## ", code(key), "\n\n");
      type.kind == Kind::kVariant ? write_alternatives(type) : write_struct(type);
    }
    return text_;
  }

 private:
  void write_alternatives(const TypeInfo& variant) {
    for (size_t i = 0; i < variant.inside.size(); ++i) {
      text_ +=
          joined(i ? "\n" : "", "### ", code(variant.tag + ": " + variant.inside[i].name), "\n\n");
      write_struct(variant.inside[i]);
    }
  }

  void write_struct(const TypeInfo& type) {
    if (!type.doc.empty()) text_ += type.doc + "\n";
    if (!type.doc.empty() && !type.fields.empty()) text_ += "\n";
    write_table(type);
  }

  void write_table(const TypeInfo& type) {
    if (type.fields.empty()) return;
    text_ += "| key | value | default | meaning |\n|---|---|---|---|\n";
    for (const FieldInfo& field : type.fields) {
      for (const std::string& text :
           {code(field.key), type_text(field.type, field.range), default_text(field), field.doc}) {
        text_ += joined("| ", cell(text), " ");
      }
      text_ += "|\n";
      explain_later(field.key, field.type);
    }
  }

  void explain_later(const std::string& key, const TypeInfo& type) {
    bool holds_one = type.kind == Kind::kOptional || type.kind == Kind::kList;
    if (holds_one) return explain_later(key, type.inside[0]);
    if (type.kind == Kind::kLayer) return explain_later("layer", layer_type());
    bool has_keys = type.kind == Kind::kVariant || type.kind == Kind::kStruct;
    std::string identity = key + type.tag + type.doc + codes(names_inside(type));
    if (has_keys && explained_.insert(identity).second) waiting_.push_back({key, type});
  }

  std::string text_;
  std::deque<std::pair<std::string, TypeInfo>> waiting_;
  std::set<std::string> explained_;
};

}  // namespace

std::string reference() { return Reference().written(); }

}  // namespace diffeo
