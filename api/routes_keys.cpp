// /api/v1/keys: our own API keys. A key's secret is in one answer only, that of its creation.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "api/audited.h"
#include "api/fields.h"
#include "api/once.h"
#include "api/page.h"
#include "api/routes.h"
#include "api/usage.h"

namespace stepwell::api {

namespace {

using auth::Permission;

class KeyRoutes {
 public:
  explicit KeyRoutes(const AdminServices& services)
      : keys_(services.authority.keys()),
        clock_(services.authority.expiry_clock()),
        usage_(services.authority, services.catalog, services.engine) {}

  Result<Response> create(const Request& request) const;
  Result<Response> list(const Request& request) const;
  // It was made by an earlier request with the same Idempotency-Key.
  static Result<Response> made_before(const std::string& id);
  Result<Response> show(const Request& request) const;
  // The id of the key that a path names, by its id or by a name that no other key has. Errors: 404
  // `key-unknown`, 409 `key-ambiguous`.
  Result<std::string> named(const Request& request) const;
  Result<Response> change(const Request& request) const;
  Result<Response> usage(const Request& request) const;
  // Both are final.
  using End = Result<auth::ApiKey> (auth::Keys::*)(const auth::Actor&, std::string_view);
  Result<Response> end(const Request& request, End how) const;

 private:
  Value described(const auth::ApiKey& key) const;
  Result<Response> shown(const Result<auth::ApiKey>& key) const;

