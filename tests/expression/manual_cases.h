// At least one case for each built-in of jq 1.8, under its name and arity; by theme.
#pragma once

#include <vector>

namespace stepwell::expression {

struct ManualCase {
  const char* name;     // such as "map/1"
  const char* program;  // these three as in Case
  const char* input;
  const char* output;
};

std::vector<ManualCase> manual_values();
std::vector<ManualCase> manual_paths();
std::vector<ManualCase> manual_collections();
std::vector<ManualCase> manual_text();
std::vector<ManualCase> manual_numbers();

}  // namespace stepwell::expression
