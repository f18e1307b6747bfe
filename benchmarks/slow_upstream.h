// 10,000 instances in flight at an upstream that answers after a second.
#pragma once

#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {

// Time until all are done, memory for each, threads above those at rest.
std::vector<Row> slow_upstream();

}  // namespace stepwell::bench
