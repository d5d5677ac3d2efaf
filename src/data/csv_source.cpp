#include <ATen/ATen.h>

#include "core/error.h"
#include "data/checks.h"
#include "data/class_numbers.h"
#include "data/host.h"
#include "data/sources.h"
#include "data/table_columns.h"

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
  std::vector<size_t> columns = table_columns(table, config.columns),
                      context = table_columns(table, config.context),
                      label = table_columns(table, config.label ? Names{*config.label} : Names());
  Rows rows;
  while (table.next()) {
    for (size_t column : columns) rows.examples.push_back(table.number(column));
    for (size_t column : context) rows.context.push_back(table.number(column));
    for (size_t column : label) rows.labels.push_back(table.cells()[column]);
  }
  return rows;
}

// [N, columns] float64
Tensor matrix(const std::vector<double>& numbers, size_t columns) {
  return at::tensor(numbers, host_options(at::kDouble)).view({-1, static_cast<int64_t>(columns)});
}

Dataset set_of(const CsvConfig& config, const std::string& file, const Rows& rows,
               const ClassNumbers& numbers) {
  require(!rows.examples.empty(), Exit::kData, file, ": holds a header and no rows");
  Tensor examples = matrix(rows.examples, config.columns.size());
  Dataset set{config.standardise ? examples : single_precision(file, examples)};
  if (config.label) set.labels = numbers.labels_of(file, rows.labels);
  if (!config.context.empty())
    set.context = single_precision(file, matrix(rows.context, config.context.size()));
  return set;
}

}  // namespace

std::map<std::string, Dataset> read_splits(const CsvConfig& config, uint64_t seed) {
  Rows train = read_rows(config, config.path);
  ClassNumbers numbers(config.path, train.labels, config.classes);
  std::optional<Dataset> test;
  if (config.test) test = set_of(config, *config.test, read_rows(config, *config.test), numbers);
  return with_test(set_of(config, config.path, train, numbers), test, config.test_fraction, seed);
}

}  // namespace diffeo
