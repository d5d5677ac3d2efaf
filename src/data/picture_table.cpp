#include "data/picture_table.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "core/error.h"
#include "data/checks.h"
#include "data/host.h"
#include "io/csv.h"

namespace diffeo {

PictureTable::PictureTable(const std::string& path, const std::optional<std::string>& label,
                           const std::vector<std::string>& context)
    : path_(path) {
  CsvReader table(path, ',');
  std::vector<size_t> numbers = table.places_of(context);
  std::optional<size_t> words;
  if (label) words = table.places_of({*label})[0];
  while (table.next()) {
    auto [row, is_new] = rows_.try_emplace(table.cells()[0]);
    if (!is_new) table.fail("the picture '", table.cells()[0], "' stands twice");
    if (words) row->second.label = table.word(*words);
    for (size_t column : numbers) row->second.context.push_back(table.number(column));
  }
}

const PictureTable::Row& PictureTable::row_of(const std::string& picture) {
  auto found = rows_.find(picture);
  bool by_name = found == rows_.end();
  if (by_name) found = rows_.find(std::filesystem::path(picture).filename());
  require(found != rows_.end(), Exit::kData, path_, ": says nothing of the picture ", picture);
  if (!by_name) return found->second;
  auto [first, is_new] = named_.try_emplace(found->first, picture);
  require(is_new || first->second == picture, Exit::kData, path_, ": '", found->first,
          "' may mean ", first->second, " or ", picture, "; write their paths in the folder");
  return found->second;
}

std::vector<std::string> PictureTable::labels_of(const std::vector<std::string>& pictures) {
  std::vector<std::string> labels;
  for (const std::string& picture : pictures) labels.push_back(row_of(picture).label);
  return labels;
}

Tensor PictureTable::context_of(const std::vector<std::string>& pictures) {
  std::vector<double> numbers;
  for (const std::string& picture : pictures) {
    const std::vector<double>& row = row_of(picture).context;
    numbers.insert(numbers.end(), row.begin(), row.end());
  }
  auto count = static_cast<int64_t>(pictures.size());
  return single_precision(path_, at::tensor(numbers, host_options(at::kDouble)).view({count, -1}));
}

}  // namespace diffeo
