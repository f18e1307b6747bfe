// Tables of programs, inputs and what comes out, for the tests of the expression language.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "base/value.h"

namespace stepwell::expression {

struct Case {
  const char* program;
  const char* input;   // JSON
  const char* output;  // the outputs as JSON, one blank between two; "error: MESSAGE" ends them
};

// What a program gives, in the form of Case::output.
std::string outcome(const std::string& program, const std::string& input);
// The same, each output on its own.
std::vector<std::string> outputs(const std::string& program, const Value& input);

// Fails the running test for each case that comes out otherwise.
void expect_all(const std::vector<Case>& cases);

}  // namespace stepwell::expression
