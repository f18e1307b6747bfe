// What the gate costs a request, alone and as a share of a whole step.
#pragma once

#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {

// `gate-send-permit`: the permit alone, µs. `gate-request`: all that is asked for one request (is
// the body clean, may the credential be used, does the instance's key stand, the permit), µs.
// `gate-share`: the latter as % of the CPU time of a step that POSTs 1 KiB with a credential.
std::vector<Row> gate_cost();

}  // namespace stepwell::bench
