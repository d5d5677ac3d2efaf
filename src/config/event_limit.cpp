#include "config/event_limit.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

namespace diffeo {
namespace {

class EventLimit final : public YAML::EventHandler {
 public:
  explicit EventLimit(size_t most) : left_(most) {}

  void OnDocumentStart(const YAML::Mark& mark) override { count(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { count(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { count(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    count(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    count(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    count(mark);
  }
  void OnMapEnd() override {}

 private:
  void count(const YAML::Mark& mark) {
    if (left_-- == 0) throw YAML::ParserException(mark, "end of sequence flow not found");
  }

  size_t left_;
};

}  // namespace

void require_finite_yaml(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  EventLimit events(4 * text.size() + 64);
  while (parser.HandleNextDocument(events)) {
  }
}

}  // namespace diffeo
