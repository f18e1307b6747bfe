#include "config/schema_run.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>

namespace stepwell::config::detail {

namespace {

using Kind = SchemaRule::Kind;

std::int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  });
}

bool is_multiple(const Value& value, const Value& divisor) {
  const auto whole = value.as_integer();
  const auto step = divisor.as_integer();
  if (whole && step) return *whole % *step == 0;
  // Of decimal fractions neither has an exact double: a quotient that is whole but for rounding.
  const double quotient = value.as_double() / divisor.as_double();
  if (!std::isfinite(quotient)) return std::fmod(value.as_double(), divisor.as_double()) == 0;
  return std::abs(quotient - std::round(quotient)) <= std::max(1.0, std::abs(quotient)) * 1e-12;
}

unsigned types_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return kNullType;
    case Value::Kind::boolean:
      return kBooleanType;
    case Value::Kind::number: {
      const double number = value.as_double();
      const bool whole =
          value.as_integer() || (std::isfinite(number) && std::trunc(number) == number);
      return whole ? kIntegerType | kNumberType : kNumberType;
    }
    case Value::Kind::string:
      return kStringType;
    case Value::Kind::array:
      return kArrayType;
    default:
      return kObjectType;
  }
}

std::int64_t cpu_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// "1 character", "3 characters"
std::string counted(std::int64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

}  // namespace

bool SchemaRun::spend(std::int64_t steps) {
  steps_ -= steps;
  if (steps_ >= 0) return true;
  return exceed("takes too many steps");
}

bool SchemaRun::exceed(std::string what) {
  if (!exceeded_) exceeded_ = std::move(what);
  return false;
}

bool SchemaRun::violate(const DataPlace& place, std::string expected, std::string found) {
  if (quiet_ > 0 || exceeded_) return false;
  ++count_;
  if (violations_.size() < kMost)
    violations_.push_back({place.pointer(), std::move(expected), std::move(found)});
  return false;
}

bool SchemaRun::unlike(const DataPlace& place, std::string expected, const Value& found) {
  if (quiet_ > 0 || exceeded_) return false;
  return violate(place, std::move(expected), described(found));
}

// Once something is wrong and nobody asks what, or a limit is met, nothing more is looked at.
bool SchemaRun::check(NodeNumber number, const Value& value, const DataPlace& place) {
  const SchemaNode& node = program_.nodes[number];
  if (!spend(1)) return false;
  if (node.never) return unlike(place, "nothing here", value);
  if (depth_ == kDeepest)
    return exceed("leads deeper than " + std::to_string(kDeepest) + " levels");
  ++depth_;
  bool good = true;
  for (const SchemaRule& one : node.rules) {
    if (!spend(1) || (!good && quiet_ > 0)) break;
    if (!rule(one, value, place)) good = false;
  }
  --depth_;
  return good && !exceeded_;
}

bool SchemaRun::quietly(NodeNumber number, const Value& value, const DataPlace& place) {
  ++quiet_;
  const bool good = check(number, value, place);
  --quiet_;
  return good;
}

bool SchemaRun::rule(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  switch (rule.kind) {
    case Kind::types: {
      const auto types = static_cast<unsigned>(rule.argument.int64());
      return (types_of(value) & types) != 0 || unlike(place, type_names(types), value);
    }
    case Kind::one_of:
      return one_of(rule, value, place);
    case Kind::minimum:
    case Kind::above:
    case Kind::maximum:
    case Kind::below:
    case Kind::multiple:
      return !value.is_number() || numeric(rule, value, place);
    case Kind::min_length:
    case Kind::max_length:
    case Kind::pattern:
      return !value.is_string() || text(rule, value, place);
    case Kind::min_items:
    case Kind::max_items:
      return !value.is_array() || sizes(rule, value, place);
    case Kind::min_properties:
    case Kind::max_properties:
      return !value.is_object() || sizes(rule, value, place);
    case Kind::unique:
      return !value.is_array() || unique(value, place);
    case Kind::items:
    case Kind::tuple:
      return !value.is_array() || elements(rule, value, place);
    case Kind::contains:
      return !value.is_array() || contains(rule, value, place);
    case Kind::required:
      return !value.is_object() || required(rule.argument, value, place, {});
    case Kind::properties:
      return !value.is_object() || properties(rule, value, place);
    case Kind::property_names:
      return !value.is_object() || names(rule, value, place);
    case Kind::dependent_names:
    case Kind::dependent_schema:
      return !value.is_object() || dependent(rule, value, place);
    default:
      return combined(rule, value, place);
  }
}

bool SchemaRun::numeric(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  const Value& bound = rule.argument;
  if (rule.kind == Kind::multiple)
    return is_multiple(value, bound) ||
           violate(place, "a multiple of " + shown(bound), "another number");
  const int order = compare(value, bound);
  switch (rule.kind) {
    case Kind::minimum:
      return order >= 0 || violate(place, "a number from " + shown(bound) + " on", "a smaller one");
    case Kind::above:
      return order > 0 || violate(place, "a number above " + shown(bound), "none above it");
    case Kind::maximum:
      return order <= 0 || violate(place, "a number up to " + shown(bound), "a larger one");
    default:
      return order < 0 || violate(place, "a number below " + shown(bound), "none below it");
  }
}

