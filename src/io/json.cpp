#include "io/json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "io/durable.h"
#include "io/files.h"

namespace diffeo {
namespace {

using Event = nlohmann::json::parse_event_t;

constexpr int kMaxDepth = 64;
constexpr uint64_t kMaxJsonFile = uint64_t{64} << 20;

// Watches a parser for what it lets pass: nlohmann keeps the last of two equal keys and sets no
// bound to the depth.
class JsonWatch {
 public:
  JsonWatch(const std::string& place, Exit exit) : place_(place), exit_(exit) {}

  bool operator()(int depth, Event event, nlohmann::json& value) {
    if (depth > kMaxDepth) fail(exit_, place_, ": nested more than ", kMaxDepth, " levels deep");
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key && !keys_.back().insert(value.get<std::string>()).second) {
      fail(exit_, place_, ": the key ", value.dump(), " stands twice in one object");
    }
    return true;
  }

 private:
  const std::string& place_;
  Exit exit_;
  std::vector<std::set<std::string>> keys_;
};

// "[json.exception.parse_error.101] parse error at …" without its tag.
std::string without_tag(const std::string& message) {
  size_t end = message.find("] ");
  return end == std::string::npos ? message : message.substr(end + 2);
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& place, Exit exit) {
  try {
    return nlohmann::json::parse(text, JsonWatch(place, exit));
  } catch (const nlohmann::json::exception& error) {
    fail(exit, place, ": ", without_tag(error.what()));
  }
}

nlohmann::json load_json(const std::filesystem::path& path, Exit exit) {
  return parse_json(read_file(path, kMaxJsonFile, exit), path.string(), exit);
}

std::string json_text(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

void save_json(const std::filesystem::path& path, const nlohmann::json& value) {
  write_durably(path, json_text(value, 2) + "\n");
}

}  // namespace diffeo
