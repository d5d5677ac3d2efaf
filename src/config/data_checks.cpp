#include "config/data_checks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <optional>

#include "data/columns.h"

namespace diffeo {
namespace {

// The flow's dequantizer, and where it stands.
struct FoundDequantizer {
  const DequantizeConfig* config = nullptr;  // null: there is none
  std::string place = {};
};

FoundDequantizer dequantizer_in(const std::vector<Layer>& layers) {
  for (const Layer& layer : layers) {
    if (auto* found = std::get_if<DequantizeConfig>(&layer.config)) return {found, layer.place};
    auto* repeat = std::get_if<RepeatConfig>(&layer.config);
    FoundDequantizer inside = repeat ? dequantizer_in(repeat->body) : FoundDequantizer{};
    if (inside.config != nullptr) return inside;
  }
  return {};
}

// What a dequantizer makes of the values that pixels have.
struct Levels {
  int64_t values;   // different ones
  int64_t bins;     // that they fall into
  int64_t largest;  // value
};

Levels levels_of(const DequantizeConfig& dequantizer, const Tensor& pixels) {
  Tensor values = at::bincount(pixels.flatten()).nonzero().flatten();
  Tensor bins = values.bitwise_right_shift(dequantizer.data_bits - dequantizer.bits);
  return {values.numel(), std::get<0>(at::unique_consecutive(bins)).numel(),
          values[-1].item<int64_t>()};
}

// The levels of pixels of which none has the highest bit, where a dequantizer drops bits: they hold
// fewer bits than it is told. Nothing where they do not, or where they have only one value.
std::optional<Levels> doubtful_levels(const DequantizeConfig* dequantizer, const Dataset& images) {
  if (dequantizer == nullptr || dequantizer->bits == dequantizer->data_bits) return {};
  Levels levels = levels_of(*dequantizer, images.examples);
  bool has_highest_bit = levels.largest >> (dequantizer->data_bits - 1) != 0;
  return has_highest_bit || levels.values == 1 ? std::nullopt : std::optional(levels);
}

std::string doubt_text(const FoundDequantizer& dequantizer, const Levels& levels,
                       const std::string& split) {
  int64_t needed = std::bit_width(static_cast<uint64_t>(levels.largest));
  auto [bits, data_bits] = std::pair(dequantizer.config->bits, dequantizer.config->data_bits);
  std::string cure = joined("data_bits: ", needed);
  if (bits > needed) cure = joined("bits: ", needed, ", ", cure);
  return joined(dequantizer.place, " (dequantize): takes the leading bits: ", bits,
                " of data_bits: ", data_bits, ", but the largest value in ", split, " is ",
                levels.largest, ", which is one of ", needed, needed == 1 ? " bit" : " bits",
                ": of ", levels.values, " different values ", levels.bins,
                levels.bins == 1 ? " is" : " are",
                " left, and bits/dim would be of those; for data of that size set ", cure);
}

// What a layer maps that takes each element of its input alone, as its configuration says.
std::optional<Domain> domain_of(const Layer& layer) {
  auto of_map = [](const MapConfig& map) {
    auto* spline = std::get_if<RationalQuadraticConfig>(&map);
    return spline ? spline->domain() : std::optional<Domain>();
  };
  if (auto* config = std::get_if<ElementwiseConfig>(&layer.config)) return of_map(config->map);
  if (auto* config = std::get_if<AutoregressiveConfig>(&layer.config)) return of_map(config->map);
  return {};
}

std::optional<OutsideDomain> first_outside_of(const Layer& layer, const Tensor& x) {
  if (auto* logit = std::get_if<LogitConfig>(&layer.config))
    return Logit(*logit, {.input = event_shape(x)}).outside_domain(x);
  std::optional<Domain> domain = domain_of(layer);
  return domain ? first_outside(x, *domain) : std::optional<OutsideDomain>();
}

// Vectors [N, D] as the layers read them.
Tensor as_read(const Config& config, const Tensor& vectors) {
  if (!data_is_standardised(config.data)) return vectors;
  Standardiser units(
      {.input = event_shape(vectors), .options = vectors.options().dtype(at::kFloat)});
  units.set(vectors);
  return units.forward(vectors).value;
}

// Beyond these first layers only a pass can tell.
void require_domain(const std::vector<Layer>& flow, Tensor x) {
  for (const Layer& layer : flow) {
    if (auto* scale = std::get_if<ScaleConfig>(&layer.config)) {
      x = x * scale->factor + scale->shift;
      continue;
    }
    std::optional<OutsideDomain> outside = first_outside_of(layer, x);
    if (!outside) return;
    fail(Exit::kData, "train: example ", outside->example, " has the density 0: ", layer.place,
         " (", type_of(layer), ") ", outside->what,
         "; rescale the data, or scale them in a layer before it");
  }
}

std::string classes_doubt(const Tensor& labels, int64_t classes) {
  if (!labels.defined()) return {};
  Tensor missing = (at::bincount(labels, {}, classes) == 0).nonzero().flatten();
  std::string names;
  for (int64_t i = 0; i < std::min<int64_t>(missing.numel(), 8); ++i)
    names += joined(i ? ", " : "", missing[i].item<int64_t>());
  if (missing.numel() > 8) names += joined(" and ", missing.numel() - 8, " more");
  return names.empty()
             ? ""
             : joined("train: no example is of class ", names, " of data.classes: ", classes,
                      "; the flow learns nothing of what it lacks");
}

}  // namespace

int64_t expected_levels(const Config& config) {
  const DequantizeConfig* dequantizer = dequantizer_in(config.flow).config;
  int64_t levels = data_levels(config.data);
  return dequantizer ? std::min(levels, int64_t{1} << dequantizer->data_bits) : levels;
}

Data fitting_data(const Config& config) {
  Data data = load_data(config.data, static_cast<uint64_t>(config.seed));
  for (const auto& [name, examples] : data.splits) require_levels(config, examples, name);
  if (!data.splits.contains("train")) return data;  // a known density
  if (!data_is_image(config.data))
    require_domain(config.flow, as_read(config, data.split("train").examples));
  FoundDequantizer dequantizer = dequantizer_in(config.flow);
  std::optional<Levels> doubtful = doubtful_levels(dequantizer.config, data.split("train"));
  if (doubtful && doubtful->bins == 1)
    fail(Exit::kData, doubt_text(dequantizer, *doubtful, "train"));
  return data;
}

void require_levels(const Config& config, const Dataset& examples, const std::string& split) {
  const DequantizeConfig* dequantizer = dequantizer_in(config.flow).config;
  if (dequantizer == nullptr || examples.size() == 0) return;
  int64_t most = (int64_t{1} << dequantizer->data_bits) - 1;
  if (most >= data_levels(config.data) - 1) return;  // whatever the values are, which may be many
  int64_t largest = examples.examples.max().item<int64_t>();
  require(largest <= most, Exit::kData, split, ": the largest value is ", largest,
          ", but the flow's dequantize has data_bits: ", dequantizer->data_bits, ", values up to ",
          most);
}

std::string levels_doubt(const Config& config, const Dataset& examples, const std::string& split) {
  FoundDequantizer dequantizer = dequantizer_in(config.flow);
  std::optional<Levels> doubtful = doubtful_levels(dequantizer.config, examples);
  return doubtful ? doubt_text(dequantizer, *doubtful, split) : "";
}

std::vector<std::string> data_doubts(const Config& config, const Data& data) {
  std::vector<std::string> doubts = data.notes();
  auto train = data.splits.find("train");
  if (train == data.splits.end()) return doubts;  // a known density
  const Dataset& examples = train->second;
  if (!data_is_image(config.data)) {
    for (const std::string& doubt : column_doubts(as_read(config, examples.examples)))
      doubts.push_back("train: " + doubt);
  }
  for (const std::string& doubt : {levels_doubt(config, examples, "train"),
                                   classes_doubt(examples.labels, data_classes(config.data))}) {
    if (!doubt.empty()) doubts.push_back(doubt);
  }
  return doubts;
}

}  // namespace diffeo
