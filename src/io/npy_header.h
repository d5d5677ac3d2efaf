#pragma once

#include <string>
#include <string_view>

#include "core/shape.h"

namespace diffeo {

class Input;

// The dictionary at the start of an npy file.
struct NpyHeader {
  std::string descr;  // "<f4"
  bool fortran_order = false;
  Shape shape;
};

// Reads {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }: these three keys, once each,
// in any order, and nothing else of Python. Errors are those of `in`.
NpyHeader parse_npy_header(const Input& in, std::string_view text);

std::string npy_header_text(const NpyHeader& header);

}  // namespace diffeo
