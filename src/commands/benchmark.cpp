#include "commands/benchmark.h"

#include <ATen/Parallel.h>

#include <nlohmann/json.hpp>

#include "commands/layer_times.h"
#include "commands/machine_rates.h"
#include "commands/repetition.h"
#include "core/hardware.h"
#include "core/tensor_memory.h"

namespace diffeo {
namespace {

using Json = nlohmann::json;

constexpr double kTimedInRound = 8;  // five of the subject, three of the machine

// Seconds of a batch, each a median.
struct Round {
  double train, passes, forward, sample, data;
  MachineRates machine;
};

Round timed(BenchSubject& subject, const MachineProbe& machine, double seconds) {
  double each = seconds / kTimedInRound;
  auto time = [&](void (BenchSubject::*action)()) {
    return median(repeated(each, subject.device(), [&] { (subject.*action)(); }));
  };
  return {time(&BenchSubject::train),      time(&BenchSubject::passes),
          time(&BenchSubject::forward),    time(&BenchSubject::sample),
          time(&BenchSubject::draw_batch), machine.measure(each)};
}

// A subject with what one step of it asks of LibTorch, and its rounds so far.
class Timing {
 public:
  explicit Timing(BenchSubject& subject)
      : subject_(subject),
        uses_(uses_of_step(subject)),
        machine_(subject.options(), uses_.convolution) {}

  void add_round(double seconds) { rounds_.push_back(timed(subject_, machine_, seconds)); }

  const std::vector<Round>& rounds() const { return rounds_; }

  Json report() const {
    Json json = description();
    json["train"] = speed(&Round::train);
    json["forward"] = speed(&Round::forward);
    json["sample"] = speed(&Round::sample);
    json["train"].update(work());
    json["data"] = {{"batches_per_second", 1 / over([](const Round& r) { return r.data; })}};
    json["update"] = {{"milliseconds", 1e3 * over([](const Round& r) {
                                         return std::max(0.0, r.train - r.passes);
                                       })}};
    json["start"] = {{"seconds", subject_.seconds_to_first_step()}};
    json.update(machine());
    json["peak_bytes"] = subject_.peak_bytes();
    json["process_peak_bytes"] = process_peak_bytes();
    json["layers"] = layers();
    json["operators"] = operators();
    json["inverses"] = inverses();
    return json;
  }

 private:
  static OperatorUses uses_of_step(BenchSubject& subject) {
    OperatorRecord record(subject.device());
    subject.train();
    return record.uses();
  }

  double over(const auto& value) const {
    std::vector<double> values;
    for (const Round& round : rounds_) values.push_back(value(round));
    return median(values);
  }

  Json description() const {
    return {
        {"parameters", subject_.parameters()},        {"shape", data_shape(subject_.config().data)},
        {"batch_size", subject_.examples()},          {"examples", subject_.unit().examples()},
        {"device", hardware_text(subject_.device())}, {"threads", at::get_num_threads()}};
  }

  Json speed(double Round::* seconds) const {
    double batch = over([&](const Round& round) { return round.*seconds; });
    return {{"examples_per_second", static_cast<double>(subject_.examples()) / batch},
            {"milliseconds", 1e3 * batch}};
  }

  Json work() const {
    double seconds = over([](const Round& round) { return round.train; });
    return {{"operator_calls", uses_.calls},
            {"flops_per_second", uses_.flops / seconds},
            {"state_bytes", subject_.state_bytes()},
            {"passes_over_state", uses_.bytes / subject_.state_bytes()}};
  }

  // Shares are of the same round: a machine that is busy is so for both.
  Json machine() const {
    auto share = [&](double MachineRates::* rate) {
      return over([&](const Round& r) { return uses_.flops / r.train / (r.machine.*rate); });
    };
    auto rate = [&](double MachineRates::* member) {
      return over([&](const Round& round) { return round.machine.*member; });
    };
    Json convolution, convolution_share;
    if (uses_.convolution) {
      convolution = {{"flops_per_second", rate(&MachineRates::convolution)},
                     {"input", uses_.convolution->input},
                     {"weight", uses_.convolution->weight}};
      convolution_share = share(&MachineRates::convolution);
    }
    return {{"machine",
             {{"gemm_flops_per_second", rate(&MachineRates::gemm)},
              {"convolution", convolution},
              {"copy_bytes_per_second", rate(&MachineRates::copy)}}},
            {"share_of_gemm", share(&MachineRates::gemm)},
            {"share_of_convolution", convolution_share}};
  }

  Json layers() const {
    Json list = Json::array();
    for (const auto& [kind, time] : layer_times(subject_)) {
      list.push_back({{"kind", kind},
                      {"count", time.count},
                      {"forward_milliseconds", 1e3 * time.forward},
                      {"backward_milliseconds", 1e3 * time.backward}});
    }
    return list;
  }

  Json operators() const {
    static constexpr const char* kinds[] = {"product", "memory", "view"};
    Json list = Json::array();
    for (const auto& [name, use] : uses_.operators) {
      list.push_back({{"name", name},
                      {"kind", kinds[static_cast<int>(use.kind)]},
                      {"calls", use.calls},
                      {"milliseconds", 1e3 * use.seconds}});
    }
    return list;
  }

  Json inverses() const {
    Json list = Json::array();
    for (const auto& [path, mean] : subject_.inverse_evaluations())
      list.push_back({{"path", path}, {"evaluations", mean}});
    return list;
  }

  BenchSubject& subject_;
  OperatorUses uses_;
  MachineProbe machine_;
  std::vector<Round> rounds_;
};

Json ratio(const Timing& first, const Timing& second, double Round::* seconds) {
  std::vector<double> ratios;
  for (size_t i = 0; i < first.rounds().size(); ++i)
    ratios.push_back(first.rounds()[i].*seconds / (second.rounds()[i].*seconds));
  Spread spread(ratios);
  return {{"median", spread.median}, {"least", spread.least}, {"most", spread.most}};
}

}  // namespace

Json benchmark(BenchSubject& subject, const BenchOptions& options) {
  Timing timing(subject);
  for (int64_t i = 0; i < options.rounds; ++i)
    timing.add_round(options.seconds / static_cast<double>(options.rounds));
  return timing.report();
}

Json compared(BenchSubject& first, BenchSubject& second, const BenchOptions& options) {
  Timing a(first), b(second);
  double seconds = options.seconds / static_cast<double>(options.rounds);
  for (int64_t i = 0; i < options.rounds; ++i) {
    // Who comes first changes, so that a machine that slows down slows both.
    (i % 2 == 0 ? a : b).add_round(seconds);
    (i % 2 == 0 ? b : a).add_round(seconds);
  }
  double scale = static_cast<double>(second.examples()) / static_cast<double>(first.examples());
  Json ratios = {{"train", ratio(a, b, &Round::train)},
                 {"forward", ratio(a, b, &Round::forward)},
                 {"sample", ratio(a, b, &Round::sample)}};
  for (Json& spread : ratios) {
    for (Json& value : spread) value = value.get<double>() * scale;
  }
  return {{"settings", {a.report(), b.report()}}, {"ratios", ratios}};
}

Json step_cost(BenchSubject& subject, double seconds) {
  double step = median(repeated(seconds, subject.device(), [&] { subject.train(); }));
  return {{"milliseconds", 1e3 * step}, {"peak_bytes", subject.peak_bytes()}};
}

}  // namespace diffeo
