#include <iostream>

#include "commands/commands.h"
#include "commands/dispatch.h"
#include "commands/model_argument.h"
#include "commands/shipped_configs.h"
#include "config/outline.h"
#include "config/schema.h"
#include "core/error.h"
#include "core/listed.h"
#include "io/durable.h"

namespace diffeo {
namespace {

void list_configs(const Words& words) {
  CommandLine line("diffeo config list", "Lists the configurations that come with the program.",
                   "diffeo config list");
  if (!line.parse(words)) return;
  size_t width = 0;
  for (const ShippedConfig& config : shipped_configs()) width = std::max(width, config.name.size());
  for (const ShippedConfig& config : shipped_configs()) {
    std::cout << config.name << std::string(width - config.name.size() + 2, ' ') << config.purpose
              << "\n";
  }
}

void show_config(const Words& words) {
  std::string path;
  Words overrides;
  CommandLine line(
      "diffeo config show",
      "Prints a configuration with every default written out and the overrides applied.",
      "diffeo config show cifar10/glow train.batch_size=128");
  line.argument("CONFIG", path, "File, or name of a shipped configuration");
  line.arguments("KEY=VALUE", overrides,
                 "Changes: train.steps=100 flow[2].times=32 flow.**.hidden=128");
  if (line.parse(words)) std::cout << to_yaml(config_of(path, overrides));
}

void validate_configs(const Words& words) {
  Words paths;
  CommandLine line(
      "diffeo config validate",
      "Checks configurations whole, the layers' shapes included, without data and without memory.",
      "diffeo config validate configs/*/*.yaml");
  line.arguments("CONFIG", paths, "Files, or names of shipped configurations", 1);
  if (!line.parse(words)) return;
  std::vector<std::string> errors;
  for (const std::string& path : paths) {
    try {
      trainable_outline_of(config_of(path));
      std::cout << path << ": valid\n";
    } catch (const Error& error) {
      errors.push_back(error.what());
    }
  }
  if (!errors.empty()) fail(Exit::kUsage, listed(errors, "\n"));
}

void print_schema(const Words& words) {
  std::optional<std::string> path;
  CommandLine line("diffeo config schema",
                   "Prints the JSON Schema of a configuration. An editor with a YAML language "
                   "server completes and "
                   "checks a file whose first line is: # yaml-language-server: $schema=FILE",
                   "diffeo config schema --out diffeo.schema.json");
  line.option("--out", "FILE", path, "Write to this file instead");
  if (!line.parse(words)) return;
  if (path) write_durably(*path, schema_json());
  std::cout << (path ? *path + "\n" : schema_json());
}

void print_reference(const Words& words) {
  CommandLine line("diffeo config reference",
                   "Prints every key with its type, default and meaning, in Markdown.",
                   "diffeo config reference > reference.md");
  if (line.parse(words)) std::cout << reference();
}

}  // namespace

void config_command(const Words& words) {
  const Command commands[] = {
      {"list", "the configurations that come with the program", list_configs},
      {"show", "a configuration with its defaults and overrides", show_config},
      {"validate", "whether configurations can be trained", validate_configs},
      {"schema", "JSON Schema of a configuration, for editors", print_schema},
      {"reference", "every key and its meaning", print_reference},
  };
  dispatch("diffeo config", commands, words);
}

}  // namespace diffeo
