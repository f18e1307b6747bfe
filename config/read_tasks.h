// Readers of tasks and of what stands in them. Used while a definition is loaded, on one thread
// (config/reading.h). Each reports its faults and gives what it can, so that the rest is read too.
#pragma once

#include <array>
#include <optional>
#include <string_view>

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
RaiseBody read_raise(Reading& reading, const Place& task);
TryBody read_try(Reading& reading, const Place& task);

EmitBody read_emit(Reading& reading, const Place& task);
ListenBody read_listen(Reading& reading, const Place& task);
// {one | any | all, until}
EventStrategy read_event_strategy(Reading& reading, const Place& place);

std::optional<RetryPolicy> read_retry(Reading& reading, const Place& place);
std::optional<Authentication> read_authentication(Reading& reading, const Place& place);
// An entry of use.authentications, which cannot refer to another.
std::optional<Authentication> read_policy_entry(Reading& reading, const Place& place);
// An entry of use.errors, or `raise.error` written out.
Template read_error(Reading& reading, const Place& place);

// metadata.stepwell of a task; those of a call over HTTP go into `call` where it is one.
void read_task_metadata(Reading& reading, const Place& metadata, CallOptions* call);
void read_document_metadata(Reading& reading, const Place& metadata);

// Collects the tables of `use`; the entries themselves are read where they are referred to.
void index_use(Reading& reading, const Place& use);
// Reads the entries that nothing refers to, for their faults.
void check_unused(Reading& reading, const Place& use);

}  // namespace stepwell::config
