// /api/v1/credentials: third parties' credentials, with never a value in an answer.

#include <algorithm>
#include <array>
#include <utility>

#include "api/audited.h"
#include "api/credential_test.h"
#include "api/fields.h"
#include "api/once.h"
#include "api/page.h"
#include "api/routes.h"
#include "api/usage.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

using auth::Permission;

// The members of a value besides `username` and `value`; all of them are secrets or treated so.
constexpr std::array<const char*, 6> kFurther = {"refreshToken", "subjectToken", "actorToken",
                                                 "sessionToken", "certificate",  "passphrase"};

class CredentialRoutes {
 public:
  explicit CredentialRoutes(const AdminServices& services)
      : credentials_(services.authority.credentials()),
        keys_(services.authority.keys()),
        clock_(services.authority.expiry_clock()),
        usage_(services.authority, services.catalog, services.engine) {}

  Result<Response> add(Request& request) const;
  Result<Response> list(const Request& request) const;
  Result<Response> show(const Request& request) const;
  // It was made by an earlier request with the same Idempotency-Key.
  Result<Response> made_before(const std::string& name) const {
    return shown(201, credentials_.find(name));
  }
  Result<Response> usage(const Request& request) const;
  Result<Response> rotate(Request& request) const;
  Result<Response> change(const Request& request) const;
  // None of these takes a body.
  using Action = Result<auth::Credential> (auth::Credentials::*)(const auth::Actor&,
                                                                 std::string_view);
  Result<Response> act(const Request& request, Action action) const;
  Result<Response> end(const Request& request, Action action) const;

 private:
  Value described(const auth::Credential& credential) const;
  Result<Response> shown(int status, const Result<auth::Credential>& credential) const;

  auth::Credentials& credentials_;
  const auth::Keys& keys_;
  auth::ExpiryClock& clock_;
  const Usage usage_;
};

Value CredentialRoutes::described(const auth::Credential& credential) const {
  Value object = describe(credential, clock_.now());
  const std::optional<WallTime> used = credentials_.last_used(credential.name);
  object.set("lastUsedAt", used ? Value(format_time(*used)) : Value());
  if (!credential.linked_key.empty()) {
    const Status stands = keys_.stands(credential.linked_key);
    object.set("linkedKeyState", stands ? std::string_view("active") : stands.error().code);
  }
  return object;
}

Result<Response> CredentialRoutes::shown(int status,
                                         const Result<auth::Credential>& credential) const {
  if (!credential) return fail(credential.error());
  Response response = json_response(status, described(*credential));
  if (status == 201)
    response.headers.push_back({"Location", "/api/v1/credentials/" + credential->name});
  return response;
}

// Takes the value's members out of the object and leaves no readable copy of the secrets behind.
auth::CredentialValue take_value(Fields& fields, Request& request) {
  auth::CredentialValue value;
  value.username = fields.text("username");
  value.secret = Secret::take(fields.text("value"));
  fields.wipe_text("value");
  for (const char* name : kFurther) {
    if (!fields.has(name)) continue;
    value.more.emplace(name, Secret::take(fields.text(name)));
    fields.wipe_text(name);
  }
  wipe(request.body);
  return value;
}

auth::OnRevoke read_on_revoke(Fields& fields) {
  const auto choice = auth::parse_on_revoke(fields.required_text("onRevoke"));
  if (!choice) fields.fault("\"onRevoke\" must be finish or abort");
  return choice.value_or(auth::OnRevoke::finish);
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
    fields->fault(
        "\"kind\" must be basic, bearer, apiKey, digest, oauth2, awsSigV4, clientCertificate or "
        "hmac");
  credential.prefix = fields->text("prefix");
  credential.header = fields->text("header");
  credential.settings = fields->any("settings");
  if (fields->has("onRevoke")) credential.on_revoke = read_on_revoke(*fields);
  credential.origins = fields->texts("origins");
  credential.namespaces = fields->texts("namespaces");
  credential.expires_at = fields->time("expiresAt");
  credential.value = take_value(*fields, request);
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  return shown(201, credentials_.add(request.actor(), std::move(credential)));
}

