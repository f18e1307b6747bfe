// What goes to a token endpoint and what comes back; the settings are in oauth2.cpp.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <utility>

#include "auth/jwt.h"
#include "auth/oauth2.h"
#include "base/encoding.h"
#include "base/json.h"
#include "http/headers.h"
#include "http/url.h"

namespace stepwell::auth {

namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxToken = 16UL * 1024;
constexpr std::size_t kMaxError = 64;
constexpr std::size_t kMaxErrorDescription = 200;
// RFC 7523 §2.2.
constexpr std::string_view kJwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
// Longer than any token lives; keeps sums of times far from overflowing.
constexpr seconds kLongestLife = std::chrono::hours(24 * 365 * 10);

// ---- the request ----

// application/x-www-form-urlencoded (RFC 6749 appendix B), appended without a copy in between.
void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
}

using Field = std::pair<std::string_view, std::string_view>;
using Fields = std::vector<Field>;

// The fields that are not empty, in order.
std::string form_body(const Fields& fields) {
  std::size_t room = 0;
  for (const auto& [name, value] : fields) room += name.size() + 3 * value.size() + 2;
  std::string body;
  body.reserve(room);  // a string that grows leaves copies behind
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    if (!body.empty()) body += '&';
    body.append(name).append("=");
    append_encoded(body, value);
  }
  return body;
}

// The same as JSON; what is there several times, as an array.
std::string json_body(const Fields& fields) {
  Value object = Value::object();
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    const Value* earlier = object.find(name);
    if (earlier == nullptr) {
      object.set(name, value);
      continue;
    }
    Value list = earlier->is_array() ? *earlier : Value::array({*earlier});
    list.push_back(value);
    object.set(name, std::move(list));
  }
  return to_json(object);
}

std::string_view grant_type(OAuth2Grant grant) {
  // RFC 8693 §2.1 has a longer name on the wire.
  return grant == OAuth2Grant::token_exchange ? "urn:ietf:params:oauth:grant-type:token-exchange"
                                              : to_string(grant);
}

std::string joined(const std::vector<std::string>& scopes) {
  std::string out;
  for (const std::string& scope : scopes) out.append(out.empty() ? "" : " ").append(scope);
  return out;
}

// ---- the answer ----

