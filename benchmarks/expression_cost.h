// What compiling and evaluating an expression costs, beside libjq doing the same.
#pragma once

#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {

// A row for compiling and a row for evaluating each of a plain path, an object construction, a
// filter over 1,000 elements and a grouping; then the bytes that each compiled program holds.
std::vector<Row> expression_cost();

}  // namespace stepwell::bench