constexpr std::array<std::string_view, 8> kCredentialKinds{
    "basic", "bearer", "apiKey", "digest", "oauth2", "awsSigV4", "clientCertificate", "hmac"};
constexpr std::array<std::string_view, 5> kCredentialListStates{"active", "expired", "disabled",
                                                                "rejected", "revoked"};

Result<Response> CredentialRoutes::list(const Request& request) const {
  Filters filters(request);
  const std::string name = filters.text("name");
  const std::string kind = filters.choice("kind", kCredentialKinds);
  const std::string state = filters.choice("state", kCredentialListStates);
  const std::string space = filters.text("namespace");
  const std::optional<WallTime> before = filters.time("expiresBefore");
  const std::optional<WallTime> after = filters.time("expiresAfter");
  if (Status status = filters.done(); !status) return fail(std::move(status).error());
  const WallTime now = clock_.now();
  std::vector<Value> items;
  for (const auth::Credential& credential : credentials_.list()) {
    if (!has_part(credential.name, name)) continue;
    if (!kind.empty() && to_string(credential.kind) != kind) continue;
    if (!state.empty() && to_string(state_at(credential, now)) != state) continue;
    const auto& spaces = credential.namespaces;
    if (!space.empty() && !spaces.empty() &&
        std::find(spaces.begin(), spaces.end(), space) == spaces.end())
      continue;
    if (before && !(credential.expires_at && *credential.expires_at < *before)) continue;
    if (after && !(credential.expires_at && *credential.expires_at >= *after)) continue;
    items.push_back(described(credential));
  }
  return page_answer(
      request, std::move(items),
      {"name", {"name", "kind", "state", "createdAt", "changedAt", "expiresAt", "lastUsedAt"}});
}

Result<Response> CredentialRoutes::show(const Request& request) const {
  return shown(200, credentials_.find(request.parameters.at(0)));
}

Result<Response> CredentialRoutes::usage(const Request& request) const {
  const Result<auth::Credential> credential = credentials_.find(request.parameters.at(0));
  if (!credential) return fail(credential.error());
  return json_response(200, usage_.of_credential(credential->name));
}

Result<Response> CredentialRoutes::rotate(Request& request) const {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  auth::Rotation rotation;
  rotation.change_expiry = fields->has("expiresAt");
  rotation.expires_at = fields->time("expiresAt");
  if (fields->has("settings")) rotation.settings = fields->any("settings");
  rotation.value = take_value(*fields, request);
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  return shown(200,
               credentials_.rotate(request.actor(), request.parameters.at(0), std::move(rotation)));
}

Result<Response> CredentialRoutes::change(const Request& request) const {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  auth::CredentialChange change;
  if (fields->has("description")) change.description = fields->text("description");
  if (fields->has("origins")) change.origins = fields->texts("origins");
  if (fields->has("namespaces")) change.namespaces = fields->texts("namespaces");
  if (fields->has("onRevoke")) change.on_revoke = read_on_revoke(*fields);
  change.change_expiry = fields->has("expiresAt");
  change.expires_at = fields->time("expiresAt");
  if (!change.description && !change.origins && !change.namespaces && !change.on_revoke &&
      !change.change_expiry)
    fields->fault(
        "give \"description\", \"origins\", \"namespaces\", \"onRevoke\" or \"expiresAt\"; a new "
        "value goes in by rotate");
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  return shown(200, credentials_.change(request.actor(), request.parameters.at(0), change));
}

Result<Response> CredentialRoutes::act(const Request& request, Action action) const {
  return shown(200, (credentials_.*action)(request.actor(), request.parameters.at(0)));
}

