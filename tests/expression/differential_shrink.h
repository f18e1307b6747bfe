// Makes a program that fails smaller, part by part, for as long as it still fails.
// Pure functions; one thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/expression/program_generator.h"

namespace stepwell::expression {

// Which of these programs still fail; asked for many at once, as the jq command wants it.
using StillFail = std::function<std::vector<bool>(const std::vector<std::string>&)>;

// The smallest program that was found. Gives up after `rounds` improvements.
Node shrink(Node program, const StillFail& still_fail, int rounds = 60);

}  // namespace stepwell::expression
