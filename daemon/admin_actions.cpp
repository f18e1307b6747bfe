#include "daemon/admin_actions.h"

#include <filesystem>
#include <istream>
#include <iterator>
#include <memory>
#include <utility>

#include "base/encoding.h"
#include "base/json.h"
#include "base/secret.h"
#include "daemon/instance_actions.h"
#include "daemon/output.h"
#include "daemon/site.h"
#include "daemon/text_source.h"

namespace stepwell::daemon {

namespace {

constexpr const char* kKeys = "/api/v1/keys";
constexpr const char* kCredentials = "/api/v1/credentials";
constexpr const char* kUsers = "/api/v1/users";
constexpr const char* kInstances = "/api/v1/instances";

Problem usage_problem(std::string detail) {
  return make_problem(ErrorKind::validation, "usage", std::move(detail));
}

std::string path(const std::string& resource, const std::string& subject,
                 const std::string& verb = "") {
  return resource + "/" + percent_encode(subject) + verb;
}

void set_if_given(Value& body, std::string_view name, const std::string& text) {
  if (!text.empty()) body.set(name, text);
}

Value text_array(const std::vector<std::string>& texts) {
  Value array = Value::array();
  for (const std::string& text : texts) array.push_back(text);
  return array;
}

Result<std::string> read_all(CommandContext& context, const std::string& source) {
  if (source == "-")
    return std::string{std::istreambuf_iterator<char>(context.in),
                       std::istreambuf_iterator<char>()};
  return read_file(source);
}

// Puts the text of a source into the body, without one newline at its end.
Status read_secret(CommandContext& context, const std::string& source, const char* member,
                   Value& body) {
  Result<std::string> text = read_all(context, source);
  if (!text) return fail(std::move(text).error());
  if (text->ends_with('\n')) text->pop_back();
  if (!is_valid_utf8(*text)) {
    wipe(*text);
    return fail(usage_problem("the secret is not UTF-8"));
  }
  body.set(member, *text);
  wipe(*text);
  return {};
}

// The main secret by --value-file or standard input, and what else belongs to it.
Status read_value(CommandContext& context, const AdminOptions& options, Value& body) {
  const std::string source = options.value_file.empty() ? options.value : options.value_file;
  // A public client of oauth2 has none.
  const bool others = !options.refresh_token_file.empty() || !options.subject_token_file.empty();
  if (source.empty() && !others && options.client_authentication != "none")
    return fail(
        usage_problem("the secret is missing; give it by --value-file FILE or --value - (standard "
                      "input)"));
  const std::pair<const char*, const std::string&> parts[] = {
      {"value", source},
      {"refreshToken", options.refresh_token_file},
      {"subjectToken", options.subject_token_file},
      {"actorToken", options.actor_token_file},
      {"sessionToken", options.session_token_file},
      {"certificate", options.certificate_file},
      {"passphrase", options.passphrase_file}};
  for (const auto& [member, file] : parts) {
    if (file.empty()) continue;
    if (Status read = read_secret(context, file, member, body); !read) return read;
  }
  set_if_given(body, "username", options.username);
  return {};
}

// The settings of oauth2 and awsSigV4, where any is given.
void set_settings(const AdminOptions& options, Value& body) {
  Value settings = Value::object();
  set_if_given(settings, "grant", options.grant);
  set_if_given(settings, "tokenUrl", options.token_url);
  set_if_given(settings, "clientAuthentication", options.client_authentication);
  if (!options.oauth_scopes.empty()) settings.set("scopes", text_array(options.oauth_scopes));
  set_if_given(settings, "audience", options.audience);
  set_if_given(settings, "resource", options.resource);
  set_if_given(settings, "region", options.region);
  set_if_given(settings, "service", options.service);
  if (!settings.members().empty()) body.set("settings", std::move(settings));
}

bool not_faulted(const Value& instance) { return !(instance.get("status") == Value("faulted")); }
bool rotated(const Value& answer) { return answer.get("rotated") == Value(true); }
bool accepted(const Value& report) { return report.get("accepted") == Value(true); }

std::string with_force(const std::string& target, const AdminOptions& options) {
  return options.force ? target + "?force=true" : target;
}

Result<Value> expiry_body(const AdminOptions& options) {
  if (!options.never && options.expires.empty())
    return fail(usage_problem("give the new expiry by --expires TIME, or --never"));
  return Value::object({{"expiresAt", options.never ? Value() : Value(options.expires)}});
}

Result<AdminCall> patch_expiry(const std::string& target, const AdminOptions& options) {
  Result<Value> body = expiry_body(options);
  if (!body) return fail(std::move(body).error());
  return AdminCall{"PATCH", target, *std::move(body), {}};
}

AdminCall get(std::string target, std::vector<std::string> columns = {}) {
  return {"GET", std::move(target), {}, std::move(columns)};
}
AdminCall post(std::string target, Value body = {}) {
  return {"POST", std::move(target), std::move(body), {}};
}

OutputFormat format_of(const AdminOptions& options) {
  return options.output == "json" ? OutputFormat::json : OutputFormat::table;
}

}  // namespace

void perform(CommandContext& context, const AdminOptions& options, AdminAction action) {
  const OutputFormat format = format_of(options);
  const Result<AdminCall> call = action(context, options);
  if (!call) return report_problem(context, format, call.error());
  Result<std::unique_ptr<Backend>> backend = open_backend(context, options.offline);
  if (!backend) return report_problem(context, format, backend.error());
  if (call->bulk) return perform_in_bulk(context, format, **backend, *call);
  const Result<Value> answer = (*backend)->call(call->method, call->target, call->body);
  if (!answer) return report_problem(context, format, answer.error());
  print_answer(context.out, format, *answer, call->columns);
  if (const Value* next = answer->find("next"); next != nullptr && format == OutputFormat::table)
    context.err << "there may be more: " << call->next_option << ' ' << to_json(*next) << '\n';
  if (call->judge != nullptr && !call->judge(*answer)) context.exit_code = kFailed;
}

namespace actions {

Result<AdminCall> create_key(CommandContext& /*context*/, const AdminOptions& options) {
  Value body = Value::object({{"name", options.subject}, {"user", options.user}});
  set_if_given(body, "expiresAt", options.expires);
  if (!options.scopes.empty()) body.set("scopes", text_array(options.scopes));
  return post(kKeys, std::move(body));
}
Result<AdminCall> list_keys(CommandContext& /*context*/, const AdminOptions& /*options*/) {
  return get(kKeys, {"id", "name", "user", "state", "scopes", "expiresAt", "lastUsedAt"});
}
Result<AdminCall> show_key(CommandContext& /*context*/, const AdminOptions& options) {
  return get(path(kKeys, options.subject));
}
Result<AdminCall> revoke_key(CommandContext& /*context*/, const AdminOptions& options) {
  return post(with_force(path(kKeys, options.subject, "/revoke"), options));
}
Result<AdminCall> delete_key(CommandContext& /*context*/, const AdminOptions& options) {
  return AdminCall{"DELETE", with_force(path(kKeys, options.subject), options), {}, {}};
}
Result<AdminCall> set_key_expiry(CommandContext& /*context*/, const AdminOptions& options) {
  return patch_expiry(path(kKeys, options.subject), options);
}
Result<AdminCall> assign_key(CommandContext& /*context*/, const AdminOptions& options) {
  return AdminCall{
      "PATCH", path(kKeys, options.subject), Value::object({{"user", options.user}}), {}};
}

Result<AdminCall> change_key(CommandContext& /*context*/, const AdminOptions& options) {
  Value body = Value::object();
  set_if_given(body, "user", options.user);
  if (!options.scopes.empty() || options.all_scopes) body.set("scopes", text_array(options.scopes));
  if (options.never || !options.expires.empty())
    body.set("expiresAt", options.never ? Value() : Value(options.expires));
  return AdminCall{"PATCH", path(kKeys, options.subject), std::move(body), {}};
}
Result<AdminCall> key_usage(CommandContext& /*context*/, const AdminOptions& options) {
  return get(path(kKeys, options.subject, "/usage"));
}

Result<AdminCall> add_credential(CommandContext& context, const AdminOptions& options) {
  Value body = Value::object({{"name", options.subject}, {"kind", options.kind}});
  body.set("origins", text_array(options.origins));
  if (!options.namespaces.empty()) body.set("namespaces", text_array(options.namespaces));
  set_if_given(body, "description", options.description);
  set_if_given(body, "prefix", options.prefix);
  set_if_given(body, "header", options.header);
  set_if_given(body, "expiresAt", options.expires);
  set_if_given(body, "onRevoke", options.on_revoke);
  set_settings(options, body);
  if (Status status = read_value(context, options, body); !status)
    return fail(std::move(status).error());
  return post(kCredentials, std::move(body));
}
Result<AdminCall> list_credentials(CommandContext& /*context*/, const AdminOptions& /*options*/) {
  return get(kCredentials,
             {"name", "kind", "state", "version", "origins", "expiresAt", "lastUsedAt"});
}
Result<AdminCall> show_credential(CommandContext& /*context*/, const AdminOptions& options) {
  return get(path(kCredentials, options.subject));
}
Result<AdminCall> rotate_credential(CommandContext& context, const AdminOptions& options) {
  Value body = Value::object();
  if (options.never || !options.expires.empty())
    body.set("expiresAt", options.never ? Value() : Value(options.expires));
  set_settings(options, body);
  if (Status status = read_value(context, options, body); !status)
    return fail(std::move(status).error());
  return post(path(kCredentials, options.subject, "/rotate"), std::move(body));
}
Result<AdminCall> revoke_credential(CommandContext& /*context*/, const AdminOptions& options) {
  return post(with_force(path(kCredentials, options.subject, "/revoke"), options));
}
Result<AdminCall> enable_credential(CommandContext& /*context*/, const AdminOptions& options) {
  return post(path(kCredentials, options.subject, "/enable"));
}
Result<AdminCall> disable_credential(CommandContext& /*context*/, const AdminOptions& options) {
  return post(path(kCredentials, options.subject, "/disable"));
}
Result<AdminCall> delete_credential(CommandContext& /*context*/, const AdminOptions& options) {
  return AdminCall{"DELETE", with_force(path(kCredentials, options.subject), options), {}, {}};
}
Result<AdminCall> set_credential_expiry(CommandContext& /*context*/, const AdminOptions& options) {
  return patch_expiry(path(kCredentials, options.subject), options);
}

Result<AdminCall> change_credential(CommandContext& /*context*/, const AdminOptions& options) {
  Value body = Value::object();
  set_if_given(body, "description", options.description);
  if (!options.origins.empty()) body.set("origins", text_array(options.origins));
  if (!options.namespaces.empty() || options.all_namespaces)
    body.set("namespaces", text_array(options.namespaces));
  set_if_given(body, "onRevoke", options.on_revoke);
  if (options.never || !options.expires.empty())
    body.set("expiresAt", options.never ? Value() : Value(options.expires));
  return AdminCall{"PATCH", path(kCredentials, options.subject), std::move(body), {}};
}
Result<AdminCall> test_credential(CommandContext& /*context*/, const AdminOptions& options) {
  Value body;
  if (!options.url.empty()) body = Value::object({{"url", options.url}});
  return AdminCall{
      "POST", path(kCredentials, options.subject, "/test"), std::move(body), {}, accepted};
}
Result<AdminCall> credential_usage(CommandContext& /*context*/, const AdminOptions& options) {
  return get(path(kCredentials, options.subject, "/usage"));
}

Result<AdminCall> list_audit(CommandContext& /*context*/, const AdminOptions& options) {
  std::string query;
  const std::pair<const char*, const std::string&> filters[] = {{"first", options.first},
                                                                {"limit", options.limit},
                                                                {"user", options.by},
                                                                {"action", options.audit_action},
                                                                {"target", options.target}};
  for (const auto& [name, text] : filters) {
    if (text.empty()) continue;
    query += query.empty() ? "?" : "&";
    query += std::string(name) + "=" + percent_encode(text);
  }
  return get("/api/v1/audit" + query,
             {"number", "time", "user", "from", "action", "target", "result", "detail"});
}
Result<AdminCall> verify_audit(CommandContext& /*context*/, const AdminOptions& /*options*/) {
  return get("/api/v1/audit/verify");
}
Result<AdminCall> rotate_master_key(CommandContext& /*context*/, const AdminOptions& options) {
  Value body;
  // As the shell sees it, whatever directory the daemon is in.
  if (!options.new_file.empty())
    body = Value::object({{"newFile", std::filesystem::absolute(options.new_file).string()}});
  return AdminCall{"POST", "/api/v1/master-key/rotate", std::move(body), {}, rotated};
}

Result<AdminCall> create_user(CommandContext& /*context*/, const AdminOptions& options) {
  return post(kUsers, Value::object({{"name", options.subject}, {"role", options.role}}));
}
Result<AdminCall> list_users(CommandContext& /*context*/, const AdminOptions& /*options*/) {
  return get(kUsers, {"name", "role", "active", "createdAt"});
}
Result<AdminCall> show_user(CommandContext& /*context*/, const AdminOptions& options) {
  return get(path(kUsers, options.subject));
}
Result<AdminCall> set_user_role(CommandContext& /*context*/, const AdminOptions& options) {
  return AdminCall{
      "PATCH", path(kUsers, options.subject), Value::object({{"role", options.role}}), {}};
}
Result<AdminCall> deactivate_user(CommandContext& /*context*/, const AdminOptions& options) {
  return AdminCall{"PATCH", path(kUsers, options.subject), Value::object({{"active", false}}), {}};
}
Result<AdminCall> activate_user(CommandContext& /*context*/, const AdminOptions& options) {
  return AdminCall{"PATCH", path(kUsers, options.subject), Value::object({{"active", true}}), {}};
}

Result<AdminCall> start_instance(CommandContext& context, const AdminOptions& options) {
  Value body = Value::object({{"workflow", options.subject}});
  if (!options.input.empty()) {
    const bool inline_text = options.input != "-" && options.input.front() != '@';
    Result<std::string> text =
        inline_text ? Result<std::string>(options.input)
                    : read_all(context, options.input == "-" ? "-" : options.input.substr(1));
    if (!text) return fail(std::move(text).error());
    Result<Value> input = parse_json(*text);
    if (!input) return fail(usage_problem("--input: " + input.error().detail));
    body.set("input", *std::move(input));
  }
  set_if_given(body, "name", options.name);
  if (!options.tags.empty()) body.set("tags", text_array(options.tags));
  std::string target = kInstances;
  if (!options.wait.empty()) target += "?wait=" + percent_encode(options.wait);
  return AdminCall{"POST", std::move(target), std::move(body), {}, not_faulted};
}

}  // namespace actions

}  // namespace stepwell::daemon
