// Readers of the values that tasks are made of: expressions, templates, durations, endpoints.
// Used while a definition is loaded, on one thread (config/reading.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/reading.h"

namespace stepwell::config {

// Where an expression stands: which of the standard's variables it sees, and its name in messages.
struct Site {
  std::uint16_t available = 0;  // bits by Variable
  std::string_view field;
};

constexpr std::uint16_t variable_bit(Variable variable) {
  return static_cast<std::uint16_t>(1U << variable);
}

// Source: Open Workflow Specification DSL 1.0, "Runtime Expression Arguments".
inline constexpr std::uint16_t kWorkflowInputSees = static_cast<std::uint16_t>(
    variable_bit(kSecrets) | variable_bit(kWorkflow) | variable_bit(kRuntime));
inline constexpr std::uint16_t kTaskInputSees =
    static_cast<std::uint16_t>(kWorkflowInputSees | variable_bit(kContext) | variable_bit(kTask));
inline constexpr std::uint16_t kTaskBodySees = static_cast<std::uint16_t>(
    variable_bit(kContext) | variable_bit(kInput) | variable_bit(kTask) | variable_bit(kWorkflow) |
    variable_bit(kRuntime) | variable_bit(kAuthorization));
inline constexpr std::uint16_t kExportSees =
    static_cast<std::uint16_t>(kTaskBodySees | variable_bit(kOutput));
inline constexpr std::uint16_t kWorkflowOutputSees = static_cast<std::uint16_t>(
    variable_bit(kContext) | variable_bit(kWorkflow) | variable_bit(kRuntime));

constexpr Site body_site(std::string_view field) { return {kTaskBodySees, field}; }

// The names behind enum Variable, as Program::compile takes them.
std::vector<std::string> standard_variables();

// True where the whole text is `${ … }`.
bool is_expression_text(std::string_view text);

// A field that can only be an expression: bare jq or `${ … }`.
std::optional<Expression> read_expression(Reading& reading, const Place& place, const Site& site);
// A `${ … }`, a literal (in loose mode: jq that falls back to its text), or any structure of them.
Template read_template(Reading& reading, const Place& place, const Site& site);
// As `from` and `as` take it: an expression, or an object as of read_template().
std::optional<Template> read_filter(Reading& reading, const Place& place, const Site& site);
// {schema, from} and the like: what stands under `key`, and the schema where it can have one.
std::optional<Template> read_filter_part(Reading& reading, const Place& place, std::string_view key,
                                         const Site& site,
                                         std::shared_ptr<const Schema>* schema = nullptr);
// {format, document}; null where there is a fault.
std::shared_ptr<const Schema> read_schema(Reading& reading, const Place& place);
// `for.in`: an expression, or a list (which becomes the expression that gives it).
std::optional<Expression> read_collection(Reading& reading, const Place& place, const Site& site);

// ISO 8601, an object, or `${ … }`.
std::optional<DurationTemplate> read_duration(Reading& reading, const Place& place,
                                              const Site& site);
// A duration that must be constant.
std::optional<Milliseconds> read_constant_duration(Reading& reading, const Place& place);
// `timeout`: the name of one of use.timeouts, or {after}.
std::optional<DurationTemplate> read_timeout(Reading& reading, const Place& place,
                                             const Site& site);

// The names that `document` gives a workflow: a DNS label, and a semantic version.
std::string read_label(Reading& reading, const Place& place);
std::string read_version(Reading& reading, const Place& place);

// `endpoint`'s URI.
std::optional<UriTemplate> read_uri(Reading& reading, const Place& place, const Site& site);
// A URI that is not gone to (the type of an error): a reference without spaces, or `${ … }`.
void check_uri_reference(Reading& reading, const Place& place);

}  // namespace stepwell::config
