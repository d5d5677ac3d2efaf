#include "commands/layer_times.h"

#include <ATen/SequenceNumber.h>

#include <algorithm>

#include "commands/operator_record.h"

namespace diffeo {
namespace {

constexpr const char* kLoss = "(loss)";
constexpr const char* kLists = "(lists)";

// "flow.4_dequantize.noise.1_sigmoid" is a sigmoid. A list of layers has a name without a number.
std::string kind_of(const std::string& path) {
  std::string name = path.substr(path.rfind('.') + 1);
  size_t digits = name.find_first_not_of("0123456789");
  return digits > 0 && digits < name.size() && name[digits] == '_' ? name.substr(digits + 1)
                                                                   : kLists;
}

// The functions of the backward pass whose numbers are below `end`, and not below the end of the
// stretch before, differentiate layers of this kind.
struct Stretch {
  uint64_t end;
  std::string kind;
};

const std::string& kind_at(const std::vector<Stretch>& stretches, uint64_t sequence) {
  static const std::string none = kLoss;
  auto found = std::upper_bound(stretches.begin(), stretches.end(), sequence,
                                [](uint64_t number, const Stretch& s) { return number < s.end; });
  return found == stretches.end() ? none : found->kind;
}

}  // namespace

std::map<std::string, LayerTime> layer_times(BenchSubject& subject) {
  std::map<std::string, LayerTime> times;
  std::vector<Stretch> stretches;
  OperatorRecord record(subject.device());
  double last = record.seconds();
  subject.pass([&](const Report& report) {
    LayerTime& time = times[kind_of(report.path)];
    double now = record.seconds();
    time.count += 1;
    time.forward += now - last;
    stretches.push_back({at::sequence_number::peek(), kind_of(report.path)});
    last = now;
  });
  double whole_backward = record.seconds() - last, told = 0;
  for (const BackwardCall& call : record.uses().backward) {
    times[kind_at(stretches, call.sequence)].backward += call.seconds;
    told += call.seconds;
  }
  times[kLoss].backward += std::max(0.0, whole_backward - told);
  return times;
}

}  // namespace diffeo
