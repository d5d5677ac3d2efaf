#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/shape.h"

namespace diffeo {

// What a table of text says of pictures: in its first column their paths in the folder, or their
// names alone where those differ; then classes and attributes.
class PictureTable {
 public:
  // Reads columns by name. Throws Exit::kData as CsvReader does, for a column that is not there,
  // and for a picture that stands twice.
  PictureTable(const std::string& path, const std::optional<std::string>& label,
               const std::vector<std::string>& context);

  // Of pictures by their paths, in order. Throws Exit::kData for one of which the table says
  // nothing, and for two of one name that it does not tell apart.
  std::vector<std::string> labels_of(const std::vector<std::string>& pictures);
  Tensor context_of(const std::vector<std::string>& pictures);  // [N, C] float32

 private:
  struct Row {
    std::string label;
    std::vector<double> context;
  };

  const Row& row_of(const std::string& picture);

  std::string path_;
  std::map<std::string, Row> rows_;
  std::map<std::string, std::string> named_;  // the picture that a name alone was taken for
};

}  // namespace diffeo
