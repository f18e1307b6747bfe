// /api/v1/users: the names that keys belong to.

#include <array>
#include <utility>

#include "api/audited.h"
#include "api/fields.h"
#include "api/once.h"
#include "api/page.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;

Result<Response> shown(int status, const Result<auth::User>& user) {
  if (!user) return fail(user.error());
  Response response = json_response(status, describe(*user));
  if (status == 201) response.headers.push_back({"Location", "/api/v1/users/" + user->name});
  return response;
}

auth::Role read_role(Fields& fields, const std::string& text) {
  const std::optional<auth::Role> role = auth::parse_role(text);
  if (!role) fields.fault("\"role\" must be viewer, operator or admin");
  return role.value_or(auth::Role::viewer);
}

// Who may give roles may give himself all of them, so that a narrowed key may not.
Status unless_narrowed(const Request& request) {
  if (request.principal.scopes.empty()) return {};
  return fail(
      make_problem(ErrorKind::authorization, "permission-denied",
                   "API key " + request.principal.key_id +
                       " is narrowed to scopes, and roles are given with a key that is not"));
}

Result<Response> create(auth::Users& users, const Request& request) {
  if (Status allowed = unless_narrowed(request); !allowed) return fail(std::move(allowed).error());
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  const std::string name = fields->required_text("name");
  const auth::Role role = read_role(*fields, fields->required_text("role"));
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  return shown(201, users.create(request.actor(), name, role));
}

Result<Response> list(const auth::Users& users, const Request& request) {
  static constexpr std::array<std::string_view, 3> kRoles{"viewer", "operator", "admin"};
  Filters filters(request);
  const std::string name = filters.text("name");
  const std::string role = filters.choice("role", kRoles);
  const std::optional<bool> active = filters.flag("active");
  if (Status status = filters.done(); !status) return fail(std::move(status).error());
  std::vector<Value> items;
  for (const auth::User& user : users.list()) {
    if (!has_part(user.name, name)) continue;
    if (!role.empty() && to_string(user.role) != role) continue;
    if (active && user.active != *active) continue;
    items.push_back(describe(user));
  }
  return page_answer(request, std::move(items), {"name", {"name", "role", "createdAt"}});
}

Result<Response> show(const auth::Users& users, int status, const std::string& name) {
  const std::optional<auth::User> user = users.find(name);
  if (!user) return fail(client_error(404, "user-unknown", "there is no such user"));
  return shown(status, *user);
}

// It was made by an earlier request with the same Idempotency-Key.
Result<Response> made_before(const auth::Users& users, const std::string& name) {
  return show(users, 201, name);
}

Result<Response> change(auth::Users& users, const Request& request) {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  const std::string& name = request.parameters.at(0);
  const std::optional<bool> active = fields->flag("active");
  const std::string role_text = fields->text("role");
  // Each change is one audited action; two of them in one request could end half-way.
  if (active.has_value() == !role_text.empty()) fields->fault("give either \"role\" or \"active\"");
  const auth::Role role = active ? auth::Role::viewer : read_role(*fields, role_text);
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  if (!active || *active) {
    if (Status allowed = unless_narrowed(request); !allowed)
      return fail(std::move(allowed).error());
  }
  if (!active) return shown(200, users.set_role(request.actor(), name, role));
  return shown(200, *active ? users.activate(request.actor(), name)
                            : users.deactivate(request.actor(), name));
}

}  // namespace

Status add_user_routes(Router& router, const AdminServices& services) {
  auth::Users& users = services.authority.users();
  const Access manage = Access::needs(Permission::manage_users);
  const std::string all = "/api/v1/users";
  const std::string one = all + "/{name}";
  return add_all(
      router,
      {
          {"POST", all, manage,
           audited(services.authority, "user.create",
                   once_only(
                       services.authority, [&users](Request& r) { return create(users, r); },
                       [&users](const std::string& name) { return made_before(users, name); }))},
          {"GET", all, manage, BlockingHandler([&users](Request& r) { return list(users, r); }),
           page_names({"name", "role", "active"})},
          {"GET", one, manage,
           BlockingHandler([&users](Request& r) { return show(users, 200, r.parameters.at(0)); })},
          {"PATCH", one, manage,
           audited(services.authority, "user.change",
                   [&users](Request& r) { return change(users, r); })},
      });
}

}  // namespace stepwell::api
