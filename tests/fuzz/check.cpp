#include "tests/fuzz/check.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "base/json.h"

namespace stepwell::fuzz {

void broken(std::string_view promise, std::string_view detail) {
  std::fprintf(stderr, "broken: %.*s\n%.*s\n", static_cast<int>(promise.size()), promise.data(),
               static_cast<int>(std::min<std::size_t>(detail.size(), 20'000)), detail.data());
  std::abort();
}

std::int64_t cpu_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

namespace {

// Characters of a line, from 1; 0 where there is no such line.
std::size_t line_width(std::string_view source, std::size_t line) {
  for (; line > 1; --line) {
    const std::size_t end = source.find('\n');
    if (end == std::string_view::npos) return 0;
    source.remove_prefix(end + 1);
  }
  const std::string_view text = source.substr(0, source.find('\n'));
  const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts)) + 1;
}

}  // namespace

void check_syntax_problem(std::string_view source, const Problem& problem) {
  check(
      problem.type == error_type_uri(ErrorKind::expression) && problem.code == "expression-syntax",
      "a program that does not compile is an expression-syntax problem", problem.code);
  check(is_valid_utf8(problem.detail), "a problem's detail is UTF-8", problem.detail);
  const auto member = [&problem](std::string_view name) {
    return static_cast<std::size_t>(problem.extensions.get(name).as_integer().value_or(0));
  };
  const std::size_t line = member("line");
  const std::size_t column = member("column");
  check(line >= 1 && column >= 1 && column <= line_width(source, line),
        "a syntax problem's line and column lie within the source", problem.detail);
}

}  // namespace stepwell::fuzz
