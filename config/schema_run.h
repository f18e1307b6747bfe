// One validation: data against a schema's program, within limits.
// Internal to config/; lives on the stack of the thread that validates.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "base/value.h"
#include "config/schema_program.h"

namespace stepwell::config::detail {

// The way to a part of the data; made on the stack, each below those that it leads through.
struct DataPlace {
  const DataPlace* up = nullptr;
  std::string_view name;
  std::size_t index = 0;
  bool element = false;

  // A JSON pointer (RFC 6901); long names are cut, and so is the middle of a long way.
  std::string pointer() const;
};

struct Violation {
  std::string at;
  std::string expected;
  std::string found;
};

class SchemaRun {
 public:
  static constexpr std::size_t kMost = 20;            // violations that are told
  static constexpr std::int64_t kSteps = 20'000'000;  // rules looked at, and bytes compared
  static constexpr std::uint32_t kDeepest = 500;      // schemas within schemas
  // The one limit that does not follow from schema and data alone.
  static constexpr std::string_view kOutOfTime = "has text that takes its patterns too long";

  SchemaRun(const SchemaProgram& program, std::chrono::milliseconds cpu)
      : program_(program), cpu_(cpu) {}

  bool check(NodeNumber number, const Value& value, const DataPlace& place);

  // Which limit ended it, where one did.
  const std::optional<std::string>& exceeded() const { return exceeded_; }
  const std::vector<Violation>& violations() const { return violations_; }
  std::size_t violation_count() const { return count_; }

 private:
  bool rule(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool numeric(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool sizes(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool text(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool one_of(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool unique(const Value& value, const DataPlace& place);
  bool elements(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool contains(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool properties(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool member(const SchemaRule& rule, const Value::Member& member, const DataPlace& place);
  bool names(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool dependent(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool required(const Value& names, const Value& value, const DataPlace& place,
                std::string_view because);
  bool combined(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool alternatives(const SchemaRule& rule, const Value& value, const DataPlace& place);
  bool matches(const expression::Pattern& pattern, std::string_view text);

  bool quietly(NodeNumber number, const Value& value, const DataPlace& place);
  bool spend(std::int64_t steps);
  bool exceed(std::string what);
  bool violate(const DataPlace& place, std::string expected, std::string found);
  bool unlike(const DataPlace& place, std::string expected, const Value& found);

  const SchemaProgram& program_;
  std::chrono::nanoseconds cpu_;  // that patterns may still take
  std::int64_t steps_ = kSteps;
  std::uint32_t depth_ = 0;
  std::uint32_t quiet_ = 0;  // above 0: whether it holds is asked, not why not
  bool explaining_ = false;  // looking for the alternative that was meant
  std::size_t count_ = 0;
  std::vector<Violation> violations_;
  std::optional<std::string> exceeded_;
};

// What kind of value it is and how large, without the value.
std::string described(const Value& value);
// A value of the schema, shortened.
std::string shown(const Value& value);
// "text or null"
std::string type_names(unsigned types);

}  // namespace stepwell::config::detail
