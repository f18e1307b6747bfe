#include <algorithm>
#include <array>
#include <utility>

#include "config/read_tasks.h"

namespace stepwell::config {

namespace {

constexpr std::array<std::string_view, 6> kPolicies{"use",    "basic",  "bearer",
                                                    "digest", "oauth2", "oidc"};

// {use: NAME} inside of a policy: a secret that use.secrets declares.
void read_secret_name(Reading& reading, const Place& place, Authentication& result) {
  const std::optional<std::string> name = read_text(reading, place);
  if (!name) return;
  const std::vector<std::string>& secrets = reading.use.secrets;
  if (std::find(secrets.begin(), secrets.end(), *name) == secrets.end()) {
    const std::vector<std::string_view> names(secrets.begin(), secrets.end());
    std::string hint = did_you_mean(*name, names);
    if (hint.empty()) hint = "; declare it there";
    reading.error(place, quoted(*name) + " is none of `use.secrets`", hint);
    return;
  }
  result.credential = *name;
  refer_to_credential(reading, *name, place.position());
}

Template read_text_template(Reading& reading, const Place& place, std::string_view field) {
  if (place.node().value.is_string()) return read_template(reading, place, body_site(field));
  reading.expected(place, "text");
  return {};
}

// basic and digest.
void read_login(Reading& reading, const Place& place, Authentication& result) {
  static constexpr std::array<std::string_view, 3> kKnown{"username", "password", "use"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return;
  if (const auto use = fields.find("use")) {
    if (fields.find("username") || fields.find("password"))
      reading.error(place, "either `use` or `username` and `password`, not both");
    return read_secret_name(reading, *use, result);
  }
  if (const auto username = fields.require("username"))
    result.username = read_text_template(reading, *username, "username");
  if (const auto password = fields.require("password"))
    result.password = read_text_template(reading, *password, "password");
}

void read_bearer(Reading& reading, const Place& place, Authentication& result) {
  static constexpr std::array<std::string_view, 2> kKnown{"token", "use"};
  const Fields fields(reading, place, kKnown);
  if (!fields.is_mapping()) return;
  if (const auto use = fields.find("use")) {
    if (fields.find("token")) reading.error(place, "either `use` or `token`, not both");
    return read_secret_name(reading, *use, result);
  }
  if (const auto token = fields.require("token"))
    result.token = read_text_template(reading, *token, "token");
}

// oauth2 and oidc: a secret's name, or all of the policy.
void read_oauth(Reading& reading, const Place& place, Authentication& result) {
  if (place.node().find("use") == nullptr) return read_oauth_policy(reading, place, result);
  static constexpr std::array<std::string_view, 1> kKnown{"use"};
  const Fields fields(reading, place, kKnown);
  if (const auto use = fields.find("use")) read_secret_name(reading, *use, result);
}

std::optional<Authentication> read_policy(Reading& reading, const Place& place, bool may_refer);

// The entry of use.authentications, or else a credential of the engine.
std::optional<Authentication> read_reference(Reading& reading, const Place& place) {
  const std::optional<std::string> name = read_text(reading, place);
  if (!name) return std::nullopt;
  if (name->empty() || name->size() > 255) {
    reading.error(place, "expected the name of a credential");
    return std::nullopt;
  }
  UseTable& table = reading.use.authentications;
  const auto entry = table.entries.find(*name);
  if (entry == table.entries.end()) {
    const std::string hint = did_you_mean(*name, table.names());
    if (!hint.empty())
      reading.warning(place, quoted(*name) + " is none of `use.authentications`",
                      hint + " As it stands it names a stored credential");
    refer_to_credential(reading, *name, place.position());
    Authentication result;
    result.credential = *name;
    result.position = place.position();
    return result;
  }
  table.referenced.insert(*name);
  return read_entry(reading, table, *entry->second,
                    [&](const Place& policy) { return read_policy(reading, policy, false); });
}

std::optional<Authentication> read_policy(Reading& reading, const Place& place, bool may_refer) {
  const std::span<const std::string_view> known(kPolicies);
  const Fields fields(reading, place, may_refer ? known : known.subspan(1));
  if (!fields.is_mapping()) return std::nullopt;
  const auto given = [&](std::string_view key) { return fields.find(key).has_value(); };
  const auto count = std::count_if(kPolicies.begin(), kPolicies.end(), given);
  if (count == 0 && !place.node().members.empty()) return std::nullopt;  // told by `fields`
  if (count != 1) {
    reading.error(place, "expected one of " +
                             quoted_list(may_refer ? known : known.subspan(1), "or") +
                             (count == 0 ? "" : ", found several"));
    return std::nullopt;
  }
  if (const auto use = fields.find("use"))
    return may_refer ? read_reference(reading, *use) : std::nullopt;
  Authentication result;
  result.position = place.position();
  if (const auto basic = fields.find("basic")) {
    result.kind = Authentication::Kind::basic;
    read_login(reading, *basic, result);
  } else if (const auto digest = fields.find("digest")) {
    result.kind = Authentication::Kind::digest;
    read_login(reading, *digest, result);
  } else if (const auto bearer = fields.find("bearer")) {
    result.kind = Authentication::Kind::bearer;
    read_bearer(reading, *bearer, result);
  } else if (const auto oauth2 = fields.find("oauth2")) {
    result.kind = Authentication::Kind::oauth2;
    read_oauth(reading, *oauth2, result);
  } else if (const auto oidc = fields.find("oidc")) {
    result.kind = Authentication::Kind::oidc;
    read_oauth(reading, *oidc, result);
  }
  return result;
}

}  // namespace

void refer_to_credential(Reading& reading, const std::string& name, Position position) {
  auto& credentials = reading.definition.credentials;
  const bool known = std::any_of(credentials.begin(), credentials.end(),
                                 [&](const auto& entry) { return entry.first == name; });
  if (!known) credentials.emplace_back(name, position);
}

std::optional<Authentication> read_authentication(Reading& reading, const Place& place) {
  return read_policy(reading, place, true);
}

std::optional<Authentication> read_policy_entry(Reading& reading, const Place& place) {
  return read_policy(reading, place, false);
}

}  // namespace stepwell::config
