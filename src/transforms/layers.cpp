#include "transforms/layers.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "core/listed.h"
#include "core/memory.h"
#include "transforms/sequence.h"

namespace diffeo {
namespace {

constexpr size_t kMostLayers = 100000;  // in one list, repeats written out

template <class C>
constexpr bool kKeepsShape =
    !std::is_same_v<C, SqueezeConfig> && !std::is_same_v<C, UnsqueezeConfig> &&
    !std::is_same_v<C, FlattenConfig> && !std::is_same_v<C, FactorOutConfig> &&
    !std::is_same_v<C, RepeatConfig>;

// Walks a list once, carrying the shape from layer to layer, and gathers what is wrong.
class Builder {
 public:
  Builder(Site site, std::vector<std::string>& errors)
      : whole_(site), site_(std::move(site)), errors_(errors) {}

  TransformPtr build(const std::vector<Layer>& layers) {
    auto split = std::find_if(layers.begin(), layers.end(), [](const Layer& layer) {
      return std::holds_alternative<FactorOutConfig>(layer.config);
    });
    add_all({layers.begin(), split});
    if (split != layers.end() && going_on_) {
      going_on_ =
          attempt(*split, [&](const auto&) { add_factor_out(*split, {split + 1, layers.end()}); });
    }
    return errors_.empty() ? std::make_shared<Sequence>(whole_, std::move(done_)) : nullptr;
  }

 private:
  // Whether the layers behind this one can be looked at.
  template <class Action>
  bool attempt(const Layer& layer, const Action& action) {
    return std::visit(
        [&]<class C>(const C& config) {
          try {
            action(config);
            return true;
          } catch (const Error& error) {
            errors_.push_back(joined(layer.place, " (", C::kType, "): ", error.what()));
            return kKeepsShape<C>;
          } catch (const c10::Error& error) {
            if (!memory_asked_for(error).empty()) throw;  // no fault of the configuration's
            errors_.push_back(joined(layer.place, " (", C::kType,
                                     "): cannot be built: ", error.what_without_backtrace()));
            return false;
          }
        },
        layer.config);
  }

  void add_all(const std::vector<Layer>& layers) {
    for (const Layer& layer : layers) {
      going_on_ = going_on_ && attempt(layer, [this](const auto& config) { add(config); });
    }
  }

  template <class C>
  void add(const C& config) {
    push(std::make_shared<typename C::Builds>(config, next_site(C::kType)));
  }

  // A body that fails once would fail alike every time.
  void add(const RepeatConfig& config) {
    size_t before = errors_.size();
    for (int64_t i = 0; i < config.times && errors_.size() == before; ++i) add_all(config.body);
  }

  void add(const FactorOutConfig&) {
    fail("belongs in the outermost list: all that follows it there is its inside");
  }

  void add_factor_out(const Layer& layer, const std::vector<Layer>& after) {
    Site here = next_site(FactorOutConfig::kType);
    TransformPtr rest =
        Builder(here.inside("rest", factored_half(here.input)), errors_).build(after);
    if (rest)
      push(std::make_shared<FactorOut>(std::get<FactorOutConfig>(layer.config), here, rest));
  }

  void push(TransformPtr layer) {
    site_.input = layer->output_shape();
    done_.push_back(std::move(layer));
    require(++count_ <= kMostLayers, "more than ", kMostLayers, " layers");
  }

  Site next_site(const char* type) const {
    return site_.inside(std::to_string(count_) + "_" + type, site_.input);
  }

  Site whole_, site_;
  std::vector<std::string>& errors_;
  std::vector<TransformPtr> done_;
  size_t count_ = 0;
  bool going_on_ = true;
};

}  // namespace

const char* type_of(const Layer& layer) {
  return std::visit([]<class C>(const C&) { return C::kType; }, layer.config);
}

TransformPtr build_layers(const std::vector<Layer>& layers, const Site& site) {
  std::vector<std::string> errors;
  TransformPtr whole = Builder(site, errors).build(layers);
  require(errors.empty(), listed(errors, "\n"));
  return whole;
}

}  // namespace diffeo
