#pragma once

#include <functional>
#include <vector>

#include "core/enums.h"
#include "nets/conditioner.h"
#include "nets/dense.h"

namespace diffeo {

enum class MadeBlocks { kPlain, kResidual };
template <>
struct EnumNames<MadeBlocks> {
  static constexpr std::array names{std::pair{"plain", MadeBlocks::kPlain},
                                    std::pair{"residual", MadeBlocks::kResidual}};
};

enum class Activation { kRelu, kTanh, kElu };
template <>
struct EnumNames<Activation> {
  static constexpr std::array names{std::pair{"relu", Activation::kRelu},
                                    std::pair{"tanh", Activation::kTanh},
                                    std::pair{"elu", Activation::kElu}};
};

struct MadeConfig {
  static constexpr const char* kDoc =
      "A masked network (MADE), whose numbers for a coordinate depend on those before it alone.";
  int64_t hidden = 64;
  int64_t depth = 2;
  MadeBlocks blocks = MadeBlocks::kPlain;
  Activation activation = Activation::kRelu;
  bool first_reads_context = true;
  double dropout = 0;

  template <class Archive>
  void fields(Archive& ar) {
    ar("hidden", hidden, "width of each hidden layer", between(1, 65536));
    ar("depth", depth, "hidden layers, or residual blocks", between(1, 1000));
    ar("blocks", blocks,
       "plain: layer after layer, the context beside the input (MAF's authors, zuko); residual: "
       "blocks of two layers, the context added in each (nflows)");
    ar("activation", activation, "between layers");
    ar("first_reads_context", first_reads_context,
       "whether units may read the context alone, so that the first coordinate's numbers depend on "
       "it (zuko), or are constants (nflows)");
    ar("dropout", dropout, "share of elements set to zero while training", between(0, 0.99));
  }
};

// Degrees of hidden units: lowest, lowest + 1, … , groups - 1, and again from the lowest. A unit of
// degree d reads coordinates of the first d groups.
std::vector<int64_t> made_degrees(int64_t units, int64_t groups, int64_t lowest);

// Which of the units of degrees `from` those of degrees `to` read, [to, from] of 0 and 1: those of
// no higher degree, or, for a network's outputs (strictly), of a lower one.
Tensor made_mask(const std::vector<int64_t>& to, const std::vector<int64_t>& from, bool strictly,
                 const Site& site);

// What a MADE is told of its coordinates.
struct MadeOrder {
  std::vector<int64_t> degrees;            // of each coordinate: 1 for the first group …
  std::vector<std::vector<int64_t>> rows;  // of the output, that are numbers of each group
};

// Germain et al. 2015: all numbers in one pass, because masks cut a network's weights so that an
// output of group g reads coordinates of the groups before g alone.
class Made final : public Conditioner {
 public:
  // Throws where hidden layers are too narrow for a unit of every degree: some coordinate would be
  // left out of what the others depend on.
  Made(const MadeConfig& config, const Site& site, MadeOrder order);

  // Coordinates group after group, [B, D]: `values` gives those of a group, [B, …] in rising order,
  // from the numbers of that group, [B, rows]. There is no dropout. Each unit is computed once,
  // when all that it reads is known: together the cost of one pass.
  using GroupValues = std::function<Tensor(int64_t group, const Tensor& numbers)>;
  Tensor in_order(const Tensor& like, const Pass& pass, const GroupValues& values) const;

 private:
  struct Block {
    std::shared_ptr<Dense> first, second, context;  // second, context: null in plain blocks
  };

  Tensor read(const Tensor& x, const Tensor& features) const override;
  Tensor do_forward(const Tensor& x, const Pass& pass) override;
  Tensor activated(const Tensor& h) const;
  void build(const MadeConfig& config, const Site& site);
  void sort_units(const Site& site);

  friend class MadeGrowth;

  std::string path_;
  double dropout_;
  MadeBlocks kind_;
  Activation activation_;
  MadeOrder order_;
  std::vector<int64_t> units_;  // degrees of the hidden units, in every layer
  int64_t context_ = 0;         // numbers of the context
  std::shared_ptr<Dense> first_, context_layer_, last_;  // context_layer_: null in plain nets
  std::vector<Block> blocks_;
  Tensor first_mask_, hidden_mask_, last_mask_;        // as the weights
  Tensor sorted_units_, sorted_inputs_, sorted_rows_;  // int64, by degree; the context last
};

}  // namespace diffeo
