#pragma once

#include <string>
#include <vector>

#include "core/shape.h"

namespace diffeo {

// Real vectors [N, D] have no density, or not one that single precision can hold, in more ways than
// their likelihood lets on: it only looks good. These look at each column, and at 4096 examples
// evenly spaced over the set where there are more.

// Throws Exit::kData, `file` first, where single precision cannot hold the values of a column of
// doubles apart: of those that differ by more than the rounding of double precision, at least half
// become equal. Seconds since 1970 are of this kind. Any other type is taken as it is meant.
void require_single_precision(const std::string& file, const Tensor& vectors);

// What else makes likelihoods of these vectors meaningless or hard to reach, a sentence for each
// kind, with the columns: constant ones; those of few distinct values or with one value in a tenth
// of the examples (of 500 and more); those that others determine by a linear formula, copies among
// them (of 512 columns at most); units so small or large that layers' epsilons or squares fail.
std::vector<std::string> column_doubts(const Tensor& vectors);

}  // namespace diffeo
