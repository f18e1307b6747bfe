// Reads the members of a request's JSON object strictly: a wrong type, a missing member and an
// unknown one are each a 400 that names the member. The first fault counts; read everything, then
// ask done().
// Made on the stack by a handler; not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"

namespace stepwell::api {

class Fields {
 public:
  // The request's body, which must be one JSON object. Errors: validation/400 `json-invalid`,
  // `request-invalid`.
  static Result<Fields> of_body(const Request& request);
  explicit Fields(Value object) : object_(std::move(object)) {}

  bool has(std::string_view name) const { return object_.contains(name); }
  std::string required_text(std::string_view name);
  std::string text(std::string_view name);  // empty where absent or null
  std::vector<std::string> texts(std::string_view name);
  std::optional<bool> flag(std::string_view name);
  // RFC 3339; nothing where absent or null (has() tells these apart).
  std::optional<WallTime> time(std::string_view name);
  Value any(std::string_view name);  // null where absent
  // Notes a fault that the caller found.
  void fault(std::string detail);

  // Errors: validation/400 `request-invalid`, `time-invalid`.
  Status done() const;

  // Overwrites the text of a member that holds a secret, in place.
  void wipe_text(std::string_view name);

 private:
  const Value* take(std::string_view name);
  void wrong_type(std::string_view name, std::string_view wanted);

  Value object_;
  std::vector<std::string> known_;
  std::optional<Problem> fault_;
};

}  // namespace stepwell::api
