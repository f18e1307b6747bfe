// `call: decision`, `form`, `upload` and `email`: steps that wait for people.
#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "config/person_step.h"
#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

// At the place that the fault's way leads to, or as near to it as there is a place.
void report_argument(Reading& reading, const Place& place, std::span<const std::string> way,
                     const ArgumentFault& fault) {
  if (!way.empty()) {
    const YamlNode& node = place.node();
    if (const YamlNode::Member* member = node.find(way.front()))
      return report_argument(reading, Place(place, *member), way.subspan(1), fault);
    std::size_t index = 0;
    const char* const end = way.front().data() + way.front().size();
    const auto [stop, error] = std::from_chars(way.front().data(), end, index);
    if (error == std::errc() && stop == end && index < node.elements.size())
      return report_argument(reading, Place(place, index), way.subspan(1), fault);
  }
  if (fault.warning)
    reading.warning(place, fault.what, fault.hint);
  else if (fault.at_name)
    reading.error_at_key(place, fault.what, fault.hint);
  else
    reading.error(place, fault.what, fault.hint);
}

}  // namespace

PersonStepBody read_person_step(Reading& reading, const Place& task, PersonStepBody::Kind kind) {
  PersonStepBody body;
  body.kind = kind;
  const YamlNode::Member* with = task.node().find("with");
  if (with == nullptr) {
    reading.error_at_key(Place(task, *task.node().find("call")),
                         "the keyword `with` is missing beside `call`");
    return body;
  }
  const Place place(task, *with);
  if (!expect_mapping(reading, place)) return body;
  // In loose mode any text may turn out to be an expression.
  const auto open = [&reading](const Value& value) {
    return value.is_string() && (reading.loose || is_expression_text(value.as_string()));
  };
  for (const ArgumentFault& fault : person_argument_faults(kind, place.node().value, open))
    report_argument(reading, place, fault.way, fault);
  std::vector<std::pair<Value, Template>> members;
  const std::vector<std::string_view> known = person_arguments(kind);
  for (std::size_t i = 0; i < place.node().members.size(); ++i) {
    const YamlNode::Member& member = place.node().members[i];
    const auto name = std::find(known.begin(), known.end(), member.key);
    if (name == known.end()) continue;
    const Place argument(place, member);
    if (*name == "authentication")
      body.authentication = read_authentication(reading, argument);
    else
      members.emplace_back(place.node().value.members()[i].key,
                           read_template(reading, argument, body_site(*name)));
  }
  body.arguments = Template::object(std::move(members));
  return body;
}

}  // namespace stepwell::config
