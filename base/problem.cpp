#include "base/problem.h"

#include <array>
#include <utility>

namespace stepwell {

namespace {

struct KindFacts {
  std::string_view uri;
  std::string_view title;
  int status;
};

const KindFacts& facts(ErrorKind kind) {
  static constexpr std::array<KindFacts, 8> kFacts{{
      {"https://open-workflow-specification.org/spec/1.0.0/errors/configuration",
       "Configuration error", 400},
      {"https://open-workflow-specification.org/spec/1.0.0/errors/validation", "Validation error",
       400},
      {"https://open-workflow-specification.org/spec/1.0.0/errors/expression", "Expression error",
       400},
      {"https://open-workflow-specification.org/spec/1.0.0/errors/authentication",
       "Authentication error", 401},
      {"https://open-workflow-specification.org/spec/1.0.0/errors/authorization",
       "Authorization error", 403},
      {"https://open-workflow-specification.org/spec/1.0.0/errors/timeout", "Timeout", 408},
      {"https://open-workflow-specification.org/spec/1.0.0/errors/communication",
       "Communication error", 500},
      {"https://open-workflow-specification.org/spec/1.0.0/errors/runtime", "Runtime error", 500},
  }};
  return kFacts[static_cast<std::size_t>(kind)];
}

}  // namespace

std::string_view error_type_uri(ErrorKind kind) { return facts(kind).uri; }
int default_status(ErrorKind kind) { return facts(kind).status; }
std::string_view error_title(ErrorKind kind) { return facts(kind).title; }

Problem make_problem(ErrorKind kind, std::string code, std::string detail) {
  Problem problem;
  problem.type = error_type_uri(kind);
  problem.status = default_status(kind);
  problem.title = error_title(kind);
  problem.code = std::move(code);
  problem.detail = std::move(detail);
  return problem;
}

Problem client_error(int status, std::string code, std::string detail) {
  Problem problem = make_problem(ErrorKind::validation, std::move(code), std::move(detail));
  problem.status = status;
  return problem;
}

Problem unavailable(std::string code, std::string detail) {
  Problem problem = make_problem(ErrorKind::runtime, std::move(code), std::move(detail));
  problem.status = 503;
  problem.retryable = true;
  return problem;
}

Problem Problem::with(std::string_view key, Value value) && {
  extensions.set(key, std::move(value));
  return std::move(*this);
}

Value Problem::to_value() const {
  Value object = Value::object();
  object.reserve(8 + extensions.size());
  object.set("type", type);
  object.set("status", status);
  if (!title.empty()) object.set("title", title);
  if (!detail.empty()) object.set("detail", detail);
  if (!where.empty()) object.set("instance", where);
  if (!code.empty()) {
    object.set("reason", code);
    object.set("retryable", retryable);
    if (retry_if_named) object.set("retryIfNamed", true);
  }
  for (const Value::Member& member : extensions.members())
    object.set_member(member.key, member.value);
  return object;
}

Problem Problem::from_value(const Value& object) {
  Problem problem;
  problem.retryable = true;  // what an author raises is subject to the author's own policy
  for (const Value::Member& member : object.members()) {
    const std::string_view name = member.name();
    const Value& value = member.value;
    const auto text = [&](std::string& field) {
      if (!value.is_string()) return false;
      field = value.as_string();
      return true;
    };
    if (name == "type" && text(problem.type)) continue;
    if (name == "title" && text(problem.title)) continue;
    if (name == "detail" && text(problem.detail)) continue;
    if (name == "instance" && text(problem.where)) continue;
    if (name == "reason" && text(problem.code)) continue;
    if (name == "retryable" && value.is_bool()) {
      problem.retryable = value.as_bool();
      continue;
    }
    if (name == "retryIfNamed" && value.is_bool()) {
      problem.retry_if_named = value.as_bool();
      continue;
    }
    if (name == "status" && value.is_number() && value.as_integer()) {
      problem.status = static_cast<int>(*value.as_integer());
      continue;
    }
    problem.extensions.set_member(member.key, value);
  }
  return problem;
}

std::string Problem::one_line() const {
  std::string line = where.empty() ? "" : where + ": ";
  line += code.empty() ? title : code;
  if (!detail.empty()) line += ": " + detail;
  return line;
}

}  // namespace stepwell
