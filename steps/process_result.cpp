#include "steps/process_result.h"

#include <string>
#include <utility>

#include "base/json.h"

namespace stepwell::steps {

namespace {

constexpr std::size_t kProcessExcerpt = 2048;  // bytes of standard error that a problem shows
constexpr int kSignalled = 128;

Problem with_excerpt(Problem problem, const ProcessEnd& end) {
  std::string_view text = end.error;
  if (text.size() > kProcessExcerpt) text.remove_prefix(text.size() - kProcessExcerpt);
  if (!text.empty()) problem.extensions.set("stderr", valid_utf8(text));
  return problem;
}

Problem failure_of(const ProcessEnd& end) {
  std::string detail =
      end.code > kSignalled
          ? "the process was ended by signal " + std::to_string(end.code - kSignalled)
          : "the process ended with the exit code " + std::to_string(end.code);
  Problem problem = make_problem(ErrorKind::runtime, "process-failed",
                                 std::move(detail) + "; `stderr` is the end of what it said");
  problem.retryable = true;
  problem.extensions.set("exitCode", end.code);
  return with_excerpt(std::move(problem), end);
}

// It may have done part of its work.
Problem interrupted(ErrorKind kind, std::string code, std::string detail, const ProcessEnd& end) {
  Problem problem = make_problem(kind, std::move(code), std::move(detail));
  problem.retryable = true;
  problem.retry_if_named = true;
  return with_excerpt(std::move(problem), end);
}

}  // namespace

Result<Value> process_output(config::RunProcessBody::Return wanted, ProcessEnd end) {
  using How = ProcessEnd::How;
  using Return = config::RunProcessBody::Return;
  switch (end.how) {
    case How::not_started:
      return fail(std::move(*end.problem));
    case How::cancelled:
      return fail(make_problem(ErrorKind::runtime, "cancelled", "the step was cancelled"));
    case How::timed_out:
      return fail(interrupted(ErrorKind::timeout, "process-timeout",
                              "the process took longer than the setting run.timeout allows, and "
                              "was ended",
                              end));
    case How::too_much_output:
      return fail(interrupted(ErrorKind::runtime, "output-too-large",
                              "the process wrote more than the setting run.maxOutput allows, and "
                              "was ended",
                              end));
    case How::exited:
      break;
  }
  if (wanted == Return::code) return Value(end.code);
  if (wanted == Return::all)
    return Value::object({{"code", end.code},
                          {"stdout", valid_utf8(end.output)},
                          {"stderr", valid_utf8(end.error)}});
  if (end.code != 0) return fail(failure_of(end));
  if (wanted == Return::none) return Value();
  return Value(valid_utf8(wanted == Return::standard_error ? end.error : end.output));
}

}  // namespace stepwell::steps
