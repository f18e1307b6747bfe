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
    return fail(request_problem(
        400, "request-invalid",
        "the header Idempotency-Key must have 1 to 255 printable characters of ASCII"));
  return request.principal.key_id + " " + *key;
}

BlockingHandler once_only(auth::Authority& authority, BlockingHandler handler, Repeated repeated) {
  // One at a time, so that the second of two equal requests finds what the first one made.
  const auto turn = std::make_shared<std::mutex>();
  return [&authority, turn, handler = std::move(handler),
          repeated = std::move(repeated)](Request& request) -> Result<Response> {
    const Result<std::string> once = once_text(request);
    if (!once) return fail(once.error());
    if (once->empty()) return handler(request);
    const std::string what = request.method + " " + request.target;
    // Of the body only a keyed hash is kept, since it may hold a secret.
    request.once = authority.fingerprint(what + " " + *once);
    request.asked = authority.fingerprint(what + " " + request.body);
    const std::scoped_lock lock(*turn);
    const std::optional<auth::OnceMark> before = authority.audit().done_before(request.once);
    if (!before) return handler(request);
    if (before->asked == request.asked) return repeated(before->target);
    return fail(
        request_problem(422, "idempotency-key-reused",
                        "this Idempotency-Key was used before, to make " + before->target +
                            " from another request; take a new one for each thing to be done"));
  };
}

}  // namespace stepwell::api
