// The built-in functions that are written in C++: a table of names, arities and functions, constant
// and shared by all threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/value.h"
#include "expression/limits.h"
#include "expression/program.h"
#include "expression/regex.h"

namespace stepwell::expression::detail {

// One call of a built-in: its input, its arguments, and what it may use. The built-in may move its
// input and arguments away.
struct NativeCall {
  Value& input;
  std::span<Value> args;
  Limits& limits;
  const Context& context;
  RegexCache& regexes;
  bool failed = false;

  // `return call.raise(…)` ends the call with an error, which the author's program can catch.
  Value raise(Value error) {
    failed = true;
    return error;
  }
};

// A call that met a limit returns anything; the Machine looks at the limits behind each call.
using NativeFunction = Value (*)(NativeCall&);

struct NativeEntry {
  std::string_view name;  // those that begin with "_" are for the library alone
  std::uint32_t arity = 0;
  NativeFunction function = nullptr;
};

inline constexpr std::size_t kMaxNativeArguments = 3;

std::span<const NativeEntry> natives();  // in order of name and arity
const NativeEntry* find_native(std::string_view name, std::size_t arity);
inline std::uint32_t native_index(const NativeEntry& entry) {
  return static_cast<std::uint32_t>(&entry - natives().data());
}

// The parts of the table; each lies in the source of its name.
std::span<const NativeEntry> value_natives();
std::span<const NativeEntry> collection_natives();
std::span<const NativeEntry> text_natives();
std::span<const NativeEntry> math_natives();
std::span<const NativeEntry> time_natives();
std::span<const NativeEntry> regex_natives();

// The value in a format such as "@base64"; see builtins_format.cpp.
bool format_value(std::string_view format, Value value, Limits& limits, Value& result);
// tojson, paid for.
std::string json_of(const Value& value, Limits& limits);

}  // namespace stepwell::expression::detail
