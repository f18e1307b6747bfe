#include "daemon/instance_actions.h"

#include <charconv>
#include <ostream>
#include <string>
#include <utility>

#include "base/encoding.h"
#include "base/json.h"

namespace stepwell::daemon {

namespace {

constexpr const char* kInstancesPath = "/api/v1/instances";

// What the filters' options are called in the API.
std::vector<std::pair<const char*, const std::string*>> filters_of(const AdminOptions& options) {
  return {{"workflow", &options.workflow},
          {"status", &options.status},
          {"startedAfter", &options.started_after},
          {"startedBefore", &options.started_before},
          {"endedBefore", &options.ended_before}};
}

bool filtered(const AdminOptions& options) {
  for (const auto& [name, text] : filters_of(options))
    if (!text->empty()) return true;
  return false;
}

Problem bulk_usage(std::string detail) {
  return make_problem(ErrorKind::validation, "usage", std::move(detail));
}

Result<Value> ids_of(const std::vector<std::string>& texts) {
  Value ids = Value::array();
  for (const std::string& text : texts) {
    std::int64_t id = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, id);
    if (parsed.ec != std::errc() || parsed.ptr != end || id <= 0)
      return fail(bulk_usage("\"" + text + "\" is no id of an instance"));
    ids.push_back(id);
  }
  return ids;
}

Result<AdminCall> operate(const AdminOptions& options, const std::string& verb) {
  const bool narrowed = filtered(options);
  if (!options.subjects.empty() && (narrowed || options.all))
    return fail(bulk_usage("give either ids or what the instances have in common"));
  if (options.subjects.size() == 1)
    return AdminCall{
        "POST",
        std::string(kInstancesPath) + "/" + percent_encode(options.subjects.front()) + "/" + verb,
        {},
        {}};
  Value body = Value::object();
  if (!options.subjects.empty()) {
    Result<Value> ids = ids_of(options.subjects);
    if (!ids) return fail(std::move(ids).error());
    body.set("ids", *std::move(ids));
  } else if (!narrowed && !options.all) {
    return fail(
        bulk_usage("say which instances: by their ids, by --workflow, --status, "
                   "--started-after, --started-before or --ended-before, or --all"));
  }
  for (const auto& [name, text] : filters_of(options))
    if (!text->empty()) body.set(name, *text);
  if (options.all) body.set("all", true);
  AdminCall call{"POST", std::string(kInstancesPath) + "/bulk/" + verb, std::move(body), {}};
  call.bulk = true;
  return call;
}

std::int64_t count_in(const Value& answer, std::string_view name) {
  return answer.get(name).as_integer().value_or(0);
}

// Adds what one page brought to what the pages before it brought.
void add_page(Value& total, const Value& page) {
  for (const char* name : {"taken", "unconfirmed"})
    total.set(name, count_in(total, name) + count_in(page, name));
  Value problems = total.get("problems");
  for (const Value& problem : page.get("problems").elements()) problems.push_back(problem);
  total.set("problems", std::move(problems));
}

void print_total(CommandContext& context, OutputFormat format, const Value& total) {
  if (format == OutputFormat::json) return print_answer(context.out, format, total, {});
  context.out << "taken: " << count_in(total, "taken") << '\n';
  if (count_in(total, "unconfirmed") > 0)
    context.err << "stepwell: " << count_in(total, "unconfirmed")
                << " more have been asked, and have not answered yet; look at them again\n";
  for (const Value& problem : total.get("problems").elements())
    context.err << "stepwell: " << to_json(problem.get("id")) << ": "
                << problem.get("detail").as_string() << " (" << problem.get("reason").as_string()
                << ")\n";
}

}  // namespace

void perform_in_bulk(CommandContext& context, OutputFormat format, Backend& backend,
                     const AdminCall& call) {
  Value total = Value::object({{"taken", 0}, {"unconfirmed", 0}, {"problems", Value::array()}});
  Value body = call.body;
  bool begun = false;
  while (true) {
    const Result<Value> page = backend.call(call.method, call.target, body);
    if (!page) {
      if (begun) print_total(context, format, total);
      return report_problem(context, format, page.error());
    }
    begun = true;
    add_page(total, *page);
    const Value* const next = page->find("next");
    if (next == nullptr) break;
    body.set("cursor", *next);
  }
  print_total(context, format, total);
  if (!total.get("problems").empty() || count_in(total, "unconfirmed") > 0)
    context.exit_code = kFailed;
}

namespace actions {

Result<AdminCall> list_instances(CommandContext& /*context*/, const AdminOptions& options) {
  std::string query;
  const auto add = [&query](std::string_view name, const std::string& text) {
    if (text.empty()) return;
    query += query.empty() ? "?" : "&";
    query.append(name).append("=").append(percent_encode(text));
  };
  for (const auto& [name, text] : filters_of(options)) add(name, *text);
  if (options.open) add("open", "true");
  add("limit", options.limit);
  add("cursor", options.cursor);
  AdminCall call{"GET",
                 kInstancesPath + query,
                 {},
                 {"id", "name", "workflow", "status", "startedTime", "lastUpdatedTime",
                  "activeSteps", "error"}};
  call.next_option = "--cursor";
  return call;
}
Result<AdminCall> show_instance(CommandContext& /*context*/, const AdminOptions& options) {
  return AdminCall{
      "GET", std::string(kInstancesPath) + "/" + percent_encode(options.subject), {}, {}};
}
Result<AdminCall> stop_instances(CommandContext& /*context*/, const AdminOptions& options) {
  return operate(options, "stop");
}
Result<AdminCall> suspend_instances(CommandContext& /*context*/, const AdminOptions& options) {
  return operate(options, "suspend");
}
Result<AdminCall> resume_instances(CommandContext& /*context*/, const AdminOptions& options) {
  return operate(options, "resume");
}
Result<AdminCall> retry_instances(CommandContext& /*context*/, const AdminOptions& options) {
  return operate(options, "retry");
}

}  // namespace actions

}  // namespace stepwell::daemon
