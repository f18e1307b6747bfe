// /api/v1/workflows: what can start, and whether it may; /api/v1/schedules: what starts by itself.

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <utility>

#include "api/audited.h"
#include "api/client_start.h"
#include "api/fields.h"
#include "api/instance_view.h"
#include "api/masked.h"
#include "api/once.h"
#include "api/page.h"
#include "api/routes.h"
#include "api/workflow_view.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

using auth::Permission;

constexpr std::array<std::string_view, 4> kScheduleKinds{"every", "cron", "after", "on"};

Problem schedule_unknown() {
  return client_error(404, "schedule-unknown", "there is no such schedule in force");
}

class WorkflowRoutes {
 public:
  WorkflowRoutes(const Services& services, Blocking blocking)
      : services_(services),
        blocking_(std::move(blocking)),
        switching_(std::make_shared<std::mutex>()) {}

  Result<Response> list(const Request& request) const;
  Result<Response> show(const Request& request) const;
  Result<Response> show_version(const Request& request) const;
  Result<Response> validate(const Request& request) const;
  Result<Response> set_disabled(const Request& request, bool disabled) const;

  Result<Response> list_schedules(const Request& request) const;
  Result<Response> show_schedule(const Request& request) const;
  Result<Response> set_paused(const Request& request, bool paused) const;
  void trigger(Request request, const Responder& responder) const;

 private:
  static std::string named(const Request& request) {
    return request.parameters.at(0) + "/" + request.parameters.at(1);
  }
  // Errors: 404 `workflow-unknown`.
  Result<std::vector<engine::Catalog::Entry>> versions(const std::string& workflow) const;
  Value described(const std::vector<engine::Catalog::Entry>& versions) const;
  std::vector<engine::ScheduleView> schedules() const {
    return services_.schedules == nullptr ? std::vector<engine::ScheduleView>()
                                          : services_.schedules->list();
  }
  std::optional<engine::ScheduleView> schedule_of(const std::string& workflow) const;
  Value described(const engine::ScheduleView& view) const;
  void apply() const;
  Result<ClientStart> read_trigger(const Request& request) const;
  void start_now(const Request& request, const Responder& responder) const;

  const Services services_;
  const Blocking blocking_;
  const std::shared_ptr<std::mutex> switching_;  // so that what is in force is what was saved last
};

Result<std::vector<engine::Catalog::Entry>> WorkflowRoutes::versions(
    const std::string& workflow) const {
  std::vector<engine::Catalog::Entry> all = services_.catalog.versions(workflow);
  if (!all.empty()) return all;
  return fail(client_error(404, "workflow-unknown", "there is no workflow " + workflow));
}

Value WorkflowRoutes::described(const std::vector<engine::Catalog::Entry>& all) const {
  return describe_workflow(
      all, services_.authority.switches().find(workflow_name(*all.front().definition)));
}

Result<Response> WorkflowRoutes::list(const Request& request) const {
  Filters filters(request);
  const std::string space = filters.text("namespace");
  const std::string name = filters.text("name");
  const std::optional<bool> enabled = filters.flag("enabled");
  if (Status status = filters.done(); !status) return fail(std::move(status).error());
  const std::vector<engine::Catalog::Entry> entries = services_.catalog.list();
  std::vector<Value> items;
  for (auto first = entries.begin(); first != entries.end();) {
    const config::Definition& newest = *first->definition;
    const auto last = std::find_if(first, entries.end(), [&](const auto& entry) {
      return workflow_name(*entry.definition) != workflow_name(newest);
    });
    const std::vector<engine::Catalog::Entry> all(first, last);
    first = last;
    if (!space.empty() && newest.namespace_ != space) continue;
    if (!has_part(newest.name, name)) continue;
    const bool is_enabled = !services_.catalog.is_disabled(workflow_name(newest));
    if (enabled && is_enabled != *enabled) continue;
    items.push_back(described(all));
  }
  return page_answer(request, std::move(items),
                     {"workflow", {"workflow", "namespace", "name", "title", "changedAt"}});
}

Result<Response> WorkflowRoutes::show(const Request& request) const {
  const std::string name = named(request);
  const auto all = versions(name);
  if (!all) return fail(all.error());
  Value object = described(*all);
  const auto open = services_.engine.open_views(
      [&](const config::Definition& definition, const std::string& /*key*/) {
        return workflow_name(definition) == name;
      });
  object.set("openInstances", open.size());
  return json_response(200, object);
}

Result<Response> WorkflowRoutes::show_version(const Request& request) const {
  const std::string name = named(request);
  const auto entry = services_.catalog.find(name + ":" + request.parameters.at(2));
  if (!entry) {
    Problem problem = entry.error();
    problem.status = 404;
    return fail(std::move(problem));
  }
  Value object = describe_version(*entry->definition);
  object.set("enabled", !services_.catalog.is_disabled(name));
  const auto open = services_.engine.open_views(
      [id = entry->definition->id()](const config::Definition& definition,
                                     const std::string& /*key*/) { return definition.id() == id; });
  object.set("openInstances", open.size());
  return json_response(200, object);
}

