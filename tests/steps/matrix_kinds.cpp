#include "tests/steps/matrix_kinds.h"

#include <algorithm>

#include "base/encoding.h"

namespace stepwell::steps::test {

using auth::CredentialKind;

std::vector<Kind> all_kinds() {
  using By = Kind::By;
  const std::string standard = "authorization";
  return {{"none", By::nothing, CredentialKind::bearer, ""},
          {"basic", By::stored, CredentialKind::basic, standard},
          {"bearer", By::stored, CredentialKind::bearer, standard},
          {"apiKey with a prefix", By::stored, CredentialKind::api_key, standard},
          {"apiKey in a header", By::stored, CredentialKind::api_key, "x-api-key"},
          {"digest", By::stored, CredentialKind::digest, standard},
          {"oauth2", By::stored, CredentialKind::oauth2, standard},
          {"awsSigV4", By::stored, CredentialKind::aws_sigv4, standard},
          {"clientCertificate", By::stored, CredentialKind::client_certificate, ""},
          {"basic of a definition", By::definition, CredentialKind::basic, standard},
          {"bearer of a definition", By::definition, CredentialKind::bearer, standard},
          {"an author's Authorization", By::header, CredentialKind::bearer, standard},
          {"an author's Cookie", By::header, CredentialKind::bearer, "cookie"},
          {"an author's X-Api-Key", By::header, CredentialKind::bearer, "x-api-key"}};
}

Login::Login(const Kind& kind, std::string tag, http::test::ClientCertificates& certificates)
    : kind_(kind), tag_(std::move(tag)) {
  if (kind_.is(CredentialKind::client_certificate)) identity_ = certificates.issue(tag_);
  for (const std::string& text :
       {"user-" + tag_, "secret-" + tag_, "session-" + tag_, "user-" + tag_ + ":secret-" + tag_}) {
    traces_.push_back(text);
    traces_.push_back(to_base64(text));
    traces_.push_back(to_hex(text));
  }
  traces_.push_back("CN=" + tag_);
  traces_.emplace_back("access-");  // of a token
  traces_.emplace_back("Digest ");
  traces_.emplace_back("AWS4-HMAC-SHA256");
}

auth::CredentialValue Login::value() const {
  auth::CredentialValue value;
  if (kind_.kind == CredentialKind::client_certificate) {
    value.secret = identity_.key.duplicate();
    value.more.emplace("certificate", identity_.certificate.duplicate());
    return value;
  }
  value.secret = Secret("secret-" + tag_);
  if (kind_.kind != CredentialKind::bearer && kind_.kind != CredentialKind::api_key)
    value.username = "user-" + tag_;
  if (kind_.kind == CredentialKind::aws_sigv4)
    value.more.emplace("sessionToken", Secret("session-" + tag_));
  return value;
}

auth::NewCredential Login::stored(const std::string& name, const Witness& witness) const {
  auth::NewCredential credential;
  credential.name = name;
  credential.kind = kind_.kind;
  credential.origins = witness.origins();  // allowed everywhere, so that no rule but ours holds
  credential.value = value();
  if (kind_.kind == CredentialKind::api_key) {
    if (kind_.field == "authorization")
      credential.prefix = "Token";
    else
      credential.header = "X-Api-Key";
  }
  if (kind_.kind == CredentialKind::oauth2)
    credential.settings =
        Value::object({{"tokenUrl", witness.token_url()}, {"scopes", Value::array()}});
  if (kind_.kind == CredentialKind::aws_sigv4)
    credential.settings = Value::object({{"region", "eu-central-1"}, {"service", "execute-api"}});
  return credential;
}

std::string Login::call(const std::string& method, const std::string& url, const Witness& witness,
                        const std::string& with, const std::string& stored_name) const {
  std::string endpoint = "'" + url + "'";
  std::string headers;
  const std::string user = "user-" + tag_;
  const std::string secret = "secret-" + tag_;
  const auto authenticated = [&](const std::string& how) {
    return "{uri: " + endpoint + ", authentication: " + how + "}";
  };
  if (kind_.by == Kind::By::stored) {
    endpoint = authenticated("{use: " + stored_name + "}");
  } else if (kind_.by == Kind::By::definition) {
    endpoint = authenticated(kind_.kind == CredentialKind::basic
                                 ? "{basic: {username: " + user + ", password: " + secret + "}}"
                                 : "{bearer: {token: " + secret + "}}");
  } else if (kind_.by == Kind::By::header) {
    headers = ", headers: {" + kind_.field + ": " + secret + "}";
  }
  return "do: [{get: {call: http, with: {method: " + method + ", endpoint: " + endpoint + headers +
         with + "}, metadata: {stepwell: {tls: {caFile: '" + witness.ca_file() + "'}}}}}]\n";
}

bool Login::carried_by(const Seen& seen) const {
  const std::string field = seen.header(kind_.field);
  const std::string user = "user-" + tag_;
  const std::string secret = "secret-" + tag_;
  if (kind_.by == Kind::By::nothing) return false;
  if (kind_.by == Kind::By::header) return field == secret;
  switch (kind_.kind) {
    case CredentialKind::basic:
      return field == "Basic " + to_base64(user + ":" + secret);
    case CredentialKind::bearer:
      return field == "Bearer " + secret;
    case CredentialKind::api_key:
      return field == (kind_.field == "authorization" ? "Token " + secret : secret);
    case CredentialKind::digest:
      return field.starts_with("Digest ") &&
             field.find("username=\"" + user + "\"") != std::string::npos &&
             field.find("response=\"") != std::string::npos;
    case CredentialKind::oauth2:
      return field.starts_with("Bearer access-");
    case CredentialKind::aws_sigv4:
      return field.starts_with("AWS4-HMAC-SHA256 Credential=" + user + "/") &&
             seen.header("x-amz-security-token") == "session-" + tag_;
    case CredentialKind::client_certificate:
      return seen.subject == "CN=" + tag_;
    case CredentialKind::hmac:  // is never sent
      return false;
  }
  return false;
}

bool Login::traced_in(const Seen& seen) const {
  return seen.has("authorization") || !seen.subject.empty() ||
         std::any_of(traces_.begin(), traces_.end(), [&](const std::string& trace) {
           return seen.text.find(trace) != std::string::npos;
         });
}

}  // namespace stepwell::steps::test
