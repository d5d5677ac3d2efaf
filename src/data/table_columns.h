#pragma once

#include <string>
#include <vector>

#include "io/csv.h"

namespace diffeo {

// Where in a table's rows the columns of these names stand. Throws Exit::kData for one that is not
// there, naming those that are.
std::vector<size_t> table_columns(const CsvReader& table, const std::vector<std::string>& names);

}  // namespace diffeo
