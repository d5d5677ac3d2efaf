#pragma once

#include <string>
#include <string_view>

namespace diffeo {

class Input;

// What a file is whose first bytes are not those that a reader expects, for the end of its message:
// "; it is a gzip file, unpack it first", or nothing where no known kind begins so. Some downloads
// that failed, and some archives, bear the name of what they should be.
std::string actual_kind(std::string_view first_bytes);

// The same where `start` has been read from `in`, of which this reads on.
std::string actual_kind(Input& in, std::string start);

}  // namespace diffeo
