// What it takes to load many definitions: time, and the memory that they hold afterwards.
#pragma once

#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {

// 10,000 definitions of 20 tasks each, from files, as `stepwell serve` loads them.
std::vector<Row> definition_cost();

}  // namespace stepwell::bench
