// /api/v1/instances: lists, and what is done to instances that are there: stop, suspend, resume and
// retry, one at a time and many at once.

#include <algorithm>
#include <future>
#include <memory>
#include <utility>

#include "api/fields.h"
#include "api/instance_operations.h"
#include "api/instance_view.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;
using engine::InstanceView;

constexpr std::size_t kUsualPage = 100;
constexpr std::size_t kLargestPage = 500;
constexpr std::size_t kMostAtOnce = 1'000;
constexpr Milliseconds kMaxOperationWait{5'000};

// Where to go on, if there may be more than these.
void set_next(Value& answer, const std::vector<InstanceView>& views, std::size_t most) {
  if (views.size() >= most && !views.empty()) answer.set("next", views.back().id.number);
}

Result<Response> list_instances(const engine::Engine& engine, const Request& request) {
  const Result<Selection> selection = read_selection(
      [&](std::string_view name) -> std::optional<std::string> {
        const std::string* text = request.query_value(name);
        if (text == nullptr) return std::nullopt;
        return *text;
      },
      kUsualPage, kLargestPage);
  if (!selection) return fail(selection.error());
  const auto views = engine.list(selection->filter, selection->most);
  if (!views) return fail(views.error());
  Value items = Value::array();
  for (const InstanceView& view : *views) items.push_back(summarize_instance(view));
  Value answer = Value::object({{"items", std::move(items)}});
  set_next(answer, *views, selection->most);
  return json_response(200, answer);
}

Result<Response> show_instance(const engine::Engine& engine, const Request& request) {
  const std::optional<InstanceId> id = parse_instance_id(request.parameters.at(0));
  const std::optional<InstanceView> view = id ? engine.find(*id) : std::nullopt;
  if (!view) return fail(unknown_instance());
  return json_response(200, describe_instance(*view));
}

auth::AuditEvent event_of(const Request& request, Operation operation, std::string target,
                          std::string detail = {}) {
  return {request.actor(), "instance." + std::string(name_of(operation)), std::move(target),
          std::move(detail)};
}

using Ending = std::future<InstanceView>;

// The view with which an instance ends. It is asked for before the end, since what has ended may be
// forgotten at once.
Ending watch_end(engine::Engine& engine, InstanceId id) {
  auto ended = std::make_shared<std::promise<InstanceView>>();
  Ending end = ended->get_future();
  const bool there =
      engine.when_ended(id, [ended](const InstanceView& view) { ended->set_value(view); });
  return there ? std::move(end) : Ending();
}

// After what was done, if it was done.
Value describe_now(const engine::Engine& engine, const InstanceView& before, Ending& end,
                   bool done) {
  if (done && end.valid() && end.wait_for(kMaxOperationWait) == std::future_status::ready)
    return describe_instance(end.get());
  return describe_instance(engine.find(before.id).value_or(before));
}

// Answers once it is durable. 202: it was asked for, and has not come about in time.
Result<Response> operate(engine::Engine& engine, auth::AuditLog& audit, Operation operation,
                         const Request& request) {
  const std::string& text = request.parameters.at(0);
  const std::optional<InstanceId> id = parse_instance_id(text);
  const std::optional<InstanceView> before = id ? engine.find(*id) : std::nullopt;
  if (!before) return fail(unknown_instance());
  if (!fits(operation, before->status)) return fail(does_not_fit(operation, *id, before->status));
  if (const Status noted = audit.note(event_of(request, operation, text), "done"); !noted)
    return fail(noted.error());
  Ending end = operation == Operation::stop ? watch_end(engine, *id) : Ending();
  const auto answers = std::make_shared<Answers>();
  answers->ask(engine, operation, *id);
  const std::vector<Answers::Answer> all = answers->wait(kMaxOperationWait);
  const Answers::Answer& answer = all.front();
  if (!answer || *answer)
    return json_response(answer ? 200 : 202,
                         describe_now(engine, *before, end, answer.has_value()));
  const Problem& problem = answer->error();
  const Status noted = audit.note(event_of(request, operation, text), problem.code);
  return fail(noted ? problem : noted.error());
}

// --- Many at once ---

struct Bulk {
  std::vector<InstanceId> ids;
  std::optional<Selection> selection;  // instead of ids
};

// The text of a member as a query parameter would have it.
std::optional<std::string> member_text(Fields& fields, std::string_view name) {
  const Value value = fields.any(name);
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return std::string(value.as_string());
  if (value.is_bool()) return value.as_bool() ? "true" : "false";
  const std::optional<std::int64_t> number = value.as_integer();
  return number ? std::to_string(*number) : std::string();
}

void read_ids(Fields& fields, std::vector<InstanceId>& ids) {
  const Value value = fields.any("ids");
  if (!value.is_array() || value.empty() || value.size() > kMostAtOnce)
    return fields.fault("\"ids\" must be an array of 1 to 1000 ids");
  for (const Value& element : value.elements()) {
    const std::optional<std::int64_t> number = element.as_integer();
    const std::optional<InstanceId> id =
        number ? parse_instance_id(std::to_string(*number)) : std::nullopt;
    if (!id) return fields.fault("each of the \"ids\" must be the id of an instance, a number");
    ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end(),
            [](const InstanceId& a, const InstanceId& b) { return a.number < b.number; });
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

// Everything is meant only where that is said.
void check_width(Fields& fields, const Bulk& bulk, Operation operation, bool all) {
  const auto& selection = bulk.selection;
  if (!selection) return;
  if (!selection->narrowed && !all)
    fields.fault(
        "say which instances: \"ids\", \"workflow\", \"status\", \"startedAfter\", "
        "\"startedBefore\" or \"endedBefore\"; or \"all\": true");
  const auto& status = selection->filter.status;
  if (status && !fits(operation, *status))
    fields.fault("no instance whose \"status\" is " + std::string(to_string(*status)) +
                 " can be asked to " + std::string(name_of(operation)));
}

Result<Bulk> read_bulk(const Request& request, Operation operation) {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  Bulk bulk;
  const bool by_ids = fields->has("ids");
  if (by_ids) read_ids(*fields, bulk.ids);
  const bool all = fields->flag("all").value_or(false);
  Result<Selection> selection = read_selection(
      [&](std::string_view name) { return member_text(*fields, name); }, kMostAtOnce, kMostAtOnce);
  if (!selection)
    fields->fault(selection.error().detail);
  else if (by_ids && (selection->narrowed || all))
    fields->fault("give either \"ids\" or what they have in common");
  else if (!by_ids)
    bulk.selection = *std::move(selection);
  check_width(*fields, bulk, operation, all);
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  if (bulk.selection) narrow(operation, bulk.selection->filter);
  return bulk;
}

std::string join(const std::vector<InstanceId>& ids) {
  std::string text;
  for (const InstanceId id : ids) text += (text.empty() ? "" : ",") + std::to_string(id.number);
  return text;
}

Value report(const std::vector<InstanceId>& ids, const std::vector<Answers::Answer>& answers) {
  std::size_t taken = 0;
  std::size_t unconfirmed = 0;
  Value problems = Value::array();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i]) {
      ++unconfirmed;
    } else if (*answers[i]) {
      ++taken;
    } else {
      Value problem = answers[i]->error().to_value();
      problem.set("id", ids[i].number);
      problems.push_back(std::move(problem));
    }
  }
  return Value::object(
      {{"taken", taken}, {"unconfirmed", unconfirmed}, {"problems", std::move(problems)}});
}

