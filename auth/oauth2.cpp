#include "auth/oauth2.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <utility>

#include "http/url.h"

namespace stepwell::auth {

namespace {

// In the order of the enumerators; those of definitions follow on stored ones.
constexpr std::array<std::string_view, 4> kGrants = {"client_credentials", "refresh_token",
                                                     "token_exchange", "password"};
constexpr std::array<std::string_view, 5> kWays = {"basic", "post", "none", "client_secret_jwt",
                                                   "private_key_jwt"};
constexpr std::size_t kStoredGrants = 3;
constexpr std::size_t kStoredWays = 3;
constexpr std::size_t kMaxText = 2000;
constexpr std::size_t kMaxScopes = 100;
constexpr std::size_t kMaxSecret = 16UL * 1024;

Problem policy_invalid(std::string detail) {
  return make_problem(ErrorKind::validation, "credential-invalid", std::move(detail));
}

// VSCHAR of RFC 6749 appendix A, with or without the space.
bool is_visible(std::string_view text, char first = '!') {
  return std::all_of(text.begin(), text.end(), [&](char c) { return c >= first && c <= '~'; });
}

// RFC 6749 §3.3.
bool is_scope(std::string_view text) {
  return !text.empty() && text.size() <= kMaxText && is_visible(text) &&
         text.find_first_of("\"\\") == std::string_view::npos;
}

// An absolute URI without fragment (RFC 3986 §4.3): a scheme, and nothing that cannot be in one.
bool is_absolute_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) return false;
  const auto is_alpha = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const std::string_view scheme = text.substr(0, colon);
  return is_alpha(scheme.front()) && std::all_of(scheme.begin(), scheme.end(), [&](char c) {
           return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
         });
}

// The addresses that cannot leave this machine (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3), in the one
// form that everybody reads alike, and their name (RFC 6761 §6.3).
bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  if (!host.starts_with("127.")) return false;
  for (int parts = 1;; ++parts) {
    const std::size_t dot = host.find('.');
    const std::string_view part = host.substr(0, dot);
    // A leading zero means octal to some.
    if (part.empty() || part.size() > 3 || (part.size() > 1 && part.front() == '0')) return false;
    int number = 0;
    for (const char c : part) {
      if (c < '0' || c > '9') return false;
      number = number * 10 + (c - '0');
    }
    if (number > 255) return false;
    if (dot == std::string_view::npos) return parts == 4;
    host.remove_prefix(dot + 1);
  }
}

Status check_token_url(std::string_view text) {
  if (text.find('#') != std::string_view::npos)
    return fail(policy_invalid("tokenUrl has a fragment, which a token endpoint cannot have"));
  const Result<http::Url> url = http::parse_url(text);
  if (!url) return fail(policy_invalid("tokenUrl: " + url.error().detail));
  if (url->origin.scheme != "https" && !is_loopback(url->origin.host))
    return fail(
        policy_invalid("tokenUrl is not https: the client's secret would travel in the clear"));
  return {};
}

// A member that is a text; the value stays where the member is absent.
Status read_text(const Value& settings, std::string_view name, std::string& into) {
  const Value* member = settings.find(name);
  if (member == nullptr) return {};
  if (!member->is_string())
    return fail(policy_invalid(std::string(name) + " is a " + std::string(kind_name(*member)) +
                               " instead of a string"));
  const std::string_view text = member->as_string();
  if (text.empty() || text.size() > kMaxText || !is_visible(text, ' '))
    return fail(policy_invalid(std::string(name) +
                               " is empty, too long or has other characters than "
                               "printable ASCII"));
  into = text;
  return {};
}

template <class Enum>
Status read_word(const Value& settings, std::string_view name,
                 std::span<const std::string_view> words, Enum& into) {
  std::string text;
  if (Status read = read_text(settings, name, text); !read || text.empty()) return read;
  std::string known;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == text) {
      into = static_cast<Enum>(i);
      return {};
    }
    known.append(i == 0 ? "" : i + 1 == words.size() ? " or " : ", ").append(words[i]);
  }
  return fail(policy_invalid(std::string(name) + " is none of " + known));
}

Status read_uri(const Value& settings, std::string_view name, std::string& into) {
  if (Status read = read_text(settings, name, into); !read) return read;
  const bool wrong = into.find_first_of(" #") != std::string::npos || !is_absolute_uri(into);
  if (settings.contains(name) && wrong)
    return fail(policy_invalid(std::string(name) + " is no absolute URI without fragment"));
  return {};
}

Status read_scopes(const Value& settings, std::vector<std::string>& into) {
  const Value* member = settings.find("scopes");
  if (member == nullptr) return {};
  if (!member->is_array())
    return fail(policy_invalid("scopes is a " + std::string(kind_name(*member)) +
                               " instead of an array of strings"));
  if (member->size() > kMaxScopes) return fail(policy_invalid("scopes has more than 100 elements"));
  for (const Value& scope : member->elements()) {
    if (!scope.is_string() || !is_scope(scope.as_string()))
      return fail(policy_invalid(
          "scopes: each is a string of printable ASCII without space, \" and \\, one "
          "scope an element"));
    into.emplace_back(scope.as_string());
  }
  return {};
}

