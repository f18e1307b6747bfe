// `call`: a protocol, or a function by its name.
#include <algorithm>
#include <array>
#include <utility>

#include "config/functions.h"
#include "config/person_step.h"
#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

// Calls that the standard has and this version does not.
constexpr std::array<std::string_view, 4> kOtherCalls{"grpc", "asyncapi", "a2a", "mcp"};

FunctionCallBody read_function_call(Reading& reading, const Place& task, const Place& call,
                                    std::string name) {
  FunctionCallBody body;
  body.function = reading.functions->refer(reading, call, name);
  body.name = std::move(name);
  const YamlNode::Member* with = task.node().find("with");
  if (with == nullptr) return body;
  const Place arguments(task, *with);
  if (expect_mapping(reading, arguments))
    body.arguments = read_template(reading, arguments, body_site("with"));
  return body;
}

}  // namespace

TaskBody read_call(Reading& reading, const Place& task) {
  const Place call(task, *task.node().find("call"));
  std::optional<std::string> name = read_text(reading, call);
  if (!name) return DoBody{};
  if (*name == "http") return read_http_call(reading, task);
  if (*name == "openapi") return read_openapi_call(reading, task);
  if (std::find(kOtherCalls.begin(), kOtherCalls.end(), *name) != kOtherCalls.end()) {
    reading.error(call, quoted("call: " + *name) + " is not supported by this version");
    return DoBody{};
  }
  if (const YamlNode::Member* metadata = task.node().find("metadata"))
    read_task_metadata(reading, Place(task, *metadata), nullptr);
  // A function of the author's own comes first: the standard knows nothing of ours.
  const bool own = reading.source_uri.empty() && reading.use.functions.entries.contains(*name);
  if (const auto kind = person_kind(*name); kind && !own)
    return read_person_step(reading, task, *kind);
  return read_function_call(reading, task, call, std::move(*name));
}

std::optional<FixedEndpoint> read_catalog(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 1> kKnown{"endpoint"};
  const Fields fields(reading, place, kKnown);
  const auto endpoint = fields.require("endpoint");
  if (!endpoint) return std::nullopt;
  auto read = read_fixed_endpoint(reading, *endpoint);
  if (read && read->uri.find_first_of("?#") != std::string::npos) {
    reading.error(*endpoint,
                  "a catalog's URI has no query and no fragment: functions are below it");
    return std::nullopt;
  }
  return read;
}

}  // namespace stepwell::config
