#pragma once

#include <gtest/gtest.h>

#include "config/config.h"
#include "core/error.h"

namespace diffeo {

inline const std::string kData = "data: {source: synthetic, density: tutorial}\n";

// A configuration that says no more than it must, on two lines.
inline const std::string kSmallest = kData + "flow: [{type: reverse}]\n";

// The whole message that refuses the text, which the file "c.yaml" holds; empty where it is
// accepted.
inline std::string errors_of(const std::string& text,
                             const std::vector<std::string>& overrides = {}) {
  try {
    parse_config(text, "c.yaml", overrides);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit(), Exit::kUsage);
    return error.what();
  }
  return "";
}

// The same for lines that follow the smallest configuration, so that the first of them is line 3.
inline std::string errors_with(const std::string& lines) { return errors_of(kSmallest + lines); }

}  // namespace diffeo
