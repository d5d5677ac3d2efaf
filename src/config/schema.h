#pragma once

#include <string>

namespace diffeo {

// JSON Schema (draft 7) of a configuration, for editors: keys, types, ranges, defaults and
// meanings.
std::string schema_json();

// Every key with its type, default, range and meaning, in Markdown.
std::string reference();

}  // namespace diffeo
