#include "daemon/budget_options.h"

#include <charconv>

#include "config/byte_size.h"
#include "config/template.h"

namespace stepwell::daemon {

namespace {

Problem budget_invalid(std::string detail) {
  return make_problem(ErrorKind::configuration, "usage", std::move(detail));
}

// 500ms, 1s, or as ISO 8601.
Result<Milliseconds> cpu_time(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  constexpr std::int64_t kMost = 1'000'000'000;
  if (error == std::errc() && number > 0 && number <= kMost) {
    if (unit == "ms") return Milliseconds(number);
    if (unit == "s") return Milliseconds(number * 1000);
  }
  const auto duration = config::parse_iso_duration(text);
  if (duration && duration->count() > 0) return *duration;
  return fail(budget_invalid("--max-cpu: \"" + text + "\" is no time such as 500ms, 1s or PT1S"));
}

}  // namespace

Result<expression::Budget> budget_of(const BudgetOptions& options) {
  expression::Budget budget;
  if (!options.max_cpu.empty()) {
    const auto time = cpu_time(options.max_cpu);
    if (!time) return fail(time.error());
    budget.cpu = *time;
  }
  if (!options.max_memory.empty()) {
    const auto size = config::parse_byte_size(options.max_memory);
    if (!size) return fail(budget_invalid("--max-memory: " + size.error().detail));
    budget.memory_bytes = static_cast<std::int64_t>(size->count);
  }
  if (options.max_outputs != 0) budget.outputs = options.max_outputs;
  if (options.max_depth != 0) budget.depth = options.max_depth;
  return budget;
}

}  // namespace stepwell::daemon
