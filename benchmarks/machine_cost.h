// What the state machine itself costs for a task, without journal, steps or threads.
#pragma once

#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {

// A row each for `set` (constant, and with an expression), `switch` and a round of `for`.
std::vector<Row> machine_cost();

}  // namespace stepwell::bench
