// `emit` and `listen`, and how events are told apart.
#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

// A pattern that a whole text must match; nothing where the text can only be meant as it is.
std::optional<Expression> read_pattern(Reading& reading, const Place& place) {
  const Value& value = place.node().value;
  if (!value.is_string() || is_expression_text(value.as_string())) return std::nullopt;
  const std::string_view text = value.as_string();
  if (text.find_first_of("*+?[](){}|^$\\") == std::string_view::npos) return std::nullopt;
  const Value anchored("^(?:" + std::string(text) + ")$");
  auto program = expression::Program::compile(
      "type == \"string\" and test(" + to_json(anchored) + ")", reading.variables);
  if (!program) return std::nullopt;
  return Expression{std::move(*program), place.position()};
}

// What CloudEvents 1.0 §3.1 says of the attributes; all others may be anything.
void check_attributes(Reading& reading, const Place& with) {
  static constexpr std::array<std::string_view, 7> kTexts{
      "id", "source", "type", "time", "subject", "datacontenttype", "dataschema"};
  for (const YamlNode::Member& member : with.node().members) {
    if (std::find(kTexts.begin(), kTexts.end(), member.key) == kTexts.end()) continue;
    const Place attribute(with, member);
    const bool is_uri = member.key == "source" || member.key == "dataschema";
    if (is_uri)
      check_uri_reference(reading, attribute);
    else
      (void)read_text(reading, attribute);
  }
}

std::vector<EventFilter::Correlation> read_correlations(Reading& reading, const Place& place,
                                                        std::uint16_t sees) {
  static constexpr std::array<std::string_view, 2> kCorrelation{"from", "expect"};
  std::vector<EventFilter::Correlation> correlations;
  if (!expect_mapping(reading, place)) return correlations;
  for (const YamlNode::Member& member : place.node().members) {
    const Place entry(place, member);
    const Fields fields(reading, entry, kCorrelation);
    const auto from = fields.require("from");
    if (!from) continue;
    auto expression = read_expression(reading, *from, {sees, "correlate.from"});
    if (!expression) continue;
    std::optional<Template> expect;
    const auto expected = fields.find("expect");
    if (expected && read_text(reading, *expected))
      expect = read_template(reading, *expected, {sees, "correlate.expect"});
    correlations.push_back({member.key, std::move(*expression), std::move(expect)});
  }
  return correlations;
}

EventFilter read_event_filter(Reading& reading, const Place& place, std::uint16_t sees) {
  static constexpr std::array<std::string_view, 2> kFilter{"with", "correlate"};
  EventFilter filter;
  const Fields fields(reading, place, kFilter);
  const auto with = fields.require("with");
  if (with && expect_mapping(reading, *with)) {
    if (with->node().members.empty())
      reading.error(*with, "expected at least one attribute of the event, such as `type`");
    check_attributes(reading, *with);
    for (const YamlNode::Member& member : with->node().members) {
      const Place attribute(*with, member);
      filter.attributes.push_back({member.key, read_template(reading, attribute, {sees, "with"}),
                                   read_pattern(reading, attribute)});
    }
  }
  if (const auto correlate = fields.find("correlate"))
    filter.correlations = read_correlations(reading, *correlate, sees);
  return filter;
}

void read_filters(Reading& reading, const Place& place, EventStrategy& strategy,
                  std::uint16_t sees) {
  if (place.node().kind != YamlNode::Kind::sequence) {
    reading.expected(place, "a list of event filters");
    return;
  }
  for (std::size_t i = 0; i < place.node().elements.size(); ++i)
    strategy.filters.push_back(read_event_filter(reading, Place(place, i), sees));
}

void read_until(Reading& reading, const Place& place, EventStrategy& strategy, std::uint16_t sees) {
  const YamlNode& node = place.node();
  if (node.value.is_string()) {
    strategy.until = read_expression(reading, place, {sees, "until"});
  } else if (node.kind == YamlNode::Kind::mapping) {
    if (const auto* nested = node.find("until"))
      reading.error_at_key(Place(place, *nested), "`until` cannot have an `until` of its own");
    strategy.until_events = read_event_strategy(reading, place, sees);
  } else {
    reading.expected(place, "an expression, or `one`, `any` or `all` with event filters");
  }
}

}  // namespace

