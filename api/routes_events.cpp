// /api/v1/events: CloudEvents from outside, for `listen`.
// Source: CloudEvents 1.0.2, HTTP Protocol Binding §3: structured, batched and binary content mode.

#include <algorithm>
#include <cctype>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "api/masked.h"
#include "api/routes.h"
#include "base/ascii.h"
#include "base/encoding.h"
#include "base/json.h"

namespace stepwell::api {

namespace {

using auth::Permission;

constexpr std::size_t kMaxBatch = 1000;

Problem event_invalid(std::string detail) {
  return request_problem(400, "event-invalid", std::move(detail));
}

// The media type without its parameters, in lower case.
std::string media_type(const Request& request) {
  const std::string* header = request.header("Content-Type");
  if (header == nullptr) return {};
  std::string type = ascii_lower(header->substr(0, header->find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  return type;
}

bool is_json(std::string_view type) {
  return type.empty() || type == "application/json" || type.ends_with("+json");
}

// The attributes that every event has (CloudEvents 1.0.2 §3.1).
Status check(const Value& event) {
  if (!event.is_object()) return fail(event_invalid("an event is a JSON object"));
  for (const char* name : {"specversion", "id", "source", "type"}) {
    const Value& attribute = event.get(name);
    if (!attribute.is_string() || attribute.empty())
      return fail(event_invalid("an event needs the attribute `" + std::string(name) +
                                "`, a text that is not empty"));
  }
  if (event.get("type").as_string().starts_with(engine::EventBus::kLifecyclePrefix))
    return fail(event_invalid("only the engine itself tells of the life of instances and tasks"));
  if (event.get("specversion") != Value("1.0"))
    return fail(event_invalid("`specversion` must be \"1.0\""));
  if (event.contains("data") && event.contains("data_base64"))
    return fail(event_invalid("an event has `data` or `data_base64`, not both"));
  return {};
}

Result<Value> parse_body(const Request& request) {
  auto value = parse_json(request.body);
  if (!value) return fail(event_invalid("the body is no JSON: " + value.error().detail));
  return value;
}

Result<std::vector<Value>> read_binary(const Request& request, const std::string& type) {
  Value event = Value::object();
  for (const http::Header& header : request.headers) {
    const std::string name = ascii_lower(header.name);
    if (!name.starts_with("ce-")) continue;
    // Percent-encoded where it could not stand in a header as it is (§3.1.3.2).
    const std::string text = percent_decode(header.value);
    if (!is_valid_utf8(text)) return fail(event_invalid("the header `" + name + "` is not UTF-8"));
    event.set(name.substr(3), Value(text));
  }
  if (!type.empty()) event.set("datacontenttype", type);
  if (request.body.empty()) return std::vector<Value>{std::move(event)};
  if (is_json(type)) {
    auto data = parse_body(request);
    if (!data) return fail(std::move(data.error()));
    event.set("data", std::move(*data));
  } else if (type.starts_with("text/") && is_valid_utf8(request.body)) {
    event.set("data", Value(request.body));
  } else {
    event.set("data_base64", to_base64(request.body));
  }
  return std::vector<Value>{std::move(event)};
}

Result<std::vector<Value>> read_events(const Request& request) {
  const std::string type = media_type(request);
  const bool batch = type == "application/cloudevents-batch+json";
  const bool structured = type == "application/cloudevents+json";
  if (!batch && !structured && request.header("ce-type") != nullptr)
    return read_binary(request, type);
  if (!batch && !structured && !is_json(type))
    return fail(request_problem(
        415, "event-invalid",
        "send application/cloudevents+json, application/cloudevents-batch+json, or the attributes "
        "as ce-… headers"));
  auto body = parse_body(request);
  if (!body) return fail(std::move(body.error()));
  if (!batch) return std::vector<Value>{std::move(*body)};
  if (!body->is_array()) return fail(event_invalid("a batch is a JSON array of events"));
  if (body->size() > kMaxBatch)
    return fail(event_invalid("a batch has at most " + std::to_string(kMaxBatch) + " events"));
  return std::vector<Value>(body->elements().begin(), body->elements().end());
}

// Answers once none of the events can be lost.
class Acknowledgement {
 public:
  Acknowledgement(Responder responder, std::size_t events)
      : responder_(std::move(responder)), events_(events), open_(events) {}

  void settle(const Status& status) {
    const std::scoped_lock lock(mutex_);
    if (!status && !problem_) problem_ = status.error();
    if (--open_ > 0) return;
    if (problem_) return responder_.answer(*problem_);
    responder_.answer(json_response(202, Value::object({{"accepted", events_}})));
  }

 private:
  const Responder responder_;
  const std::size_t events_;
  std::mutex mutex_;
  std::size_t open_;                // guarded by mutex_
  std::optional<Problem> problem_;  // guarded by mutex_; the first one
};

// None of a batch where one is no event. What the journal refuses later, it refuses one by one.
void send_events(engine::Engine& engine, const auth::Redactor& redactor, const Request& request,
                 const Responder& responder) {
  const Result<std::vector<Value>> events = read_events(request);
  if (!events) return responder.answer(events.error());
  for (const Value& event : *events)
    if (const Status status = check(event); !status) return responder.answer(status.error());
  if (events->empty())
    return responder.answer(json_response(202, Value::object({{"accepted", 0}})));
  const auto acknowledgement = std::make_shared<Acknowledgement>(responder, events->size());
  for (const Value& event : *events) {
    engine.publish(masked(redactor, event),
                   [acknowledgement](const Status& status) { acknowledgement->settle(status); });
  }
}

}  // namespace

// Many may listen, so it takes a thread that may be kept; it is not kept until the disk has all.
// None is taken before instances from before the start listen again.
Status add_event_routes(Router& router, const Services& services, const Blocking& blocking) {
  const auto send = [&engine = services.engine, &redactor = services.authority.redactor(),
                     blocking](Request request, const Responder& responder) {
    auto shared = std::make_shared<const Request>(std::move(request));
    const bool taken = blocking([&engine, &redactor, shared, responder] {
      send_events(engine, redactor, *shared, responder);
    });
    if (!taken) responder.answer(overloaded());
  };
  Route route{"POST", "/api/v1/events", Access::needs(Permission::send_events), AsyncHandler(send)};
  route.when_ready = true;
  return router.add(std::move(route));
}

}  // namespace stepwell::api
