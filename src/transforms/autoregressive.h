#pragma once

#include <optional>
#include <vector>

#include "nets/made.h"
#include "transforms/context.h"
#include "transforms/maps.h"

namespace diffeo {

enum class Order { kSequential, kReversed, kRandom };
template <>
struct EnumNames<Order> {
  static constexpr std::array names{std::pair{"sequential", Order::kSequential},
                                    std::pair{"reversed", Order::kReversed},
                                    std::pair{"random", Order::kRandom}};
};

struct AutoregressiveConfig {
  using Builds = class Autoregressive;
  static constexpr const char* kType = "autoregressive";
  static constexpr const char* kDoc =
      "Maps each coordinate of a vector with numbers computed from those before it (MAF).";
  MapConfig map;
  MadeConfig net;
  Order order = Order::kSequential;
  std::optional<std::vector<int64_t>> places = {};
  int64_t passes = 0;
  Context context = Context::kNone;

  bool samples_by_class() const { return context == Context::kClass; }

  template <class Archive>
  void fields(Archive& ar) {
    ar("map", map, "the elementwise map");
    ar("net", net, "the masked network");
    ar("order", order,
       "in which the coordinates depend on each other; random: drawn from the seed");
    ar("places", places, "of each coordinate in that order, from 0, instead of `order`",
       at_least(0));
    ar("passes", passes,
       "groups that the order is cut into, which sampling computes one after the other; 0: each "
       "coordinate for itself, 2: a coupling (zuko)",
       at_least(0));
    ar("context", context, "what the network reads beside the coordinates");
  }
};

// z_i = f(x_i; numbers computed from the x_j before x_i) (Papamakarios et al. 2017; Germain et al.
// 2015). The density takes one pass of the network, the inverse goes coordinate by coordinate and
// computes every hidden unit once.
class Autoregressive final : public Transform {
 public:
  Autoregressive(const AutoregressiveConfig& config, const Site& site);
  std::optional<OutsideDomain> outside_domain(const Tensor& x) const override;
  Tensor inverse_evaluations(const Tensor& z, const Pass& pass) override;

 private:
  Mapped do_forward(const Tensor& x, const Pass& pass) override;
  Tensor do_inverse(const Tensor& z, const Pass& pass) override;
  Mapped do_inverse_with_log_det(const Tensor& z, const Pass& pass) override;

  Pass with_context(const Tensor& like, const Pass& pass) const;
  // The inverse; of each group, `also` is given its coordinates and their numbers.
  using Group = std::function<void(const Tensor& x, const Tensor& numbers)>;
  Tensor solved(const Tensor& z, const Pass& pass, const Group& also) const;

  Context context_;
  Shape context_shape_;
  std::vector<Tensor> groups_;  // coordinates of each, int64
  std::shared_ptr<ElementwiseMap> map_;
  std::shared_ptr<Made> net_;
};

}  // namespace diffeo