Result<Response> operate_many(engine::Engine& engine, auth::AuditLog& audit, Operation operation,
                              const Request& request) {
  Result<Bulk> bulk = read_bulk(request, operation);
  if (!bulk) return fail(std::move(bulk).error());
  std::vector<InstanceId>& ids = bulk->ids;
  std::vector<InstanceView> views;
  if (bulk->selection) {
    auto found = engine.list(bulk->selection->filter, bulk->selection->most);
    if (!found) return fail(std::move(found).error());
    views = *std::move(found);
    for (const InstanceView& view : views) ids.push_back(view.id);
  }
  const auto answers = std::make_shared<Answers>();
  if (!ids.empty()) {
    const Status noted = audit.note(event_of(request, operation, "", "ids: " + join(ids)), "done");
    if (!noted) return fail(noted.error());
    for (const InstanceId id : ids) answers->ask(engine, operation, id);
  }
  Value answer = report(ids, answers->wait(kMaxOperationWait));
  if (bulk->selection) set_next(answer, views, bulk->selection->most);
  return json_response(200, answer);
}

}  // namespace

Status add_operation_routes(Router& router, const Services& services) {
  engine::Engine& engine = services.engine;
  auth::AuditLog& audit = services.authority.audit();
  const std::string all = "/api/v1/instances";
  const std::string one = all + "/{id}";
  const std::string bulk = all + "/bulk";
  std::vector<Route> routes{
      {"GET", all, Access::needs(Permission::view_instances),
       BlockingHandler(
           [&engine](const Request& request) { return list_instances(engine, request); }),
       selection_names()},
      {"GET", one, Access::needs(Permission::view_instances),
       BlockingHandler(
           [&engine](const Request& request) { return show_instance(engine, request); })},
  };
  for (const Operation operation : kOperations) {
    const std::string end = "/" + std::string(name_of(operation));
    routes.push_back({"POST", one + end, Access::needs(Permission::control_instances),
                      BlockingHandler([&engine, &audit, operation](const Request& request) {
                        return operate(engine, audit, operation, request);
                      })});
    routes.push_back({"POST", bulk + end, Access::needs(Permission::control_instances),
                      BlockingHandler([&engine, &audit, operation](const Request& request) {
                        return operate_many(engine, audit, operation, request);
                      })});
  }
  for (Route& route : routes) {
    route.pool = Pool::operations;
    route.when_ready = route.method != "GET";
  }
  return add_all(router, std::move(routes));
}

}  // namespace stepwell::api
