#include "config/config.h"
#include "config/source_text.h"
#include "config/strict_yaml.h"
#include "config/yaml_reader.h"

namespace diffeo {
namespace {

struct LayerList {
  std::vector<Layer> flow;

  template <class Archive>
  void fields(Archive& ar) {
    ar.required("flow", flow, "the layers, from data to noise");
  }
};

template <class T>
T parsed(const std::string& text, const std::string& name, const std::vector<std::string>& texts,
         std::vector<std::string>* notes) {
  Findings findings(name);
  Overrides overrides(texts, findings);
  YamlNode root = parse_yaml(text, {}, findings);
  Reading reading{findings, overrides};
  T config;
  bool empty = root.kind == YamlNode::Kind::kNull;
  read_value(reading, empty ? nullptr : &root, {}, {}, config);
  overrides.find_unused(findings);
  findings.refuse();
  if (notes) *notes = overrides.notes();
  return config;
}

}  // namespace

Config parse_config(const std::string& text, const std::string& name, const std::vector<std::string>& overrides,
                    std::vector<std::string>* notes) {
  return parsed<Config>(text, name, overrides, notes);
}

Config read_config(const std::string& path, const std::vector<std::string>& overrides,
                   std::vector<std::string>* notes) {
  return parse_config(read_source(path), path, overrides, notes);
}

std::vector<Layer> parse_layers(const std::string& text, const std::string& name) {
  return parsed<LayerList>("flow:\n" + text, name, {}, nullptr).flow;
}

}  // namespace diffeo
