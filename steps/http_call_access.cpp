// What a call asks before each of its requests: whether it is its turn, whether the API key still
// stands, and for what it authenticates itself by.
#include <utility>

#include "steps/http_call.h"

namespace stepwell::steps {

namespace {

using config::Authentication;

std::string text_of(const Value& arguments, std::string_view name) {
  const Value& value = arguments.get(name);
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

}  // namespace

// The limit is the upstream's: whoever calls the same origin with the same credential shares it.
void HttpCall::pace() {
  const auto& limit = rules_.options->rate_limit;
  const auto begin = [this] {
    // What it waited for its turn is not the request's time.
    sent_.timeouts.total = Deadline::after(surroundings_.clock, options_.total_timeout);
    go();
  };
  if (!limit || !surroundings_.rate_limits) return begin();
  std::string key = origin_.text() + "\n";
  if (rules_.authentication != nullptr) key += rules_.authentication->credential;
  key += "\n" + rules_.options->tls_credential + "\n" + std::to_string(limit->requests) + "/" +
         std::to_string(limit->per.count());
  const auto ticket =
      surroundings_.rate_limits->take(key, *limit, [call = shared_from_this(), begin] { begin(); });
  if (!ticket) return;
  {
    const std::scoped_lock lock(mutex_);
    held_back_ = *ticket;
    if (!cancelled_) return;
  }
  if (surroundings_.rate_limits->cancel(*ticket))
    finish(make_problem(ErrorKind::runtime, "cancelled", "the step was cancelled"));
}

// False: not yet; woken() goes on, or has done so already.
Result<bool> HttpCall::ask() {
  // It must still be good at every step.
  if (!key().empty()) {
    if (auto stands = surroundings_.keys.stands(key()); !stands) return fail(stands.error());
  }
  if (auto clean = surroundings_.gate.check_content(sent_); !clean) return fail(clean.error());
  grant_.reset();
  identity_.reset();
  sent_.pool.clear();
  if (!authenticated_ && !identified_) return true;
  if (auto safe = check_proxy(); !safe) return fail(std::move(safe.error()));
  if (identified_) {
    if (Result<bool> ready = obtain(identity_, &HttpCall::identify); !ready || !*ready)
      return ready;
    if (identity_->guard->identity() == nullptr) return fail(no_certificate());
  }
  if (authenticated_)
    if (Result<bool> ready = obtain(grant_, &HttpCall::authorize); !ready || !*ready) return ready;
  for (const auto* part : {&grant_, &identity_})
    if (*part) sent_.pool += (sent_.pool.empty() ? "" : "&") + (*part)->pool;
  return true;
}

// One of the two grants of the current request. False: not yet.
Result<bool> HttpCall::obtain(std::optional<auth::Grant>& into,
                              Result<auth::Grant> (HttpCall::*ask_for)()) {
  // Before it asks, since it may be woken before it has the answer.
  if (!begin_waiting())
    return fail(make_problem(ErrorKind::runtime, "cancelled", "the step was cancelled"));
  Result<auth::Grant> grant = (this->*ask_for)();
  if (grant && grant->pending()) return false;
  if (!end_waiting()) return false;
  if (!grant) return fail(std::move(grant.error()));
  into = std::move(*grant);
  remember(*into);
  return true;
}

// An author may name any proxy, and it reads what is not encrypted from end to end.
Status HttpCall::check_proxy() const {
  if (sent_.proxy.empty() || origin_.scheme == "https") return {};
  return fail(make_problem(ErrorKind::configuration, "proxy-plaintext",
                           "the call would show its credential to the proxy, since " +
                               origin_.text() + " is not https"));
}

Problem HttpCall::no_certificate() const {
  return make_problem(ErrorKind::validation, "credential-invalid",
                      "tls.credential names " + rules_.options->tls_credential +
                          ", which is no credential of the kind clientCertificate");
}

Result<auth::Grant> HttpCall::identify() {
  return surroundings_.gate.authorize(
      {rules_.options->tls_credential, origin_, call_.program->definition().namespace_, &sent_},
      [call = shared_from_this()](Status status) { call->woken(std::move(status)); });
}

// Whatever was sent along may be echoed by any later answer.
void HttpCall::remember(const auth::Grant& given) {
  for (const auth::Grant& grant : carried_) {
    if (grant.pool == given.pool) return;
  }
  carried_.push_back(given);
  carried_.back().turn.reset();
}

Result<auth::Grant> HttpCall::authorize() {
  const Authentication& policy = *rules_.authentication;
  if (!policy.credential.empty()) {
    return surroundings_.gate.authorize(
        {policy.credential, origin_, call_.program->definition().namespace_, &sent_},
        [call = shared_from_this()](Status status) { call->woken(std::move(status)); });
  }
  if (policy.kind == Authentication::Kind::oauth2 || policy.kind == Authentication::Kind::oidc) {
    const std::string authority = text_of(call_.arguments, "authority");
    return surroundings_.gate.authorize_inline(
        {call_.arguments.get("policy"), authority, policy.kind == Authentication::Kind::oidc},
        [call = shared_from_this()](Status status) { call->woken(std::move(status)); });
  }
  const std::string username = text_of(call_.arguments, "username");
  const bool token = policy.kind == Authentication::Kind::bearer;
  const std::string secret = text_of(call_.arguments, token ? "token" : "password");
  const auto kind = token                                         ? auth::CredentialKind::bearer
                    : policy.kind == Authentication::Kind::digest ? auth::CredentialKind::digest
                                                                  : auth::CredentialKind::basic;
  return surroundings_.gate.authorize_inline({kind, username, secret});
}

}  // namespace stepwell::steps
