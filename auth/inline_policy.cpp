#include "auth/inline_policy.h"

#include <algorithm>
#include <string>
#include <utility>

#include "http/url.h"

namespace stepwell::auth {

namespace {

constexpr std::string_view kDiscovery = "/.well-known/openid-configuration";
constexpr std::string_view kExchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange";

Problem inline_invalid(std::string detail) {
  return make_problem(ErrorKind::validation, "credential-invalid", std::move(detail));
}

// The text of a member, or of a member's member; empty where there is none.
Result<std::string> text_at(const Value& policy, std::string_view outer,
                            std::string_view inner = {}) {
  const Value* value = &policy.get(outer);
  std::string name(outer);
  if (!inner.empty()) {
    if (value->is_null()) return std::string();
    if (!value->is_object()) return fail(inline_invalid(name + " is no object"));
    value = &value->get(inner);
    name.append(".").append(inner);
  }
  if (value->is_null()) return std::string();
  if (!value->is_string())
    return fail(
        inline_invalid(name + " is a " + std::string(kind_name(*value)) + " instead of a string"));
  return std::string(value->as_string());
}

Status read_list(const Value& policy, std::string_view name, std::vector<std::string>& into) {
  const Value& list = policy.get(name);
  if (list.is_null()) return {};
  if (!list.is_array())
    return fail(inline_invalid(std::string(name) + " is a " + std::string(kind_name(list)) +
                               " instead of an array of strings"));
  for (const Value& item : list.elements()) {
    if (!item.is_string() || item.empty())
      return fail(inline_invalid(std::string(name) + " has an element that is no text"));
    into.emplace_back(item.as_string());
  }
  return {};
}

Result<OAuth2Grant> grant_of(const std::string& text) {
  if (text == "client_credentials") return OAuth2Grant::client_credentials;
  if (text == "refresh_token") return OAuth2Grant::refresh_token;
  if (text == "password") return OAuth2Grant::password;
  if (text == kExchangeGrant) return OAuth2Grant::token_exchange;
  return fail(inline_invalid("grant is none of client_credentials, password, refresh_token and " +
                             std::string(kExchangeGrant)));
}

Result<ClientAuthentication> way_of(const std::string& text) {
  if (text.empty() || text == "client_secret_post") return ClientAuthentication::post;
  if (text == "client_secret_basic") return ClientAuthentication::basic;
  if (text == "client_secret_jwt") return ClientAuthentication::secret_jwt;
  if (text == "private_key_jwt") return ClientAuthentication::assertion;
  if (text == "none") return ClientAuthentication::none;
  return fail(inline_invalid("client.authentication is not one that the standard has"));
}

// Where the token endpoint is, or where that is written down.
Status read_authority(const Value& policy, std::string authority, bool oidc,
                      OAuth2Settings& settings) {
  while (authority.ends_with('/')) authority.pop_back();
  if (!http::parse_url(authority) || authority.find_first_of("?#") != std::string::npos)
    return fail(inline_invalid("authority is no http or https URL without query and fragment"));
  if (oidc) {
    if (!authority.ends_with(kDiscovery)) authority += kDiscovery;
    settings.discovery_url = std::move(authority);
    return {};
  }
  auto path = text_at(policy, "endpoints", "token");
  if (!path) return fail(std::move(path.error()));
  if (path->empty()) *path = "/oauth2/token";
  const bool absolute = path->starts_with("https://") || path->starts_with("http://");
  settings.token_url = absolute ? *path : authority + (path->starts_with('/') ? "" : "/") + *path;
  if (auto url = http::parse_url(settings.token_url); !url)
    return fail(inline_invalid("endpoints.token: " + url.error().detail));
  return {};
}

// Texts of a request that has no other bounds.
Status check_policy_text(std::string_view name, std::string_view text) {
  constexpr std::size_t kLongest = 16UL * 1024;
  const bool printable = std::all_of(text.begin(), text.end(),
                                     [](char c) { return static_cast<unsigned char>(c) >= ' '; });
  if (!text.empty() && text.size() <= kLongest && printable) return {};
  return fail(inline_invalid(std::string(name) +
                             " is missing, longer than 16 KiB or has control characters"));
}

// One of CredentialValue::more.
Status read_secret(const Value& policy, InlinePolicy& read, std::string_view key,
                   std::string_view outer, std::string_view inner = {}) {
  auto text = text_at(policy, outer, inner);
  if (!text) return fail(std::move(text.error()));
  const std::string name = std::string(outer) + (inner.empty() ? "" : ".") + std::string(inner);
  if (Status valid = check_policy_text(name, *text); !valid) return valid;
  read.value.more.emplace(std::string(key), Secret::take(std::move(*text)));
  return {};
}

Status read_secrets(const Value& policy, InlinePolicy& read) {
  Status status;
  const auto take = [&](std::string_view key, std::string_view outer, std::string_view inner) {
    if (status) status = read_secret(policy, read, key, outer, inner);
  };
  const OAuth2Grant grant = read.settings.grant;
  if (grant == OAuth2Grant::password) {
    take(kOwnerName, "username", "");
    take(kOwnerPassword, "password", "");
  }
  if (grant == OAuth2Grant::refresh_token) take(kRefreshToken, "subject", "token");
  if (grant == OAuth2Grant::token_exchange) take("subjectToken", "subject", "token");
  if (grant == OAuth2Grant::token_exchange && policy.get("actor").is_object())
    take("actorToken", "actor", "token");
  if (read.settings.client_authentication == ClientAuthentication::assertion)
    take(kClientAssertion, "client", "assertion");
  return status;
}

Status read_client(const Value& policy, InlinePolicy& read) {
  auto id = text_at(policy, "client", "id");
  auto secret = text_at(policy, "client", "secret");
  for (const auto* text : {&id, &secret})
    if (!*text) return fail(text->error());
  const ClientAuthentication way = read.settings.client_authentication;
  if (way != ClientAuthentication::none)
    if (Status valid = check_policy_text("client.id", *id); !valid) return valid;
  const bool needed = way == ClientAuthentication::secret_jwt ||
                      ((way == ClientAuthentication::basic || way == ClientAuthentication::post) &&
                       read.settings.grant == OAuth2Grant::client_credentials);
  if (needed || !secret->empty())
    if (Status valid = check_policy_text("client.secret", *secret); !valid) return valid;
  read.value.username = std::move(*id);
  if (way == ClientAuthentication::none || way == ClientAuthentication::assertion)
    wipe(*secret);
  else
    read.value.secret = Secret::take(std::move(*secret));
  return {};
}

// How the tokens of an exchange are named (RFC 8693 §3); short words are taken for its own.
std::string token_type(std::string type) {
  if (type.empty() || type.find(':') != std::string::npos) return type;
  return "urn:ietf:params:oauth:token-type:" + type;
}

}  // namespace

Result<InlinePolicy> read_inline_policy(const Value& policy, std::string_view authority,
                                        bool oidc) {
  InlinePolicy read;
  OAuth2Settings& settings = read.settings;
  auto grant = text_at(policy, "grant");
  auto way = text_at(policy, "client", "authentication");
  auto encoding = text_at(policy, "request", "encoding");
  auto subject = text_at(policy, "subject", "type");
  auto actor = text_at(policy, "actor", "type");
  for (const auto* text : {&grant, &way, &encoding, &subject, &actor})
    if (!*text) return fail(text->error());
  const auto known_grant = grant_of(*grant);
  if (!known_grant) return fail(known_grant.error());
  const auto known_way = way_of(*way);
  if (!known_way) return fail(known_way.error());
  settings.grant = *known_grant;
  settings.client_authentication = *known_way;
  settings.json = *encoding == "application/json";
  if (settings.grant == OAuth2Grant::token_exchange) {
    if (!subject->empty()) settings.subject_token_type = token_type(*subject);
    settings.actor_token_type = token_type(*actor);
  }
  for (const auto& status : {read_authority(policy, std::string(authority), oidc, settings),
                             read_list(policy, "scopes", settings.scopes),
                             read_list(policy, "audiences", settings.audiences),
                             read_list(policy, "issuers", settings.issuers),
                             read_client(policy, read), read_secrets(policy, read)})
    if (!status) return fail(status.error());
  return read;
}

}  // namespace stepwell::auth
