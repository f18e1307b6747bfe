// From a process's end to a step's output or problem. Pure; runs on workers.
#pragma once

#include "base/result.h"
#include "base/value.h"
#include "config/definition.h"
#include "steps/process_runner.h"

namespace stepwell::steps {

// `end` is shown without secrets already. Of `code` and `all` the exit code is part of the output;
// with any other `return` an exit code other than 0 is an error.
// Errors: runtime/`process-failed`, timeout/`process-timeout`, runtime/`output-too-large`,
// runtime/`cancelled`, and what the process could not start for.
Result<Value> process_output(config::RunProcessBody::Return wanted, ProcessEnd end);

}  // namespace stepwell::steps
