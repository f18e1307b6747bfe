// Steps that wait for people, as the API shows them, and as a request completes or changes them.
// Pure functions but for files_named(), which may block; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/message.h"
#include "base/value.h"
#include "engine/files.h"
#include "engine/open_steps.h"

namespace stepwell::api {

// {step, reference, id, kind, prompt, …, assignee, startedTime, due, overdue}: with what it asks
// for, by kind.
Value describe_open_step(const engine::OpenStep& step);

// Whose steps the request's key may complete: a key that is narrowed to scopes without
// complete-steps completes nothing.
Result<engine::Completer> completer_of(const auth::Principal& principal);

// The files whose ids stand somewhere in the value, as far as they are there. `files` may be null.
// Errors: the store's; validation/400 `request-invalid` for very many.
using NamedFiles = std::map<std::string, engine::FileInfo, std::less<>>;
Result<NamedFiles> files_named(engine::Files* files, const auth::Principal& principal,
                               const Value& value);

// A step as a path names it: its name, its id, or its reference with "~1" for each "/" (RFC 6901
// §3), since no "/" can stand in a path's segment.
std::string step_of_path(std::string_view segment);

}  // namespace stepwell::api
