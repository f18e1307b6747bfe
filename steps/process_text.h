// Texts that a process is given. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "base/result.h"
#include "base/value.h"

namespace stepwell::steps {

// validation/`process-invalid`.
Problem process_invalid(std::string detail);

// A string as it is, null as nothing, any other value as JSON. `what` names it in the message.
// Errors: validation/`process-invalid` where it holds a NUL character.
Result<std::string> process_text(const Value& value, std::string_view what);

// An object's members as NAME=VALUE; those that are null are left out. Errors: the same.
Result<std::vector<std::string>> own_environment(const Value& environment);

}  // namespace stepwell::steps
