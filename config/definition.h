// A workflow definition as it runs: checked, compiled and immutable, with source positions.
// Made by load_definition() (config/loader.h), held by shared_ptr, read by any thread.
// Source of the vocabulary: Open Workflow Specification DSL 1.0.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/units.h"
#include "base/value.h"
#include "config/boxed.h"
#include "config/schema.h"
#include "config/sources.h"
#include "config/template.h"

namespace stepwell::config {

struct Task;
using TaskList = std::vector<Task>;

// Where the flow goes after a task.
struct FlowDirective {
  enum class Kind : std::uint8_t { next, exit, end, task };  // next is the standard's `continue`
  Kind kind = Kind::next;
  std::uint32_t target = 0;  // index in the same list, where kind is task
};

// How a call authenticates: a stored credential by name, or a policy written in the definition.
struct Authentication {
  enum class Kind : std::uint8_t { credential, basic, bearer, digest, oauth2, oidc };
  Kind kind = Kind::credential;
  std::string credential;  // the stored credential's or secret's name; empty for inline values
  Template username;       // basic and digest, inline
  Template password;       // basic and digest, inline
  Template token;          // bearer, inline
  UriTemplate authority;   // oauth2 and oidc, inline
  Template policy;         // these two: the other members that the standard gives them
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
  Expression in;
  Boxed<Expression> while_;
  TaskList tasks;
};

// Branches run at the same time, each a task of its own; with `compete` the first to complete wins.
struct ForkBody {
  TaskList branches;
  bool compete = false;
};

// At most so many requests in any such time: metadata.stepwell.rateLimit.
struct RateLimit {
  std::uint32_t requests = 0;
  Milliseconds per{0};
};

// What `metadata.stepwell` says of a call over HTTP.
struct CallOptions {
  std::optional<bool> idempotent;
  std::optional<Bytes> max_response_bytes;
  std::optional<Milliseconds> connect_timeout;
  std::optional<Milliseconds> first_byte_timeout;
  std::string ca_file;
  std::string tls_credential;  // a stored clientCertificate; empty: none
  std::string proxy;           // its URL; empty: none
  std::optional<RateLimit> rate_limit;
};

// What a call gives: the decoded content, its bytes in base64, or the whole response.
enum class CallOutput : std::uint8_t { content, raw, response };

struct HttpCallBody {
  using Output = CallOutput;
  Template method;
  UriTemplate endpoint;
  Boxed<Authentication> authentication;
  Template headers;  // null or an object
  Template query;    // null or an object
  Template body;     // null: no body
  bool has_body = false;
  Output output = Output::content;
  bool redirect = false;
  Boxed<CallOptions> options;  // none: the defaults
};

// Something that lies elsewhere and is fetched: the standard's external resource.
struct ExternalResource {
  UriTemplate endpoint;
  Boxed<Authentication> authentication;  // of the fetching
};

// The entries of use.authentications.
using NamedPolicies = std::map<std::string, Authentication, std::less<>>;

struct OpenApiCallBody {
  ExternalResource document;
  Template operation;   // operationId
  Template parameters;  // null or an object
  Boxed<Authentication> authentication;
  // Where it has none: what the document's security schemes may ask for by name, one table for all
  // calls of a definition; null: nothing.
  std::shared_ptr<const NamedPolicies> named;
  CallOutput output = CallOutput::content;
  bool redirect = false;
  Boxed<CallOptions> options;  // none: the defaults
};

// `call: NAME`: the function is a task of its own, whose raw input the arguments are.
struct FunctionCallBody {
  std::string name;
  Template arguments;                        // `with`; null: the task's input
  std::shared_ptr<const TaskList> function;  // exactly one task, the same for all that call it
};

struct RunWorkflowBody {
  std::string namespace_;
  std::string name;
  std::string version;  // "latest" or a semantic version
  Template input;       // null: {}
  bool await = true;
};

// `run: shell`, `script` or `container`: what runs as a process of its own.
struct RunProcessBody {
  enum class Kind : std::uint8_t { shell, script, container };
  enum class Return : std::uint8_t { standard_output, standard_error, code, all, none };
  Kind kind = Kind::shell;
  Template arguments;              // an object: the members that the standard gives the kind
  Boxed<ExternalResource> source;  // of a script that lies elsewhere
  bool await = true;
  Return result = Return::standard_output;
};

// `call: decision`, `form`, `upload` and `email`: what waits for a person (an email only where it
// is held). config/person_step.h says what the arguments are.
struct PersonStepBody {
  enum class Kind : std::uint8_t { decision, form, upload, email };
  Kind kind = Kind::decision;
  Template arguments;                    // an object
  Boxed<Authentication> authentication;  // of an email, to its server
};

// Methods whose repetition has the effect of one, in any case of letters (RFC 9110 §9.2.2).
bool is_idempotent_method(std::string_view method);

struct RaiseBody {
  Template error;  // an object with type and status at least
};

struct RetryPolicy {
  enum class Backoff : std::uint8_t { constant, linear, exponential };
  Boxed<Expression> when;
  Boxed<Expression> except_when;
  DurationTemplate delay;
  Backoff backoff = Backoff::constant;
  DurationTemplate max_delay{Milliseconds(3'600'000), {}};
  std::optional<std::uint32_t> max_attempts;  // limit.attempt.count
  Boxed<DurationTemplate> attempt_duration;   // limit.attempt.duration
  Boxed<DurationTemplate> total_duration;     // limit.duration
  Boxed<DurationTemplate> jitter_from;
  Boxed<DurationTemplate> jitter_to;
};

struct TryBody {
  TaskList tasks;
  Template errors_with;  // null, or an object: the members that must be equal
  std::string as = "error";
  Boxed<Expression> when;
  Boxed<Expression> except_when;
  Boxed<RetryPolicy> retry;
  bool has_handler = false;  // `do` is given
  TaskList handler;
  std::optional<FlowDirective> then;
};

struct WaitBody {
  DurationTemplate duration;
};

// The event that goes out, without what is filled in when it does.
struct EmitBody {
  Template event;  // an object of CloudEvents attributes
};

// Which events are meant.
struct EventFilter {
  struct Attribute {
    std::string name;
    Template value;                     // what it must be; an expression sees the attribute as "."
    std::optional<Expression> pattern;  // the value as a regular expression, where it may be one
  };
  struct Correlation {
    std::string key;
    Expression from;                 // of the event
    std::optional<Template> expect;  // none: what the first event has
  };
  std::vector<Attribute> attributes;
  std::vector<Correlation> correlations;
};

struct EventStrategy {
  enum class Kind : std::uint8_t { one, any, all };
  Kind kind = Kind::one;
  std::vector<EventFilter> filters;   // of `any`, none: every event
  Boxed<Expression> until;            // sees what has been consumed as "."
  Boxed<EventStrategy> until_events;  // what ends it instead
};
// The types of the events that it may consume; empty where any type may do.
std::vector<std::string> event_types(const EventStrategy& strategy);

// What the data that go into a task and come out of it must be like; null: anything.
struct DataSchemas {
  std::shared_ptr<const Schema> input;    // the raw input
  std::shared_ptr<const Schema> output;   // the transformed output
  std::shared_ptr<const Schema> context;  // the new context, of `export`
};

struct ListenBody {
  enum class Read : std::uint8_t { data, envelope, raw };
  EventStrategy to;
  Read read = Read::data;
  bool has_foreach = false;
  TaskList tasks;
  Boxed<Template> foreach_output_as;
  Boxed<Template> foreach_export_as;
  Boxed<DataSchemas> foreach_schemas;
};

using TaskBody = std::variant<DoBody, SetBody, SwitchBody, ForBody, ForkBody, HttpCallBody,
                              RaiseBody, TryBody, WaitBody, EmitBody, ListenBody, OpenApiCallBody,
                              FunctionCallBody, RunWorkflowBody, RunProcessBody, PersonStepBody>;

struct Extension;
using Extensions = std::vector<std::shared_ptr<const Extension>>;

struct Task {
  std::string name;
  std::string reference;  // JSON pointer, e.g. /do/0/tryGetPet/try/0/getPet
  Position position;
  Value definition;             // as it was written, for $task.definition
  Boxed<Expression> condition;  // `if`
  Boxed<Template> input_from;
  Boxed<Template> output_as;
  Boxed<Template> export_as;
  Boxed<DataSchemas> schemas;
  Boxed<DurationTemplate> timeout;
  FlowDirective then;
  TaskBody body;
  std::shared_ptr<const Extensions> extensions;  // that extend it, in their order; null: none
};

// What runs around every task of a kind (use.extensions).
struct Extension {
  std::string name;
  std::string extend;              // a kind of task, or "all"
  std::optional<Expression> when;  // none: always
  TaskList before;
  TaskList after;
};

// The lists of tasks that a task holds, in the order of the definition. A function that it calls
// is not among them: see top_lists().
std::vector<const TaskList*> child_lists(const TaskBody& body);

// When instances start by themselves. Of every, cron, after and on exactly one is given.
struct Schedule {
  std::optional<Milliseconds> every;  // between two starts
  std::string cron;                   // five fields
  std::string time_zone = "UTC";      // of `cron`: a name of the IANA time zone database
  std::optional<Milliseconds> after;  // between an instance's end and the next one's start
  std::optional<EventStrategy> on;
  ListenBody::Read read = ListenBody::Read::data;
  Position position;
};

// How long instances can be read after their end (document.metadata.stepwell.retention); what is
// not given is as the daemon's settings say.
struct Retention {
  std::optional<Milliseconds> age;     // since their end
  std::optional<std::uint64_t> count;  // the latest so many of the workflow
};

// How a call from outside starts an instance (document.metadata.stepwell.webhook).
struct Webhook {
  // Which signature shows who sent it: an HMAC-SHA-256 over the body or, with a timestamp, over
  // TIMESTAMP.BODY.
  struct Hmac {
    std::string credential;        // of the kind hmac, whose value is the key
    std::string header;            // that has the signature
    bool base64 = false;           // else hexadecimal
    std::string prefix;            // before it: "sha256="
    std::string timestamp_header;  // seconds since 1970; empty: none
    Milliseconds tolerance{0};     // how far that may be from now
  };
  std::string path;  // one segment below /api/v1/webhooks
  std::string method = "POST";
  bool open = false;  // it asks for neither a signature nor an API key
  std::optional<Hmac> hmac;
  std::string delivery_header;       // the same value: the same delivery, once more
  std::vector<std::string> headers;  // lower case: those that become part of the input
  Position position;
};

struct Definition {
  std::string file;  // as it was given to the loader
  std::string namespace_;
  std::string name;
  std::string version;
  std::string title;
  // The whole definition as JSON, for $workflow.definition. Where it was loaded to be run and no
  // expression can see it, it is null, and so is what its tasks have as `definition`.
  Value document;
  std::string digest;  // content hash (hexadecimal), by which an instance pins what it started with
  std::shared_ptr<const Sources> sources;      // never null
  std::vector<std::string> secrets;            // use.secrets
  std::shared_ptr<const Schema> input_schema;  // of the raw input; null: none
  std::optional<Template> input_from;
  std::optional<Template> output_as;
  std::shared_ptr<const Schema> output_schema;  // of the transformed output
  std::optional<DurationTemplate> timeout;
  TaskList tasks;
  Extensions extensions;
  std::vector<std::shared_ptr<const TaskList>> functions;  // each of one task
  std::optional<Schedule> schedule;
  std::string run_as;             // document.metadata.stepwell.runAs
  std::uint64_t concurrency = 0;  // instances that run at the same time at most; 0: any number
  bool relaxed = false;           // `durability`: its results need not be durable before it goes on
  bool skip_missed = false;  // `missed`: what the schedule should have started is not caught up
  Retention retention;
  Boxed<Webhook> webhook;
  // Stored credentials that it refers to, each with the place of the first reference.
  std::vector<std::pair<std::string, Position>> credentials;

  std::string id() const { return namespace_ + "/" + name + ":" + version; }
};

// Leaves out the document, as described there.
void drop_document(Definition& definition);

// The lists that no task holds: the workflow's own, the functions, what extensions do.
std::vector<const TaskList*> top_lists(const Definition& definition);

}  // namespace stepwell::config
