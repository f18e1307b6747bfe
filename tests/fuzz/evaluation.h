// Compiles and evaluates with everything checked that must hold for any program and any input: the
// budget of time and memory, the kinds of problems, UTF-8 and JSON that reads back, no Value left
// behind.
// One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "expression/program.h"

namespace stepwell::fuzz {

// What one evaluation gave; texts rather than values, so that outcomes can be compared and kept.
struct Outcome {
  std::vector<std::string> outputs;
  std::string code;    // of the problem that ended it, or nothing
  std::string detail;  // of the same
  bool cut = false;    // not all outputs are here: they were too large to keep

  bool failed() const { return !code.empty(); }
  // A limit depends on the machine's speed and on what is shared: such outcomes are not compared.
  bool comparable() const { return code != "expression-budget" && !cut; }
  std::string text() const;
};

// Before the first input: what is built once must not count as left behind.
void prepare();

std::optional<expression::Program> compile(std::string_view source);
// The programs have one variable, $v.
Outcome evaluate(const expression::Program& program, const Value& input, std::int64_t cpu_budget);

}  // namespace stepwell::fuzz
