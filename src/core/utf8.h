#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace diffeo {

// Length of the UTF-8 character at `at`, 0 where there is none (RFC 3629: no overlong forms, no
// surrogates).
size_t utf8_length(std::string_view text, size_t at);

bool is_utf8(std::string_view text);

// With small letters in place of the capitals A to Z.
std::string lower_case(std::string text);

}  // namespace diffeo
