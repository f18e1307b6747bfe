// What people do to steps that wait for them: is it theirs, does what they give fit, and what comes
// of it. config/person_step.h has the rules of arguments and fields. Pure; internal to engine/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/open_steps.h"
#include "engine/program.h"
#include "engine/state.h"

namespace stepwell::engine {

// RFC 7396 §2.
Value merge_patch(Value target, const Value& patch);

// The arguments of a step as a change of them makes them: a merge patch, but that the fields of a
// form stand in it by their names.
Value apply_change(Value arguments, const Value& patch);

// Of those that are open the one that is meant. Errors: 404 `step-unknown`; 409 `step-not-active`,
// `step-completed`, `step-ambiguous`.
Result<OpenStep> find_open_step(const Program& program, const State& state, std::string_view named);
Problem step_completed(std::string_view named);
// Has a person completed that task in this instance?
bool was_completed(const Program& program, const State& state, std::string_view named);

// Errors: authorization/403 `step-not-yours`.
Status may_complete(const OpenStep& step, const Completer& by);

// What came of an output.
struct StepOutput {
  Value result;                    // as it stands in the record
  std::vector<std::string> files;  // that are in it
  bool release = false;            // an email: it is sent, and has no result yet
};
// Errors: validation/400 `step-output-invalid` with the extension `field`.
Result<StepOutput> check_output(const OpenStep& step, const StepAnswer& answer, WallTime now);

// What came of a change.
struct StepPatch {
  Value patch;  // as it stands in the record
  std::vector<std::string> files;
};
// Errors: validation/400 `step-change-invalid` with the extension `field`.
Result<StepPatch> check_change(const OpenStep& step, const StepAnswer& answer);

}  // namespace stepwell::engine