// The definition's text as it is, or {"source": TEXT}, whatever the type says: no definition has
// such a member.
Result<std::string> read_definition(const Request& request) {
  if (request.body.empty())
    return fail(client_error(400, "request-invalid", "the request needs a definition as body"));
  const Result<Value> json = parse_json(request.body);
  if (!json || !json->contains("source")) return request.body;
  Fields fields(*json);
  std::string source = fields.required_text("source");
  if (Status status = fields.done(); !status) return fail(std::move(status).error());
  return source;
}

Result<Response> WorkflowRoutes::validate(const Request& request) const {
  const Result<std::string> text = read_definition(request);
  if (!text) return fail(text.error());
  if (services_.authority.gate().knows_part_of(*text))
    return fail(make_problem(ErrorKind::authorization, "secret-in-request",
                             "the definition holds a secret that is stored here, or an API key; "
                             "take it out, and name a stored credential instead"));
  return json_response(
      200, describe_faults(config::load_definition(*text, "definition", {nullptr, true, {}})));
}

// With switching_ held.
void WorkflowRoutes::apply() const {
  auth::Switches& switches = services_.authority.switches();
  services_.catalog.set_disabled(switches.disabled());
  if (services_.schedules != nullptr) services_.schedules->hold(switches.paused());
}

Result<Response> WorkflowRoutes::set_disabled(const Request& request, bool disabled) const {
  const std::string name = named(request);
  const auto all = versions(name);
  if (!all) return fail(all.error());
  const std::scoped_lock lock(*switching_);
  const Status done = services_.authority.switches().set_disabled(request.actor(), name, disabled);
  if (!done) return fail(done.error());
  apply();
  return json_response(200, described(*all));
}

// --- Schedules ---

std::optional<engine::ScheduleView> WorkflowRoutes::schedule_of(const std::string& workflow) const {
  for (engine::ScheduleView& view : schedules())
    if (view.workflow.substr(0, view.workflow.find(':')) == workflow) return std::move(view);
  return std::nullopt;
}

Value WorkflowRoutes::described(const engine::ScheduleView& view) const {
  const auto switches =
      services_.authority.switches().find(view.workflow.substr(0, view.workflow.find(':')));
  return describe_schedule(view, switches && (switches->paused || switches->disabled));
}

Result<Response> WorkflowRoutes::list_schedules(const Request& request) const {
  Filters filters(request);
  const std::string space = filters.text("namespace");
  const std::string kind = filters.choice("kind", kScheduleKinds);
  const std::optional<bool> paused = filters.flag("paused");
  if (Status status = filters.done(); !status) return fail(std::move(status).error());
  std::vector<Value> items;
  for (const engine::ScheduleView& view : schedules()) {
    if (!space.empty() && !view.workflow.starts_with(space + "/")) continue;
    if (!kind.empty() && view.kind != kind) continue;
    Value item = described(view);
    if (paused && item.get("paused") != Value(*paused)) continue;
    items.push_back(std::move(item));
  }
  return page_answer(request, std::move(items),
                     {"workflow", {"workflow", "kind", "nextTime", "lastTime"}});
}

Result<Response> WorkflowRoutes::show_schedule(const Request& request) const {
  const auto view = schedule_of(named(request));
  if (!view) return fail(schedule_unknown());
  return json_response(200, described(*view));
}

Result<Response> WorkflowRoutes::set_paused(const Request& request, bool paused) const {
  const std::string name = named(request);
  const auto view = schedule_of(name);
  if (!view) return fail(schedule_unknown());
  const std::scoped_lock lock(*switching_);
  const Status done = services_.authority.switches().set_paused(request.actor(), name, paused);
  if (!done) return fail(done.error());
  apply();
  return json_response(200, described(schedule_of(name).value_or(*view)));
}

void WorkflowRoutes::trigger(Request request, const Responder& responder) const {
  const auto kept = std::make_shared<const Request>(std::move(request));
  const bool taken =
      blocking_([routes = *this, kept, responder] { routes.start_now(*kept, responder); });
  if (!taken) responder.answer(overloaded());
}