  auth::Keys& keys_;
  auth::ExpiryClock& clock_;
  const Usage usage_;
};

std::vector<auth::Permission> read_scopes(Fields& fields) {
  std::vector<auth::Permission> scopes;
  for (const std::string& name : fields.texts("scopes")) {
    if (const auto scope = auth::parse_permission(name))
      scopes.push_back(*scope);
    else
      fields.fault("\"" + name +
                   "\" is no scope; they are named as the permissions of the routes, "
                   "for example start-instances");
  }
  return scopes;
}

constexpr std::uint64_t kMostRequests = 1'000'000'000;
constexpr Milliseconds kLongestPer{std::chrono::hours(24)};

// "1500ms", "10s", "5m" or "1h"; nothing where it is none of these, or longer than a day.
std::optional<Milliseconds> read_per(std::string_view text) {
  std::uint32_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped_at, error] = std::from_chars(text.data(), end, count);
  const std::string_view unit(stopped_at, static_cast<std::size_t>(end - stopped_at));
  std::int64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1'000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  const Milliseconds per(factor * count);
  if (error != std::errc() || per.count() == 0 || per > kLongestPer) return std::nullopt;
  return per;
}

// null: as the settings say.
std::optional<auth::KeyRate> read_rate(Fields& fields) {
  const Value value = fields.any("rateLimit");
  if (value.is_null()) return std::nullopt;
  auth::KeyRate rate;
  std::optional<std::uint64_t> requests;
  bool good = value.is_object();
  const auto number_of = [&](const Value& member) {
    const std::optional<std::int64_t> number = member.as_integer();
    good = good && number && *number >= 0 && static_cast<std::uint64_t>(*number) <= kMostRequests;
    return static_cast<std::uint64_t>(number.value_or(0));
  };
  for (const Value::Member& member : value.members()) {
    if (member.name() == "requests") {
      requests = number_of(member.value);
    } else if (member.name() == "burst") {
      rate.burst = number_of(member.value);
    } else if (member.name() == "per" && member.value.is_string()) {
      const std::optional<Milliseconds> per = read_per(member.value.as_string());
      good = good && per;
      rate.per = per.value_or(rate.per);
    } else {
      good = false;
    }
  }
  rate.requests = requests.value_or(0);
  if (!good || !requests)
    fields.fault(
        "\"rateLimit\" must be null or an object: \"requests\" (a whole number; 0: no limit), "
        "\"per\" (such as 500ms, 10s, 5m or 1h, at most a day; default 1s) and \"burst\" (a whole "
        "number)");
  return rate;
}

// Nobody makes a key that may do more than his own: else a narrowed key with manage-keys would be
// worth as much as its user.
Status within_own_scopes(const Request& request, const std::vector<auth::Permission>& scopes) {
  const std::vector<auth::Permission>& own = request.principal.scopes;
  const bool covered =
      own.empty() ||
      (!scopes.empty() && std::all_of(scopes.begin(), scopes.end(), [&](auth::Permission scope) {
        return std::find(own.begin(), own.end(), scope) != own.end();
      }));
  if (covered) return {};
  return fail(make_problem(ErrorKind::authorization, "permission-denied",
                           "API key " + request.principal.key_id +
                               " is narrowed to scopes, and may only manage keys that are narrowed "
                               "to some of the same"));
}

// Nor does a narrowed key that has a limit give a way around it: `named`, the request has a
// `rateLimit`.
Status within_own_rate(const Request& request, bool named) {
  const auth::Principal& own = request.principal;
  if (!named || own.scopes.empty() || !own.rate) return {};
  return fail(make_problem(ErrorKind::authorization, "permission-denied",
                           "API key " + own.key_id +
                               " is narrowed to scopes and has a rate limit of its own: keys that "
                               "it creates have the same one, and it gives none another"));
}

Value KeyRoutes::described(const auth::ApiKey& key) const {
  Value object = describe(key, clock_.now());
  const std::optional<WallTime> used = keys_.last_used(key.id);
  object.set("lastUsedAt", used ? Value(format_time(*used)) : Value());
  return object;
}

Result<Response> KeyRoutes::shown(const Result<auth::ApiKey>& key) const {
  if (!key) return fail(key.error());
  return json_response(200, described(*key));
}

Result<Response> KeyRoutes::create(const Request& request) const {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  auth::NewKey wanted;
  wanted.name = fields->required_text("name");
  wanted.user = fields->required_text("user");
  wanted.scopes = read_scopes(*fields);
  wanted.expires_at = fields->time("expiresAt");
  wanted.rate = read_rate(*fields);
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  if (Status within = within_own_scopes(request, wanted.scopes); !within)
    return fail(std::move(within).error());
  if (Status within = within_own_rate(request, fields->has("rateLimit")); !within)
    return fail(std::move(within).error());
  if (!request.principal.scopes.empty() && request.principal.rate)
    wanted.rate = request.principal.rate;
  const Result<auth::IssuedKey> issued = keys_.create(request.actor(), wanted);
  if (!issued) return fail(issued.error());
  Value object = described(issued->key);
  object.set("key", issued->secret.reveal());
  Response response = json_response(201, object);
  response.headers.push_back({"Location", "/api/v1/keys/" + issued->key.id});
  response.shows_key = true;
  return response;
}

Result<Response> KeyRoutes::made_before(const std::string& id) {
  return fail(
      client_error(409, "key-already-created",
                   "API key " + id +
                       " was created by an earlier request with this Idempotency-Key, and its "
                       "secret was in that answer alone; if that answer was lost, revoke the key "
                       "and create another one")
          .with("key", id));
}

constexpr std::array<std::string_view, 3> kKeyListStates{"active", "expired", "revoked"};

Result<Response> KeyRoutes::list(const Request& request) const {
  Filters filters(request);
  const std::string user = filters.text("user");
  const std::string name = filters.text("name");
  const std::string state = filters.choice("state", kKeyListStates);
  const std::optional<WallTime> before = filters.time("expiresBefore");
  const std::optional<WallTime> after = filters.time("expiresAfter");
  if (Status status = filters.done(); !status) return fail(std::move(status).error());
  const WallTime now = clock_.now();
  std::vector<Value> items;
  for (const auth::ApiKey& key : keys_.list()) {
    if (!user.empty() && key.user != user) continue;
    if (!has_part(key.name, name)) continue;
    if (!state.empty() && to_string(state_at(key, now)) != state) continue;
    if (before && !(key.expires_at && *key.expires_at < *before)) continue;
    if (after && !(key.expires_at && *key.expires_at >= *after)) continue;
    items.push_back(described(key));
  }
  return page_answer(
      request, std::move(items),
      {"id", {"createdAt", "id", "name", "user", "state", "expiresAt", "lastUsedAt"}});
}

Result<std::string> KeyRoutes::named(const Request& request) const {
  const std::string& text = request.parameters.at(0);
  if (text.starts_with("sw_")) return text;
  std::string id;
  for (const auth::ApiKey& key : keys_.list()) {
    if (key.name != text) continue;
    if (!id.empty())
      return fail(client_error(409, "key-ambiguous",
                               "several API keys have this name; give the id of one (sw_…)"));
    id = key.id;
  }
  if (id.empty())
    return fail(client_error(404, "key-unknown", "there is no API key of this id or name"));
  return id;
}

Result<Response> KeyRoutes::show(const Request& request) const {
  const Result<std::string> id = named(request);
  return id ? shown(keys_.find(*id)) : fail(id.error());
}

Result<Response> KeyRoutes::change(const Request& request) const {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  auth::KeyChange change;
  if (fields->has("user")) change.user = fields->required_text("user");
  if (fields->has("scopes")) change.scopes = read_scopes(*fields);
  change.change_expiry = fields->has("expiresAt");
  change.expires_at = fields->time("expiresAt");
  change.change_rate = fields->has("rateLimit");
  change.rate = read_rate(*fields);
  if (!change.user && !change.scopes && !change.change_expiry && !change.change_rate)
    fields->fault("give \"user\", \"scopes\", \"expiresAt\" or \"rateLimit\"");
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  const Result<std::string> known = named(request);
  if (!known) return fail(known.error());
  const std::string& id = *known;
  const Result<auth::ApiKey> key = keys_.find(id);
  if (!key) return fail(key.error());
  if (!request.principal.scopes.empty() && id == request.principal.key_id)
    return fail(make_problem(ErrorKind::authorization, "permission-denied",
                             "a key that is narrowed to scopes cannot change itself"));
  // As it is and as it would be.
  for (const auto& scopes : {key->scopes, change.scopes.value_or(key->scopes)}) {
    if (Status within = within_own_scopes(request, scopes); !within)
      return fail(std::move(within).error());
  }
  if (Status within = within_own_rate(request, change.change_rate); !within)
    return fail(std::move(within).error());
  return shown(keys_.change(request.actor(), id, change));
}

Result<Response> KeyRoutes::usage(const Request& request) const {
  const Result<std::string> id = named(request);
  if (!id) return fail(id.error());
  const Result<auth::ApiKey> key = keys_.find(*id);
  if (!key) return fail(key.error());
  return json_response(200, usage_.of_key(key->id));
}

Result<Response> KeyRoutes::end(const Request& request, End how) const {
  const Result<std::string> known = named(request);
  if (!known) return fail(known.error());
  const std::string& id = *known;
  const Value usage = usage_.of_key(id);
  if (Status free = free_to_end(request, "API key " + id, usage); !free)
    return fail(std::move(free.error()));
  const Result<auth::ApiKey> ended = (keys_.*how)(request.actor(), id);
  if (!ended) return fail(ended.error());
  Value object = described(*ended);
  object.set("affected", usage);
  return json_response(200, object);
}

}  // namespace

