// /api/v1/audit: who did what to which key, credential, user or instance; and the master key, whose
// rotation is the gravest of these.

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "api/audited.h"
#include "api/fields.h"
#include "api/page.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;

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

// `first` is the number of a record: from there on, the oldest first.
Result<std::uint64_t> first_of(const Request& request) {
  const std::string* text = request.query_value("first");
  if (text == nullptr) return 0;
  std::uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number == 0)
    return fail(
        client_error(400, "parameter-invalid", "\"first\" must be a whole number from 1 on"));
  return number;
}

// Where the page begins: by the cursor of the one before, by `first`, or at the log's end or
// beginning.
Status read_place(const Request& request, auth::AuditFilter& filter) {
  const Result<std::uint64_t> first = first_of(request);
  if (!first) return fail(first.error());
  filter.first = std::max<std::uint64_t>(*first, filter.newest_first ? 0 : 1);
  const std::string* text = request.query_value("cursor");
  if (text == nullptr) return {};
  const Result<Value> cursor = read_cursor(*text);
  if (!cursor) return fail(cursor.error());
  const std::optional<std::int64_t> number = cursor->get("number").as_integer();
  if (!number || *number < 1 || cursor->get("newest") != Value(filter.newest_first))
    return fail(client_error(400, "parameter-invalid",
                             "\"cursor\" must be what an answer before, of the same ordering, "
                             "had as \"next\""));
  filter.first = static_cast<std::uint64_t>(*number);
  return {};
}

Result<Response> list(auth::AuditLog& audit, const Request& request) {
  static constexpr std::array<std::string_view, 2> kOrderings{"number", "-number"};
  const Result<std::size_t> limit = read_limit(request);
  if (!limit) return fail(limit.error());
  auth::AuditFilter filter;
  filter.limit = *limit + 1;
  Filters filters(request);
  filter.actor = filters.text("user");
  filter.action = filters.text("action");
  filter.target = filters.text("target");
  filter.result = filters.text("result");
  filter.since = filters.time("timeAfter");
  filter.until = filters.time("timeBefore");
  filter.newest_first = filters.choice("ordering", kOrderings) == "-number";
  if (Status status = filters.done(); !status) return fail(std::move(status).error());
  if (Status status = read_place(request, filter); !status) return fail(std::move(status).error());
  const auto records = audit.list(filter);
  if (!records) return fail(records.error());
  Value items = Value::array();
  for (std::size_t i = 0; i < std::min(records->size(), *limit); ++i)
    items.push_back(describe((*records)[i]));
  Value answer = Value::object({{"items", std::move(items)}});
  if (records->size() > *limit)
    answer.set("next", to_cursor(Value::object(
                           {{"number", records->back().number}, {"newest", filter.newest_first}})));
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
          {"GET", "/api/v1/audit", view,
           BlockingHandler([&audit](Request& r) { return list(audit, r); }),
           page_names({"first", "user", "action", "target", "result", "timeAfter", "timeBefore"})},
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
