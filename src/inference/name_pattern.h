#pragma once

#include <string>
#include <vector>

namespace diffeo {

// Names such as "flow.3_actnorm.norm.b" by patterns in which `*` stands for any whole number:
// "flow.*_actnorm.norm.b".

// The names that match, by their numbers in rising order, the leftmost number first.
std::vector<std::string> matching(const std::string& pattern,
                                  const std::vector<std::string>& names);

// "{last}" in a pattern replaced by the largest number that `*` in its place would match; as it is
// where there is none.
std::string with_last_number(const std::string& pattern, const std::vector<std::string>& names);

}  // namespace diffeo