Status check_members(const Value& settings) {
  constexpr std::array<std::string_view, 9> kMembers = {"grant",
                                                        "tokenUrl",
                                                        "clientAuthentication",
                                                        "scopes",
                                                        "audience",
                                                        "resource",
                                                        "subjectTokenType",
                                                        "actorTokenType",
                                                        "requestedTokenType"};
  if (!settings.is_object())
    return fail(
        policy_invalid("the settings of a credential of the kind oauth2 are an object, at least "
                       "{\"tokenUrl\": URL}"));
  for (const Value::Member& member : settings.members()) {
    if (std::find(kMembers.begin(), kMembers.end(), member.name()) != kMembers.end()) continue;
    std::string shown(member.name().substr(0, 80));
    for (char& c : shown)
      if (c < ' ' || c > '~') c = '?';
    return fail(policy_invalid("the kind oauth2 has no setting \"" + shown + "\""));
  }
  return {};
}

}  // namespace

std::string_view to_string(OAuth2Grant grant) noexcept {
  return kGrants[static_cast<std::size_t>(grant)];
}

std::string_view to_string(ClientAuthentication way) noexcept {
  return kWays[static_cast<std::size_t>(way)];
}

Result<OAuth2Settings> OAuth2Settings::parse(const Value& settings) {
  OAuth2Settings read;
  if (Status known = check_members(settings); !known) return fail(std::move(known.error()));
  for (const Status& status :
       {read_word(settings, "grant", std::span(kGrants).first(kStoredGrants), read.grant),
        read_word(settings, "clientAuthentication", std::span(kWays).first(kStoredWays),
                  read.client_authentication),
        read_text(settings, "tokenUrl", read.token_url), read_scopes(settings, read.scopes),
        read_text(settings, "audience", read.audience),
        read_uri(settings, "resource", read.resource),
        read_uri(settings, "subjectTokenType", read.subject_token_type),
        read_uri(settings, "actorTokenType", read.actor_token_type),
        read_uri(settings, "requestedTokenType", read.requested_token_type)})
    if (!status) return fail(status.error());
  if (read.token_url.empty())
    return fail(policy_invalid("tokenUrl is missing: the URL of the token endpoint"));
  if (Status url = check_token_url(read.token_url); !url) return fail(std::move(url.error()));
  if (read.grant != OAuth2Grant::token_exchange) {
    for (const std::string_view name : {"subjectTokenType", "actorTokenType", "requestedTokenType"})
      if (settings.contains(name))
        return fail(
            policy_invalid(std::string(name) + " belongs to the grant token_exchange only"));
  }
  return read;
}

Value OAuth2Settings::to_value() const {
  Value object = Value::object({{"grant", to_string(grant)},
                                {"tokenUrl", token_url},
                                {"clientAuthentication", to_string(client_authentication)}});
  if (!scopes.empty()) {
    Value list = Value::array();
    for (const std::string& scope : scopes) list.push_back(scope);
    object.set("scopes", std::move(list));
  }
  if (!audience.empty()) object.set("audience", audience);
  if (!resource.empty()) object.set("resource", resource);
  if (subject_token_type != kAccessTokenType) object.set("subjectTokenType", subject_token_type);
  if (!actor_token_type.empty()) object.set("actorTokenType", actor_token_type);
  if (!requested_token_type.empty()) object.set("requestedTokenType", requested_token_type);
  return object;
}

Status check(const OAuth2Settings& settings, const CredentialValue& value) {
  if (value.username.empty()) return fail(policy_invalid("the client's id is missing"));
  if (value.username.size() > kMaxText || !is_visible(value.username, ' '))
    return fail(policy_invalid("the client's id is too long or not printable ASCII"));
  const bool silent = settings.client_authentication == ClientAuthentication::none;
  if (silent && !value.secret.empty())
    return fail(
        policy_invalid("there is a client's secret that clientAuthentication \"none\" would not "
                       "send; leave one of them out"));
  if (value.secret.empty() && !silent && settings.grant == OAuth2Grant::client_credentials)
    return fail(policy_invalid("the client's secret is missing"));
  if (value.secret.size() > kMaxSecret || !is_visible(value.secret.reveal(), ' '))
    return fail(
        policy_invalid("the client's secret is too long or not printable ASCII; a newline at its "
                       "end comes from echo: use printf %s"));

  const bool refresh = settings.grant == OAuth2Grant::refresh_token;
  const bool exchange = settings.grant == OAuth2Grant::token_exchange;
  for (const auto& [name, secret] : value.more) {
    if (!(refresh && name == "refreshToken") &&
        !(exchange && (name == "subjectToken" || name == "actorToken")))
      return fail(policy_invalid("the grant " + std::string(to_string(settings.grant)) +
                                 " takes none of the further values given; refresh_token takes "
                                 "refreshToken, token_exchange takes subjectToken and actorToken"));
    if (secret.empty() || secret.size() > kMaxSecret || !is_visible(secret.reveal(), ' '))
      return fail(policy_invalid(name + " is empty, longer than 16 KiB or not printable ASCII"));
  }
  if (refresh && !value.more.contains("refreshToken"))
    return fail(policy_invalid("the grant refresh_token needs a refreshToken"));
  if (exchange && !value.more.contains("subjectToken"))
    return fail(policy_invalid("the grant token_exchange needs a subjectToken"));
  // RFC 8693 §2.1: actor_token_type stands beside an actor_token only.
  if (!settings.actor_token_type.empty() && !value.more.contains("actorToken"))
    return fail(policy_invalid("actorTokenType is set, but there is no actorToken"));
  return {};
}

}  // namespace stepwell::auth