Result<Response> CredentialRoutes::end(const Request& request, Action action) const {
  const std::string& name = request.parameters.at(0);
  const Value usage = usage_.of_credential(name);
  if (Status free = free_to_end(request, "credential " + name, usage); !free)
    return fail(std::move(free.error()));
  const Result<auth::Credential> ended = (credentials_.*action)(request.actor(), name);
  if (!ended) return fail(ended.error());
  Value object = described(*ended);
  object.set("affected", usage);
  return json_response(200, object);
}

// On a thread that may block, since it is recorded before anything is sent.
void test_credential(const AdminServices& services, const Request& request,
                     const Responder& responder) {
  const auto credential = services.authority.credentials().find(request.parameters.at(0));
  if (!credential) return responder.answer(credential.error());
  std::string url;
  if (!request.body.empty()) {
    Result<Fields> fields = Fields::of_body(request);
    if (!fields) return responder.answer(fields.error());
    url = fields->text("url");
    if (const Status status = fields->done(); !status) return responder.answer(status.error());
  }
  const Status noted = services.authority.audit().note(
      {request.actor(), "credential.test", credential->name,
       to_json(Value::object({{"url", services.authority.redactor().mask(url)}}))},
      "done");
  if (!noted) return responder.answer(noted.error());
  std::make_shared<CredentialTest>(services.authority.gate(), *services.reactor, *services.clock,
                                   *credential, responder)
      ->begin(url);
}

}  // namespace

Status add_credential_routes(Router& router, const AdminServices& services) {
  const CredentialRoutes routes(services);
  const Access view = Access::needs(Permission::view_credentials);
  const Access manage = Access::needs(Permission::manage_credentials);
  const auto act = [&](const char* name, CredentialRoutes::Action member) {
    return audited(services.authority, name,
                   [routes, member](Request& request) { return routes.act(request, member); });
  };
  const auto end = [&](const char* name, CredentialRoutes::Action member) {
    return audited(services.authority, name,
                   [routes, member](Request& request) { return routes.end(request, member); });
  };
  const std::string all = "/api/v1/credentials";
  const std::string one = all + "/{name}";
  Status added = add_all(
      router,
      {
          {"POST", all, manage,
           audited(services.authority, "credential.add",
                   once_only(
                       services.authority, [routes](Request& r) { return routes.add(r); },
                       [routes](const std::string& name) { return routes.made_before(name); }))},
          {"GET", all, view, BlockingHandler([routes](Request& r) { return routes.list(r); }),
           page_names({"name", "kind", "state", "namespace", "expiresBefore", "expiresAfter"})},
          {"GET", one, view, BlockingHandler([routes](Request& r) { return routes.show(r); })},
          {"GET", one + "/usage", view,
           BlockingHandler([routes](Request& r) { return routes.usage(r); })},
          {"PATCH", one, manage,
           audited(services.authority, "credential.change",
                   [routes](Request& r) { return routes.change(r); })},
          {"DELETE", one, manage, end("credential.delete", &auth::Credentials::remove), {"force"}},
          {"POST", one + "/rotate", manage,
           audited(services.authority, "credential.rotate",
                   [routes](Request& r) { return routes.rotate(r); })},
          {"POST",
           one + "/revoke",
           manage,
           end("credential.revoke", &auth::Credentials::revoke),
           {"force"}},
          {"POST", one + "/enable", manage, act("credential.enable", &auth::Credentials::enable)},
          {"POST", one + "/disable", manage,
           act("credential.disable", &auth::Credentials::disable)},
      });
  if (!added || services.reactor == nullptr) return added;
  return router.add({"POST", one + "/test", manage,
                     AsyncHandler([services](Request request, const Responder& responder) {
                       auto kept = std::make_shared<const Request>(std::move(request));
                       const bool taken = services.blocking([services, kept, responder] {
                         test_credential(services, *kept, responder);
                       });
                       if (!taken) responder.answer(overloaded());
                     })});
}

}  // namespace stepwell::api
