#include "auth/credential.h"

#include <algorithm>
#include <array>

#include "auth/aws_sigv4.h"
#include "auth/oauth2.h"
#include "base/ascii.h"
#include "base/json.h"
#include "http/headers.h"

namespace stepwell::auth {

namespace {

constexpr std::array<std::string_view, 8> kKinds = {
    "basic", "bearer", "apiKey", "digest", "oauth2", "awsSigV4", "clientCertificate", "hmac"};
constexpr std::array<std::string_view, 2> kOnRevoke = {"finish", "abort"};
constexpr std::array<std::string_view, kCredentialStates> kCredentialStateNames = {
    "active", "expired", "disabled", "rejected", "revoked", "deleted"};
constexpr std::size_t kMaxValue = 8192;
constexpr std::size_t kMaxPem = 65'536;
constexpr std::size_t kMaxEntries = 100;
constexpr std::size_t kShortestHmacKey = 8;

Status credential_invalid(std::string detail) {
  return fail(make_problem(ErrorKind::validation, "credential-invalid", std::move(detail)));
}

// What the transport, the engine or a tracer owns; a credential in one of them would get lost.
bool is_reserved_header(std::string_view name) {
  constexpr std::array<std::string_view, 12> kReserved = {
      "host",    "content-length", "content-type", "transfer-encoding",
      "te",      "connection",     "expect",       "upgrade",
      "trailer", "traceparent",    "tracestate",   "idempotency-key"};
  return std::any_of(kReserved.begin(), kReserved.end(),
                     [&](std::string_view reserved) { return http::equal_names(name, reserved); });
}

Status check_placement(const NewCredential& credential) {
  const bool has_place = !credential.prefix.empty() || !credential.header.empty();
  if (credential.kind != CredentialKind::api_key) {
    if (has_place) return credential_invalid("prefix and header belong to the kind apiKey only");
    return {};
  }
  if (credential.prefix.empty() == credential.header.empty())
    return credential_invalid(
        "an apiKey needs either a prefix (sent as Authorization: PREFIX TOKEN) or the name of a "
        "header (sent as HEADER: TOKEN)");
  if (!credential.prefix.empty() && !http::is_token(credential.prefix))
    return credential_invalid(
        "the prefix \"" + credential.prefix.substr(0, credential.prefix.find(' ')) +
        "\" is no authentication scheme: letters, digits and -._~ without spaces");
  if (!credential.header.empty() &&
      (!http::is_token(credential.header) || is_reserved_header(credential.header)))
    return credential_invalid("\"" +
                              credential.header.substr(0, credential.header.find_first_of(": ")) +
                              "\" cannot be the header of a credential");
  return {};
}

std::string printable(std::string_view text) {
  std::string out(utf8_prefix(text, 80));
  for (char& c : out) {
    if (is_ascii_control(c)) c = '?';
  }
  return out;
}

void set_time(Value& object, std::string_view key, const std::optional<WallTime>& time) {
  if (time) object.set(key, format_time(*time));
}

}  // namespace

std::string_view to_string(CredentialKind kind) noexcept {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::optional<CredentialKind> parse_credential_kind(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i] == text) return static_cast<CredentialKind>(i);
  }
  return std::nullopt;
}

std::string_view to_string(OnRevoke choice) noexcept {
  return kOnRevoke[static_cast<std::size_t>(choice)];
}

std::optional<OnRevoke> parse_on_revoke(std::string_view text) noexcept {
  if (text == "finish") return OnRevoke::finish;
  if (text == "abort") return OnRevoke::abort;
  return std::nullopt;
}

std::string_view CredentialValue::reveal(std::string_view name) const {
  const auto found = more.find(name);
  return found == more.end() ? std::string_view() : found->second.reveal();
}

std::string_view to_string(CredentialState state) noexcept {
  return kCredentialStateNames[static_cast<std::size_t>(state)];
}

std::optional<CredentialState> parse_credential_state(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kCredentialStateNames.size(); ++i) {
    if (kCredentialStateNames[i] == text) return static_cast<CredentialState>(i);
  }
  return std::nullopt;
}

CredentialState state_at(const Credential& credential, WallTime now) noexcept {
  const bool past = credential.expires_at && now >= *credential.expires_at;
  if (credential.state == CredentialState::active && past) return CredentialState::expired;
  return credential.state;
}

Value describe(const Credential& credential, WallTime now) {
  Value origins = Value::array();
  for (const OriginPattern& origin : credential.origins) origins.push_back(origin.text());
  Value namespaces = Value::array();
  for (const std::string& name : credential.namespaces) namespaces.push_back(name);
  Value object = Value::object({{"name", credential.name},
                                {"kind", to_string(credential.kind)},
                                {"description", credential.description},
                                {"state", to_string(state_at(credential, now))},
                                {"version", credential.version},
                                {"origins", origins},
                                {"namespaces", namespaces}});
  if (!credential.prefix.empty()) object.set("prefix", credential.prefix);
  if (!credential.header.empty()) object.set("header", credential.header);
  if (credential.settings.is_object()) object.set("settings", credential.settings);
  object.set("onRevoke", to_string(credential.on_revoke));
  if (!credential.linked_key.empty()) object.set("linkedKey", credential.linked_key);
  set_time(object, "expiresAt", credential.expires_at);
  object.set("createdBy", credential.created_by);
  set_time(object, "createdAt", credential.created_at);
  object.set("changedBy", credential.changed_by);
  set_time(object, "changedAt", credential.changed_at);
  return object;
}

bool is_dns_label(std::string_view text) noexcept {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  if (text.empty() || text.size() > 63) return false;
  if (!is_alphanumeric(text.front()) || !is_alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_alphanumeric(c) || c == '-'; });
}

