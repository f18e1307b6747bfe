// /api/v1/credentials: third parties' credentials, with never a value in an answer.

#include <utility>

#include "api/fields.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;

class CredentialRoutes {
 public:
  explicit CredentialRoutes(auth::Authority& authority)
      : credentials_(authority.credentials()), clock_(authority.expiry_clock()) {}

  Result<Response> add(Request& request) const;
  Result<Response> list() const;
  Result<Response> show(const Request& request) const;
  Result<Response> rotate(Request& request) const;
  Result<Response> change(const Request& request) const;
  // revoke, enable, disable and delete take no body.
  using Action = Result<auth::Credential> (auth::Credentials::*)(const auth::Actor&,
                                                                 std::string_view);
  Result<Response> act(const Request& request, Action action) const;

 private:
  Result<Response> shown(int status, const Result<auth::Credential>& credential) const;

  auth::Credentials& credentials_;
  auth::ExpiryClock& clock_;
};

Result<Response> CredentialRoutes::shown(int status,
                                         const Result<auth::Credential>& credential) const {
  if (!credential) return fail(credential.error());
  Response response = json_response(status, describe(*credential, clock_.now()));
  if (status == 201)
    response.headers.push_back({"Location", "/api/v1/credentials/" + credential->name});
  return response;
}

// Takes the value's members out of the object and leaves no readable copy of the secret behind.
auth::CredentialValue take_value(Fields& fields, Request& request) {
  auth::CredentialValue value;
  value.username = fields.text("username");
  value.secret = Secret::take(fields.required_text("value"));
  fields.wipe_text("value");
  wipe(request.body);
  return value;
}

Result<Response> CredentialRoutes::add(Request& request) const {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  auth::NewCredential credential;
  credential.name = fields->required_text("name");
  credential.description = fields->text("description");
  const std::string kind = fields->required_text("kind");
  if (const auto parsed = auth::parse_credential_kind(kind))
    credential.kind = *parsed;
  else
    fields->fault("\"kind\" must be basic, bearer or apiKey");
  credential.prefix = fields->text("prefix");
  credential.header = fields->text("header");
  credential.origins = fields->texts("origins");
  credential.namespaces = fields->texts("namespaces");
  credential.expires_at = fields->time("expiresAt");
  credential.value = take_value(*fields, request);
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  return shown(201, credentials_.add(request.actor(), std::move(credential)));
}

Result<Response> CredentialRoutes::list() const {
  const WallTime now = clock_.now();
  Value items = Value::array();
  for (const auth::Credential& credential : credentials_.list())
    items.push_back(describe(credential, now));
  return json_response(200, Value::object({{"items", std::move(items)}}));
}

Result<Response> CredentialRoutes::show(const Request& request) const {
  return shown(200, credentials_.find(request.parameters.at(0)));
}

Result<Response> CredentialRoutes::rotate(Request& request) const {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  auth::Rotation rotation;
  rotation.change_expiry = fields->has("expiresAt");
  rotation.expires_at = fields->time("expiresAt");
  rotation.value = take_value(*fields, request);
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  return shown(200,
               credentials_.rotate(request.actor(), request.parameters.at(0), std::move(rotation)));
}

Result<Response> CredentialRoutes::change(const Request& request) const {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  if (!fields->has("expiresAt")) fields->fault("\"expiresAt\" is missing");
  const std::optional<WallTime> expires_at = fields->time("expiresAt");
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  return shown(200, credentials_.set_expiry(request.actor(), request.parameters.at(0), expires_at));
}

Result<Response> CredentialRoutes::act(const Request& request, Action action) const {
  return shown(200, (credentials_.*action)(request.actor(), request.parameters.at(0)));
}

}  // namespace

Status add_credential_routes(Router& router, auth::Authority& authority) {
  const CredentialRoutes routes(authority);
  const Access view = Access::needs(Permission::view_credentials);
  const Access manage = Access::needs(Permission::manage_credentials);
  const auto action = [routes](CredentialRoutes::Action member) -> BlockingHandler {
    return [routes, member](Request& request) { return routes.act(request, member); };
  };
  const std::string all = "/api/v1/credentials";
  const std::string one = all + "/{name}";
  return add_all(
      router,
      {
          {"POST", all, manage, BlockingHandler([routes](Request& r) { return routes.add(r); })},
          {"GET", all, view, BlockingHandler([routes](Request&) { return routes.list(); })},
          {"GET", one, view, BlockingHandler([routes](Request& r) { return routes.show(r); })},
          {"PATCH", one, manage,
           BlockingHandler([routes](Request& r) { return routes.change(r); })},
          {"DELETE", one, manage, action(&auth::Credentials::remove)},
          {"POST", one + "/rotate", manage,
           BlockingHandler([routes](Request& r) { return routes.rotate(r); })},
          {"POST", one + "/revoke", manage, action(&auth::Credentials::revoke)},
          {"POST", one + "/enable", manage, action(&auth::Credentials::enable)},
          {"POST", one + "/disable", manage, action(&auth::Credentials::disable)},
      });
}

}  // namespace stepwell::api
