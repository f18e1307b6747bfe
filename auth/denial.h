// The words in which the gate refuses: one Problem for each row of the table "How a step fails",
// and the counters of refusals by reason.
// Pure functions, callable from any thread; DenialCounters is shared by gate and guards.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/credential.h"
#include "base/metrics.h"
#include "base/problem.h"
#include "http/url.h"

namespace stepwell::auth {

// `state` is any but active. Errors made: 401 `credential-revoked|-expired|-disabled|-rejected`,
// 403 `credential-deleted`.
Problem denied_by_state(const Credential& credential, CredentialState state);
// 401 `credential-rotated`, retryable.
Problem denied_as_rotated(const Credential& credential);
// The same for one whose allowed origins or namespaces were changed while a request waited.
Problem denied_by_changed_rules(const std::string& name, std::uint32_t version);
// `why`: what is wrong with the API key that it holds, 401 `key-revoked|-expired` and so on.
Problem denied_by_linked_key(const Credential& credential, Problem why);
// 403 `secret-in-request`; `where`: "URL", "body", "headers" or "authentication".
Problem denied_in_content(std::string_view where);
Problem denied_as_unknown(std::string_view name);                                    // 403
Problem denied_by_origin(const Credential& credential, const http::Origin& target);  // 403
Problem denied_by_namespace(const Credential& credential, std::string_view space);   // 403

// What administration answers: a validation problem with a status of its own (404, 409 …).
Problem refused_request(int status, std::string code, std::string detail);
// 503 `revocation-incomplete`; `subject`: "credential NAME" or "API key ID".
Problem revocation_incomplete(const std::string& subject);

// "2026-11-21 at 14:02 UTC".
std::string spoken_time(WallTime time);

class DenialCounters {
 public:
  explicit DenialCounters(Metrics& metrics);
  void count(std::string_view reason) const;

 private:
  std::vector<std::pair<std::string_view, Counter>> counters_;  // constant
};

}  // namespace stepwell::auth
