// What instances that wait for long cost: for a timer, and for an event.
#pragma once

#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {

std::vector<Row> long_waiters();

}  // namespace stepwell::bench
