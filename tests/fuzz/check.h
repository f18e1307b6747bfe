// What every fuzz target does where a promise of the code is broken: it says which one, and aborts,
// so that libFuzzer keeps the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/problem.h"

namespace stepwell::fuzz {

[[noreturn]] void broken(std::string_view promise, std::string_view detail);

inline void check(bool holds, std::string_view promise, std::string_view detail = {}) {
  if (!holds) broken(promise, detail);
}

// Milliseconds of CPU time that this thread has used.
std::int64_t cpu_milliseconds();

// The problem of a program that does not compile: its code, and a place within the source.
void check_syntax_problem(std::string_view source, const Problem& problem);

inline std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace stepwell::fuzz
