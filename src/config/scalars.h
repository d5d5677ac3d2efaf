#pragma once

#include <cstdint>
#include <string>

#include "config/yaml_node.h"
#include "core/range.h"

namespace diffeo {

// Reads a scalar strictly. Returns what is wrong, "expected ..., found ...", or nothing after
// setting `value`.
//
//   bool     true and false only
//   int64_t  decimal digits, or a float that is whole: 1e5
//   double   decimal, finite
//   string   any scalar
//
// Numbers and bools are unquoted. A leading zero (010) is refused: YAML 1.1 reads it as octal.
std::string read_scalar(const YamlNode& node, Range range, bool& value);
std::string read_scalar(const YamlNode& node, Range range, int64_t& value);
std::string read_scalar(const YamlNode& node, Range range, double& value);
std::string read_scalar(const YamlNode& node, Range range, std::string& value);

// Shortest text that reads back as the same number, in YAML 1.1 as well.
std::string number_text(double value);

// What may stand there: "a whole number of at least 1", "a number from 0 to below 1".
std::string number_wanted(bool whole, Range range);

// Whether an unquoted scalar would be read as something other than a text, by this program or by
// another.
bool reads_as_text(const std::string& text);

}  // namespace diffeo
