// /api/v1/instances: starting.

#include <charconv>
#include <utility>

#include "api/fields.h"
#include "api/file_upload.h"
#include "api/instance_fields.h"
#include "api/instance_view.h"
#include "api/masked.h"
#include "api/once.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;

constexpr Milliseconds kMaxWait{std::chrono::minutes(5)};

// "500ms", "30s" or "5m", at most five minutes; nothing where the parameter is absent.
Result<std::optional<Milliseconds>> read_wait(const Request& request) {
  const std::string* text = request.query_value("wait");
  if (text == nullptr) return std::nullopt;
  std::uint32_t count = 0;
  const char* end = text->data() + text->size();
  const auto [stopped_at, error] = std::from_chars(text->data(), end, count);
  const std::string_view unit(stopped_at, static_cast<std::size_t>(end - stopped_at));
  std::uint64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  const std::uint64_t total = factor * count;
  if (error != std::errc() || factor == 0 || total > static_cast<std::uint64_t>(kMaxWait.count()))
    return fail(
        request_problem(400, "parameter-invalid",
                        "\"wait\" must be a time such as 500ms, 30s or 5m, and at most 5 minutes"));
  return std::optional<Milliseconds>(Milliseconds(static_cast<std::int64_t>(total)));
}

// What a request with an Idempotency-Key asked for.
struct Asked {
  std::string workflow;  // NAMESPACE/NAME
  Value input;

  bool by(const engine::InstanceView& view) const {
    return view.workflow.substr(0, view.workflow.find(':')) == workflow && view.input == input;
  }
};

struct Reading {
  engine::StartRequest start;
  std::optional<Asked> asked;
};

Result<Reading> read_start(const engine::Catalog& catalog, const auth::Redactor& redactor,
                           const auth::Keys& keys, const Request& request) {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  Reading reading;
  engine::StartRequest& start = reading.start;
  const std::string workflow = fields->required_text("workflow");
  start.input = masked(redactor, fields->any("input"));
  start.name = read_name(*fields, redactor);
  start.tags = read_tags(*fields, redactor);
  start.priority = read_priority(*fields);
  start.deadline = fields->time("deadline");
  const std::string run_as = fields->text("runAs");
  Result<std::string> once = once_text(request);
  if (!once) return fail(std::move(once).error());
  if (redactor.mask(*once) != *once)
    fields->fault("the header Idempotency-Key must not hold a stored secret");
  start.once = *std::move(once);
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  Result<engine::Catalog::Entry> entry = catalog.find_enabled(workflow);
  if (!entry) return fail(std::move(entry).error());
  start.workflow = entry->workflow;
  start.key = request.principal.key_id;
  if (!run_as.empty()) {
    if (Status may = may_run_as(keys, request.principal, run_as); !may)
      return fail(std::move(may).error());
    start.key = run_as;
  }
  if (!start.once.empty()) {
    const config::Definition& definition = *entry->definition;
    reading.asked = Asked{definition.namespace_ + "/" + definition.name,
                          start.input.is_null() ? Value::object() : start.input};
  }
  return reading;
}

Response created(InstanceId id, const Value& body) {
  Response response = json_response(201, body);
  response.headers.push_back({"Location", "/api/v1/instances/" + std::to_string(id.number)});
  return response;
}
Response created(const engine::InstanceView& view) {
  return created(view.id, describe_instance(view));
}
// It is there, or was, but cannot be shown now.
Response created(InstanceId id) { return created(id, Value::object({{"id", id.number}})); }

// What is needed to answer a start.
struct Starter {
  engine::Engine& engine;
  const engine::Catalog& catalog;
  const auth::Redactor& redactor;
  const auth::Keys& keys;
  Blocking blocking;
  engine::Files* files;  // null: none
  Log& log;
};

// On an I/O thread, so that the journal is read elsewhere where the instance has left memory.
void answer_created(const Starter& starter, InstanceId id, const Responder& responder) {
  if (const std::optional<engine::InstanceView> view = starter.engine.peek(id))
    return responder.answer(created(*view));
  const bool taken = starter.blocking([&engine = starter.engine, id, responder] {
    const std::optional<engine::InstanceView> view = engine.find(id);
    responder.answer(view ? created(*view) : created(id));
  });
  if (!taken) responder.answer(created(id));
}

void wait_for_end(const Starter& starter, InstanceId id, Milliseconds limit,
                  const Responder& responder) {
  responder.after(limit, [starter, responder, id] { answer_created(starter, id, responder); });
  const auto watch = [starter, id, responder] {
    const bool known = starter.engine.when_ended(
        id, [responder](const engine::InstanceView& view) { responder.answer(created(view)); });
    if (!known) answer_created(starter, id, responder);
  };
  // Of one that has left memory the journal is asked.
  if (starter.engine.peek(id)) return watch();
  if (!starter.blocking(watch)) responder.answer(created(id));
}