EventStrategy read_event_strategy(Reading& reading, const Place& place, std::uint16_t sees) {
  static constexpr std::array<std::string_view, 4> kStrategy{"one", "any", "all", "until"};
  EventStrategy strategy;
  const Fields fields(reading, place, kStrategy);
  if (!fields.is_mapping()) return strategy;
  const auto one = fields.find("one");
  const auto any = fields.find("any");
  const auto all = fields.find("all");
  if ((one ? 1 : 0) + (any ? 1 : 0) + (all ? 1 : 0) != 1) {
    reading.error(place, "expected exactly one of `one`, `any` and `all`");
    return strategy;
  }
  if (one) {
    strategy.kind = EventStrategy::Kind::one;
    strategy.filters.push_back(read_event_filter(reading, *one, sees));
  } else {
    strategy.kind = any ? EventStrategy::Kind::any : EventStrategy::Kind::all;
    read_filters(reading, any ? *any : *all, strategy, sees);
  }
  if (const auto until = fields.find("until")) {
    if (any)
      read_until(reading, *until, strategy, sees);
    else
      reading.error_at_key(*until, "`until` stands beside `any` only");
  }
  return strategy;
}

EmitBody read_emit(Reading& reading, const Place& task) {
  static constexpr std::array<std::string_view, 1> kEmit{"event"};
  static constexpr std::array<std::string_view, 1> kEvent{"with"};
  const Place emit(task, *task.node().find("emit"));
  EmitBody body;
  const Fields fields(reading, emit, kEmit);
  const auto event = fields.require("event");
  if (!event) return body;
  const Fields members(reading, *event, kEvent);
  const auto with = members.require("with");
  if (!with || !expect_mapping(reading, *with)) return body;
  if (with->node().find("type") == nullptr) reading.error_at_key(*with, "an event needs a `type`");
  check_attributes(reading, *with);
  body.event = read_template(reading, *with, body_site("emit"));
  return body;
}

ListenBody read_listen(Reading& reading, const Place& task) {
  static constexpr std::array<std::string_view, 2> kListen{"to", "read"};
  static constexpr std::array<std::string_view, 5> kForeach{"item", "at", "do", "output", "export"};
  static constexpr std::array<std::string_view, 3> kRead{"data", "envelope", "raw"};
  const Place listen(task, *task.node().find("listen"));
  ListenBody body;
  const Fields fields(reading, listen, kListen);
  if (const auto to = fields.require("to")) body.to = read_event_strategy(reading, *to);
  if (const auto read = fields.find("read"))
    if (const auto choice = read_choice(reading, *read, kRead))
      body.read = static_cast<ListenBody::Read>(*choice);
  const auto* foreach_member = task.node().find("foreach");
  if (foreach_member == nullptr) return body;
  const Place rounds(task, *foreach_member);
  const Fields members(reading, rounds, kForeach);
  body.has_foreach = true;
  const auto name = [&](std::string_view key, std::string otherwise) {
    if (const auto field = members.find(key))
      if (std::string text = read_variable_name(reading, *field); !text.empty()) return text;
    return otherwise;
  };
  const std::string item_name = name("item", "item");
  const std::string at_name = name("at", "index");
  if (item_name == at_name)
    reading.error(rounds, "`item` and `at` have the same name " + quoted(at_name));
  const LocalVariable item(reading, item_name);
  const LocalVariable index(reading, at_name);
  DataSchemas schemas;
  if (const auto list = members.find("do")) body.tasks = read_task_list(reading, *list);
  if (const auto output = members.find("output"))
    body.foreach_output_as =
        read_filter_part(reading, *output, "as", body_site("output.as"), &schemas.output);
  if (const auto exported = members.find("export"))
    body.foreach_export_as =
        read_filter_part(reading, *exported, "as", {kExportSees, "export.as"}, &schemas.context);
  if (schemas.output || schemas.context) body.foreach_schemas = std::move(schemas);
  return body;
}

}  // namespace stepwell::config
