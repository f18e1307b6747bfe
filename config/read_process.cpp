// `run: shell`, `script` and `container`: what runs as a process of its own.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/ascii.h"
#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

using ProcessMembers = std::vector<std::pair<Value, Template>>;

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_ascii_digit(c);
}

// IEEE Std 1003.1-2017 §8.1, without what only few shells can read.
bool is_environment_name(std::string_view name) {
  return !name.empty() && !is_ascii_digit(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_name_letter(c) || c == '_'; });
}

// A name of a container or of a volume.
bool is_container_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && is_name_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_name_letter(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_port_number(std::string_view text) {
  std::uint32_t port = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, port);
  return error == std::errc() && end == last && port > 0 && port <= 65'535;
}

// "80", "80/tcp", "80/udp".
bool is_container_port(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_port_number(text);
  const std::string_view protocol = text.substr(slash + 1);
  return is_port_number(text.substr(0, slash)) && (protocol == "tcp" || protocol == "udp");
}

// "8080" or "ADDRESS:8080".
bool is_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return is_port_number(text);
  const std::string_view address = text.substr(0, colon);
  return is_port_number(text.substr(colon + 1)) && !address.empty() &&
         std::all_of(address.begin(), address.end(), [](char c) {
           return is_name_letter(c) || c == '.' || c == ':' || c == '[' || c == ']';
         });
}

bool is_absolute_path(std::string_view text) {
  return text.starts_with('/') && text.find(':') == std::string_view::npos;
}

// Text or an expression; `text` is nothing where it is known only when it runs.
struct ProcessText {
  Template value;
  std::optional<std::string> text;
};

void check_no_nul(Reading& reading, const Place& place, std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    reading.error(place, "what a process gets cannot hold a NUL character");
}

ProcessText read_process_text(Reading& reading, const Place& place, std::string_view field) {
  const std::optional<std::string> text = read_text(reading, place);
  if (!text) return {};
  if (is_expression_text(*text)) return {read_template(reading, place, body_site(field)), {}};
  check_no_nul(reading, place, *text);
  Template value = read_template(reading, place, body_site(field));
  const bool known = value.is_constant();
  return {std::move(value), known ? text : std::nullopt};
}

// Code of another language, in which `${…}` may have a meaning of its own: it is an expression only
// where the whole of it is one, also in loose mode.
Template read_foreign_code(Reading& reading, const Place& place, std::string_view field) {
  const std::optional<std::string> text = read_text(reading, place);
  if (!text) return {};
  check_no_nul(reading, place, *text);
  if (text->find_first_not_of(" \t\r\n") == std::string::npos)
    reading.error(place, "the code is empty");
  if (!is_expression_text(*text)) return Template::constant(place.node().value);
  reading.warning(place, "code that is made of data runs whatever the data says",
                  "; write the code down and hand the data over by `arguments`, `environment` or "
                  "`stdin`");
  return read_template(reading, place, body_site(field));
}

Template read_command(Reading& reading, const Place& place) {
  const Value& value = place.node().value;
  if (value.is_string() && !is_expression_text(value.as_string())) {
    // No shell knows a parameter of such a name.
    const std::string_view text = value.as_string();
    for (const std::string_view start : {"${ ", "${."}) {
      if (text.find(start) == std::string_view::npos) continue;
      reading.warning(place,
                      "an expression within a command is not evaluated, and the shell cannot read "
                      "it",
                      "; hand the value over by `arguments`, and write \"$1\" in its place");
      break;
    }
  }
  return read_foreign_code(reading, place, "command");
}

Template read_process_arguments(Reading& reading, const Place& place) {
  if (place.node().kind != YamlNode::Kind::sequence) {
    reading.expected(place, "a list of texts");
    return {};
  }
  std::vector<Template> elements;
  elements.reserve(place.node().elements.size());
  for (std::size_t i = 0; i < place.node().elements.size(); ++i)
    elements.push_back(read_process_text(reading, Place(place, i), "arguments").value);
  return Template::array(std::move(elements));
}

