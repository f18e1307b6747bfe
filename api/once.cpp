#include "api/once.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace stepwell::api {

namespace {

constexpr std::size_t kLongestOnceKey = 255;

}  // namespace

Result<std::string> once_text(const Request& request) {
  const std::string* key = request.header("Idempotency-Key");
  if (key == nullptr) return std::string();
  const bool plain =
      std::all_of(key->begin(), key->end(), [](char c) { return c >= ' ' && c < '\x7f'; });
  if (key->empty() || key->size() > kLongestOnceKey || !plain)
    return fail(client_error(
        400, "request-invalid",
        "the header Idempotency-Key must have 1 to 255 printable characters of ASCII"));
  return request.principal.key_id + " " + *key;
}

Result<std::string> once_text(const Request& request, const auth::Redactor& redactor) {
  Result<std::string> once = once_text(request);
  if (once && redactor.mask(*once) != *once)
    return fail(client_error(400, "request-invalid",
                             "the header Idempotency-Key must not hold a stored secret"));
  return once;
}

std::unique_lock<std::mutex> OnceTurns::lock(const Request& request) {
  const std::string* key = request.header("Idempotency-Key");
  if (key == nullptr) return {};
  const std::size_t hash = std::hash<std::string>()(request.principal.key_id + " " + *key);
  return std::unique_lock(mutexes_.at(hash % mutexes_.size()));
}

Result<std::optional<auth::OnceMark>> find_once(auth::Authority& authority, Request& request) {
  const Result<std::string> once = once_text(request);
  if (!once) return fail(once.error());
  if (once->empty()) return std::nullopt;
  const std::string what = request.method + " " + request.target;
  // Of the body only a keyed hash is kept, since it may hold a secret.
  request.once = authority.fingerprint(what + " " + *once);
  request.asked = authority.fingerprint(what + " " + request.body);
  std::optional<auth::OnceMark> before = authority.audit().done_before(request.once);
  if (!before || before->asked == request.asked) return before;
  return fail(client_error(422, "idempotency-key-reused",
                           "this Idempotency-Key was used before, for another request (" +
                               before->action + " " + before->target +
                               "); take a new one for each thing to be done"));
}

BlockingHandler once_only(auth::Authority& authority, BlockingHandler handler, Repeated repeated) {
  const auto turns = std::make_shared<OnceTurns>();
  return [&authority, turns, handler = std::move(handler),
          repeated = std::move(repeated)](Request& request) -> Result<Response> {
    const auto turn = turns->lock(request);
    const auto before = find_once(authority, request);
    if (!before) return fail(before.error());
    return *before ? repeated((*before)->target) : handler(request);
  };
}

}  // namespace stepwell::api
