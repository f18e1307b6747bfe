// /api/v1/keys: our own API keys. A key's secret is in one answer only, that of its creation.

#include <utility>

#include "api/fields.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;

class KeyRoutes {
 public:
  explicit KeyRoutes(auth::Authority& authority)
      : keys_(authority.keys()), clock_(authority.expiry_clock()) {}

  Result<Response> create(const Request& request) const;
  Result<Response> list() const;
  Result<Response> show(const Request& request) const;
  Result<Response> change(const Request& request) const;
  Result<Response> revoke(const Request& request) const;
  Result<Response> remove(const Request& request) const;

 private:
  Result<Response> shown(const Result<auth::ApiKey>& key) const;

  auth::Keys& keys_;
  auth::ExpiryClock& clock_;
};

Result<Response> KeyRoutes::shown(const Result<auth::ApiKey>& key) const {
  if (!key) return fail(key.error());
  return json_response(200, describe(*key, clock_.now()));
}

Result<Response> KeyRoutes::create(const Request& request) const {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  auth::NewKey wanted;
  wanted.name = fields->required_text("name");
  wanted.user = fields->required_text("user");
  wanted.expires_at = fields->time("expiresAt");
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  const Result<auth::IssuedKey> issued = keys_.create(request.actor(), wanted);
  if (!issued) return fail(issued.error());
  Value object = describe(issued->key, clock_.now());
  object.set("key", issued->secret.reveal());
  Response response = json_response(201, object);
  response.headers.push_back({"Location", "/api/v1/keys/" + issued->key.id});
  response.shows_key = true;
  return response;
}

Result<Response> KeyRoutes::list() const {
  const WallTime now = clock_.now();
  Value items = Value::array();
  for (const auth::ApiKey& key : keys_.list()) items.push_back(describe(key, now));
  return json_response(200, Value::object({{"items", std::move(items)}}));
}

Result<Response> KeyRoutes::show(const Request& request) const {
  return shown(keys_.find(request.parameters.at(0)));
}

Result<Response> KeyRoutes::change(const Request& request) const {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  const std::string& id = request.parameters.at(0);
  const std::string user = fields->text("user");
  const bool expiry = fields->has("expiresAt");
  const std::optional<WallTime> expires_at = fields->time("expiresAt");
  // Each change is one audited action; two of them in one request could end half-way.
  if (user.empty() == !expiry) fields->fault("give either \"user\" or \"expiresAt\"");
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  if (expiry) return shown(keys_.set_expiry(request.actor(), id, expires_at));
  return shown(keys_.assign(request.actor(), id, user));
}

Result<Response> KeyRoutes::revoke(const Request& request) const {
  return shown(keys_.revoke(request.actor(), request.parameters.at(0)));
}

Result<Response> KeyRoutes::remove(const Request& request) const {
  return shown(keys_.remove(request.actor(), request.parameters.at(0)));
}

}  // namespace

Status add_key_routes(Router& router, auth::Authority& authority) {
  const KeyRoutes routes(authority);
  const Access manage = Access::needs(Permission::manage_keys);
  const std::string all = "/api/v1/keys";
  const std::string one = all + "/{id}";
  return add_all(
      router,
      {
          {"POST", all, manage, BlockingHandler([routes](Request& r) { return routes.create(r); })},
          {"GET", all, manage, BlockingHandler([routes](Request&) { return routes.list(); })},
          {"GET", one, manage, BlockingHandler([routes](Request& r) { return routes.show(r); })},
          {"PATCH", one, manage,
           BlockingHandler([routes](Request& r) { return routes.change(r); })},
          {"DELETE", one, manage,
           BlockingHandler([routes](Request& r) { return routes.remove(r); })},
          {"POST", one + "/revoke", manage,
           BlockingHandler([routes](Request& r) { return routes.revoke(r); })},
      });
}

}  // namespace stepwell::api
