// Steps that wait for people: completing and changing them, and the list of those that are open.

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>
#include <vector>

#include "api/errand.h"
#include "api/fields.h"
#include "api/instance_view.h"
#include "api/masked.h"
#include "api/once.h"
#include "api/page.h"
#include "api/people.h"
#include "api/routes.h"
#include "base/ascii.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

using auth::Permission;

constexpr std::size_t kStepShown = 200;  // bytes, in the audit log

constexpr Milliseconds kMaxErrandWait{5'000};

// What is needed to answer.
struct PeopleDesk {
  engine::Engine& engine;
  auth::Authority& authority;
  engine::Files* files;
  Log& log;
  std::shared_ptr<OnceTurns> turns;
};

// What somebody wants done to one step.
struct Wish {
  InstanceId instance;
  engine::StepAnswer answer;
  bool change = false;
  bool again = false;  // it was done before, unless a crash came between
};

// What has to be on the disk before a step's result may be: that it is done, by whom, and that
// files go with the instance. On the thread that answers.
class Preparations {
 public:
  Preparations(const PeopleDesk& desk, auth::AuditEvent event)
      : desk_(desk), event_(std::move(event)) {}

  Status prepare(const engine::StepAnswer::Preparation& what) {
    event_.made = std::to_string(what.instance.number) + " " + std::to_string(what.step.number);
    if (Status noted = desk_.authority.audit().commit(event_, {}); !noted) return noted;
    if (what.files.empty() || desk_.files == nullptr) return {};
    Result<engine::FileClaim> claim = desk_.files->claim(what.files, what.instance);
    if (!claim) return fail(std::move(claim).error());
    claims_.push_back(*std::move(claim));
    return {};
  }
  void keep() {
    for (const engine::FileClaim& claim : claims_) desk_.files->keep(claim);
  }
  Status refused(const Problem& problem) {
    if (problem.status >= 500) {  // who knows what is on the disk
      keep();
      return {};
    }
    for (const engine::FileClaim& claim : claims_)
      if (const Status released = desk_.files->release(claim); !released)
        desk_.log.warn("files that a step was not given are not free",
                       {{"problem", released.error().one_line()}});
    return desk_.authority.audit().retract(event_, problem.code);
  }

 private:
  const PeopleDesk& desk_;
  auth::AuditEvent event_;
  std::vector<engine::FileClaim> claims_;
};

Response shown(const PeopleDesk& desk, int status, InstanceId id) {
  const std::optional<engine::InstanceView> view = desk.engine.find(id);
  return json_response(status,
                       view ? describe_instance(*view) : Value::object({{"id", id.number}}));
}

// The step is not there any more for the one who did it.
bool is_over(const Problem& problem) {
  static constexpr std::array<std::string_view, 5> kOver{
      "step-completed", "step-not-active", "step-unknown", "instance-ended", "instance-unknown"};
  return std::find(kOver.begin(), kOver.end(), problem.code) != kOver.end();
}

// Answers once it is durable. 202: it was asked for, and has not come about in time.
Result<Response> fulfil(const PeopleDesk& desk, Wish wish, const Request& request) {
  Result<engine::Completer> by = completer_of(request.principal);
  if (!by) return fail(std::move(by).error());
  const auth::Redactor& redactor = desk.authority.redactor();
  const InstanceId id = wish.instance;
  Preparations preparations(
      desk,
      {request.actor(), wish.change ? "step.change" : "step.complete", std::to_string(id.number),
       "step: " + std::string(utf8_prefix(redactor.mask(wish.answer.step), kStepShown))});
  engine::StepAnswer& answer = wish.answer;
  answer.by = *std::move(by);
  answer.value = masked(redactor, answer.value);
  Result<NamedFiles> files = files_named(desk.files, request.principal, answer.value);
  if (!files) return fail(std::move(files).error());
  answer.files = *std::move(files);
  answer.known_user = [&users = desk.authority.users()](std::string_view name) {
    const auto user = users.find(name);
    return user.has_value() && user->active;
  };
  const auto errand = std::make_shared<Errand>();
  answer.prepare = errand->prepare();
  if (wish.change)
    desk.engine.patch_step(id, std::move(answer), errand->done());
  else
    desk.engine.complete_step(id, std::move(answer), errand->done());
  const std::optional<Status> status = errand->wait(
      kMaxErrandWait,
      [&](const engine::StepAnswer::Preparation& what) { return preparations.prepare(what); });
  if (!status || *status) {
    preparations.keep();
    return shown(desk, status ? 200 : 202, id);
  }
  const Problem& problem = status->error();
  if (wish.again && is_over(problem)) {
    preparations.keep();
    return shown(desk, 200, id);
  }
  if (const Status noted = preparations.refused(problem); !noted) return fail(noted.error());
  return fail(problem);
}

// The step that a request did before: by its id, so that it is no later one of the same name.
std::string step_of(const auth::OnceMark& mark) {
  return mark.target.substr(mark.target.find(' ') + 1);
}

Result<Response> complete(const PeopleDesk& desk, Request& request) {
  const std::optional<InstanceId> id = parse_instance_id(request.parameters.at(0));
  if (!id) return fail(unknown_instance());
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  Wish wish;
  wish.instance = *id;
  wish.answer.step = fields->required_text("step");
  if (!fields->has("output")) fields->fault("\"output\" is missing");
  wish.answer.value = fields->any("output");
  if (Status good = fields->done(); !good) return fail(std::move(good).error());
  const auto turn = desk.turns->lock(request);
  const auto before = find_once(desk.authority, request);
  if (!before) return fail(before.error());
  if (*before) {
    wish.again = true;
    wish.answer.step = step_of(**before);
  }
  return fulfil(desk, std::move(wish), request);
}

// RFC 7396 §4; RFC 5789 §2.2 has 415 for any other.
Status check_patch_type(const Request& request) {
  const std::string* type = request.header("Content-Type");
  if (type == nullptr) return {};
  std::string plain = ascii_lower(type->substr(0, type->find(';')));
  while (plain.ends_with(' ')) plain.pop_back();
  if (plain == "application/merge-patch+json" || plain == "application/json") return {};
  Problem problem =
      client_error(415, "request-invalid",
                   "a change is a JSON merge patch: send it as application/merge-patch+json");
  return fail(std::move(problem));
}

Result<Response> change(const PeopleDesk& desk, const Request& request) {
  const std::optional<InstanceId> id = parse_instance_id(request.parameters.at(0));
  if (!id) return fail(unknown_instance());
  if (Status good = check_patch_type(request); !good) return fail(std::move(good).error());
  Result<Value> patch = parse_json(request.body);
  if (!patch) return fail(std::move(patch).error());
  if (!patch->is_object())
    return fail(client_error(400, "request-invalid", "the body must be one JSON object"));
  Wish wish;
  wish.instance = *id;
  wish.change = true;
  wish.answer.step = step_of_path(request.parameters.at(1));
  wish.answer.value = *std::move(patch);
  return fulfil(desk, std::move(wish), request);
}

// --- the work list ---

Status read_task_cursor(const Request& request, engine::OpenStepFilter& filter) {
  const std::string* text = request.query_value("cursor");
  if (text == nullptr) return {};
  const Result<Value> cursor = read_cursor(*text);
  if (!cursor) return fail(cursor.error());
  const auto number = [&](std::size_t index) -> std::optional<std::uint64_t> {
    if (!cursor->is_array() || cursor->size() != 2 || !cursor->at(index).is_string())
      return std::nullopt;
    const std::string_view digits = cursor->at(index).as_string();
    std::uint64_t read = 0;
    const char* const end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, read);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return read;
  };
  const auto instance = number(0);
  const auto step = number(1);
  if (!instance || !step)
    return fail(client_error(400, "parameter-invalid",
                             "\"cursor\" must be what an answer before had as \"next\""));
  filter.after_instance = InstanceId{*instance};
  filter.after_step = engine::StepId{*step};
  return {};
}

