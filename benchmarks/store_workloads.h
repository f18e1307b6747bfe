// What grows with the number of instances: memory of those that wait, the time to come back, and
// the rate beside a store that is full.
#pragma once

#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {

// 100,000 that wait for a day: what each takes, and the time until a node that starts has them.
std::vector<Row> open_instances();
// 1,000,000 finished instances in the store: the time to start, W1 and the API's requests against
// an empty one, lists, and the deletion of a tenth. Part of it on the daemon as a process of its
// own.
std::vector<Row> million_stored();

}  // namespace stepwell::bench
