// /api/v1/instances: lists, and what is done to one that is there: stop, suspend, resume, retry,
// change and delete.

#include <future>
#include <memory>
#include <utility>

#include "api/fields.h"
#include "api/instance_fields.h"
#include "api/instance_operations.h"
#include "api/instance_selection.h"
#include "api/instance_view.h"
#include "api/page.h"
#include "api/removal.h"
#include "api/routes.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

using auth::Permission;
using engine::InstanceView;

constexpr Milliseconds kMaxOperationWait{5'000};

Result<Response> list_instances(const engine::Engine& engine, const KeysOf& keys,
                                const Clock& clock, const Request& request) {
  const Result<Selection> selection =
      read_selection(texts_of(request), keys, clock.now(), kUsualPageSize, kLargestPageSize);
  if (!selection) return fail(selection.error());
  const auto page = engine.list(selection->query);
  if (!page) return fail(page.error());
  Value items = Value::array();
  for (const InstanceView& view : page->views) items.push_back(summarize_instance(view));
  Value answer = Value::object({{"items", std::move(items)}});
  if (page->next) answer.set("next", cursor_of(selection->query.order, *page->next));
  return json_response(200, answer);
}

Result<Response> show_instance(const engine::Engine& engine, const Request& request) {
  const std::optional<InstanceId> id = parse_instance_id(request.parameters.at(0));
  const std::optional<InstanceView> view = id ? engine.find(*id) : std::nullopt;
  if (!view) return fail(unknown_instance());
  return json_text_response(200, instance_json(*view));
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

// --- What people say of one, and its end ---

struct Clerk {
  engine::Engine& engine;
  engine::Files* files;
  auth::AuditLog& audit;
  const auth::Redactor& redactor;
};

Result<engine::LabelChange> read_change(const auth::Redactor& redactor, const Request& request) {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  engine::LabelChange change;
  if (fields->has("name")) change.name = read_name(*fields, redactor);
  if (fields->has("tags")) change.tags = read_tags(*fields, redactor);
  if (fields->has("priority")) change.priority = read_priority(*fields);
  change.change_deadline = fields->has("deadline");
  change.deadline = fields->time("deadline");
  if (!change.name && !change.tags && !change.priority && !change.change_deadline)
    fields->fault("say what is to change: \"name\", \"tags\", \"priority\" or \"deadline\"");
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  return change;
}

std::string words_of(const engine::LabelChange& change) {
  Value said = Value::object();
  if (change.name) said.set("name", *change.name);
  if (change.tags) said.set("tags", *change.tags);
  if (change.priority) said.set("priority", to_string(*change.priority));
  if (change.change_deadline)
    said.set("deadline",
             time_or_null(change.deadline.has_value(), change.deadline.value_or(WallTime{})));
  return to_json(said);
}

// Answers once it is durable. 202: as above.
Result<Response> change_instance(const Clerk& clerk, const Request& request) {
  const std::string& text = request.parameters.at(0);
  const std::optional<InstanceId> id = parse_instance_id(text);
  const std::optional<InstanceView> before = id ? clerk.engine.find(*id) : std::nullopt;
  if (!before) return fail(unknown_instance());
  if (engine::ended(before->status))
    return fail(does_not_fit(Operation::stop, *id, before->status));
  const Result<engine::LabelChange> change = read_change(clerk.redactor, request);
  if (!change) return fail(change.error());
  const Status noted =
      clerk.audit.note({request.actor(), "instance.change", text, words_of(*change)}, "done");
  if (!noted) return fail(noted.error());
  const auto done = std::make_shared<std::promise<Status>>();
  std::future<Status> answer = done->get_future();
  clerk.engine.change(*id, *change, [done](Status status) { done->set_value(std::move(status)); });
  if (answer.wait_for(kMaxOperationWait) != std::future_status::ready)
    return json_response(202, describe_instance(*before));
  if (const Status status = answer.get(); !status) return fail(status.error());
  return json_response(200, describe_instance(clerk.engine.find(*id).value_or(*before)));
}

Result<Response> delete_instance(const Clerk& clerk, const Request& request) {
  const std::string& text = request.parameters.at(0);
  const std::optional<InstanceId> id = parse_instance_id(text);
  const std::string* said = request.query_value("stop");
  if (said != nullptr && *said != "true" && *said != "false")
    return fail(client_error(400, "parameter-invalid", "\"stop\" must be true or false"));
  const bool stop = said != nullptr && *said == "true";
  const std::optional<InstanceView> view = id ? clerk.engine.find(*id) : std::nullopt;
  if (!view) return fail(unknown_instance());
  if (!stop && !engine::ended(view->status)) return fail(instance_open(*id));
  const auth::AuditEvent event{request.actor(), "instance.delete", text, {}};
  if (const Status noted = clerk.audit.note(event, "done"); !noted) return fail(noted.error());
  const auto removal = remove_instances(clerk.engine, clerk.files, {*id}, stop, kMaxOperationWait);
  if (!removal) return fail(removal.error());
  if (!removal->refused.empty()) return fail(removal->refused.front().second);
  if (!removal->unconfirmed.empty()) return json_response(202, describe_instance(*view));
  Response response;
  response.status = 204;
  return response;
}

}  // namespace

Status add_operation_routes(Router& router, const Services& services) {
  engine::Engine& engine = services.engine;
  auth::AuditLog& audit = services.authority.audit();
  const std::string all = "/api/v1/instances";
  const std::string one = all + "/{id}";
  const Clerk clerk{engine, services.files, audit, services.authority.redactor()};
  std::vector<Route> routes{
      {"GET", all, Access::needs(Permission::view_instances),
       BlockingHandler([&engine, &clock = services.clock,
                        keys = keys_of(services.authority.keys())](const Request& request) {
         return list_instances(engine, keys, clock, request);
       }),
       selection_names()},
      {"GET", one, Access::needs(Permission::view_instances),
       BlockingHandler(
           [&engine](const Request& request) { return show_instance(engine, request); })},
      {"PATCH", one, Access::needs(Permission::control_instances),
       BlockingHandler(
           [clerk](const Request& request) { return change_instance(clerk, request); })},
      {"DELETE",
       one,
       Access::needs(Permission::control_instances),
       BlockingHandler([clerk](const Request& request) { return delete_instance(clerk, request); }),
       {"stop"}},
  };
  for (const Operation operation : kOperations) {
    const std::string end = "/" + std::string(name_of(operation));
    routes.push_back({"POST", one + end, Access::needs(Permission::control_instances),
                      BlockingHandler([&engine, &audit, operation](const Request& request) {
                        return operate(engine, audit, operation, request);
                      })});
  }
  for (Route& route : routes) {
    route.pool = Pool::operations;
    route.when_ready = route.method != "GET";
  }
  return add_all(router, std::move(routes));
}

}  // namespace stepwell::api
