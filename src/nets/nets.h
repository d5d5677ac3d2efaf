#pragma once

#include <variant>

#include "nets/gated_nets.h"
#include "nets/glow_net.h"
#include "nets/mlp.h"
#include "nets/residual_net.h"
#include "nets/resnet.h"

namespace diffeo {

// Every network a configuration can name, in the alphabet's order.
using ConditionerConfig = std::variant<GatedAttentionNetConfig, GatedConvNetConfig, GlowNetConfig,
                                       MlpConfig, ResidualNetConfig, ResNetConfig>;

// Throws when the network cannot read the site's input. `outputs`: channels it writes.
std::shared_ptr<Conditioner> make_conditioner(const ConditionerConfig& config, const Site& site,
                                              int64_t outputs);

}  // namespace diffeo
