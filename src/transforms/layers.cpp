#include "transforms/layers.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "core/listed.h"
#include "core/memory.h"

namespace diffeo {
namespace {

constexpr size_t kMostLayers = 100000;  // in one list, repeats written out

// Walks a list once, carrying the shape from layer to layer, and gathers what is wrong.
class Builder {
 public:
  Builder(Site site, std::vector<std::string>& errors)
      : whole_(site), site_(std::move(site)), errors_(errors) {}

  std::shared_ptr<Sequence> build(const std::vector<Layer>& layers) {
    add_all(layers);
    return errors_.empty() ? std::make_shared<Sequence>(whole_, std::move(done_)) : nullptr;
  }

 private:
  void add_all(const std::vector<Layer>& layers) {
    for (const Layer& layer : layers) {
      if (going_on_ && !attempt(layer)) going_on_ = false;
    }
  }

  // Whether the layers behind this one can be looked at.
  bool attempt(const Layer& layer) {
    return std::visit(
        [&]<class C>(const C& config) {
          try {
            add(config);
            return true;
          } catch (const Error& error) {
            errors_.push_back(joined(layer.place, " (", C::kType, "): ", error.what()));
            return keeps_shape<C>();
          } catch (const c10::Error& error) {
            if (!memory_asked_for(error).empty()) throw;  // no fault of the configuration's
            errors_.push_back(joined(layer.place, " (", C::kType,
                                     "): cannot be built: ", error.what_without_backtrace()));
            return false;
          }
        },
        layer.config);
  }

  template <class C>
  void add(const C& config) {
    std::string name = joined(done_.size(), "_", C::kType);
    done_.push_back(std::make_shared<typename C::Builds>(config, site_.inside(name, site_.input)));
    site_.input = done_.back()->output_shape();
    require(done_.size() <= kMostLayers, "more than ", kMostLayers, " layers");
  }

  // A body that fails once would fail alike every time.
  void add(const RepeatConfig& config) {
    size_t before = errors_.size();
    for (int64_t i = 0; i < config.times && errors_.size() == before; ++i) add_all(config.body);
  }

  Site whole_, site_;
  std::vector<std::string>& errors_;
  std::vector<TransformPtr> done_;
  bool going_on_ = true;
};

}  // namespace

bool samples_by_class(const std::vector<Layer>& layers) {
  return std::any_of(layers.begin(), layers.end(), [](const Layer& layer) {
    return std::visit([](const auto& config) { return samples_by_class(config); }, layer.config);
  });
}

bool RepeatConfig::samples_by_class() const { return diffeo::samples_by_class(body); }

bool reads_features(const std::vector<Layer>& layers) {
  auto reads = []<class C>(const C& config) {
    if constexpr (requires { config.context == Context::kFeatures; }) {
      return config.context == Context::kFeatures;
    } else if constexpr (requires { config.body; }) {
      return reads_features(config.body);
    } else if constexpr (requires { config.noise; }) {
      return !config.features && reads_features(config.noise);
    } else {
      return false;
    }
  };
  return std::any_of(layers.begin(), layers.end(),
                     [&](const Layer& layer) { return std::visit(reads, layer.config); });
}

const char* type_of(const Layer& layer) {
  return std::visit([]<class C>(const C&) { return C::kType; }, layer.config);
}

std::shared_ptr<Sequence> build_layers(const std::vector<Layer>& layers, const Site& site) {
  std::vector<std::string> errors;
  std::shared_ptr<Sequence> whole = Builder(site, errors).build(layers);
  require(errors.empty(), listed(errors, "\n"));
  return whole;
}

}  // namespace diffeo
