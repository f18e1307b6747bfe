// Problem: the one error type from the reactor to the API's answer. It is an RFC 9457 problem
// object (type, status, title, detail, instance) with what Stepwell adds to it: a stable code, the
// place, the cause and whether a repetition can help.
// A plain value; free of thread affinity.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/value.h"

namespace stepwell {

// The standard's error kinds; each has a type URI and a default status.
// Source: Open Workflow Specification DSL 1.0, "Standard Error Types".
enum class ErrorKind {
  configuration,   // 400
  validation,      // 400
  expression,      // 400
  authentication,  // 401
  authorization,   // 403
  timeout,         // 408
  communication,   // 500, or the upstream's real status
  runtime,         // 500
};

std::string_view error_type_uri(ErrorKind kind);
int default_status(ErrorKind kind);
std::string_view error_title(ErrorKind kind);

struct Problem {
  std::string type;        // URI, RFC 9457 §3.1.1
  int status = 500;        // RFC 9457 §3.1.2
  std::string code;        // stable kebab-case word, a page in docs/errors/; the problem's `reason`
  std::string title;       // RFC 9457 §3.1.3
  std::string detail;      // what happened and what to do, for a person
  std::string where;       // a task's reference (`instance`), or FILE:LINE:COLUMN
  bool retryable = false;  // false: no retry policy repeats it
  bool retry_if_named = false;  // retryable only by a policy whose own `when` lets it pass
  Value extensions;  // further members (null or an object), e.g. credential, attempt, sent
  std::shared_ptr<const Problem> cause;

  // The problem as an RFC 9457 object: type, status, title, detail, instance, reason, retryable
  // and the extension members. Absent texts are left out.
  Value to_value() const;
  // The way back, for a journal or a `raise`; members that are unknown become extensions.
  static Problem from_value(const Value& object);
  // `with` returns the problem with one more extension member.
  Problem with(std::string_view key, Value value) &&;
  // One line for logs: code, detail, where.
  std::string one_line() const;
};

// A problem of one of the standard's kinds, with that kind's type, title and default status.
Problem make_problem(ErrorKind kind, std::string code, std::string detail);
// A validation problem with another HTTP status than 400, e.g. 404 or 409.
Problem client_error(int status, std::string code, std::string detail);
// runtime/503 of what goes by: whoever asked may ask again.
Problem unavailable(std::string code, std::string detail);

}  // namespace stepwell
