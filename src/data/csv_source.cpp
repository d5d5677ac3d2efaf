#include <ATen/ATen.h>

#include "core/error.h"
#include "data/checks.h"
#include "data/host.h"
#include "data/sources.h"
#include "data/splits.h"
#include "io/csv.h"

namespace diffeo {
namespace {

using Names = std::vector<std::string>;

// The rows of a file: numbers of some columns, and words of one.
struct Rows {
  std::vector<double> examples, context;
  Names labels;
};

Rows read_rows(const CsvConfig& config, const std::string& file) {
  CsvReader table(file, config.delimiter.at(0));
  std::vector<size_t> columns = table.places_of(config.columns),
                      context = table.places_of(config.context),
                      label = table.places_of(config.label ? Names{*config.label} : Names());
  Rows rows;
  while (table.next()) {
    for (size_t column : columns) rows.examples.push_back(table.number(column));
    for (size_t column : context) rows.context.push_back(table.number(column));
    for (size_t column : label) rows.labels.push_back(table.word(column));
  }
  return rows;
}

// [N, columns] float64
Tensor matrix(const std::vector<double>& numbers, size_t columns) {
  return at::tensor(numbers, host_options(at::kDouble)).view({-1, static_cast<int64_t>(columns)});
}

LabelledSet read_set(const CsvConfig& config, const std::string& file) {
  Rows rows = read_rows(config, file);
  require(!rows.examples.empty(), Exit::kData, file, ": holds a header and no rows");
  Tensor examples = matrix(rows.examples, config.columns.size());
  Dataset set{config.standardise ? examples : single_precision(file, examples)};
  if (!config.context.empty())
    set.context = single_precision(file, matrix(rows.context, config.context.size()));
  return {set, rows.labels};
}

}  // namespace

std::map<std::string, Dataset> read_splits(const CsvConfig& config, uint64_t seed) {
  return labelled_splits({config.path, config.test, config.test_fraction, config.classes}, seed,
                         [&](const std::string& file) { return read_set(config, file); });
}

}  // namespace diffeo
