// /api/v1/audit: who did what to which key, credential, user or instance; and the master key, whose
// rotation is the gravest of these.

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/audited.h"
#include "api/fields.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;

constexpr std::size_t kMostRecords = 500;

Value describe(const auth::AuditRecord& record) {
  return Value::object({{"number", record.number},
                        {"time", format_time(record.at)},
                        {"user", record.actor},
                        {"from", record.from},
                        {"action", record.action},
                        {"target", record.target},
                        {"result", record.result},
                        {"detail", record.detail},
                        {"hash", record.hash}});
}

Result<std::uint64_t> number_of(const Request& request, std::string_view name,
                                std::uint64_t otherwise) {
  const std::string* text = request.query_value(name);
  if (text == nullptr) return otherwise;
  std::uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number == 0)
    return fail(request_problem(400, "parameter-invalid",
                                "\"" + std::string(name) + "\" must be a whole number from 1 on"));
  return number;
}

std::string text_of(const Request& request, std::string_view name) {
  const std::string* text = request.query_value(name);
  return text == nullptr ? std::string() : *text;
}

Result<Response> list(auth::AuditLog& audit, const Request& request) {
  const Result<std::uint64_t> first = number_of(request, "first", 1);
  if (!first) return fail(first.error());
  const Result<std::uint64_t> limit = number_of(request, "limit", 100);
  if (!limit) return fail(limit.error());
  auth::AuditFilter filter;
  filter.first = *first;
  filter.limit = std::min<std::size_t>(*limit, kMostRecords);
  filter.actor = text_of(request, "user");
  filter.action = text_of(request, "action");
  filter.target = text_of(request, "target");
  const auto records = audit.list(filter);
  if (!records) return fail(records.error());
  Value items = Value::array();
  for (const auth::AuditRecord& record : *records) items.push_back(describe(record));
  Value answer = Value::object({{"items", std::move(items)}});
  // Where to go on, if there may be more.
  if (records->size() == filter.limit) answer.set("next", records->back().number + 1);
  return json_response(200, answer);
}

Result<Response> verify(auth::AuditLog& audit) {
  if (const Status whole = audit.verify(); !whole) return fail(whole.error());
  return json_response(200, Value::object({{"intact", true}}));
}

Result<Response> rotate_master_key(auth::Authority& authority, auth::MasterKeySource source,
                                   const Request& request) {
  if (!request.body.empty()) {
    Result<Fields> fields = Fields::of_body(request);
    if (!fields) return fail(std::move(fields).error());
    source.new_file = fields->text("newFile");
    if (source.kind == auth::MasterKeySource::Kind::file)
      fields->fault(
          "\"newFile\" is for a master key that comes from a command or a systemd "
          "credential; masterKey.file is replaced where it lies");
    if (!source.new_file.starts_with('/')) fields->fault("\"newFile\" must be an absolute path");
    if (Status status = fields->done(); !status) return fail(std::move(status).error());
  }
  const auto rotated = authority.rotate_master_key(request.actor(), source);
  if (!rotated) return fail(rotated.error());
  return json_response(200, Value::object({{"file", rotated->file},
                                           {"rotated", rotated->rotated},
                                           {"inPlace", rotated->in_place},
                                           {"valuesResealed", rotated->values}}));
}

}  // namespace

Status add_audit_routes(Router& router, const AdminServices& services) {
  auth::AuditLog& audit = services.authority.audit();
  const Access view = Access::needs(Permission::view_audit);
  return add_all(
      router,
      {
          {"GET",
           "/api/v1/audit",
           view,
           BlockingHandler([&audit](Request& r) { return list(audit, r); }),
           {"first", "limit", "user", "action", "target"}},
          {"GET", "/api/v1/audit/verify", view,
           BlockingHandler([&audit](Request&) { return verify(audit); })},
          {"POST", "/api/v1/master-key/rotate", Access::needs(Permission::manage_master_key),
           audited(services.authority, "master-key.rotate",
                   [&authority = services.authority, source = services.master_key](Request& r) {
                     return rotate_master_key(authority, source, r);
                   })},
      });
}

}  // namespace stepwell::api
