#include "config/strict_yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "config/event_limit.h"
#include "config/source_text.h"
#include "core/error.h"

namespace diffeo {
namespace {

constexpr size_t kDeepest = 32;
constexpr size_t kMostNodes = 100000;

Place place_of(const YAML::Mark& mark, const Place& start) {
  if (!start.origin.empty()) return start;
  return {mark.line + 1, mark.column + 1};
}

// yaml-cpp shares a node among its aliases; this makes a copy for each.
class TreeBuilder {
 public:
  TreeBuilder(const Place& start, Findings& findings) : start_(start), findings_(findings) {}

  YamlNode build(const YAML::Node& node, const Path& path) {
    YamlNode result;
    result.place = place_of(node.Mark(), start_);
    refuse_endless(node, result.place, path);
    refuse_tag(node, result.place, path);
    open_.push_back(node);
    if (node.IsScalar()) fill_scalar(node, result);
    if (node.IsSequence()) fill_list(node, path, result);
    if (node.IsMap()) fill_map(node, path, result);
    open_.pop_back();
    return result;
  }

 private:
  void refuse_endless(const YAML::Node& node, const Place& place, const Path& path) {
    bool cyclic = std::any_of(open_.begin(), open_.end(),
                              [&](const YAML::Node& outer) { return outer.is(node); });
    if (cyclic)
      findings_.stop(place, path, "an alias inside the value it stands for, which would never end");
    if (open_.size() >= kDeepest) findings_.stop(place, path, "more than 32 levels deep");
    if (++count_ > kMostNodes) {
      findings_.stop(place, path,
                     "more than 100000 values once every alias is replaced by its copy");
    }
  }

  // yaml-cpp's tags of plain and quoted scalars are "?" and "!".
  void refuse_tag(const YAML::Node& node, const Place& place, const Path& path) {
    if (node.Tag().size() <= 1) return;
    findings_.add(place, path,
                  "a tag ('" + excerpt(node.Tag()) + "'); values here have no tags, leave it out");
  }

  void fill_scalar(const YAML::Node& node, YamlNode& result) {
    result.kind = YamlNode::Kind::kScalar;
    result.text = node.Scalar();
    result.is_text = node.Tag() == "!";
  }

  void fill_list(const YAML::Node& node, const Path& path, YamlNode& result) {
    result.kind = YamlNode::Kind::kList;
    for (const auto& item : node) result.items.push_back(build(item, path[result.items.size()]));
  }

  void fill_map(const YAML::Node& node, const Path& path, YamlNode& result) {
    result.kind = YamlNode::Kind::kMap;
    std::map<std::string, int> first_lines;
    for (const auto& entry : node) {
      const YAML::Node &key = entry.first, &value = entry.second;
      Place place = place_of(key.Mark(), start_);
      if (!good_key(key, place, path)) continue;
      auto [first, is_new] = first_lines.emplace(key.Scalar(), place.line);
      if (!is_new) {
        std::string where =
            start_.origin.empty() ? ", first on line " + std::to_string(first->second) : "";
        findings_.add(place, path, "duplicate key '" + excerpt(key.Scalar()) + "'" + where);
        continue;
      }
      result.keys.push_back({key.Scalar(), place});
      result.items.push_back(build(value, path / key.Scalar()));
      if (value.IsNull())
        result.items.back().place = place;  // yaml-cpp has no place for what is not there
    }
  }

  bool good_key(const YAML::Node& key, const Place& place, const Path& path) {
    if (!key.IsScalar()) findings_.add(place, path, "a key that is not a name");
    if (key.IsScalar() && key.Scalar() == "<<") {
      findings_.add(
          place, path,
          "a merge key (<<), which YAML 1.2 does not have: it would hide which keys are set; "
          "write them out, or use an alias for the whole mapping");
    }
    return key.IsScalar() && key.Scalar() != "<<";
  }

  Place start_;
  Findings& findings_;
  std::vector<YAML::Node> open_;  // from the top to the node being built
  size_t count_ = 0;
};

// What yaml-cpp means, and where to look.
std::string reworded(const std::string& message) {
  static const std::map<std::string, std::string> meanings{
      {"end of map flow not found", "a '{' is still open here, or a ',' is missing"},
      {"end of sequence flow not found", "a '[' is still open here, or a ',' is missing"},
      {"end of map not found",
       "expected another 'key: value' here; look at the indentation and at the line above"},
      {"end of sequence not found",
       "expected another '- value' here; look at the indentation and at the line above"},
      {"illegal map value",
       "a ':' where none can stand; look for a missing ':' or quote here and on the line above"},
      {"illegal block entry",
       "a '-' where no list can stand; look at the indentation and at the line above"},
      {"illegal map key",
       "a key where none can stand; look at the indentation and at the line above"},
      {"illegal EOF in scalar", "a quote is still open here"},
      {"illegal flow end", "a ']' or '}' that closes nothing"},
      {"unknown token", "a text cannot begin with this character; put it in quotes"},
      {"bad file", "more than 32 levels deep"},
  };
  if (auto found = meanings.find(message); found != meanings.end()) return found->second;
  if (message.starts_with("the referenced anchor"))
    return "an alias (*name) without its anchor (&name) above";
  return excerpt(message);
}

// Column of a tab in the indentation of the line, 0 where there is none.
int tab_column(const std::string& text, int line) {
  std::istringstream lines(text);
  std::string found;
  for (int i = 0; i < line; ++i) std::getline(lines, found);
  size_t first = found.find_first_not_of(' ');
  return first != std::string::npos && found[first] == '\t' ? static_cast<int>(first) + 1 : 0;
}

// Where the text ends, but for white space.
Place end_of(const std::string& text) {
  std::string_view used(text.data(), text.find_last_not_of(" \t\r\n") + 1);
  auto line_breaks = std::count(used.begin(), used.end(), '\n');
  size_t last_line = used.rfind('\n') + 1;  // 0 where there is one line
  return {static_cast<int>(line_breaks) + 1, static_cast<int>(used.size() - last_line) + 1};
}

// The comment added to the end makes yaml-cpp see that a quote is still open there.
std::vector<YAML::Node> load_documents(const std::string& text, const Place& start,
                                       Findings& findings) {
  try {
    require_finite_yaml(text + "\n#");
    return YAML::LoadAll(text + "\n#");
  } catch (const YAML::Exception& error) {
    Place place = place_of(error.mark, start), end = end_of(text);
    if (place.origin.empty() && place.line > end.line) place = end;
    std::string what = reworded(error.msg);
    if (int column = tab_column(text, place.line)) {
      what = "a tab in the indentation; use spaces";
      place.column = column;
    }
    findings.stop(place, {}, "not YAML: " + what);
  }
}

}  // namespace

std::string described(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return "nothing";
  if (node.kind == YamlNode::Kind::kList) return "a list";
  if (node.kind == YamlNode::Kind::kMap) return "a mapping";
  return node.is_text ? joined("the text \"", excerpt(node.text), "\"")
                      : joined("'", excerpt(node.text), "'");
}

YamlNode parse_yaml(const std::string& text, const Place& start, Findings& findings) {
  check_source(text, start, findings);
  std::vector<YAML::Node> documents = load_documents(text, start, findings);
  if (documents.size() > 1) {
    findings.stop(place_of(documents[1].Mark(), start), {},
                  "a second document; expected one (a line '---' begins another)");
  }
  if (documents.empty() || documents[0].IsNull()) {
    YamlNode nothing;
    nothing.place = start;
    return nothing;
  }
  return TreeBuilder(start, findings).build(documents[0], {});
}

}  // namespace diffeo
