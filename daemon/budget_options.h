// The options by which a command is told what one evaluation of an expression may take.
// A plain value; the function is pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "expression/program.h"

namespace stepwell::daemon {

// Empty or 0: expression::Budget's default.
struct BudgetOptions {
  std::string max_cpu;     // 500ms, 1s, PT1S
  std::string max_memory;  // 64MiB
  std::uint64_t max_outputs = 0;
  std::uint32_t max_depth = 0;
};

// Errors: configuration/`usage`.
Result<expression::Budget> budget_of(const BudgetOptions& options);

}  // namespace stepwell::daemon
