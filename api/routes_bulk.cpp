// /api/v1/instances/bulk: stop, suspend, resume, retry and delete, many at once.

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "api/fields.h"
#include "api/instance_operations.h"
#include "api/instance_selection.h"
#include "api/instance_view.h"
#include "api/masked.h"
#include "api/page.h"
#include "api/removal.h"
#include "api/routes.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

using auth::Permission;

// Of these in one request; the answer says where to go on.
constexpr std::size_t kMostAtOnce = 1'000;
constexpr std::size_t kMostDeletedAtOnce = 10'000;
// A dry run counts so many, and no longer than this, about.
constexpr std::size_t kMostCounted = 1'000'000;
constexpr std::size_t kCountedAtOnce = 10'000;
constexpr std::chrono::seconds kLongCount{2};
constexpr Milliseconds kManyWait{5'000};
constexpr std::size_t kFilterShown = 4096;  // bytes of it in the audit log

// What is asked for. `operation`: none stands for delete.
struct Bulk {
  std::optional<Operation> operation;
  std::vector<InstanceId> ids;
  std::optional<Selection> selection;  // instead of ids
  Value body;
  bool dry_run = false;
  bool stop = false;

  std::string_view name() const { return operation ? name_of(*operation) : "delete"; }
  std::size_t most() const { return operation ? kMostAtOnce : kMostDeletedAtOnce; }
};

// A member as query parameters would have it.
std::optional<std::vector<std::string>> member_texts(Fields& fields, std::string_view name) {
  const auto text = [](const Value& value) -> std::string {
    if (value.is_string()) return std::string(value.as_string());
    if (value.is_bool()) return value.as_bool() ? "true" : "false";
    const std::optional<std::int64_t> number = value.as_integer();
    return number ? std::to_string(*number) : std::string();
  };
  const Value value = fields.any(name);
  if (value.is_null()) return std::nullopt;
  if (!value.is_array()) return std::vector<std::string>{text(value)};
  std::vector<std::string> texts;
  for (const Value& element : value.elements()) texts.push_back(text(element));
  return texts;
}

void read_ids(Fields& fields, Bulk& bulk) {
  const Value value = fields.any("ids");
  if (!value.is_array() || value.empty() || value.size() > bulk.most())
    return fields.fault("\"ids\" must be an array of 1 to " + std::to_string(bulk.most()) + " ids");
  for (const Value& element : value.elements()) {
    const std::optional<std::int64_t> number = element.as_integer();
    const std::optional<InstanceId> id =
        number ? parse_instance_id(std::to_string(*number)) : std::nullopt;
    if (!id) return fields.fault("each of the \"ids\" must be the id of an instance, a number");
    bulk.ids.push_back(*id);
  }
  std::sort(bulk.ids.begin(), bulk.ids.end(),
            [](const InstanceId& a, const InstanceId& b) { return a.number < b.number; });
  bulk.ids.erase(std::unique(bulk.ids.begin(), bulk.ids.end()), bulk.ids.end());
}

bool fits_bulk(const Bulk& bulk, engine::InstanceStatus status) {
  if (bulk.operation) return fits(*bulk.operation, status);
  return bulk.stop || engine::ended(status);
}

// Everything is meant only where that is said.
void check_width(Fields& fields, const Bulk& bulk, bool all) {
  if (!bulk.selection) return;
  if (!bulk.selection->narrowed && !all)
    fields.fault(
        "say which instances: \"ids\", or \"workflow\", \"status\" or another filter of the list "
        "of instances; or \"all\": true");
  for (const engine::InstanceStatus status : bulk.selection->query.filter.statuses)
    if (!fits_bulk(bulk, status))
      fields.fault("no instance whose \"status\" is " + std::string(to_string(status)) +
                   (bulk.operation ? " can be asked to " + std::string(bulk.name())
                                   : " can be deleted before it is stopped: say \"stop\": true"));
}

void narrow_bulk(Bulk& bulk) {
  engine::InstanceFilter& filter = bulk.selection->query.filter;
  if (bulk.operation) return narrow(*bulk.operation, filter);
  using engine::InstanceStatus;
  if (!bulk.stop && filter.statuses.empty())
    filter.statuses = {InstanceStatus::completed, InstanceStatus::faulted, InstanceStatus::stopped};
}

Result<Bulk> read_bulk(const Request& request, std::optional<Operation> operation,
                       const KeysOf& keys, WallTime now) {
  Result<Fields> fields = Fields::of_body(request);
  if (!fields) return fail(std::move(fields).error());
  Bulk bulk;
  bulk.operation = operation;
  bulk.dry_run = fields->flag("dryRun").value_or(false);
  if (!operation) bulk.stop = fields->flag("stop").value_or(false);
  const bool by_ids = fields->has("ids");
  if (by_ids) read_ids(*fields, bulk);
  const bool all = fields->flag("all").value_or(false);
  // Of a workflow those that have ended are known in the order of their ends.
  const bool by_end = !operation && !bulk.stop && fields->has("workflow") && !fields->has("status");
  const auto members = [&](std::string_view name) {
    auto texts = member_texts(*fields, name);
    if (!texts && by_end && name == "ordering") texts.emplace(1, "completedTime");
    return texts;
  };
  Result<Selection> selection = read_selection(members, keys, now, bulk.most(), bulk.most());
  if (!selection)
    fields->fault(selection.error().detail);
  else if (by_ids && (selection->narrowed || all))
    fields->fault("give either \"ids\" or what they have in common");
  else if (!by_ids)
    bulk.selection = *std::move(selection);
  check_width(*fields, bulk, all);
  if (Status status = fields->done(); !status) return fail(std::move(status).error());
  if (bulk.selection) narrow_bulk(bulk);
  if (Result<Value> body = parse_json(request.body)) bulk.body = std::move(*body);
  return bulk;
}

// Ids of one moment follow each other: "5-8,10".
std::string join_ranges(const std::vector<InstanceId>& ids) {
  std::string text;
  for (std::size_t i = 0; i < ids.size();) {
    std::size_t end = i + 1;
    while (end < ids.size() && ids[end].number == ids[end - 1].number + 1) ++end;
    text += (text.empty() ? "" : ",") + std::to_string(ids[i].number);
    if (end - i > 2) text += "-" + std::to_string(ids[end - 1].number);
    i = end - i > 2 ? end : i + 1;
  }
  return text;
}

std::string detail_of(const Bulk& bulk, const auth::Redactor& redactor) {
  std::string ids = "ids: " + join_ranges(bulk.ids);
  if (!bulk.selection) return ids;
  const std::string filter = redactor.mask(to_json(masked(redactor, bulk.body)));
  return "filter: " + std::string(utf8_prefix(filter, kFilterShown)) + "; " + ids;
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

Value report(const Removal& removal) {
  Value problems = Value::array();
  for (const auto& [id, refused] : removal.refused) {
    Value problem = refused.to_value();
    problem.set("id", id.number);
    problems.push_back(std::move(problem));
  }
  return Value::object({{"taken", removal.gone.size()},
                        {"unconfirmed", removal.unconfirmed.size()},
                        {"problems", std::move(problems)}});
}

struct ManyOf {
  engine::Engine& engine;
  engine::Files* files;
  auth::AuditLog& audit;
  const auth::Redactor& redactor;
  const Clock& clock;
  KeysOf keys;
};

// The first page of what would be taken, and how much that is.
Result<Response> show_bulk(const ManyOf& many, const Bulk& bulk) {
  Value items = Value::array();
  if (!bulk.selection) {
    for (const InstanceId id : bulk.ids) {
      const auto view = many.engine.find(id);
      if (view && fits_bulk(bulk, view->status)) items.push_back(summarize_instance(*view));
    }
    const std::size_t matched = items.size();
    return json_response(200, Value::object({{"matched", matched}, {"items", std::move(items)}}));
  }
  engine::InstanceQuery query = bulk.selection->query;
  query.most = std::min(query.most, kUsualPageSize);
  const auto first = many.engine.list(query);
  if (!first) return fail(first.error());
  for (const engine::InstanceView& view : first->views) items.push_back(summarize_instance(view));
  std::size_t matched = first->views.size();
  std::optional<engine::InstancePosition> next = first->next;
  query.most = kCountedAtOnce;
  query.ids_only = true;
  const SteadyTime end = many.clock.steady_now() + kLongCount;
  while (next && matched < kMostCounted && many.clock.steady_now() < end) {
    query.after = next;
    const auto page = many.engine.list(query);
    if (!page) return fail(page.error());
    matched += page->views.size();
    next = page->next;
  }
  Value answer = Value::object({{"matched", matched}, {"items", std::move(items)}});
  if (next) answer.set("more", true);
  if (first->next) answer.set("next", cursor_of(query.order, *first->next));
  return json_response(200, answer);
}

Result<Response> do_to_many(const ManyOf& many, std::optional<Operation> operation,
                            const Request& request) {
  Result<Bulk> bulk = read_bulk(request, operation, many.keys, many.clock.now());
  if (!bulk) return fail(std::move(bulk).error());
  if (bulk->dry_run) return show_bulk(many, *bulk);
  std::optional<engine::InstancePosition> next;
  if (bulk->selection) {
    engine::InstanceQuery& query = bulk->selection->query;
    query.ids_only = true;
    auto found = many.engine.list(query);
    if (!found) return fail(std::move(found).error());
    for (const engine::InstanceView& view : found->views) bulk->ids.push_back(view.id);
    next = found->next;
  }
  Value answer = report(Removal{});
  if (!bulk->ids.empty()) {
    const std::string action = "instance." + std::string(bulk->name());
    const Status noted =
        many.audit.note({request.actor(), action, "", detail_of(*bulk, many.redactor)}, "done");
    if (!noted) return fail(noted.error());
    if (operation) {
      const auto answers = std::make_shared<Answers>();
      for (const InstanceId id : bulk->ids) answers->ask(many.engine, *operation, id);
      answer = report(bulk->ids, answers->wait(kManyWait));
    } else {
      const auto removal =
          remove_instances(many.engine, many.files, bulk->ids, bulk->stop, kManyWait);
      if (!removal) return fail(removal.error());
      answer = report(*removal);
    }
  }
  if (next) answer.set("next", cursor_of(bulk->selection->query.order, *next));
  return json_response(200, answer);
}

}  // namespace

Status add_bulk_routes(Router& router, const Services& services) {
  const ManyOf many{services.engine,
                    services.files,
                    services.authority.audit(),
                    services.authority.redactor(),
                    services.clock,
                    keys_of(services.authority.keys())};
  std::vector<Route> routes;
  const auto add = [&](std::optional<Operation> operation, std::string_view name) {
    routes.push_back({"POST", "/api/v1/instances/bulk/" + std::string(name),
                      Access::needs(Permission::control_instances),
                      BlockingHandler([many, operation](const Request& request) {
                        return do_to_many(many, operation, request);
                      })});
    routes.back().pool = Pool::operations;
    routes.back().when_ready = true;
  };
  for (const Operation operation : kOperations) add(operation, name_of(operation));
  add(std::nullopt, "delete");
  return add_all(router, std::move(routes));
}

}  // namespace stepwell::api
