#include "nets/nets.h"

namespace diffeo {

std::shared_ptr<Conditioner> make_conditioner(const ConditionerConfig& config, const Site& site,
                                              int64_t outputs) {
  auto build = [&]<class C>(const C& c) -> std::shared_ptr<Conditioner> {
    return std::make_shared<typename C::Builds>(c, site, outputs);
  };
  return std::visit(build, config);
}

}  // namespace diffeo