bool is_token(std::string_view text) {
  // No space: what follows `Bearer` is one token68 (RFC 6750 §2.1).
  return !text.empty() && text.size() <= kMaxToken &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// A text of the endpoint's as it may be shown.
std::string shown(const Value& text, std::size_t most, const Mask& mask) {
  std::string out(text.as_string());
  if (mask) out = mask(std::move(out));  // before it is cut: half a secret would not be found
  if (out.size() > most) out.replace(most, std::string::npos, "...");
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

// Whose token it is.
std::string subject_of(const TokenContext& context) {
  return context.credential.empty() ? "the definition's own policy"
                                    : "the credential " + context.credential;
}

Problem with_context(Problem problem, const TokenContext& context) {
  if (context.credential.empty()) return problem;
  return std::move(problem)
      .with("credential", context.credential)
      .with("credentialVersion", context.version);
}

Problem refused(const TokenContext& context, const std::string& why) {
  std::string detail = "the token endpoint " + context.endpoint + " refused to give a token for " +
                       subject_of(context) + ": " + why;
  if (!context.credential.empty())
    detail +=
        "; check it there, then rotate it with: stepwell credentials rotate " + context.credential;
  return with_context(make_problem(ErrorKind::authentication, "token-refused", std::move(detail)),
                      context);
}

Problem unavailable(const TokenContext& context, const std::string& why, bool retryable = true) {
  Problem problem = make_problem(ErrorKind::communication, "token-unavailable",
                                 "no token could be fetched for " + subject_of(context) +
                                     ": the token endpoint " + context.endpoint + " " + why);
  problem.status = 503;
  problem.retryable = retryable;
  return with_context(std::move(problem), context);
}

// RFC 6749 §5.1 has a number; some have it in quotes.
std::optional<seconds> lifetime_of(const Value& answer) {
  const Value& member = answer.get("expires_in");
  double number = 0;
  if (member.is_number()) {
    number = member.as_double();
  } else if (member.is_string()) {
    const std::string_view text = member.as_string();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (std::isnan(number)) return std::nullopt;
  const auto most = static_cast<double>(kLongestLife.count());
  return seconds(static_cast<std::int64_t>(std::clamp(number, 0.0, most)));
}

Result<IssuedToken> read_token(const Value& answer, const TokenContext& context) {
  const Value& type = answer.get("token_type");
  if (!type.is_string() || !http::equal_names(type.as_string(), "Bearer"))
    return fail(unavailable(
        context, "gave a token of another type than Bearer, which Stepwell cannot use", false));
  const Value& token = answer.get("access_token");
  if (!token.is_string() || !is_token(token.as_string()))
    return fail(unavailable(context,
                            "gave a token that is empty, longer than 16 KiB or cannot stand in a "
                            "header",
                            false));
  IssuedToken issued;
  issued.access_token = Secret(token.as_string());
  issued.lifetime = lifetime_of(answer);
  // One that could not be sent back is worth nothing, but the access token still is.
  const Value& refresh = answer.get("refresh_token");
  if (refresh.is_string() && is_token(refresh.as_string()))
    issued.refresh_token = Secret(refresh.as_string());
  return issued;
}

// RFC 6749 §5.2. These two are said when it is not the client's fault (§4.1.2.1; in use here, too).
bool is_passing(std::string_view error) {
  return error == "temporarily_unavailable" || error == "server_error" || error == "slow_down";
}

std::string spoken_error(const Value& answer, const Mask& mask) {
  std::string out = shown(answer.get("error"), kMaxError, mask);
  const Value& description = answer.get("error_description");
  if (description.is_string() && !description.empty())
    out += " (" + shown(description, kMaxErrorDescription, mask) + ")";
  return out;
}

Problem read_failure(const http::Response& response, const Value& answer,
                     const TokenContext& context, const Mask& mask) {
  const std::string status = std::to_string(response.status);
  const bool speaks = answer.get("error").is_string();
  // Some say with 200 that they refuse.
  const bool refusing = response.status == 400 || response.status == 401 ||
                        response.status == 403 || response.status / 100 == 2;
  if (refusing && speaks && !is_passing(answer.get("error").as_string()))
    return refused(context, spoken_error(answer, mask));
  // RFC 9110 §15.5.2 leaves no doubt about what is wrong, whatever the body is.
  if (response.status == 401) return refused(context, "it answered with status 401");
  std::string why = "answered with status " + status;
  if (speaks) {
    why += ": " + spoken_error(answer, mask);
  } else if (response.status / 100 == 3) {
    why += "; redirects are not followed, so put the new address into tokenUrl";
  } else if (response.status / 100 == 2 || refusing) {
    why += ", but not with what a token endpoint answers (RFC 6749 section 5); check tokenUrl";
  }
  Problem problem = unavailable(context, why);
  if (const std::string* wait = response.header("Retry-After"); wait != nullptr) {
    std::uint32_t delay = 0;  // as seconds (RFC 9110 §10.2.3); a date is left to the policy
    const auto [end, error] = std::from_chars(wait->data(), wait->data() + wait->size(), delay);
    if (error == std::errc() && end == wait->data() + wait->size())
      problem = std::move(problem).with("retryAfter", delay);
  }
  return problem;
}

}  // namespace

http::Request token_request(const OAuth2Settings& settings, const CredentialValue& value,
                            std::string_view assertion) {
  const bool owner = settings.grant == OAuth2Grant::password;
  const bool exchange = settings.grant == OAuth2Grant::token_exchange;
  const bool in_body = settings.client_authentication != ClientAuthentication::basic;
  const bool post = settings.client_authentication == ClientAuthentication::post;
  const auto more = [&](std::string_view name) {
    const auto found = value.more.find(name);
    return found == value.more.end() ? std::string_view() : found->second.reveal();
  };
  const std::string_view actor = exchange ? more("actorToken") : std::string_view();
  const std::string_view actor_type =
      settings.actor_token_type.empty() ? kAccessTokenType : settings.actor_token_type;
  const std::string scope = joined(settings.scopes);

  http::Request request;
  request.method = "POST";
  request.url = settings.token_url;
  request.headers = {
      {"Accept", "application/json"},
      {"Content-Type", settings.json ? "application/json" : "application/x-www-form-urlencoded"}};
  Fields fields = {
      {"grant_type", grant_type(settings.grant)},
      {"refresh_token", settings.grant == OAuth2Grant::refresh_token ? more("refreshToken") : ""},
      {"username", owner ? more(kOwnerName) : ""},
      {"password", owner ? more(kOwnerPassword) : ""},
      {"subject_token", exchange ? more("subjectToken") : ""},
      {"subject_token_type", exchange ? settings.subject_token_type : std::string_view()},
      {"actor_token", actor},
      {"actor_token_type", actor.empty() ? std::string_view() : actor_type},
      {"requested_token_type", exchange ? settings.requested_token_type : std::string_view()},
      {"scope", scope},
      {"audience", settings.audience},
      {"resource", settings.resource},
      {"client_id", in_body ? std::string_view(value.username) : std::string_view()},
      {"client_secret", post ? value.secret.reveal() : std::string_view()},
      {"client_assertion_type", assertion.empty() ? std::string_view() : kJwtBearer},
      {"client_assertion", assertion}};
  for (const std::string& audience : settings.audiences) fields.emplace_back("audience", audience);
  request.body = settings.json ? json_body(fields) : form_body(fields);
  return request;
}

Secret client_line(const OAuth2Settings& settings, const CredentialValue& value) {
  if (settings.client_authentication != ClientAuthentication::basic) return {};
  std::string pair;  // RFC 6749 §2.3.1: each encoded for itself, then as RFC 7617 has it
  pair.reserve(3 * (value.username.size() + value.secret.size()) + 1);
  append_encoded(pair, value.username);
  pair += ':';
  append_encoded(pair, value.secret.reveal());
  std::string encoded = to_base64(pair);
  std::string line;
  line.reserve(64 + encoded.size());
  line.append("Authorization: Basic ").append(encoded);
  line += '\0';
  wipe(pair);
  wipe(encoded);
  return Secret::take(std::move(line));
}

Result<IssuedToken> parse_token_answer(http::Response& answer, const TokenContext& context,
                                       const Mask& mask) {
  Result<Value> parsed = parse_json(answer.body, {.max_depth = 32});
  wipe(answer.body);
  const Value body = parsed && parsed->is_object() ? *std::move(parsed) : Value();
  if (answer.status / 100 == 2 && body.contains("access_token")) return read_token(body, context);
  return fail(read_failure(answer, body, context, mask));
}

Result<std::string> parse_discovery(http::Response& answer, const OAuth2Settings& settings,
                                    const TokenContext& context) {
  const Result<Value> parsed = parse_json(answer.body, {.max_depth = 32});
  const auto useless = [&](const std::string& why) {
    return fail(unavailable(context, "(its OpenID Connect configuration) " + why));
  };
  if (answer.status != 200)
    return useless("answered with status " + std::to_string(answer.status) +
                   "; check the policy's authority");
  if (!parsed || !parsed->is_object()) return useless("is no JSON object");
  const Value& endpoint = parsed->get("token_endpoint");
  if (!endpoint.is_string()) return useless("names no token_endpoint");
  const auto url = http::parse_url(endpoint.as_string());
  if (!url) return useless("names a token_endpoint that is no usable URL");
  if (url->origin.scheme == "http" && settings.discovery_url.starts_with("https:"))
    return useless("names a token_endpoint that is not https");
  // OpenID Connect Discovery §4.3: whose configuration it is must be what was asked for.
  const Value& issuer = parsed->get("issuer");
  const std::string name(issuer.is_string() ? issuer.as_string() : std::string_view());
  const auto& listed = settings.issuers;
  std::string_view expected = settings.discovery_url;
  expected = expected.substr(0, expected.rfind("/.well-known/"));
  std::string_view shown_issuer = name;
  if (shown_issuer.ends_with('/')) shown_issuer.remove_suffix(1);
  if (shown_issuer != expected && std::find(listed.begin(), listed.end(), name) == listed.end())
    return useless(
        "is that of another issuer than the policy's authority; if that is meant, list "
        "it in the policy's issuers");
  return std::string(endpoint.as_string());
}

Status check_issuer(const IssuedToken& issued, const OAuth2Settings& settings,
                    const TokenContext& context) {
  if (settings.issuers.empty()) return {};
  const auto issuer = issuer_of(issued.access_token.reveal());
  if (!issuer)
    return fail(refused(context,
                        "the token does not say who issued it, and the policy's issuers "
                        "are to be checked"));
  const auto& listed = settings.issuers;
  if (std::find(listed.begin(), listed.end(), *issuer) != listed.end()) return {};
  return fail(refused(context, "the token is from none of the policy's issuers"));
}

Problem token_unavailable(const TokenContext& context, Problem cause) {
  Problem problem = unavailable(context, "could not be asked: " + cause.detail);
  problem.cause = std::make_shared<const Problem>(std::move(cause));
  return problem;
}

Problem token_expired(const TokenContext& context) {
  Problem problem = make_problem(ErrorKind::authentication, "token-expired",
                                 "the token of " + subject_of(context) +
                                     " expired while the request was being prepared; the next "
                                     "attempt fetches a new token");
  problem.retryable = true;
  return with_context(std::move(problem), context);
}

}  // namespace stepwell::auth
