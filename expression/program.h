// An expression of the jq language, compiled once when its definition is read, then immutable and
// shared by all threads. Evaluation is pure and bounded: same program, input, variables and clock
// give the same result; a budget ends what would run too long or grow too large (see Cuts).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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

enum class Limit : std::uint8_t { cpu, memory, outputs, depth };  // in journals: numbers stay

// Which of many evaluations a limit ended. How fast a machine is and how much memory a value takes
// is nothing that follows from an evaluation's input: so whoever repeats evaluations is told by
// this what became of their limits, and has none of his own but the depth.
struct Cuts {
  static Cuts replay(std::vector<std::uint32_t> ended) { return {std::move(ended), true, 0, 0}; }

  // One more evaluation; the limit that ends it at once where it is repeated.
  std::optional<Limit> begin() {
    const std::uint32_t number = count++;
    if (!replaying || next >= ended.size() || ended[next] / 4 != number) return std::nullopt;
    return static_cast<Limit>(ended[next++] % 4);
  }
  // The evaluation that was begun last has met this limit.
  void end(Limit limit) {
    if (!replaying) ended.push_back((count - 1) * 4 + static_cast<std::uint32_t>(limit));
  }

  std::vector<std::uint32_t> ended;  // number of the evaluation * 4 + limit, in their order
  bool replaying = false;
  std::uint32_t count = 0;  // of evaluations so far
  std::size_t next = 0;     // in `ended`, where replaying
};

struct Context {
  WallTime now{};  // what `now` answers: the event's time
  Budget budget;
  Cuts* cuts = nullptr;  // null: nothing is noted, and all limits hold
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
  Status run(const Value& input, std::span<const Value> variables, const Context& context,
             const std::function<bool(Value)>& sink) const;
  explicit Program(std::shared_ptr<const detail::Code> code) : code_(std::move(code)) {}
  std::shared_ptr<const detail::Code> code_;
};

}  // namespace stepwell::expression
