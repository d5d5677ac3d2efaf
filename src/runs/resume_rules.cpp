#include "runs/resume_rules.h"

#include <algorithm>
#include <array>

#include "config/path.h"
#include "config/yaml_text.h"
#include "config/yaml_writer.h"
#include "core/error.h"

namespace diffeo {
namespace {

enum class Rule { kFree, kWarned, kLocked };

constexpr std::array kFreeKeys{"train.steps",
                               "train.log_every",
                               "train.evaluate_every",
                               "train.sample_every",
                               "train.evaluate_examples",
                               "train.sample_count",
                               "train.keep",
                               "train.sample_temperatures",
                               "train.checkpoint_every",
                               "train.initialise_examples"};

std::string shown(const YamlNode* node) { return node ? one_line(*node) : "nothing"; }

// Where the data lie. Another file can hold the same examples; a file in place of none does not.
constexpr std::array kPlaces{"data.path", "data.test", "data.labels", "data.test_labels"};
constexpr const char* kNoFile = "null";

bool is_moved(const Difference& difference) {
  bool is_place = std::find(kPlaces.begin(), kPlaces.end(), difference.path) != kPlaces.end();
  return is_place && difference.before != kNoFile && difference.after != kNoFile;
}

Rule rule_for(const Difference& difference) {
  const std::string& path = difference.path;
  for (const char* key : kFreeKeys) {
    if (path.starts_with(key)) return Rule::kFree;
  }
  if (is_moved(difference)) return Rule::kWarned;
  bool learning =
      path.starts_with("optimizer.") || path.starts_with("penalty") || path.starts_with("train.");
  return learning && path != "optimizer.kind" ? Rule::kWarned : Rule::kLocked;
}

// Walks both trees together. What only one of them has, and a value that differs, is a difference.
void compare_nodes(const YamlNode* before, const YamlNode* after, const Path& path,
                   std::vector<Difference>& found) {
  bool both = before && after && before->kind == after->kind;
  if (both && before->kind == YamlNode::Kind::kMap) {
    for (const YamlKey& key : before->keys) {
      compare_nodes(before->find(key.name), after->find(key.name), path / key.name, found);
    }
    for (const YamlKey& key : after->keys) {
      if (!before->find(key.name))
        compare_nodes(nullptr, after->find(key.name), path / key.name, found);
    }
  } else if (both && before->kind == YamlNode::Kind::kList &&
             before->items.size() == after->items.size()) {
    for (size_t i = 0; i < before->items.size(); ++i) {
      compare_nodes(&before->items[i], &after->items[i], path[i], found);
    }
  } else if (shown(before) != shown(after)) {
    found.push_back({path.text(), shown(before), shown(after)});
  }
}

YamlNode tree_of(Config config) { return node_of(config); }

}  // namespace

std::vector<Difference> differences(const Config& before, const Config& after) {
  std::vector<Difference> found;
  YamlNode old_tree = tree_of(before), new_tree = tree_of(after);
  compare_nodes(&old_tree, &new_tree, {}, found);
  return found;
}

void check_resumable(const Config& before, const Config& after,
                     const std::function<void(const std::string&)>& warn) {
  std::string locked;
  for (const Difference& difference : differences(before, after)) {
    std::string line =
        joined(difference.path, ": was ", difference.before, ", is ", difference.after);
    Rule rule = rule_for(difference);
    if (rule == Rule::kLocked) locked += "\n  " + line;
    if (rule == Rule::kWarned) warn("changed since the run began: " + line);
  }
  if (locked.empty()) return;
  fail(Exit::kUsage,
       "this run cannot go on with another model, other data or another seed:", locked,
       "\nTake these keys back, or start a new run from its weights with --fork");
}

}  // namespace diffeo
