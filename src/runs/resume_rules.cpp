#include "runs/resume_rules.h"

#include "config/path.h"
#include "config/yaml_text.h"
#include "config/yaml_writer.h"
#include "core/error.h"

namespace diffeo {
namespace {

std::string shown(const YamlNode* node) { return node ? one_line(*node) : "nothing"; }

constexpr const char* kNoFile = "null";

// A key's own rule, or that of what holds it.
OnResume rule_inside(const YamlKey& key, OnResume outside) {
  return key.on_resume == OnResume::kAsSection ? outside : key.on_resume;
}

// Another file can hold the same examples; a file in place of none does not.
OnResume rule_for(const Difference& difference) {
  if (difference.rule != OnResume::kPlace) return difference.rule;
  bool has_moved = difference.before != kNoFile && difference.after != kNoFile;
  return has_moved ? OnResume::kWarned : OnResume::kLocked;
}

// Walks both trees together. What only one of them has, and a value that differs, is a difference.
void compare_nodes(const YamlNode* before, const YamlNode* after, const Path& path, OnResume rule,
                   std::vector<Difference>& found) {
  bool both = before && after && before->kind == after->kind;
  if (both && before->kind == YamlNode::Kind::kMap) {
    for (const YamlKey& key : before->keys) {
      compare_nodes(before->find(key.name), after->find(key.name), path / key.name,
                    rule_inside(key, rule), found);
    }
    for (const YamlKey& key : after->keys) {
      if (before->find(key.name)) continue;
      compare_nodes(nullptr, after->find(key.name), path / key.name, rule_inside(key, rule), found);
    }
  } else if (both && before->kind == YamlNode::Kind::kList &&
             before->items.size() == after->items.size()) {
    for (size_t i = 0; i < before->items.size(); ++i) {
      compare_nodes(&before->items[i], &after->items[i], path[i], rule, found);
    }
  } else if (shown(before) != shown(after)) {
    found.push_back({path.text(), shown(before), shown(after), rule});
  }
}

YamlNode tree_of(Config config) { return node_of(config); }

}  // namespace

std::vector<Difference> differences(const Config& before, const Config& after) {
  std::vector<Difference> found;
  YamlNode old_tree = tree_of(before), new_tree = tree_of(after);
  compare_nodes(&old_tree, &new_tree, {}, OnResume::kLocked, found);
  return found;
}

void check_resumable(const Config& before, const Config& after,
                     const std::function<void(const std::string&)>& warn) {
  std::string locked;
  for (const Difference& difference : differences(before, after)) {
    std::string line =
        joined(difference.path, ": was ", difference.before, ", is ", difference.after);
    OnResume rule = rule_for(difference);
    if (rule == OnResume::kLocked) locked += "\n  " + line;
    if (rule == OnResume::kWarned) warn("changed since the run began: " + line);
  }
  if (locked.empty()) return;
  fail(Exit::kUsage,
       "this run cannot go on with another model, other data or another seed:", locked,
       "\nTake these keys back, or start a new run from its weights with --fork");
}

}  // namespace diffeo
