#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/shape.h"

namespace diffeo {

// A table of numbers that is written row by row, one row an example, with a name for each column.
class ScoreFile {
 public:
  virtual ~ScoreFile() = default;            // without commit() nothing is left behind
  virtual void add(const Tensor& rows) = 0;  // [B, columns] float64, the next examples
  virtual void commit() = 0;
};

// How scores are kept, told by a file's ending: .csv with a header and .jsonl with an object a
// line, both with the example's `index` first and every number with as many digits as bring it back
// exactly (what is not finite: inf, -inf and nan in csv, null in jsonl); .npy: the column `nats`
// alone, [N] float64. `columns` begin with nats.
std::unique_ptr<ScoreFile> open_score_file(const std::filesystem::path& path,
                                           const std::vector<std::string>& columns, int64_t count);

}  // namespace diffeo