Template read_environment(Reading& reading, const Place& place) {
  if (!expect_mapping(reading, place)) return {};
  for (const YamlNode::Member& member : place.node().members) {
    const Place variable(place, member);
    if (!is_environment_name(member.key))
      reading.error_at_key(variable, quoted(member.key) + " cannot name an environment variable",
                           "; expected letters, digits and `_`, no digit first");
    if (variable.node().value.is_string())
      check_no_nul(reading, variable, variable.node().value.as_string());
  }
  return read_template(reading, place, body_site("environment"));
}

// What shell, script and container have in common.
void read_common(Reading& reading, const Fields& fields, ProcessMembers& members) {
  if (const auto arguments = fields.find("arguments"))
    members.emplace_back("arguments", read_process_arguments(reading, *arguments));
  if (const auto environment = fields.find("environment"))
    members.emplace_back("environment", read_environment(reading, *environment));
  if (const auto input = fields.find("stdin"))
    members.emplace_back("stdin", read_process_text(reading, *input, "stdin").value);
}

void read_shell(Reading& reading, const Place& place, ProcessMembers& members) {
  static constexpr std::array<std::string_view, 4> kKnown{"command", "arguments", "environment",
                                                          "stdin"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return;
  if (const auto command = fields.require("command"))
    members.emplace_back("command", read_command(reading, *command));
  read_common(reading, fields, members);
}

// The standard names `js` and `python`, its examples write `javascript`.
Template read_language(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 3> kLanguages{"js", "javascript", "python"};
  const auto language = read_choice(reading, place, kLanguages);
  return Template::constant(Value(language == 2U ? "python" : "js"));
}

void read_script(Reading& reading, const Place& place, RunProcessBody& body,
                 ProcessMembers& members) {
  static constexpr std::array<std::string_view, 6> kKnown{"language",  "code",        "source",
                                                          "arguments", "environment", "stdin"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return;
  if (const auto language = fields.require("language"))
    members.emplace_back("language", read_language(reading, *language));
  const auto code = fields.find("code");
  const auto source = fields.find("source");
  if (code && source)
    reading.error_at_key(*source, "either `code` or `source`, not both");
  else if (source)
    body.source = read_external_resource(reading, *source, body_site("source.endpoint"));
  else if (code || fields.require("code"))
    members.emplace_back("code", read_foreign_code(reading, *code, "code"));
  read_common(reading, fields, members);
}

Template read_ports(Reading& reading, const Place& place) {
  if (!expect_mapping(reading, place)) return {};
  for (const YamlNode::Member& member : place.node().members) {
    const Place port(place, member);
    const Value& value = port.node().value;
    if (!is_host_port(member.key))
      reading.error_at_key(port, quoted(member.key) + " is no port of this machine",
                           "; expected a number such as 8080, or ADDRESS:8080");
    const std::int64_t number = value.is_number() ? value.as_integer().value_or(0) : 0;
    const bool good = value.is_string() ? is_expression_text(value.as_string()) ||
                                              is_container_port(value.as_string())
                                        : number > 0 && number <= 65'535;
    if (!good) reading.error(port, "expected a port of the container, such as 80 or 80/udp");
  }
  return read_template(reading, place, body_site("ports"));
}

Template read_volumes(Reading& reading, const Place& place) {
  if (!expect_mapping(reading, place)) return {};
  for (const YamlNode::Member& member : place.node().members) {
    const Place volume(place, member);
    if (!is_absolute_path(member.key) && !is_container_name(member.key))
      reading.error_at_key(volume, quoted(member.key) +
                                       " is neither an absolute path nor the name "
                                       "of a volume");
    const std::optional<std::string> text = read_text(reading, volume);
    if (!text || is_expression_text(*text)) continue;
    std::string_view target = *text;
    if (target.ends_with(":ro") || target.ends_with(":rw")) target.remove_suffix(3);
    if (!is_absolute_path(target))
      reading.error(volume, "expected an absolute path within the container",
                    "; `:ro` behind it makes it read-only");
  }
  return read_template(reading, place, body_site("volumes"));
}

void read_lifetime(Reading& reading, const Place& place, ProcessMembers& members) {
  static constexpr std::array<std::string_view, 2> kKnown{"cleanup", "after"};
  static constexpr std::array<std::string_view, 3> kCleanups{"always", "never", "eventually"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return;
  const auto cleanup = fields.require("cleanup");
  const auto after = fields.find("after");
  if (!cleanup) return;
  const auto choice = read_choice(reading, *cleanup, kCleanups);
  if (!choice) return;
  members.emplace_back("cleanup", Template::constant(Value(kCleanups.at(*choice))));
  const bool eventually = kCleanups.at(*choice) == "eventually";
  if (eventually && !after)
    reading.error_at_key(place, "`cleanup: eventually` needs `after`, a duration");
  if (!eventually && after)
    reading.error_at_key(*after, "`after` stands beside `cleanup: eventually` only");
  if (!after) return;
  if (const auto duration = read_constant_duration(reading, *after))
    members.emplace_back("after", Template::constant(Value(duration->count())));
}

void read_container(Reading& reading, const Place& place, ProcessMembers& members) {
  static constexpr std::array<std::string_view, 10> kKnown{
      "image", "name",  "command", "arguments", "environment",
      "stdin", "ports", "volumes", "lifetime",  "pullPolicy"};
  static constexpr std::array<std::string_view, 3> kPolicies{"ifNotPresent", "always", "never"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return;
  if (const auto image = fields.require("image")) {
    ProcessText text = read_process_text(reading, *image, "image");
    // A dash first would be read as an option.
    if (text.text && (text.text->empty() || text.text->starts_with('-') ||
                      text.text->find_first_of(" \t\r\n") != std::string::npos))
      reading.error(*image, quoted(*text.text) + " is no name of an image");
    members.emplace_back("image", std::move(text.value));
  }
  if (const auto name = fields.find("name")) {
    ProcessText text = read_process_text(reading, *name, "name");
    if (text.text && !is_container_name(*text.text))
      reading.error(*name, quoted(*text.text) + " cannot name a container",
                    "; expected letters, digits, `_`, `.` and `-`, a letter or digit first");
    members.emplace_back("name", std::move(text.value));
  }
  if (const auto command = fields.find("command"))
    members.emplace_back("command", read_command(reading, *command));
  read_common(reading, fields, members);
  if (const auto ports = fields.find("ports"))
    members.emplace_back("ports", read_ports(reading, *ports));
  if (const auto volumes = fields.find("volumes"))
    members.emplace_back("volumes", read_volumes(reading, *volumes));
  if (const auto lifetime = fields.find("lifetime")) read_lifetime(reading, *lifetime, members);
  if (const auto policy = fields.find("pullPolicy")) {
    const auto choice = read_choice(reading, *policy, kPolicies);
    members.emplace_back("pullPolicy", Template::constant(Value(kPolicies.at(choice.value_or(0)))));
  }
}

}  // namespace

RunProcessBody read_process(Reading& reading, const Place& run) {
  static constexpr std::array<std::string_view, 5> kReturns{"stdout", "stderr", "code", "all",
                                                            "none"};
  using Kind = RunProcessBody::Kind;
  RunProcessBody body;
  ProcessMembers members;
  if (const YamlNode::Member* shell = run.node().find("shell")) {
    read_shell(reading, Place(run, *shell), members);
  } else if (const YamlNode::Member* script = run.node().find("script")) {
    body.kind = Kind::script;
    read_script(reading, Place(run, *script), body, members);
  } else if (const YamlNode::Member* container = run.node().find("container")) {
    body.kind = Kind::container;
    read_container(reading, Place(run, *container), members);
  }
  body.arguments = Template::object(std::move(members));
  if (const YamlNode::Member* await = run.node().find("await"))
    body.await = read_flag(reading, Place(run, *await)).value_or(true);
  if (const YamlNode::Member* result = run.node().find("return")) {
    const Place place(run, *result);
    body.result =
        static_cast<RunProcessBody::Return>(read_choice(reading, place, kReturns).value_or(0));
    if (!body.await)
      reading.warning(place, "it has no effect beside `await: false`: the task gives its input");
  }
  return body;
}

}  // namespace stepwell::config
