#include "data/table_columns.h"

#include <algorithm>

#include "core/listed.h"

namespace diffeo {

std::vector<size_t> table_columns(const CsvReader& table, const std::vector<std::string>& names) {
  const std::vector<std::string>& all = table.names();
  std::vector<size_t> places;
  for (const std::string& name : names) {
    auto found = std::find(all.begin(), all.end(), name);
    if (found == all.end())
      table.fail("no column is called '", name, "'; there are ", listed_in_words(all));
    places.push_back(static_cast<size_t>(found - all.begin()));
  }
  return places;
}

}  // namespace diffeo
