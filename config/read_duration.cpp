#include <algorithm>
#include <array>
#include <utility>

#include "config/read_values.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, 5> kUnitNames{"days", "hours", "minutes", "seconds",
                                                     "milliseconds"};

std::optional<Milliseconds> read_duration_object(Reading& reading, const Place& place) {
  const std::size_t before = reading.faults.count();
  const Fields fields(reading, place, kUnitNames);
  if (place.node().members.empty())
    reading.error(place, "an empty duration; expected " + quoted_list(kUnitNames, "or"));
  constexpr std::int64_t kMost = 3'155'760'000'000;  // a hundred years
  for (const std::string_view unit : kUnitNames)
    if (const auto member = fields.find(unit)) {
      const Value& value = member->node().value;
      if (value.is_number() && value.as_double() < 0)
        reading.error(*member, "a duration cannot be negative");
      else
        (void)read_whole(reading, *member, 0, kMost);
    }
  if (reading.faults.count() != before) return std::nullopt;
  Result<Milliseconds> duration = parse_duration_object(place.node().value);
  if (duration) return *duration;
  reading.error(place, duration.error().detail);
  return std::nullopt;
}

}  // namespace

std::optional<Milliseconds> read_constant_duration(Reading& reading, const Place& place) {
  if (place.node().kind == YamlNode::Kind::mapping) return read_duration_object(reading, place);
  if (!place.node().value.is_string()) {
    reading.expected(place, "a duration such as PT1.5S or {seconds: 5}");
    return std::nullopt;
  }
  Result<Milliseconds> duration = parse_iso_duration(place.node().value.as_string());
  if (duration) return *duration;
  reading.error(place, duration.error().detail);
  return std::nullopt;
}

std::optional<DurationTemplate> read_duration(Reading& reading, const Place& place,
                                              const Site& site) {
  const Value& value = place.node().value;
  if (value.is_string() && is_expression_text(value.as_string())) {
    std::optional<Expression> expression = read_expression(reading, place, site);
    if (!expression) return std::nullopt;
    return DurationTemplate{Milliseconds(0), std::move(*expression)};
  }
  const std::optional<Milliseconds> duration = read_constant_duration(reading, place);
  if (!duration) return std::nullopt;
  return DurationTemplate{*duration, {}};
}

namespace {

std::optional<DurationTemplate> read_timeout_object(Reading& reading, const Place& place,
                                                    const Site& site) {
  static constexpr std::array<std::string_view, 1> kKnown{"after"};
  const Fields fields(reading, place, kKnown);
  const auto after = fields.require("after");
  return after ? read_duration(reading, *after, site) : std::nullopt;
}

}  // namespace

std::optional<DurationTemplate> read_timeout(Reading& reading, const Place& place,
                                             const Site& site) {
  if (place.node().kind == YamlNode::Kind::mapping)
    return read_timeout_object(reading, place, site);
  if (!place.node().value.is_string()) {
    reading.expected(place, "a mapping with `after`, or the name of one of `use.timeouts`");
    return std::nullopt;
  }
  const std::string name(place.node().value.as_string());
  const std::string hint =
      parse_iso_duration(name) ? "; write `timeout: {after: " + name + "}`" : std::string();
  UseTable& table = reading.use.timeouts;
  const YamlNode::Member* entry = reading.refer(place, table, hint);
  if (entry == nullptr) return std::nullopt;
  return read_entry(reading, table, *entry, [&](const Place& timeout) {
    return read_timeout_object(reading, timeout, site);
  });
}

}  // namespace stepwell::config
