// C: instances of 500 steps without any call; what a step costs, and what a second worker brings.
#pragma once

#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {

std::vector<Row> computation_cost();
std::vector<Row> second_worker();

}  // namespace stepwell::bench