namespace {

Status check_secret(std::string_view secret, const std::string& what) {
  if (secret.empty()) return credential_invalid("the " + what + " is empty");
  if (secret.size() > kMaxValue) return credential_invalid("the " + what + " is longer than 8 KiB");
  if (!http::is_field_value(secret) || secret.find('\t') != std::string_view::npos)
    return credential_invalid(
        "the " + what +
        " contains a control character; a newline at its end comes from echo: use "
        "printf %s");
  return {};
}

Status check_token(std::string_view token, const std::string& what) {
  Status done = check_secret(token, what);
  if (done && (token.front() == ' ' || token.back() == ' '))
    return credential_invalid("the " + what + " begins or ends with a space");
  return done;
}

// Without a colon, which would end it (RFC 7617 §2; an access key's id has none either).
Status check_username(const CredentialValue& value, const std::string& what) {
  if (value.username.empty()) return credential_invalid("the " + what + " is missing");
  if (value.username.size() > kMaxValue || !http::is_field_value(value.username) ||
      value.username.find_first_of(":\t") != std::string::npos)
    return credential_invalid("the " + what +
                              " is too long or contains a colon or a control character");
  return {};
}

// The members of `more` that the kind knows, and which of them it needs.
Status check_more(const CredentialValue& value, const std::vector<std::string_view>& known) {
  for (const auto& [name, secret] : value.more) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return credential_invalid("a credential of this kind has no " + printable(name));
    if (secret.size() > kMaxPem)
      return credential_invalid("the " + printable(name) + " is too long");
  }
  return {};
}

Status check_pem(std::string_view text, std::string_view label, const std::string& what) {
  if (text.find("-----BEGIN ") != std::string_view::npos &&
      text.find(label) != std::string_view::npos && text.size() <= kMaxPem)
    return {};
  return credential_invalid("the " + what + " is not in PEM form (-----BEGIN …" +
                            std::string(label) + ")");
}

Status check_certificate(const CredentialValue& value) {
  if (!value.username.empty()) return credential_invalid("a client certificate has no user name");
  Status done = check_pem(value.reveal(kCertificate), "CERTIFICATE-----", "certificate");
  if (done) done = check_pem(value.secret.reveal(), "PRIVATE KEY-----", "private key");
  return done;
}

Status check_aws(const Value& settings, const CredentialValue& value) {
  const auto parsed = SigV4Settings::parse(settings);
  if (!parsed) return fail(parsed.error());
  return check(*parsed, value);
}

Status check_oauth2(const Value& settings, const CredentialValue& value) {
  const auto parsed = OAuth2Settings::parse(settings);
  if (!parsed) return fail(parsed.error());
  return check(*parsed, value);
}

}  // namespace

Status check_value(CredentialKind kind, const Value& settings, const CredentialValue& value) {
  const bool has_settings =
      !settings.is_null() && !(settings.is_object() && settings.members().empty());
  if (kind == CredentialKind::oauth2) return check_oauth2(settings, value);
  if (kind != CredentialKind::aws_sigv4 && has_settings)
    return credential_invalid("only the kinds oauth2 and awsSigV4 have settings");
  std::vector<std::string_view> more;
  if (kind == CredentialKind::aws_sigv4) more = {"sessionToken"};
  if (kind == CredentialKind::client_certificate) more = {kCertificate, "passphrase"};
  if (Status known = check_more(value, more); !known) return known;
  if (kind == CredentialKind::aws_sigv4) return check_aws(settings, value);
  if (kind == CredentialKind::client_certificate) return check_certificate(value);
  if (kind == CredentialKind::basic || kind == CredentialKind::digest) {
    Status done = check_username(value, "user name");
    return done ? check_secret(value.secret.reveal(), "password") : done;
  }
  if (!value.username.empty()) return credential_invalid("a token has no user name");
  if (kind == CredentialKind::hmac && value.secret.size() < kShortestHmacKey)
    return credential_invalid("the key of signatures is shorter than 8 bytes");
  return check_token(value.secret.reveal(), "token");
}

Status check_rules(CredentialKind kind, const std::vector<std::string>& origins,
                   const std::vector<std::string>& namespaces) {
  if (kind == CredentialKind::hmac && !origins.empty())
    return credential_invalid(
        "a credential of the kind hmac has no origins: it checks signatures, and is never sent");
  if (kind != CredentialKind::hmac && origins.empty())
    return credential_invalid(
        "allowed origins are required: they say where the credential may be sent, for example "
        "https://api.example.com");
  if (origins.size() > kMaxEntries || namespaces.size() > kMaxEntries)
    return credential_invalid("at most 100 origins and 100 namespaces are allowed");
  for (const std::string& origin : origins) {
    Result<OriginPattern> parsed = OriginPattern::parse(origin);
    if (!parsed) return fail(std::move(parsed.error()));
  }
  for (const std::string& name : namespaces) {
    if (!is_dns_label(name))
      return credential_invalid("the namespace \"" + printable(name) +
                                "\" is not allowed: a-z, 0-9 and - inside, at most 63 characters");
  }
  return {};
}

Status check_new_credential(const NewCredential& credential) {
  if (!is_dns_label(credential.name))
    return credential_invalid("the name \"" + printable(credential.name) +
                              "\" is not allowed: a-z, 0-9 and - inside, at most 63 characters");
  if (credential.description.size() > kMaxDescription)
    return credential_invalid("the description is longer than 1000 bytes");
  Status placement = check_placement(credential);
  if (!placement) return placement;
  Status rules = check_rules(credential.kind, credential.origins, credential.namespaces);
  if (!rules) return rules;
  return check_value(credential.kind, credential.settings, credential.value);
}

}  // namespace stepwell::auth
