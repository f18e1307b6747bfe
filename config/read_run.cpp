// `run`: another workflow, or a process.
#include <algorithm>
#include <array>
#include <utility>

#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, 6> kRun{"workflow",  "shell", "script",
                                               "container", "await", "return"};
constexpr std::span<const std::string_view> kRunKinds = std::span(kRun).first(4);

std::string read_child_version(Reading& reading, const Place& place) {
  const Value& written = place.node().value;
  if (written.is_string() && written.as_string() == "latest") return "latest";
  return read_version(reading, place);
}

Template read_child_input(Reading& reading, const Place& place) {
  const YamlNode& node = place.node();
  const bool expression = node.value.is_string() && is_expression_text(node.value.as_string());
  if (node.kind != YamlNode::Kind::mapping && !expression) {
    reading.expected(place, "a mapping or an expression `${ … }`");
    return {};
  }
  return read_template(reading, place, body_site("run.workflow.input"));
}

RunWorkflowBody read_workflow(Reading& reading, const Place& run) {
  static constexpr std::array<std::string_view, 4> kChild{"namespace", "name", "version", "input"};
  RunWorkflowBody body;
  const Place child(run, *run.node().find("workflow"));
  const Fields fields(reading, child, kChild);
  if (!fields.is_mapping()) return body;
  if (const auto name_space = fields.require("namespace"))
    body.namespace_ = read_label(reading, *name_space);
  if (const auto name = fields.require("name")) body.name = read_label(reading, *name);
  if (const auto version = fields.require("version"))
    body.version = read_child_version(reading, *version);
  if (const auto input = fields.find("input")) body.input = read_child_input(reading, *input);
  if (const YamlNode::Member* await = run.node().find("await"))
    body.await = read_flag(reading, Place(run, *await)).value_or(true);
  if (const YamlNode::Member* result = run.node().find("return"))
    reading.warning(Place(run, *result),
                    "`return` says what of a process is the output; that of a workflow is its own",
                    "; leave it out");
  return body;
}

}  // namespace

TaskBody read_run(Reading& reading, const Place& task) {
  const Place run(task, *task.node().find("run"));
  const Fields fields(reading, run, kRun);
  if (!fields.is_mapping()) return DoBody{};
  const auto given = [&](std::string_view kind) { return fields.find(kind).has_value(); };
  const auto count = std::count_if(kRunKinds.begin(), kRunKinds.end(), given);
  if (count != 1) {
    const bool told = count == 0 && !run.node().members.empty() &&
                      std::none_of(run.node().members.begin(), run.node().members.end(),
                                   [](const YamlNode::Member& member) {
                                     return member.key == "await" || member.key == "return";
                                   });
    if (!told)
      reading.error(run, "expected one of " + quoted_list(kRunKinds, "or") +
                             (count == 0 ? "" : ", found several"));
    return DoBody{};
  }
  if (given("workflow")) return read_workflow(reading, run);
  return read_process(reading, run);
}

}  // namespace stepwell::config
