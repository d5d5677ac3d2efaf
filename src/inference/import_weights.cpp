#include "inference/import_weights.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/listed.h"
#include "inference/name_pattern.h"
#include "inference/weight_steps.h"
#include "learn/named_weights.h"

namespace diffeo {
namespace {

using Names = std::vector<std::string>;

Names names_of(const NamedTensors& tensors) {
  Names names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  return names;
}

Shape without_ones(const Tensor& tensor) {
  Shape shape = tensor.sizes().vec();
  std::erase(shape, 1);
  return shape;
}

class Import {
 public:
  Import(const NamedTensors& source, const WeightMap& map, const NamedTensors& model)
      : source_(source), map_(map), model_(model), file_names_(names_of(source)) {
    // What an entry names outright, its star-bearing neighbours leave to it.
    for (const MappedWeight& entry : map.weights) {
      for (const std::string& pattern : entry.from) {
        std::string resolved = with_last_number(pattern, file_names_);
        if (resolved.find('*') == std::string::npos) outright_.insert(resolved);
      }
    }
  }

  NamedTensors result(const std::string& place) {
    for (const MappedWeight& entry : map_.weights) add(entry);
    find_leftovers();
    if (!faults_.empty())
      fail(Exit::kCheckpoint, place, ": does not fit this model:\n  ", listed(faults_, "\n  "));
    return std::move(made_);
  }

 private:
  Names found_in_file(const std::string& pattern) const {
    std::string resolved = with_last_number(pattern, file_names_);
    Names found = matching(resolved, file_names_);
    if (resolved.find('*') != std::string::npos)
      std::erase_if(found, [&](const std::string& name) { return outright_.contains(name); });
    if (map_.reversed) std::reverse(found.begin(), found.end());
    return found;
  }

  void add(const MappedWeight& entry) {
    Names targets = matching(entry.to, names_of(model_));
    std::vector<Names> sources;
    for (const std::string& pattern : entry.from) {
      sources.push_back(found_in_file(pattern));
      used_.insert(sources.back().begin(), sources.back().end());
      if (sources.back().size() != targets.size()) {
        faults_.push_back(joined(entry.to, ": ", targets.size(), " in the model, but ",
                                 sources.back().size(), " in the file (", pattern, ")"));
        claimed_.insert(targets.begin(), targets.end());
        return;
      }
    }
    for (size_t i = 0; i < targets.size(); ++i) {
      std::vector<Tensor> parts;
      for (const Names& names : sources) parts.push_back(source_.at(names[i]));
      give(entry, targets[i], parts);
    }
  }

  void give(const MappedWeight& entry, const std::string& name, const std::vector<Tensor>& parts) {
    const Tensor& target = model_.at(name);
    if (!claimed_.insert(name).second) faults_.push_back(name + ": is given twice by the map");
    try {
      Tensor made = entry.value ? at::full_like(target, *entry.value) : after(entry.steps, parts);
      require(without_ones(made) == without_ones(target), "has shape ", made.sizes(), ", expected ",
              target.sizes());
      made_[name] = made.reshape(target.sizes()).to(target.scalar_type());
    } catch (const Error& error) {
      faults_.push_back(joined(name, ": ", error.what()));
    }
  }

  void find_leftovers() {
    for (const auto& [name, tensor] : model_) {
      if (!claimed_.contains(name))
        faults_.push_back(name + ": nothing in the map says where it comes from");
    }
    for (const std::string& pattern : map_.unused) {
      Names names = matching(pattern, file_names_);
      used_.insert(names.begin(), names.end());
    }
    for (const std::string& name : file_names_) {
      if (!used_.contains(name)) faults_.push_back(name + ": is in the file, and nothing takes it");
    }
  }

  const NamedTensors& source_;
  const WeightMap& map_;
  const NamedTensors& model_;
  Names file_names_;
  std::set<std::string> outright_, used_;  // in the file
  std::set<std::string> claimed_;          // in the model
  NamedTensors made_;
  Names faults_;
};

}  // namespace

NamedTensors mapped_weights(const NamedTensors& source, const WeightMap& map,
                            const NamedTensors& model, const std::string& place) {
  return Import(source, map, model).result(place);
}

NamedTensors imported_weights(const std::filesystem::path& file,
                              const std::optional<std::string>& map, const NamedTensors& model) {
  require(file.extension() == ".safetensors", Exit::kUsage, "--init: ", file.string(),
          ": expected a file that ends in .safetensors; in Python, safetensors.torch.save_file("
          "model.state_dict(), \"weights.safetensors\") writes one");
  NamedTensors source = load_safetensors(file, Exit::kCheckpoint).tensors;
  return map ? mapped_weights(source, read_weight_map(*map), model, file.string()) : source;
}

}  // namespace diffeo
