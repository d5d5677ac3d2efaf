#include "golden/golden.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "io/json.h"

namespace diffeo::golden {
namespace {

std::filesystem::path folder(const std::string& family) {
  const char* given = std::getenv("DIFFEO_GOLDEN");
  return (given ? std::filesystem::path(given)
                : std::filesystem::path(DIFFEO_SOURCE) / "../shared/golden") /
         family;
}

// An observed error stands as a number, or as {max_abs, max_rel}; the second serves tensors of the
// group larger than the one it was observed of.
double observed_error(const nlohmann::json& errors, const std::string& group, double scale) {
  auto found = errors.find(group);
  if (found == errors.end()) return 0;
  if (!found->is_object()) return found->get<double>();
  return std::max(found->at("max_abs").get<double>(), found->at("max_rel").get<double>() * scale);
}

double largest(const Tensor& t) { return t.numel() ? t.abs().max().item<double>() : 0; }

}  // namespace

void PrintTo(const Case& c, std::ostream* out) { *out << c.family << "/" << c.name(); }

std::vector<Case> cases(const std::string& family) {
  std::filesystem::path index = folder(family) / "INDEX.json";
  if (!std::filesystem::exists(index)) return {{family, nullptr}};
  std::vector<Case> all;
  const nlohmann::json whole = load_json(index);
  for (const nlohmann::json& entry : whole.at("cases")) all.push_back({family, entry});
  return all;
}

std::vector<Case> cases(const std::string& family, bool (*wanted)(const Case&)) {
  std::vector<Case> some;
  for (Case& c : cases(family)) {
    if (c.entry.is_null() || wanted(c)) some.push_back(std::move(c));
  }
  return some;
}

NamedTensors load(const Case& c) {
  NamedTensors merged;
  for (const auto& file : c.entry.at("files")) {
    merged.merge(load_safetensors(folder(c.family) / file.get<std::string>()).tensors);
  }
  return merged;
}

std::string test_name(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name();
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

double Comparison::tolerance(double scale, const std::string& group) const {
  bool twice = precision_ == at::kDouble;
  if (case_.entry.contains("tolerance")) {
    const nlohmann::json& own = case_.entry.at("tolerance").at(twice ? "float64" : "float32");
    return own.at("atol").get<double>() + own.at("rtol").get<double>() * scale;
  }
  if (twice) return 1e-9 * scale;
  double last_place = std::ldexp(scale, -23);
  return std::max(4 * observed_error(case_.entry.at("observed_error"), group, scale),
                  8 * last_place);
}

void Comparison::operator()(const std::string& what, const Tensor& ours, const Tensor& theirs,
                            const std::string& group, double scale) {
  ASSERT_EQ(ours.sizes(), theirs.sizes()) << what;
  Tensor expected = theirs.to(at::kDouble);
  double error = largest(ours.to(at::kDouble) - expected);
  scale = std::max(scale, largest(expected));
  EXPECT_LE(error, tolerance(scale, group)) << what << ", of the size of " << scale;
  ++count_;
  if (scale > 0 && error / scale > worst_) {
    worst_ = error / scale;
    worst_what_ = what;
  }
}

Comparison::~Comparison() {
  if (count_ == 0) return;
  std::cout << case_.family << "/" << case_.name() << " " << at::toString(precision_) << ": "
            << count_ << " tensors, largest deviation " << worst_
            << " of its tensor's largest value (" << worst_what_ << ")\n";
}

Tensor image_of(const Tensor& nhwc) { return nhwc.permute({0, 3, 1, 2}).contiguous(); }

Tensor kernel_of(const Tensor& hwio) { return hwio.permute({3, 2, 0, 1}).contiguous(); }

Tensor Recorded::drawn(const std::string& path, const Tensor& like) const {
  auto found = draws_.find(path);
  require(found != draws_.end(), path, ": no recorded noise");
  return found->second.to(like.scalar_type());
}

std::vector<std::string> assign(torch::nn::Module& module, const NamedTensors& values) {
  at::NoGradGuard no_grad;
  NamedTensors ours;
  for (auto& p : module.named_parameters()) ours[p.key()] = p.value();
  for (auto& b : module.named_buffers()) ours[b.key()] = b.value();
  for (const auto& [name, value] : values) {
    auto found = ours.find(name);
    if (found == ours.end()) {
      ADD_FAILURE() << "no parameter or buffer is called " << name;
      continue;
    }
    EXPECT_EQ(found->second.numel(), value.numel()) << name;
    found->second.copy_(value.reshape(found->second.sizes()));
    ours.erase(found);
  }
  std::vector<std::string> left;
  for (const auto& [name, tensor] : ours) left.push_back(name);
  return left;
}

Observer Trace::observer() {
  return [this](const Report& report) {
    values[report.path] = report.output;
    log_dets[report.path] = report.log_det.defined() ? report.log_det : zero_log_det(report.output);
    if (!report.ended.empty()) ended[report.path] = report.ended[0];
  };
}

}  // namespace diffeo::golden
