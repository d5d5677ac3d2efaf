#include "config/schema.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "config/config_types.h"

namespace diffeo {
namespace {

using Json = nlohmann::ordered_json;
using Kind = TypeInfo::Kind;

Json json_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return nullptr;
    case YamlNode::Kind::kScalar: return node.is_text ? Json(node.text) : Json::parse(node.text);
    case YamlNode::Kind::kList: {
      Json list = Json::array();
      for (const YamlNode& item : node.items) list.push_back(json_of(item));
      return list;
    }
    default: {
      Json map = Json::object();
      for (size_t i = 0; i < node.items.size(); ++i)
        map[node.keys[i].name] = json_of(node.items[i]);
      return map;
    }
  }
}

Json number_schema(const char* type, Range range) {
  Json schema{{"type", type}};
  if (std::isfinite(range.low)) schema[range.low_open ? "exclusiveMinimum" : "minimum"] = range.low;
  if (std::isfinite(range.high))
    schema[range.high_open ? "exclusiveMaximum" : "maximum"] = range.high;
  return schema;
}

Json schema_of(const TypeInfo& type, Range range, const std::string& implied);

Json field_schema(const FieldInfo& field) {
  const YamlNode* kind = field.standard.find(field.type.tag);
  Json schema = schema_of(field.type, field.range, kind ? kind->text : "");
  schema["description"] = field.doc;
  if (!field.required) schema["default"] = json_of(field.standard);
  return schema;
}

// `tag` tells the alternatives of a variant apart; it need not be given where `tag_implied`.
Json struct_schema(const TypeInfo& type, const std::string& tag, bool tag_implied) {
  Json schema{{"type", "object"}, {"additionalProperties", false}};
  if (!type.doc.empty()) schema["description"] = type.doc;
  Json required = Json::array();
  Json properties = Json::object();
  if (!tag.empty()) properties[tag] = {{"const", type.name}};
  if (!tag.empty() && !tag_implied) required.push_back(tag);
  for (const FieldInfo& field : type.fields) {
    properties[field.key] = field_schema(field);
    if (field.required) required.push_back(field.key);
  }
  schema["properties"] = properties;
  if (!required.empty()) schema["required"] = required;
  return schema;
}

Json variant_schema(const TypeInfo& type, const std::string& implied) {
  Json alternatives = Json::array();
  for (const TypeInfo& alternative : type.inside) {
    alternatives.push_back(struct_schema(alternative, type.tag, alternative.name == implied));
  }
  return {{"oneOf", alternatives}};
}

// `implied`: the alternative that a variant without its tag is.
Json schema_of(const TypeInfo& type, Range range, const std::string& implied) {
  switch (type.kind) {
    case Kind::kBool: return {{"type", "boolean"}};
    case Kind::kInteger: return number_schema("integer", range);
    case Kind::kNumber: return number_schema("number", range);
    case Kind::kText: return {{"type", "string"}};
    case Kind::kEnum: return {{"enum", type.names}};
    case Kind::kOptional:
      return {{"anyOf", {schema_of(type.inside[0], range, ""), {{"type", "null"}}}}};
    case Kind::kList: return {{"type", "array"}, {"items", schema_of(type.inside[0], range, "")}};
    case Kind::kVariant: return variant_schema(type, implied);
    case Kind::kLayer: return {{"$ref", "#/definitions/layer"}};
    default: return struct_schema(type, "", false);
  }
}

Json layer_definitions() {
  TypeInfo layer = layer_type();
  Json definitions = Json::object();
  Json references = Json::array();
  for (const TypeInfo& type : layer.inside) {
    definitions[type.name] = struct_schema(type, layer.tag, false);
    references.push_back({{"$ref", "#/definitions/" + type.name}});
  }
  definitions["layer"] = {{"oneOf", references}};
  return definitions;
}

}  // namespace

std::string schema_json() {
  Json schema{{"$schema", "http://json-schema.org/draft-07/schema#"},
              {"title", "Diffeo configuration"}};
  schema.update(struct_schema(config_type(), "", false));
  schema["definitions"] = layer_definitions();
  return schema.dump(2) + "\n";
}

}  // namespace diffeo
