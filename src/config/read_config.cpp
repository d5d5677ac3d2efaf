#include "config/config.h"
#include "config/source_text.h"
#include "config/strict_yaml.h"
#include "config/weight_map.h"
#include "config/yaml_reader.h"
#include "config/yaml_writer.h"
#include "io/files.h"

namespace diffeo {
namespace {

template <class T>
T read_whole(const YamlNode& root, const Path& path, Findings& findings, Overrides& overrides) {
  Reading reading{findings, overrides};
  T value;
  read_value(reading, &root, path, {}, value);
  overrides.find_unused(findings);
  findings.refuse();
  return value;
}

// What is no whole configuration; `path`: where it would stand in one.
template <class T>
T parse_alone(const std::string& text, const std::string& name, const Path& path) {
  Findings findings(name);
  Overrides none({}, findings);
  return read_whole<T>(parse_yaml(text, {}, findings), path, findings, none);
}

}  // namespace

Config parse_config(const std::string& text, const std::string& name,
                    const std::vector<std::string>& overrides, std::vector<std::string>* notes) {
  Findings findings(name);
  Overrides set(overrides, findings);
  YamlNode root = parse_yaml(text, {}, findings);
  if (root.kind == YamlNode::Kind::kNull)
    root.kind = YamlNode::Kind::kMap;  // so that missing keys are told
  Config config = read_whole<Config>(root, {}, findings, set);
  if (notes) *notes = set.notes();
  return config;
}

Config read_config(const std::string& path, const std::vector<std::string>& overrides,
                   std::vector<std::string>* notes) {
  return parse_config(read_file(path, kMostSourceBytes, Exit::kUsage), path, overrides, notes);
}

Config overridden(const Config& config, const std::string& name,
                  const std::vector<std::string>& overrides) {
  Config copy = config;  // fields() is one for reading and writing
  Findings findings(name);
  Overrides set(overrides, findings);
  return read_whole<Config>(node_of(copy), {}, findings, set);
}

WeightMap read_weight_map(const std::string& path) {
  return parse_alone<WeightMap>(read_file(path, kMostSourceBytes, Exit::kUsage), path, {});
}

DataConfig parse_data(const std::string& text, const std::string& name) {
  return parse_alone<DataConfig>(text, name, Path() / "data");
}

std::vector<Layer> parse_layers(const std::string& text, const std::string& name) {
  return parse_alone<std::vector<Layer>>(text, name, Path() / "flow");
}

}  // namespace diffeo