bool SchemaRun::sizes(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  const bool least = rule.kind == Kind::min_items || rule.kind == Kind::min_properties;
  const auto size = static_cast<std::int64_t>(value.size());
  const std::int64_t bound = rule.argument.int64();
  if (least ? size >= bound : size <= bound) return true;
  const std::string_view what = value.is_array() ? "element" : "member";
  return unlike(place,
                std::string(value.is_array() ? "a list" : "an object") +
                    (least ? " of at least " : " of at most ") + counted(bound, what),
                value);
}

bool SchemaRun::text(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  const std::string_view text = value.as_string();
  if (!spend(static_cast<std::int64_t>(text.size() / 16))) return false;
  if (rule.kind == Kind::pattern)
    return matches(rule.patterns.front(), text) ||
           unlike(place, "text that matches its `pattern`", value);
  const bool least = rule.kind == Kind::min_length;
  const std::int64_t length = code_points(text);
  const std::int64_t bound = rule.argument.int64();
  if (least ? length >= bound : length <= bound) return true;
  return unlike(place,
                (least ? "text of at least " : "text of at most ") + counted(bound, "character"),
                value);
}

bool SchemaRun::matches(const expression::Pattern& pattern, std::string_view text) {
  if (exceeded_) return false;
  const std::int64_t before = cpu_nanoseconds();
  const auto found = pattern.matches(
      text, std::chrono::milliseconds(std::max<std::int64_t>(cpu_.count() / 1'000'000, 1)));
  if (!found) return exceed(std::string(kOutOfTime));
  cpu_ -= std::chrono::nanoseconds(cpu_nanoseconds() - before);
  if (cpu_.count() <= 0) return exceed(std::string(kOutOfTime));
  return *found;
}

bool SchemaRun::one_of(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  for (const Value& wanted : rule.argument.elements()) {
    if (!spend(static_cast<std::int64_t>(1 + std::min(wanted.weight(), value.weight()) / 16)))
      return false;
    if (wanted == value) return true;
  }
  if (quiet_ > 0) return false;
  std::string expected = rule.argument.size() == 1 ? "" : "one of ";
  for (std::size_t i = 0; i < rule.argument.size() && i < 10; ++i)
    expected += (i == 0 ? "" : ", ") + shown(rule.argument.at(i));
  if (rule.argument.size() > 10) expected += ", …";
  return violate(place, std::move(expected),
                 value.is_string() || value.is_number() ? "another value" : described(value));
}

bool SchemaRun::unique(const Value& value, const DataPlace& place) {
  const auto elements = value.elements();
  if (!spend(static_cast<std::int64_t>(value.weight() / 4 + elements.size() * 4))) return false;
  std::vector<const Value*> order;
  order.reserve(elements.size());
  for (const Value& element : elements) order.push_back(&element);
  std::sort(order.begin(), order.end(),
            [](const Value* a, const Value* b) { return compare(*a, *b) < 0; });
  const auto twice = std::adjacent_find(order.begin(), order.end(),
                                        [](const Value* a, const Value* b) { return *a == *b; });
  if (twice == order.end()) return true;
  const auto number = [&](const Value* element) {
    return std::to_string(element - elements.data());
  };
  return violate(place, "elements that differ",
                 "the same at " + number(std::min(*twice, *(twice + 1))) + " and " +
                     number(std::max(*twice, *(twice + 1))));
}

bool SchemaRun::elements(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  bool good = true;
  const std::size_t last = rule.schemas.size() - 1;
  if (last == 0 && rule.schemas[0] == 0) return true;
  for (std::size_t i = 0; i < value.size() && (good || quiet_ == 0) && !exceeded_; ++i)
    if (!check(rule.schemas[std::min(i, last)], value.at(i), {&place, {}, i, true})) good = false;
  return good;
}

bool SchemaRun::contains(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  const auto bound = [&](std::size_t index, std::int64_t otherwise) {
    if (rule.argument.is_null() || rule.argument.at(index).is_null()) return otherwise;
    return rule.argument.at(index).as_integer().value_or(otherwise);
  };
  const std::int64_t least = bound(0, 1);
  const std::int64_t most = bound(1, -1);
  std::int64_t found = 0;
  for (std::size_t i = 0; i < value.size() && !exceeded_; ++i) {
    if (most < 0 && found >= least) return true;
    if (quietly(rule.schemas[0], value.at(i), {&place, {}, i, true})) ++found;
  }
  if (found < least)
    return violate(place, "at least " + counted(least, "element") + " as `contains` says",
                   std::to_string(found));
  return most < 0 || found <= most ||
         violate(place, "at most " + counted(most, "element") + " as `contains` says",
                 std::to_string(found));
}

