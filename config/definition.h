// A workflow definition as it runs: checked, compiled and immutable, with source positions.
// Made by load_definition() (config/loader.h), held by shared_ptr, read by any thread.
// Source of the vocabulary: Open Workflow Specification DSL 1.0.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/units.h"
#include "base/value.h"
#include "config/template.h"

namespace stepwell::config {

struct Task;
using TaskList = std::vector<Task>;

// Where the flow goes after a task.
struct FlowDirective {
  enum class Kind : std::uint8_t { next, exit, end, task };  // next is the standard's `continue`
  Kind kind = Kind::next;
  std::size_t target = 0;  // index in the same list, where kind is task
};

// How a call authenticates: a stored credential by name, or a policy written in the definition.
struct Authentication {
  enum class Kind : std::uint8_t { credential, basic, bearer, digest };
  Kind kind = Kind::credential;
  std::string credential;  // the stored credential's or secret's name; empty for inline values
  Template username;       // basic and digest, inline
  Template password;       // basic and digest, inline
  Template token;          // bearer, inline
  Position position;
};

struct DoBody {
  TaskList tasks;
};

struct SetBody {
  Template value;
};

struct SwitchBody {
  struct Case {
    std::string name;
    std::optional<Expression> when;  // none: the default case
    FlowDirective then;
  };
  std::vector<Case> cases;
};

struct ForBody {
  std::string each = "item";
  std::string at = "index";
  Expression in;
  std::optional<Expression> while_;
  TaskList tasks;
};

// `call: http`. The options come from metadata.stepwell.
struct HttpCallBody {
  enum class Output : std::uint8_t { content, raw, response };
  Template method;
  UriTemplate endpoint;
  std::optional<Authentication> authentication;
  Template headers;  // null or an object
  Template query;    // null or an object
  Template body;     // null: no body
  bool has_body = false;
  Output output = Output::content;
  bool redirect = false;
  // metadata.stepwell
  std::optional<bool> idempotent;
  std::optional<Bytes> max_response_bytes;
  std::optional<Milliseconds> connect_timeout;
  std::optional<Milliseconds> first_byte_timeout;
  std::string ca_file;
};

// Methods whose repetition has the effect of one, in any case of letters (RFC 9110 §9.2.2).
bool is_idempotent_method(std::string_view method);

struct RaiseBody {
  Template error;  // an object with type and status at least
};

struct RetryPolicy {
  enum class Backoff : std::uint8_t { constant, linear, exponential };
  std::optional<Expression> when;
  std::optional<Expression> except_when;
  DurationTemplate delay;
  Backoff backoff = Backoff::constant;
  DurationTemplate max_delay{Milliseconds(3'600'000), nullptr};
  std::optional<std::uint32_t> max_attempts;         // limit.attempt.count
  std::optional<DurationTemplate> attempt_duration;  // limit.attempt.duration
  std::optional<DurationTemplate> total_duration;    // limit.duration
  std::optional<DurationTemplate> jitter_from;
  std::optional<DurationTemplate> jitter_to;
};

struct TryBody {
  TaskList tasks;
  Template errors_with;  // null, or an object: the members that must be equal
  std::string as = "error";
  std::optional<Expression> when;
  std::optional<Expression> except_when;
  std::optional<RetryPolicy> retry;
  bool has_handler = false;  // `do` is given
  TaskList handler;
  std::optional<FlowDirective> then;
};

struct WaitBody {
  DurationTemplate duration;
};

using TaskBody =
    std::variant<DoBody, SetBody, SwitchBody, ForBody, HttpCallBody, RaiseBody, TryBody, WaitBody>;

struct Task {
  std::string name;
  std::string reference;  // JSON pointer, e.g. /do/0/tryGetPet/try/0/getPet
  Position position;
  Value definition;                     // as it was written, for $task.definition
  std::optional<Expression> condition;  // `if`
  std::optional<Template> input_from;
  std::optional<Template> output_as;
  std::optional<Template> export_as;
  std::optional<DurationTemplate> timeout;
  FlowDirective then;
  TaskBody body;
};

struct Definition {
  std::string file;  // as it was given to the loader
  std::string namespace_;
  std::string name;
  std::string version;
  std::string title;
  Value document;      // the whole definition as JSON, for $workflow.definition
  std::string digest;  // content hash (hexadecimal), by which an instance pins what it started with
  std::vector<std::string> secrets;  // use.secrets
  std::optional<Template> input_from;
  std::optional<Template> output_as;
  std::optional<DurationTemplate> timeout;
  TaskList tasks;
  std::string run_as;  // document.metadata.stepwell.runAs
  // Stored credentials that it refers to, each with the place of the first reference.
  std::vector<std::pair<std::string, Position>> credentials;

  std::string id() const { return namespace_ + "/" + name + ":" + version; }
};

}  // namespace stepwell::config