Result<Response> list_tasks(const engine::Engine& engine, const Request& request) {
  static constexpr std::array<std::string_view, 4> kKinds{"decision", "form", "upload", "email"};
  engine::OpenStepFilter filter;
  Filters filters(request);
  if (const std::string assignee = filters.text("assignee"); !assignee.empty())
    filter.assignee = assignee == "me" ? request.principal.user : assignee;
  if (const std::string kind = filters.choice("kind", kKinds); !kind.empty())
    filter.kind = engine::parse_person_kind(kind);
  filter.overdue = filters.flag("overdue");
  filter.workflow = filters.text("workflow");
  if (Status good = filters.done(); !good) return fail(std::move(good).error());
  if (Status good = read_task_cursor(request, filter); !good) return fail(std::move(good).error());
  const Result<std::size_t> limit = read_limit(request);
  if (!limit) return fail(limit.error());
  const Result<engine::OpenSteps> open = engine.open_steps(filter, *limit);
  if (!open) return fail(open.error());
  Value items = Value::array();
  for (const engine::OpenStep& step : open->steps) items.push_back(describe_open_step(step));
  Value answer = Value::object({{"items", std::move(items)}});
  if (open->more)
    answer.set("next", to_cursor(Value::array({std::to_string(open->last.first.number),
                                               std::to_string(open->last.second.number)})));
  return json_response(200, answer);
}

}  // namespace

// Who may see an instance may ask: whether a step is his, the step itself says.
Status add_task_routes(Router& router, const Services& services) {
  const PeopleDesk desk{services.engine, services.authority, services.files, services.log,
                        std::make_shared<OnceTurns>()};
  const std::string one = "/api/v1/instances/{id}";
  std::vector<Route> routes{
      {"POST", one + "/complete-step", Access::needs(Permission::view_instances),
       BlockingHandler([desk](Request& request) { return complete(desk, request); })},
      {"PATCH", one + "/steps/{step}", Access::needs(Permission::view_instances),
       BlockingHandler([desk](const Request& request) { return change(desk, request); })},
      {"GET",
       "/api/v1/tasks",
       Access::needs(Permission::view_instances),
       BlockingHandler([&engine = services.engine](const Request& request) {
         return list_tasks(engine, request);
       }),
       {"assignee", "kind", "overdue", "workflow", "limit", "cursor"}},
  };
  for (Route& route : routes) {
    route.pool = Pool::operations;
    route.when_ready = route.method != "GET";
  }
  return add_all(router, std::move(routes));
}

}  // namespace stepwell::api
