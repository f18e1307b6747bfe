#include "steps/email_call.h"

#include <utility>

#include "steps/finished_result.h"
#include "steps/step_guard.h"

namespace stepwell::steps {

namespace {

constexpr int kMailOvertakenAtMost = 3;

Problem mail_cancelled() {
  return make_problem(ErrorKind::runtime, "cancelled", "the step was cancelled");
}

class MailExchange final : public http::Exchange {
 public:
  explicit MailExchange(std::shared_ptr<EmailCall> call) : call_(std::move(call)) {}
  void complete(http::Outcome outcome) override { call_->completed(std::move(outcome)); }

 private:
  std::shared_ptr<EmailCall> call_;
};

class MailResult final : public engine::PendingResult {
 public:
  MailResult(std::shared_ptr<EmailCall> call, http::Outcome&& outcome)
      : call_(std::move(call)), outcome_(std::move(outcome)) {}
  engine::StepOutcome resolve() override { return call_->resolve(std::move(outcome_)); }

 private:
  std::shared_ptr<EmailCall> call_;
  http::Outcome outcome_;
};

std::string argument_text(const Value& arguments, std::string_view name) {
  const Value& value = arguments.get("authentication").get(name);
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

}  // namespace

EmailCall::EmailCall(const HttpStepSurroundings& surroundings, EmailStepOptions options,
                     engine::StepCall call, engine::StepTicket ticket)
    : surroundings_(surroundings),
      options_(std::move(options)),
      call_(std::move(call)),
      ticket_(std::move(ticket)) {}

void EmailCall::begin() {
  if (Status ready = prepare(); !ready) {
    finish(std::move(ready.error()).with("sent", "no"));
    return;
  }
  go();
}

Status EmailCall::prepare() {
  const auto& body = std::get<config::PersonStepBody>(call_.definition().body);
  const std::string boundary = surroundings_.gate.unguessable(call_.idempotency_key);
  auto email = make_email(
      call_.arguments,
      {options_, surroundings_.files, surroundings_.clock.now(), call_.idempotency_key, boundary});
  if (!email) return fail(std::move(email.error()));
  email_ = std::move(*email);
  if (body.authentication)
    authentication_ = &*body.authentication;
  else if (!email_.own_server)
    credential_ = options_.credential;
  probe_.url = email_.url;
  probe_.body = std::exchange(email_.texts, {});
  return {};
}

const std::string& EmailCall::key() const {
  const std::string& run_as = call_.program->definition().run_as;
  return run_as.empty() ? call_.key : run_as;
}

void EmailCall::go() {
  Result<bool> ready = ask();
  if (!ready)
    finish(std::move(ready.error()).with("sent", "no"));
  else if (*ready)
    send();
}

bool EmailCall::begin_waiting() {
  const std::scoped_lock lock(mutex_);
  waiting_ = !cancelled_;
  return waiting_;
}

bool EmailCall::end_waiting() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(waiting_, false);
}

void EmailCall::woken(Status status) {
  if (!end_waiting()) return;
  if (status) return go();
  finish(std::move(status.error()).with("sent", "no"));
}

Result<bool> EmailCall::ask() {
  if (!key().empty()) {
    if (auto stands = surroundings_.keys.stands(key()); !stands) return fail(stands.error());
  }
  if (auto clean = surroundings_.gate.check_content(probe_); !clean) return fail(clean.error());
  grant_.reset();
  if (authentication_ == nullptr && credential_.empty()) return true;
  // Before it asks, since it may be woken before it has the answer.
  if (!begin_waiting()) return fail(mail_cancelled());
  Result<auth::Grant> grant = authorize();
  if (grant && grant->pending()) return false;
  if (!end_waiting()) return false;
  if (!grant) return fail(std::move(grant.error()));
  // Without a login the mail would go out as nobody's.
  if (grant->guard->secret_headers().empty() && grant->guard->identity() == nullptr)
    return fail(make_problem(ErrorKind::validation, "credential-invalid",
                             "the credential is of a kind that mail servers do not know; use one "
                             "of the kind basic, bearer or oauth2"));
  grant_ = std::move(*grant);
  carried_.push_back(*grant_);
  carried_.back().turn.reset();
  return true;
}

Result<auth::Grant> EmailCall::authorize() {
  using Kind = config::Authentication::Kind;
  auto wake = [call = shared_from_this()](Status status) { call->woken(std::move(status)); };
  const std::string& name = authentication_ == nullptr ? credential_ : authentication_->credential;
  if (!name.empty())
    return surroundings_.gate.authorize(
        {name, email_.origin, call_.program->definition().namespace_, &probe_}, std::move(wake));
  if (authentication_->kind == Kind::oauth2 || authentication_->kind == Kind::oidc) {
    const std::string authority = argument_text(call_.arguments, "authority");
    return surroundings_.gate.authorize_inline({call_.arguments.get("authentication").get("policy"),
                                                authority, authentication_->kind == Kind::oidc},
                                               std::move(wake));
  }
  const bool token = authentication_->kind == Kind::bearer;
  const std::string username = argument_text(call_.arguments, "username");
  const std::string secret = argument_text(call_.arguments, token ? "token" : "password");
  const auto kind = token                                   ? auth::CredentialKind::bearer
                    : authentication_->kind == Kind::digest ? auth::CredentialKind::digest
                                                            : auth::CredentialKind::basic;
  return surroundings_.gate.authorize_inline({kind, username, secret});
}

void EmailCall::send() {
  if (Status back = email_.mail->content->rewind(); !back) {
    finish(std::move(back.error()).with("sent", "no"));
    return;
  }
  auto exchange = std::make_unique<MailExchange>(shared_from_this());
  http::Request& request = exchange->request;
  request.url = email_.url;
  request.mail = email_.mail;
  request.timeouts.connect = options_.connect_timeout;
  request.timeouts.first_byte = options_.answer_timeout;
  request.limits.low_speed_time = options_.block_timeout;
  request.timeouts.total = Deadline::after(surroundings_.clock, options_.total_timeout);
  request.repeatable = call_.repeatable;
  if (grant_ || !key().empty()) {
    auth::Grant grant = grant_.value_or(auth::Grant{});
    grant.turn.reset();
    request.pool = grant.pool;
    request.guard = std::make_shared<StepGuard>(surroundings_.keys, key(), surroundings_.gate,
                                                std::move(grant));
  }
  // Under the lock, so that a cancel comes either before (nothing is sent) or finds the transfer.
  std::unique_lock lock(mutex_);
  if (cancelled_) {
    lock.unlock();
    finish(mail_cancelled());
    return;
  }
  transfer_ = surroundings_.reactor.submit(std::move(exchange));
}

void EmailCall::cancel() {
  std::optional<http::TransferId> transfer;
  bool waited = false;
  {
    const std::scoped_lock lock(mutex_);
    cancelled_ = true;
    transfer = transfer_;
    waited = std::exchange(waiting_, false);
  }
  if (transfer) surroundings_.reactor.cancel(*transfer);
  if (waited) finish(mail_cancelled());
}

void EmailCall::completed(http::Outcome&& outcome) {
  if (go_again(outcome)) return;
  // A worker may be done with the result, and with this call, before finish() returns.
  const engine::StepTicket ticket = std::move(ticket_);
  ticket.finish(std::make_unique<MailResult>(shared_from_this(), std::move(outcome)));
}

bool EmailCall::go_again(const http::Outcome& outcome) {
  if (!grant_) return false;
  if (outcome.response) {
    const http::MailAnswer& answer = *outcome.response->mail;
    const bool refused = answer.stage == http::MailAnswer::Stage::login && answer.code == 535;
    if (!refused || !grant_->has_token() || std::exchange(renewed_, true)) return false;
    surroundings_.gate.renew(*grant_);
    go();
    return true;
  }
  const std::string& code = outcome.response.error().code;
  const bool stale = code == "credential-rotated" || code == "token-expired";
  if (!stale || outcome.sent != http::Sent::no || ++overtaken_ > kMailOvertakenAtMost) return false;
  go();
  return true;
}

void EmailCall::finish(Problem problem) {
  ticket_.finish(std::make_unique<FinishedResult>(fail(decorated(std::move(problem)))));
}

}  // namespace stepwell::steps