Status add_key_routes(Router& router, const AdminServices& services) {
  const KeyRoutes routes(services);
  const Access manage = Access::needs(Permission::manage_keys);
  const std::string all = "/api/v1/keys";
  const std::string one = all + "/{id}";
  const auto end = [&](const char* action, KeyRoutes::End member) {
    return audited(services.authority, action,
                   [routes, member](Request& request) { return routes.end(request, member); });
  };
  return add_all(
      router,
      {
          {"POST", all, manage,
           audited(services.authority, "key.create",
                   once_only(
                       services.authority, [routes](Request& r) { return routes.create(r); },
                       KeyRoutes::made_before))},
          {"GET", all, manage, BlockingHandler([routes](Request& r) { return routes.list(r); }),
           page_names({"user", "name", "state", "expiresBefore", "expiresAfter"})},
          {"GET", one, manage, BlockingHandler([routes](Request& r) { return routes.show(r); })},
          {"GET", one + "/usage", manage,
           BlockingHandler([routes](Request& r) { return routes.usage(r); })},
          {"PATCH", one, manage,
           audited(services.authority, "key.change",
                   [routes](Request& r) { return routes.change(r); })},
          {"DELETE", one, manage, end("key.delete", &auth::Keys::remove), {"force"}},
          {"POST", one + "/revoke", manage, end("key.revoke", &auth::Keys::revoke), {"force"}},
      });
}

}  // namespace stepwell::api
