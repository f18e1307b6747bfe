// An expression of the jq language, compiled once when its definition is read, then immutable and
// shared by all threads. Evaluation is pure and bounded: same program, input, variables and clock
// give the same result; a budget ends what would run too long or grow too large.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"

namespace stepwell::expression {

// What one evaluation may use; whichever limit is met first ends it with an expression problem.
struct Budget {
  std::chrono::milliseconds cpu{1000};
  std::int64_t memory_bytes = 64LL * 1024 * 1024;  // live at any one time, above the input's own
  std::uint64_t outputs = 1'000'000;
  std::uint32_t depth = 10'000;  // nesting of values
};

struct Context {
  WallTime now{};  // what `now` answers: the event's time
  Budget budget;
};

namespace detail {
struct Code;
}

class Program {
 public:
  // `variables` names the $variables (without "$") that evaluate() will be given, in this order;
  // any other free variable is a fault. Errors: expression/`expression-syntax`; the problem's
  // extensions hold `line` and `column` (1-based, within `source`).
  static Result<Program> compile(std::string_view source,
                                 std::span<const std::string> variables = {});

  // All outputs, in order, through `sink`, which returns false to stop early.
  // Errors: expression/400 with code `expression-failed` (jq's own error message),
  // `expression-budget` (which limit was met).
  Status evaluate_all(const Value& input, std::span<const Value> variables, const Context& context,
                      const std::function<bool(Value)>& sink) const;
  // The first output; null where there is none.
  Result<Value> evaluate(const Value& input, std::span<const Value> variables,
                         const Context& context) const;

  // Which of the `variables` given to compile() the program refers to (by index).
  bool uses_variable(std::size_t index) const;
  // Bytes of memory that the program holds.
  std::size_t memory_bytes() const;
  const std::string& source() const;

 private:
  explicit Program(std::shared_ptr<const detail::Code> code) : code_(std::move(code)) {}
  std::shared_ptr<const detail::Code> code_;
};

}  // namespace stepwell::expression