// Goes on where the instance, which may have been started before, is the one that was asked for.
void check_asked(const Starter& starter, InstanceId id, const Asked& asked,
                 const Responder& responder, const std::function<void()>& go_on) {
  const auto check = [id, asked, responder, go_on](const engine::InstanceView& view) {
    if (asked.by(view)) return go_on();
    responder.answer(request_problem(
        422, "idempotency-key-reused",
        "this Idempotency-Key was used before, to start instance " + std::to_string(id.number) +
            " with another workflow or input; take a new one for each thing to be done"));
  };
  if (const std::optional<engine::InstanceView> view = starter.engine.peek(id)) return check(*view);
  const bool taken = starter.blocking([&engine = starter.engine, id, check, go_on] {
    const std::optional<engine::InstanceView> view = engine.find(id);
    if (view) return check(*view);
    go_on();
  });
  if (!taken) responder.answer(overloaded());
}

// Are they there, and free? One that is started again has them already. Blocks.
Status check_files(engine::Files* files, const auth::Principal& principal,
                   const std::vector<std::string>& ids, bool again) {
  for (const std::string& id : ids) {
    const auto info =
        files != nullptr ? files->find(id) : Result<std::optional<engine::FileInfo>>(std::nullopt);
    if (!info) return fail(info.error());
    if (!*info || !may_see(principal, **info))
      return fail(request_problem(404, "file-unknown", "there is no file " + id));
    if ((*info)->instance && !again)
      return fail(
          request_problem(409, "file-in-use", "the file " + id + " belongs to another instance"));
  }
  return {};
}

// The files in its input go with the instance from now on.
void take_files(const Starter& starter, const std::vector<std::string>& ids, InstanceId id,
                const Responder& responder, const std::function<void()>& go_on) {
  if (ids.empty()) return go_on();
  const bool taken = starter.blocking([starter, ids, id, responder, go_on] {
    if (const Status attached = starter.files->attach(ids, id); !attached)
      starter.log.warn("files of an instance do not go with it",
                       {{"instance", id.number}, {"problem", attached.error().one_line()}});
    responder.resume(go_on);
  });
  if (taken) return;
  starter.log.warn("files of an instance do not go with it", {{"instance", id.number}});
  go_on();  // it runs: nobody is to start it again
}

void start_instance(const Starter& starter, const Request& request, const Responder& responder) {
  const Result<std::optional<Milliseconds>> wait = read_wait(request);
  if (!wait) return responder.answer(wait.error());
  Result<Reading> reading = read_start(starter.catalog, starter.redactor, starter.keys, request);
  if (!reading) return responder.answer(reading.error());
  std::vector<std::string> files = engine::file_ids(reading->start.input);
  auto admitted = [starter, responder, asked = std::move(reading->asked), wait = *wait,
                   files](const Result<InstanceId>& id) {
    if (!id) return responder.answer(id.error());
    const auto answer = [starter, responder, wait, files, id = *id] {
      take_files(starter, files, id, responder, [starter, responder, wait, id] {
        if (wait) return wait_for_end(starter, id, *wait, responder);
        answer_created(starter, id, responder);
      });
    };
    // The engine may call with the instance's lock held, so it is asked about it later.
    if (!asked) return responder.resume(answer);
    responder.resume([starter, responder, asked = *asked, answer, id = *id] {
      check_asked(starter, id, asked, responder, answer);
    });
  };
  const bool again = !reading->start.once.empty();
  if (!again && files.empty())
    return starter.engine.start(std::move(reading->start), std::move(admitted));
  // Whether it was started before, the journal is asked.
  auto start = std::make_shared<engine::StartRequest>(std::move(reading->start));
  const bool taken = starter.blocking(
      [starter, responder, start, admitted, files, again, principal = request.principal] {
        if (Status good = check_files(starter.files, principal, files, again); !good)
          return responder.answer(good.error());
        starter.engine.start(std::move(*start), admitted);
      });
  if (!taken) responder.answer(overloaded());
}

}  // namespace

Status add_instance_routes(Router& router, const Services& services, const Blocking& blocking) {
  Route route{
      "POST",
      "/api/v1/instances",
      Access::needs(Permission::start_instances),
      AsyncHandler(
          [starter = Starter{services.engine, services.catalog, services.authority.redactor(),
                             services.authority.keys(), blocking, services.files, services.log}](
              const Request& request, const Responder& responder) {
            start_instance(starter, request, responder);
          }),
      {"wait"}};
  route.when_ready = true;
  return router.add(std::move(route));
}

}  // namespace stepwell::api
