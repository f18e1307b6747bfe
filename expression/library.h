// The built-in functions that are written in jq. Their syntax trees are made once, at the first
// use, are immutable from then on and shared by all threads.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "expression/ast.h"

namespace stepwell::expression::detail {

// The definition, nullptr where there is none. No definition calls itself, and each uses a closure
// parameter once, so that writing it out in place of a call ends and stays small.
const Node* find_definition(std::string_view name, std::size_t arity);

struct BuiltinName {
  std::string_view name;
  std::size_t arity = 0;
};
// Every function that a program can call without defining it.
std::span<const BuiltinName> builtin_names();

}  // namespace stepwell::expression::detail
