// Durations as definitions and settings write them.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "config/template.h"

namespace stepwell::config {

namespace {

// A hundred years: more is surely not meant, and sums of a few of them do not overflow.
constexpr double kLongest = 100.0 * 365.25 * 24 * 3600 * 1000;
constexpr std::size_t kShown = 40;  // bytes of what is refused

Problem invalid(std::string detail) {
  return make_problem(ErrorKind::validation, "duration-invalid", std::move(detail));
}

struct DurationUnit {
  char letter;
  std::int64_t milliseconds;
};
constexpr std::array<DurationUnit, 2> kDateUnits{
    {{'W', 7LL * 24 * 3600 * 1000}, {'D', 24LL * 3600 * 1000}}};
constexpr std::array<DurationUnit, 3> kTimeUnits{
    {{'H', 3600LL * 1000}, {'M', 60LL * 1000}, {'S', 1000}}};

// "12", "1.5" or "1,5" at the front of `text`, as a double; consumed. False where there is none.
bool take_number(std::string_view& text, double& number) {
  const auto digits = [&](std::size_t from) {
    while (from < text.size() && text[from] >= '0' && text[from] <= '9') ++from;
    return from;
  };
  const std::size_t whole = digits(0);
  if (whole == 0) return false;
  std::size_t end = whole;
  std::string literal(text.substr(0, whole));
  if (end < text.size() && (text[end] == '.' || text[end] == ',')) {
    end = digits(whole + 1);
    if (end == whole + 1) return false;
    literal += "." + std::string(text.substr(whole + 1, end - whole - 1));
  }
  literal.erase(0, std::min(literal.find_first_not_of('0'), literal.size() - 1));
  if (literal[0] == '.') literal.insert(0, 1, '0');
  number = Value::number_from_literal(literal).as_double();
  text.remove_prefix(end);
  return true;
}

// The parts of the date or of the time, in the order of `units`.
bool take_parts(std::string_view& text, std::span<const DurationUnit> units, double& total,
                int& parts) {
  while (!text.empty() && text[0] != 'T') {
    double number = 0;
    if (!take_number(text, number) || text.empty()) return false;
    const auto unit = std::find_if(units.begin(), units.end(),
                                   [&](const DurationUnit& u) { return u.letter == text[0]; });
    if (unit == units.end()) return false;
    total += number * static_cast<double>(unit->milliseconds);
    ++parts;
    units = units.subspan(static_cast<std::size_t>(unit - units.begin()) + 1);
    text.remove_prefix(1);
  }
  return true;
}

Problem not_iso(std::string_view text) {
  const std::string head(utf8_prefix(text, kShown));
  return invalid("`" + head + "` is no ISO 8601 duration such as PT1.5S or P1DT12H");
}

// A year or a month is a part of the date (before any T).
bool has_calendar_part(std::string_view text) {
  return text.substr(0, text.find('T')).find_first_of("YM") != std::string_view::npos;
}

struct Member {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array<Member, 5> kMembers{{{"days", 24LL * 3600 * 1000},
                                          {"hours", 3600LL * 1000},
                                          {"minutes", 60LL * 1000},
                                          {"seconds", 1000},
                                          {"milliseconds", 1}}};

}  // namespace

Result<Milliseconds> parse_iso_duration(std::string_view text) {
  const std::string_view whole = text;
  if (!text.empty() && text[0] == '-')
    return fail(
        invalid("a duration cannot be negative: `" + std::string(utf8_prefix(text, kShown)) + "`"));
  if (text.empty() || text[0] != 'P') return fail(not_iso(whole));
  text.remove_prefix(1);
  double total = 0;
  int parts = 0;
  const bool date = take_parts(text, kDateUnits, total, parts);
  if (!date && has_calendar_part(whole))
    return fail(invalid("years and months have no fixed length; write days: `" +
                        std::string(utf8_prefix(whole, kShown)) + "`"));
  if (!date) return fail(not_iso(whole));
  if (!text.empty()) {
    text.remove_prefix(1);  // the T
    const int before = parts;
    if (!take_parts(text, kTimeUnits, total, parts) || !text.empty() || parts == before)
      return fail(not_iso(whole));
  }
  if (parts == 0) return fail(not_iso(whole));
  if (total > kLongest) return fail(invalid("a duration of more than 100 years"));
  return Milliseconds(std::llround(total));
}

Result<Milliseconds> parse_duration_object(const Value& object) {
  if (!object.is_object())
    return fail(
        invalid("expected ISO 8601 text or an object with days, hours, minutes, seconds or "
                "milliseconds"));
  if (object.empty())
    return fail(invalid("expected at least one of days, hours, minutes, seconds, milliseconds"));
  double total = 0;
  for (const Value::Member& member : object.members()) {
    const auto* unit = std::find_if(kMembers.begin(), kMembers.end(),
                                    [&](const Member& m) { return m.name == member.name(); });
    if (unit == kMembers.end())
      return fail(invalid("`" + std::string(utf8_prefix(member.name(), kShown)) +
                          "` is none of days, hours, minutes, seconds, milliseconds"));
    const auto number =
        member.value.is_number() ? member.value.as_integer() : std::optional<std::int64_t>();
    if (!number)
      return fail(invalid("`" + std::string(member.name()) + "` must be a whole number"));
    if (*number < 0) return fail(invalid("a duration cannot be negative"));
    total += static_cast<double>(*number) * static_cast<double>(unit->milliseconds);
  }
  if (total > kLongest) return fail(invalid("a duration of more than 100 years"));
  return Milliseconds(std::llround(total));
}

Result<Milliseconds> DurationTemplate::evaluate(const Scope& scope) const {
  if (!expression) return constant;
  Result<Value> value = expression->evaluate(scope);
  if (!value) return fail(std::move(value.error()));
  Result<Milliseconds> duration =
      value->is_string() ? parse_iso_duration(value->as_string()) : parse_duration_object(*value);
  if (duration) return duration;
  return fail(make_problem(ErrorKind::expression, "expression-failed",
                           "the expression at line " + std::to_string(expression->position.line) +
                               ", column " + std::to_string(expression->position.column) +
                               " gave no duration: " + duration.error().detail));
}

}  // namespace stepwell::config