bool SchemaRun::properties(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  bool good = true;
  for (const Value::Member& one : value.members()) {
    if ((!good && quiet_ > 0) || !spend(1)) break;
    if (!member(rule, one, {&place, one.name()})) good = false;
  }
  return good && !exceeded_;
}

bool SchemaRun::member(const SchemaRule& rule, const Value::Member& member,
                       const DataPlace& place) {
  bool good = true;
  bool known = false;
  if (const Value* schema = rule.argument.find(member.name())) {
    known = true;
    good = check(static_cast<NodeNumber>(schema->int64()), member.value, place);
  }
  for (std::size_t i = 0; i < rule.patterns.size() && (good || quiet_ == 0); ++i) {
    if (!spend(1) || !matches(rule.patterns[i], member.name())) continue;
    known = true;
    if (!check(rule.schemas[i + 1], member.value, place)) good = false;
  }
  if (known || exceeded_) return good && !exceeded_;
  if (program_.nodes[rule.schemas[0]].never) {
    if (quiet_ > 0) return false;
    return unlike(place, "no member of this name", member.value);
  }
  return check(rule.schemas[0], member.value, place);
}

bool SchemaRun::names(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  bool good = true;
  for (const Value::Member& one : value.members()) {
    if (exceeded_ || (!good && quiet_ > 0)) break;
    if (quietly(rule.schemas[0], one.key, place)) continue;
    good = violate({&place, one.name()}, "a name as `propertyNames` says", "another one");
  }
  return good && !exceeded_;
}

bool SchemaRun::required(const Value& names, const Value& value, const DataPlace& place,
                         std::string_view because) {
  bool good = true;
  for (const Value& name : names.elements()) {
    if (!spend(1)) return false;
    if (value.contains(name.as_string())) continue;
    if (quiet_ > 0) return false;
    good =
        violate(place, "the member " + shown(name) + std::string(because), "an object without it");
  }
  return good;
}

bool SchemaRun::dependent(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  bool good = true;
  for (const Value::Member& one : rule.argument.members()) {
    if (!spend(1) || (!good && quiet_ > 0)) break;
    if (!value.contains(one.name())) continue;
    const bool holds = rule.kind == Kind::dependent_names
                           ? required(one.value, value, place, " beside " + shown(one.key))
                           : check(static_cast<NodeNumber>(one.value.int64()), value, place);
    if (!holds) good = false;
  }
  return good && !exceeded_;
}

bool SchemaRun::combined(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  switch (rule.kind) {
    case Kind::reference:
      return check(rule.schemas[0], value, place);
    case Kind::all_of: {
      bool good = true;
      for (const NodeNumber schema : rule.schemas)
        if ((good || quiet_ == 0) && !exceeded_ && !check(schema, value, place)) good = false;
      return good;
    }
    case Kind::none_of:
      return (!quietly(rule.schemas[0], value, place) && !exceeded_) ||
             unlike(place, "anything but what `not` says", value);
    case Kind::condition: {
      const bool holds = quietly(rule.schemas[0], value, place);
      return !exceeded_ && check(rule.schemas[holds ? 1 : 2], value, place);
    }
    default:
      return alternatives(rule, value, place);
  }
}

// anyOf, oneOf. Where none holds, what is wrong with the one that led the deepest is told too.
bool SchemaRun::alternatives(const SchemaRule& rule, const Value& value, const DataPlace& place) {
  std::size_t holding = 0;
  for (const NodeNumber schema : rule.schemas) {
    if (quietly(schema, value, place)) ++holding;
    if (exceeded_) return false;
    if (holding > 0 && rule.kind == Kind::any_of) return true;
  }
  if (holding == 1) return true;
  if (quiet_ > 0) return false;
  const std::string count = std::to_string(rule.schemas.size());
  if (holding > 1)
    return violate(place, "just one of the " + count + " alternatives of `oneOf`",
                   std::to_string(holding) + " that hold");
  const auto none = [&] {
    return unlike(place,
                  "one of the " + count + " alternatives of `" +
                      (rule.kind == Kind::any_of ? "anyOf`" : "oneOf`"),
                  value);
  };
  if (explaining_) return none();  // alternatives within alternatives: every level would double
  explaining_ = true;
  std::vector<Violation> outer = std::exchange(violations_, {});
  const std::size_t outer_count = std::exchange(count_, 0);
  std::optional<Violation> nearest;
  for (const NodeNumber schema : rule.schemas) {
    violations_.clear();
    check(schema, value, place);
    if (violations_.empty()) continue;
    if (!nearest || violations_.front().at.size() > nearest->at.size())
      nearest = std::move(violations_.front());
  }
  violations_ = std::move(outer);
  count_ = outer_count;
  explaining_ = false;
  const bool deeper = nearest && nearest->at.size() > place.pointer().size();
  none();
  if (deeper && violations_.size() < kMost) violations_.push_back(std::move(*nearest));
  return false;
}

}  // namespace stepwell::config::detail
