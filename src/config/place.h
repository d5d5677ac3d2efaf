#pragma once

#include <string>

namespace diffeo {

// Where a value was written: in a file, or on the command line.
struct Place {
  int line = 1;  // both counted from 1
  int column = 1;
  std::string origin = {};  // "command line: train.steps=100"; empty: in the file

  // What a message begins with: "glow.yaml:3:7", or the origin.
  std::string named(const std::string& file) const {
    return origin.empty() ? file + ":" + std::to_string(line) + ":" + std::to_string(column)
                          : origin;
  }
};

}  // namespace diffeo
