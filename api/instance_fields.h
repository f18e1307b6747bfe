// What people say of an instance, as members of a request's body: its name, tags, priority, and
// under whose key it runs.
// Pure functions, callable from any thread.
#pragma once

#include <string>

#include "api/fields.h"
#include "auth/keys.h"
#include "auth/redactor.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/instance_filter.h"

namespace stepwell::api {

// Each notes a fault in `fields`; known secrets are masked.
std::string read_name(Fields& fields, const auth::Redactor& redactor);
Value read_tags(Fields& fields, const auth::Redactor& redactor);  // null where there are none
engine::Priority read_priority(Fields& fields);

// Whether somebody may start an instance that runs under that key: under one of his own, or, as an
// admin, under any. Errors: authorization/403 `permission-denied`; those of a key that is not
// valid, with status 409; 404 `key-unknown`.
Status may_run_as(const auth::Keys& keys, const auth::Principal& principal, const std::string& key);

}  // namespace stepwell::api
