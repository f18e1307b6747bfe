#include "tests/fuzz/evaluation.h"

#include <array>

#include "base/json.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/heap.h"

namespace stepwell::fuzz {

namespace {

using expression::Context;
using expression::Program;

constexpr std::int64_t kMiB = 1024 * 1024;
constexpr std::int64_t kMemoryBudget = 4 * kMiB;
// Sanitizers make everything a few times slower, and the machine may be busy.
constexpr std::int64_t kMostMilliseconds = 1000;
// Beside the values there are stacks, a built-in's buffers and a regular expression's program.
constexpr std::int64_t kMostHeap = 8 * kMemoryBudget;
constexpr std::uint64_t kMostText = 256 * 1024;

const std::array<std::string, 1> kVariables{"v"};

void check_output(const Value& value, const std::string& text) {
  check(is_valid_utf8(text), "an output is UTF-8", text);
  auto again = parse_json(text);
  check(again.has_value(), "an output's JSON can be read", text);
  // A number may print otherwise as a literal than it did as a double, with the same value.
  auto third = parse_json(to_json(*again));
  check(third.has_value() && *third == *again, "an output's JSON reads back the same", text);
  check(value.depth() <= 1000, "an output is no deeper than its budget");
}

}  // namespace

std::string Outcome::text() const {
  std::string all;
  for (const std::string& output : outputs) all.append(output).push_back('\n');
  return all + code + ": " + detail;
}

void prepare() {
  watch_heap();
  for (const char* source : {"builtins", "[1] | test(\"a\")", "\"a\" | test(\"\\\\p{L}\"; \"i\")"})
    if (auto program = compile(source)) evaluate(*program, {}, 100);
}

std::optional<Program> compile(std::string_view source) {
  const std::int64_t before = cpu_milliseconds();
  const std::int64_t heap = heap_bytes();
  reset_heap_peak();
  auto program = Program::compile(source, kVariables);
  check(cpu_milliseconds() - before < kMostMilliseconds, "compiling takes no long time");
  check(heap_peak() - heap < kMostHeap, "compiling takes little memory",
        std::to_string(heap_peak() - heap));
  if (program) return std::move(*program);
  check_syntax_problem(source, program.error());
  return std::nullopt;
}

Outcome evaluate(const Program& program, const Value& input, std::int64_t cpu_budget) {
  Context context;
  context.now = WallTime(std::chrono::milliseconds(1'709'210'096'250));
  context.budget.cpu = std::chrono::milliseconds(cpu_budget);
  context.budget.memory_bytes = kMemoryBudget;
  context.budget.outputs = 1000;
  context.budget.depth = 1000;

  Outcome outcome;
  std::uint64_t text_bytes = 0;
  const auto keep = [&](const Value& value) {
    text_bytes += value.weight();
    outcome.cut = text_bytes > kMostText;
    if (outcome.cut) return false;
    outcome.outputs.push_back(to_json(value));
    check_output(value, outcome.outputs.back());
    return true;
  };
  const std::array<Value, 1> variables{Value(7)};
  const std::int64_t values = thread_value_bytes();
  const std::int64_t heap = heap_bytes();
  const std::int64_t began = cpu_milliseconds();
  reset_heap_peak();
  if (const Status status = program.evaluate_all(input, variables, context, keep); !status) {
    outcome.code = status.error().code;
    outcome.detail = status.error().detail;
    check(outcome.code == "expression-failed" || outcome.code == "expression-budget",
          "an evaluation fails as expression-failed or expression-budget", outcome.code);
    check(is_valid_utf8(outcome.detail), "a problem's detail is UTF-8", outcome.detail);
  }
  check(cpu_milliseconds() - began < kMostMilliseconds + 2 * cpu_budget,
        "an evaluation ends within its time",
        std::to_string(cpu_milliseconds() - began) + " ms: " + program.source());
  check(heap_peak() - heap < kMostHeap, "an evaluation ends within its memory",
        std::to_string(heap_peak() - heap) + " bytes: " + program.source());
  check(thread_value_bytes() == values, "an evaluation leaves no value behind");
  return outcome;
}

}  // namespace stepwell::fuzz
