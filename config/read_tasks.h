// Readers of tasks and of what stands in them. Used while a definition is loaded, on one thread
// (config/reading.h). Each reports its faults and gives what it can, so that the rest is read too.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "config/library.h"
#include "config/read_values.h"

namespace stepwell::config {

// A list of one-member mappings, each a task by its name.
TaskList read_task_list(Reading& reading, const Place& place);
// The same for branches that run beside each other: none can name another as the next.
TaskList read_branches(Reading& reading, const Place& place);
// One task; `place` is the member that names it.
Task read_task(Reading& reading, const Place& place);

// `then`: continue, exit, end or a task of the list that is being read.
FlowDirective read_flow(Reading& reading, const Place& place);
// Warns of tasks of the list that nothing leads to.
void check_reachability(Reading& reading, const TaskList& tasks);

SwitchBody read_switch(Reading& reading, const Place& task);
HttpCallBody read_http_call(Reading& reading, const Place& task);
OpenApiCallBody read_openapi_call(Reading& reading, const Place& task);
// What the calls over HTTP have in common: their metadata, with `with` as the answer (null: a
// fault, which is told); `output` and `redirect` of their arguments.
const YamlNode::Member* read_call_base(Reading& reading, const Place& task,
                                       Boxed<CallOptions>& options);
CallOutput read_call_output(Reading& reading, const Fields& fields);
bool read_call_redirect(Reading& reading, const Fields& fields);
// A URI, or {uri, authentication}.
ExternalResource read_endpoint(Reading& reading, const Place& place, const Site& site);
// {name, endpoint}: what lies elsewhere and is fetched.
std::optional<ExternalResource> read_external_resource(Reading& reading, const Place& place,
                                                       const Site& site);
RaiseBody read_raise(Reading& reading, const Place& task);
TryBody read_try(Reading& reading, const Place& task);

EmitBody read_emit(Reading& reading, const Place& task);
ListenBody read_listen(Reading& reading, const Place& task);
// Whatever `call` names.
TaskBody read_call(Reading& reading, const Place& task);
// Of `call: decision`, `form`, `upload` and `email`.
PersonStepBody read_person_step(Reading& reading, const Place& task, PersonStepBody::Kind kind);
TaskBody read_run(Reading& reading, const Place& task);
// The one of shell, script and container that `run` has, with its await and return.
RunProcessBody read_process(Reading& reading, const Place& run);
// {one | any | all, until}, whose expressions see these variables.
EventStrategy read_event_strategy(Reading& reading, const Place& place,
                                  std::uint16_t sees = kTaskBodySees);

std::optional<RetryPolicy> read_retry(Reading& reading, const Place& place);
std::optional<Authentication> read_authentication(Reading& reading, const Place& place);
// The members of `oauth2` or `oidc` that are written out.
void read_oauth_policy(Reading& reading, const Place& place, Authentication& result);
// Notes that the definition uses the stored credential of that name.
void refer_to_credential(Reading& reading, const std::string& name, Position position);
// An entry of use.authentications, which cannot refer to another.
std::optional<Authentication> read_policy_entry(Reading& reading, const Place& place);
// An entry of use.errors, or `raise.error` written out.
Template read_error(Reading& reading, const Place& place);

// metadata.stepwell of a task; those of a call over HTTP go into `call` where it is one.
void read_task_metadata(Reading& reading, const Place& metadata, CallOptions* call);
void read_document_metadata(Reading& reading, const Place& metadata);
// metadata.stepwell.webhook of the document.
Webhook read_webhook(Reading& reading, const Place& place);
std::optional<Schedule> read_schedule(Reading& reading, const Place& place);

// An entry of use.catalogs.
std::optional<FixedEndpoint> read_catalog(Reading& reading, const Place& place);

// Collects the tables of `use`; the entries themselves are read where they are referred to.
void index_use(Reading& reading, const Place& use);
// Reads the entries that nothing refers to, for their faults.
void check_unused(Reading& reading);

}  // namespace stepwell::config
