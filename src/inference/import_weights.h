#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "config/weight_map.h"
#include "io/safetensors.h"

namespace diffeo {

// The tensors of a safetensors file of another program, as those of a model: for each of `model`'s
// names one of its shape and type. Without a map the names are the model's own. Strict: names that
// have nothing, or more than one thing, to come from, names in the file that nothing asks for,
// patterns that match different numbers of names and shapes that do not fit are all listed in one
// Exit::kCheckpoint.
NamedTensors imported_weights(const std::filesystem::path& file,
                              const std::optional<std::string>& map, const NamedTensors& model);

// The same of tensors at hand; `place` begins the message.
NamedTensors mapped_weights(const NamedTensors& source, const WeightMap& map,
                            const NamedTensors& model, const std::string& place);

}  // namespace diffeo
