#include "auth/denial.h"

#include <array>

namespace stepwell::auth {

namespace {

constexpr std::array<std::string_view, 14> kReasons = {
    "credential-revoked", "credential-expired", "credential-disabled", "credential-rejected",
    "credential-unknown", "credential-deleted", "origin-not-allowed",  "credential-not-permitted",
    "credential-rotated", "secret-in-request",  "key-revoked",         "key-expired",
    "key-unknown",        "user-deactivated"};

Problem denied(ErrorKind kind, std::string_view code, std::string detail,
               const Credential& credential) {
  return make_problem(kind, std::string(code), std::move(detail))
      .with("credential", credential.name)
      .with("credentialVersion", credential.version);
}

std::string by_and_when(const Credential& credential) {
  return " by " + credential.changed_by + " on " + spoken_time(credential.changed_at);
}

}  // namespace

std::string spoken_time(WallTime time) {
  const std::string text = format_time(time);  // 2026-11-21T14:02:03Z
  return text.substr(0, 10) + " at " + text.substr(11, 5) + " UTC";
}

Problem denied_by_state(const Credential& credential, CredentialState state) {
  const std::string& name = credential.name;
  const std::string subject = "credential " + name;
  switch (state) {
    case CredentialState::revoked:
      return denied(ErrorKind::authentication, "credential-revoked",
                    subject + " was revoked" + by_and_when(credential) +
                        ", which is final; add a new credential under another name with: stepwell "
                        "credentials add, or delete this one first to use its name again",
                    credential);
    case CredentialState::expired:
      return denied(ErrorKind::authentication, "credential-expired",
                    subject + " expired on " +
                        spoken_time(credential.expires_at.value_or(credential.changed_at)) +
                        "; rotate it, or give it a new expiry with: stepwell credentials rotate " +
                        name + " --expires TIME",
                    credential);
    case CredentialState::disabled:
      return denied(ErrorKind::authentication, "credential-disabled",
                    subject + " was disabled" + by_and_when(credential) +
                        "; enable it again with: stepwell credentials enable " + name,
                    credential);
    case CredentialState::rejected:
      return denied(ErrorKind::authentication, "credential-rejected",
                    subject +
                        " was refused three times in a row by the system it is for, the "
                        "last time on " +
                        spoken_time(credential.changed_at) +
                        "; rotate it with: stepwell credentials rotate " + name +
                        ", or have it tried again with: stepwell credentials enable " + name,
                    credential);
    case CredentialState::deleted:
    case CredentialState::active:
      break;
  }
  return denied(ErrorKind::authorization, "credential-deleted",
                subject + " was deleted" + by_and_when(credential) +
                    "; add it anew with: stepwell credentials add " + name,
                credential);
}

Problem denied_as_rotated(const Credential& credential) {
  Problem problem = denied(ErrorKind::authentication, "credential-rotated",
                           "credential " + credential.name +
                               " was rotated while the request was being prepared; "
                               "the next attempt uses the new version",
                           credential);
  problem.retryable = true;
  return problem;
}

Problem denied_by_changed_rules(const std::string& name, std::uint32_t version) {
  Problem problem = make_problem(ErrorKind::authentication, "credential-rotated",
                                 "the rules of credential " + name +
                                     " were changed while the request waited; the next attempt is "
                                     "judged by the new ones")
                        .with("credential", name)
                        .with("credentialVersion", version);
  problem.retryable = true;
  return problem;
}

Problem denied_by_linked_key(const Credential& credential, Problem why) {
  const char* next = why.code == "key-revoked" ? "; then" : "; or";  // else the key can be mended
  why.detail = "credential " + credential.name + " holds an API key of ours: " + why.detail + next +
               " rotate it with: stepwell credentials rotate " + credential.name;
  return std::move(why)
      .with("credential", credential.name)
      .with("credentialVersion", credential.version);
}

Problem denied_in_content(std::string_view where) {
  return make_problem(
      ErrorKind::authorization, "secret-in-request",
      "the " + std::string(where) +
          " of the request holds the value of a stored credential or an API key, "
          "and only the gate may put one into a request: name the credential in the "
          "call's authentication, and take the value out of the definition or the "
          "input");
}

Problem denied_as_unknown(std::string_view name) {
  return make_problem(ErrorKind::authorization, "credential-unknown",
                      "there is no credential " + std::string(name) +
                          "; add it with: stepwell credentials add " + std::string(name))
      .with("credential", name);
}

Problem denied_by_origin(const Credential& credential, const http::Origin& target) {
  std::string allowed;
  for (const OriginPattern& origin : credential.origins)
    allowed += (allowed.empty() ? "" : ", ") + origin.text();
  return denied(ErrorKind::authorization, "origin-not-allowed",
                "credential " + credential.name + " may not be sent to " + target.text() +
                    "; its allowed origins are: " + allowed +
                    "; an admin can name them all anew with: stepwell credentials change " +
                    credential.name + " --origin ORIGIN",
                credential);
}

Problem denied_by_namespace(const Credential& credential, std::string_view space) {
  return denied(ErrorKind::authorization, "credential-not-permitted",
                "workflows of the namespace " + std::string(space) +
                    " may not use the credential " + credential.name +
                    "; an admin can name all that may with: stepwell credentials change " +
                    credential.name + " --namespace NAMESPACE",
                credential);
}

Problem refused_request(int status, std::string code, std::string detail) {
  Problem problem = make_problem(ErrorKind::validation, std::move(code), std::move(detail));
  problem.status = status;
  return problem;
}

Problem revocation_incomplete(const std::string& subject) {
  Problem problem = make_problem(ErrorKind::runtime, "revocation-incomplete",
                                 subject +
                                     " is denied, and that is saved, but a request that was being "
                                     "sent with it could not be shown to have stopped; repeat the "
                                     "call, or restart the daemon to be certain");
  problem.status = 503;
  return problem;
}

DenialCounters::DenialCounters(Metrics& metrics) {
  for (const std::string_view reason : kReasons)
    counters_.emplace_back(reason,
                           metrics.counter("stepwell_credential_denials_total",
                                           "Uses of a credential that the gate denied, by reason.",
                                           {{"reason", std::string(reason)}}));
}

void DenialCounters::count(std::string_view reason) const {
  for (const auto& [name, counter] : counters_) {
    if (name == reason) return counter.increment();
  }
}

}  // namespace stepwell::auth
