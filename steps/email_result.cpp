// What becomes of a mail server's answer: the step's output, or its problem.
#include <utility>

#include "steps/email_call.h"

namespace stepwell::steps {

namespace {

// What a person can do about a refusal.
std::string_view mail_advice(const http::MailAnswer& answer) {
  using Stage = http::MailAnswer::Stage;
  if (answer.stage == Stage::login) return "; check the credential";
  if (answer.code == 530) return "; it asks for a login: name a credential";
  if (answer.code == 552) return "; it takes no mail as large as that";
  if (answer.stage == Stage::sender) return "; check the sender's address";
  if (answer.stage == Stage::recipient) return "; check the recipients' addresses";
  return "";
}

}  // namespace

std::string EmailCall::masked(std::string text) const {
  for (const auth::Grant& grant : carried_) text = surroundings_.gate.mask(grant, std::move(text));
  return text;
}

Problem EmailCall::decorated(Problem problem) const {
  if (grant_ && grant_->version != 0 && !problem.extensions.contains("credential")) {
    problem.extensions.set("credential", grant_->credential);
    problem.extensions.set("credentialVersion", grant_->version);
  }
  return problem;
}

Value EmailCall::authorization() const {
  if (!grant_) return {};
  return Value::object(
      {{"scheme", grant_->has_token() ? "Bearer" : "Login"}, {"parameter", "***"}});
}

Value EmailCall::refused_recipients(const http::MailAnswer& answer) const {
  Value list = Value::array();
  for (const auto& one : answer.refused)
    list.push_back(Value::object(
        {{"address", one.recipient}, {"code", one.code}, {"answer", masked(one.text)}}));
  return list;
}

// RFC 5321 §4.2.1: 4yz may pass by itself, 5yz does not.
Problem EmailCall::refusal(const http::MailAnswer& answer, http::Sent sent) const {
  const bool login = answer.stage == http::MailAnswer::Stage::login;
  const bool temporary = answer.code < 500;
  const std::string text = masked(answer.text);
  Problem problem = make_problem(ErrorKind::communication,
                                 temporary ? "smtp-temporary"
                                 : login   ? "rejected-by-upstream"
                                           : "smtp-refused",
                                 email_.origin.host_and_port() +
                                     (temporary ? " does not take the mail now: "
                                      : login   ? " does not accept the login: "
                                                : " does not take the mail: ") +
                                     std::to_string(answer.code) + " " + text +
                                     std::string(temporary ? "" : mail_advice(answer)));
  problem.status = temporary ? 503 : login ? 401 : 422;
  problem.retryable = temporary;
  problem = std::move(problem)
                .with("sent", Value(http::to_string(sent)))
                .with("smtp", Value::object({{"stage", Value(http::to_string(answer.stage))},
                                             {"code", answer.code},
                                             {"answer", text}}));
  if (!answer.refused.empty()) problem.extensions.set("refused", refused_recipients(answer));
  return problem;
}

// A refusal of the login speaks against the credential, its acceptance for it.
void EmailCall::note(const http::MailAnswer& answer) {
  if (!grant_) return;
  if (answer.logged_in) surroundings_.gate.note_upstream_result(*grant_, 200);
  if (answer.stage == http::MailAnswer::Stage::login && answer.code == 535)
    surroundings_.gate.note_upstream_result(*grant_, 401);
}

engine::StepOutcome EmailCall::resolve(http::Outcome outcome) {
  if (!outcome.response) {
    Problem problem = std::move(outcome.response.error());
    const bool refused = problem.type == error_type_uri(ErrorKind::authentication) ||
                         problem.type == error_type_uri(ErrorKind::authorization) ||
                         problem.code == "cancelled";
    if (outcome.sent == http::Sent::yes && !call_.repeatable && !refused) {
      Problem unknown =
          make_problem(ErrorKind::communication, "outcome-unknown",
                       "the mail was sent to " + email_.origin.host_and_port() +
                           ", but it did not say whether it takes it (" + problem.detail +
                           "); it may have been delivered, as " + email_.message_id +
                           ". Look there, then retry or skip the step");
      unknown.extensions = problem.extensions;
      unknown.cause = std::make_shared<const Problem>(std::move(problem));
      problem = std::move(unknown);
    }
    return {fail(decorated(std::move(problem))), authorization()};
  }
  const http::MailAnswer& answer = *outcome.response->mail;
  note(answer);
  if (!answer.accepted()) return {fail(decorated(refusal(answer, outcome.sent))), authorization()};
  Value accepted = Value::array();
  for (const std::string& recipient : email_.mail->recipients) {
    bool taken = true;
    for (const auto& one : answer.refused) taken = taken && one.recipient != recipient;
    if (taken) accepted.push_back(recipient);
  }
  return {Value::object({{"messageId", email_.message_id},
                         {"accepted", std::move(accepted)},
                         {"refused", refused_recipients(answer)},
                         {"answer", std::to_string(answer.code) + " " + masked(answer.text)}}),
          authorization()};
}

}  // namespace stepwell::steps
