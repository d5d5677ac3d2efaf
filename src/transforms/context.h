#pragma once

#include "core/enums.h"
#include "core/pass.h"
#include "core/site.h"

namespace diffeo {

// What a network reads beside its input.
enum class Context { kNone, kFeatures, kClass };
template <>
struct EnumNames<Context> {
  static constexpr std::array names{std::pair{"none", Context::kNone},
                                    std::pair{"features", Context::kFeatures},
                                    std::pair{"class", Context::kClass}};
};

// Shape of the context beside an input of `input`'s shape; empty for none. Throws when there are no
// features here, or no labels.
Shape context_shape(Context context, const Site& site, const Shape& input);

// The context itself, [B, ...context_shape]: the pass's features, or its labels one-hot; vectors at
// every position of an image. Undefined for none. `like`: the input it stands beside. Throws when
// this pass has no labels.
Tensor context_of(Context context, const Pass& pass, const Tensor& like, const Shape& shape);

// The labels one-hot, [B, classes], in the precision of `like`. Throws when this pass has none.
Tensor one_hot_labels(const Pass& pass, const Tensor& like, int64_t classes);

// Throws unless the site's data are labelled.
void require_labels(const Site& site, const char* key);

}  // namespace diffeo
