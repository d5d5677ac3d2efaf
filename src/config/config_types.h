#pragma once

#include "config/type_info.h"

namespace diffeo {

TypeInfo config_type();  // of Config
TypeInfo layer_type();   // of LayerConfig

}  // namespace diffeo