Result<ClientStart> WorkflowRoutes::read_trigger(const Request& request) const {
  const auth::Redactor& redactor = services_.authority.redactor();
  ClientStart what{};
  if (!request.body.empty()) {
    Result<Fields> fields = Fields::of_body(request);
    if (!fields) return fail(std::move(fields).error());
    what.start.input = masked(redactor, fields->any("input"));
    if (Status good = fields->done(); !good) return fail(std::move(good).error());
  }
  const std::string name = named(request);
  Result<std::string> once = once_text(request, redactor);
  if (!once) return fail(std::move(once).error());
  if (!once->empty()) {
    what.start.once = "trigger " + name + " " + *once;
    // It runs under no key, as the schedule's own instances do.
    what.asked = AskedStart{
        name, "", what.start.input.is_null() ? Value::object() : what.start.input, what.start.key};
  }
  Result<std::shared_ptr<InputFiles>> files =
      InputFiles::of(services_.files, request.principal, what.start.input);
  if (!files) return fail(std::move(files).error());
  what.files = *std::move(files);
  if (!schedule_of(name)) return fail(schedule_unknown());
  if (const auto enabled = services_.catalog.find_enabled(name); !enabled)
    return fail(enabled.error());
  return what;
}

// What cannot be recorded does not happen, and it is not sure to until it has.
void WorkflowRoutes::start_now(const Request& request, const Responder& responder) const {
  const std::string name = named(request);
  const auth::Redactor& redactor = services_.authority.redactor();
  const auto note = [&audit = services_.authority.audit(),
                     event = auth::AuditEvent{request.actor(), "schedule.trigger",
                                              redactor.mask(name), ""}](std::string_view result) {
    return audit.note(event, result);
  };
  Result<ClientStart> what = read_trigger(request);
  if (const Status noted = note(what ? "begun" : what.error().code); !noted)
    return responder.answer(noted.error());
  if (!what) return responder.answer(what.error());
  what->note = note;
  const auto begin = [&schedules = *services_.schedules, name](
                         engine::StartRequest start,
                         const std::function<void(Result<InstanceId>)>& admitted) {
    const Status begun = schedules.trigger(name, std::move(start), admitted);
    if (!begun) admitted(fail(begun.error()));
  };
  start_for_client({services_.engine, blocking_, redactor, services_.log}, *std::move(what),
                   responder, begin, [responder, name](InstanceId id) {
                     const std::string number = std::to_string(id.number);
                     Response response =
                         json_response(201, Value::object({{"id", id.number}, {"workflow", name}}));
                     response.headers.push_back({"Location", "/api/v1/instances/" + number});
                     responder.answer(std::move(response));
                   });
}

using Member = Result<Response> (WorkflowRoutes::*)(const Request&) const;
using Switch = Result<Response> (WorkflowRoutes::*)(const Request&, bool) const;

}  // namespace

Status add_workflow_routes(Router& router, const Services& services, const Blocking& blocking) {
  const WorkflowRoutes routes(services, blocking);
  const Access view = Access::needs(Permission::view_workflows);
  const Access manage = Access::needs(Permission::manage_workflows);
  const auto on = [&](Member member) {
    return BlockingHandler([routes, member](Request& r) { return (routes.*member)(r); });
  };
  const auto turn = [&](const char* action, Switch member, bool off) {
    return audited(services.authority, action,
                   [routes, member, off](Request& r) { return (routes.*member)(r, off); });
  };
  const std::string all = "/api/v1/workflows";
  const std::string one = all + "/{namespace}/{name}";
  const std::string schedules = "/api/v1/schedules";
  const std::string schedule = schedules + "/{namespace}/{name}";
  std::vector<Route> added{
      {"GET", all, view, on(&WorkflowRoutes::list), page_names({"namespace", "name", "enabled"})},
      {"POST", all + "/validate", manage, on(&WorkflowRoutes::validate)},
      {"GET", one, view, on(&WorkflowRoutes::show)},
      {"GET", one + "/{version}", view, on(&WorkflowRoutes::show_version)},
      {"POST", one + "/enable", manage,
       turn("workflow.enable", &WorkflowRoutes::set_disabled, false)},
      {"POST", one + "/disable", manage,
       turn("workflow.disable", &WorkflowRoutes::set_disabled, true)},
      {"GET", schedules, view, on(&WorkflowRoutes::list_schedules),
       page_names({"namespace", "kind", "paused"})},
      {"GET", schedule, view, on(&WorkflowRoutes::show_schedule)},
      {"POST", schedule + "/pause", manage,
       turn("schedule.pause", &WorkflowRoutes::set_paused, true)},
      {"POST", schedule + "/resume", manage,
       turn("schedule.resume", &WorkflowRoutes::set_paused, false)},
      {"POST", schedule + "/trigger", Access::needs(Permission::start_instances),
       AsyncHandler([routes](Request request, const Responder& responder) {
         routes.trigger(std::move(request), responder);
       })},
  };
  for (Route& route : added) {
    // What is read lies in memory, and waits for no instance.
    if (route.method != "GET") route.pool = Pool::operations;
    route.when_ready = route.pattern.ends_with("/trigger");
  }
  return add_all(router, std::move(added));
}

}  // namespace stepwell::api
