// `oauth2` and `oidc`, written out in the definition.
#include <array>
#include <optional>
#include <span>

#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, 5> kOAuthGrants{
    "authorization_code", "client_credentials", "password", "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange"};
enum : std::uint8_t { kGrantCode, kGrantClient, kGrantPassword, kGrantRefresh, kGrantExchange };

constexpr std::array<std::string_view, 5> kClientWays{
    "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"};
enum : std::uint8_t { kWayBasic, kWayPost, kWaySecretJwt, kWayAssertion, kWayNone };

bool expect_text(Reading& reading, const Fields& fields, std::string_view key, bool required) {
  const auto place = required ? fields.require(key) : fields.find(key);
  if (!place) return false;
  if (place->node().value.is_string()) return true;
  reading.expected(*place, "text");
  return false;
}

void check_client(Reading& reading, const Place& place, std::optional<std::size_t> grant) {
  static constexpr std::array<std::string_view, 4> kKnown{"id", "secret", "assertion",
                                                          "authentication"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return;
  std::size_t way = kWayPost;
  if (const auto authentication = fields.find("authentication"))
    way = read_choice(reading, *authentication, kClientWays).value_or(kWayPost);
  expect_text(reading, fields, "id", way != kWayNone);
  const bool secret_needed =
      way == kWaySecretJwt || (way <= kWayPost && grant && *grant == kGrantClient);
  expect_text(reading, fields, "secret", secret_needed);
  expect_text(reading, fields, "assertion", way == kWayAssertion);
}

void check_texts(Reading& reading, const Fields& fields, std::string_view key) {
  const auto list = fields.find(key);
  if (!list) return;
  if (list->node().kind != YamlNode::Kind::sequence) return reading.expected(*list, "a list");
  for (std::size_t i = 0; i < list->node().elements.size(); ++i)
    if (const Place item(*list, i); !item.node().value.is_string()) reading.expected(item, "text");
}

// {token, type}
void check_token(Reading& reading, const Fields& fields, std::string_view key, bool required) {
  static constexpr std::array<std::string_view, 2> kKnown{"token", "type"};
  const auto place = required ? fields.require(key) : fields.find(key);
  if (!place) return;
  const Fields token(reading, *place, kKnown);
  if (!token.is_mapping()) return;
  expect_text(reading, token, "token", true);
  expect_text(reading, token, "type", true);
}

void check_endpoints(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 3> kKnown{"token", "revocation", "introspection"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return;
  for (const std::string_view key : kKnown) expect_text(reading, fields, key, false);
}

void check_encoding(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 1> kKnown{"encoding"};
  static constexpr std::array<std::string_view, 2> kEncodings{"application/x-www-form-urlencoded",
                                                              "application/json"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return;
  if (const auto encoding = fields.find("encoding")) read_choice(reading, *encoding, kEncodings);
}

void check_grant(Reading& reading, const Fields& fields, std::optional<std::size_t> grant,
                 const Place& place) {
  if (grant && *grant == kGrantCode)
    reading.error(
        place,
        "the grant `authorization_code` needs a person at a browser, and is not supported "
        "by this version",
        "; get a refresh token by it once, store it with `stepwell credentials add` and "
        "write `authentication: {use: NAME}`");
  const bool password = grant && *grant == kGrantPassword;
  expect_text(reading, fields, "username", password);
  expect_text(reading, fields, "password", password);
  check_token(reading, fields, "subject",
              grant && (*grant == kGrantRefresh || *grant == kGrantExchange));
  check_token(reading, fields, "actor", false);
}

}  // namespace

void read_oauth_policy(Reading& reading, const Place& place, Authentication& result) {
  static constexpr std::array<std::string_view, 12> kKnown{
      "authority", "grant",    "client",   "request", "issuers", "scopes",
      "audiences", "username", "password", "subject", "actor",   "endpoints"};
  const bool oidc = result.kind == Authentication::Kind::oidc;
  const std::span<const std::string_view> known(kKnown);
  const Fields fields(reading, place, oidc ? known.first(kKnown.size() - 1) : known);
  if (!fields.is_mapping()) return;
  if (const auto authority = fields.require("authority")) {
    if (authority->node().value.is_string())
      result.authority =
          read_uri(reading, *authority, body_site("authority")).value_or(UriTemplate());
    else
      reading.expected(*authority, "a URI");
  }
  std::optional<std::size_t> grant;
  if (const auto given = fields.require("grant")) {
    grant = read_choice(reading, *given, kOAuthGrants);
    check_grant(reading, fields, grant, *given);
  }
  if (const auto client = fields.find("client"))
    check_client(reading, *client, grant);
  else if (grant && *grant == kGrantClient)
    (void)fields.require("client");
  if (const auto request = fields.find("request")) check_encoding(reading, *request);
  if (const auto endpoints = oidc ? std::nullopt : fields.find("endpoints"))
    check_endpoints(reading, *endpoints);
  for (const std::string_view key : {"issuers", "scopes", "audiences"})
    check_texts(reading, fields, key);
  result.policy = read_template(reading, place, body_site("authentication"));
}

}  // namespace stepwell::config
