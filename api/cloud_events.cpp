#include "api/cloud_events.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "api/decoding.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/json.h"
#include "engine/event_bus.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kMaxBatch = 1000;

Problem event_invalid(std::string detail) {
  return client_error(400, "event-invalid", std::move(detail));
}

Problem not_understood() {
  return client_error(
      415, "event-invalid",
      "send application/cloudevents+json, application/cloudevents-batch+json (both in UTF-8), or "
      "the attributes as ce-… headers");
}

std::string content_type(const Request& request) {
  const std::string* header = request.header("Content-Type");
  return header == nullptr ? std::string() : std::string(trimmed(*header));
}

// The media type without its parameters, in lower case.
std::string media_type(std::string_view content_type) {
  return ascii_lower(trimmed(content_type.substr(0, content_type.find(';'))));
}

// JSON texts between systems are UTF-8 (RFC 8259 §8.1), whatever a parameter says.
bool is_utf8(std::string_view content_type) {
  std::string rest = ascii_lower(content_type);
  for (std::size_t at = rest.find(';'); at != std::string::npos; at = rest.find(';')) {
    rest.erase(0, at + 1);
    std::string parameter(trimmed(std::string_view(rest).substr(0, rest.find(';'))));
    std::erase(parameter, '"');
    if (parameter.starts_with("charset=")) return parameter == "charset=utf-8";
  }
  return true;
}

bool is_json(std::string_view type) {
  return type.empty() || type == "application/json" || type.ends_with("+json");
}

// CloudEvents 1.0.2 §2.1.
bool is_attribute_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || is_ascii_digit(c);
  });
}

// Of the types of attributes JSON has booleans, whole numbers of 32 bits, and texts.
bool is_attribute_value(const Value& value) {
  if (value.is_bool() || value.is_string()) return true;
  const auto number = value.as_integer();
  return value.is_number() && number && *number >= INT32_MIN && *number <= INT32_MAX;
}

bool is_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 &&
         text.find_first_of(" \t\r\n") == std::string_view::npos;
}

Status check_required(const Value& event) {
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
  return {};
}

Status check_optional(const Value& event) {
  for (const char* name : {"datacontenttype", "dataschema", "subject", "time"}) {
    const Value* attribute = event.find(name);
    if (attribute != nullptr && (!attribute->is_string() || attribute->empty()))
      return fail(event_invalid("`" + std::string(name) + "` must be a text that is not empty"));
  }
  if (const Value* time = event.find("time"); time != nullptr && !parse_time(time->as_string()))
    return fail(event_invalid("`time` must be a time such as 2027-01-31T12:00:00Z (RFC 3339)"));
  if (const Value* schema = event.find("dataschema");
      schema != nullptr && !is_uri(schema->as_string()))
    return fail(event_invalid("`dataschema` must be an absolute URI"));
  if (!event.contains("data_base64")) return {};
  if (event.contains("data"))
    return fail(event_invalid("an event has `data` or `data_base64`, not both"));
  const Value& bytes = event.get("data_base64");
  if (!bytes.is_string() || !from_base64(bytes.as_string()))
    return fail(event_invalid("`data_base64` must be base64 (RFC 4648)"));
  return {};
}

// As it goes on: what is null is not there (JSON event format §2.2).
Result<Value> checked(const Value& said) {
  if (!said.is_object()) return fail(event_invalid("an event is a JSON object"));
  Value event = Value::object();
  for (const Value::Member& member : said.members()) {
    const std::string_view name = member.name();
    if (name == "data" || name == "data_base64") {
      if (name == "data" || !member.value.is_null()) event.set(name, member.value);
      continue;
    }
    if (member.value.is_null()) continue;
    if (!is_attribute_name(name))
      return fail(event_invalid("the name of the attribute `" +
                                std::string(utf8_prefix(name, 100)) +
                                "` has other characters than a-z and 0-9"));
    if (!is_attribute_value(member.value))
      return fail(event_invalid("the attribute `" + std::string(name) +
                                "` must be a text, a whole number of 32 bits, true or false"));
    event.set(name, member.value);
  }
  if (Status status = check_required(event); !status) return fail(std::move(status.error()));
  if (Status status = check_optional(event); !status) return fail(std::move(status.error()));
  return event;
}

Result<Value> parse_body(const Request& request) {
  auto value = parse_json(request.body);
  if (!value) return fail(event_invalid("the body is no JSON: " + value.error().detail));
  return value;
}

// A quoted string without its quotes (RFC 9110 §5.6.4), then percent-decoded once (HTTP protocol
// binding §3.1.3.2).
std::string header_text(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return percent_decode(value);
  value = value.substr(1, value.size() - 2);
  std::string plain;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    plain += value[i];
  }
  return percent_decode(plain);
}

Status read_attributes(const Request& request, Value& event) {
  for (const http::Header& header : request.headers) {
    std::string name = ascii_lower(header.name);
    if (!name.starts_with("ce-")) continue;
    name.erase(0, 3);
    if (event.contains(name))
      return fail(event_invalid("the header `ce-" + name + "` comes twice"));
    if (name == "data" || name == "datacontenttype")
      return fail(event_invalid("there is no header `ce-" + name +
                                "`: the data are the body, their type is the Content-Type"));
    const std::string text = header_text(header.value);
    if (!is_valid_utf8(text))
      return fail(event_invalid("the header `ce-" + name + "` is not UTF-8"));
    event.set(name, Value(text));
  }
  return {};
}

Result<Value> read_binary(const Request& request, const std::string& content_type) {
  Value event = Value::object();
  if (Status read = read_attributes(request, event); !read) return fail(std::move(read.error()));
  if (!content_type.empty()) event.set("datacontenttype", content_type);
  const std::string type = media_type(content_type);
  if (request.body.empty()) return event;
  if (is_json(type)) {
    auto data = parse_body(request);
    if (!data) return data;
    event.set("data", std::move(*data));
  } else if (type.starts_with("text/") && is_utf8(content_type) && is_valid_utf8(request.body)) {
    event.set("data", Value(request.body));
  } else {
    event.set("data_base64", to_base64(request.body));
  }
  return event;
}

Result<std::vector<Value>> read_all(const Request& request) {
  const std::string said = content_type(request);
  const std::string type = media_type(said);
  const bool batch = type == "application/cloudevents-batch+json";
  const bool structured = type == "application/cloudevents+json";
  if (!type.starts_with("application/cloudevents") && request.header("ce-type") != nullptr) {
    Result<Value> event = read_binary(request, said);
    if (!event) return fail(std::move(event.error()));
    return std::vector<Value>{*std::move(event)};
  }
  if ((!batch && !structured && (!is_json(type) || type.starts_with("application/cloudevents"))) ||
      !is_utf8(said))
    return fail(not_understood());
  auto body = parse_body(request);
  if (!body) return fail(std::move(body.error()));
  if (!batch) return std::vector<Value>{std::move(*body)};
  if (!body->is_array()) return fail(event_invalid("a batch is a JSON array of events"));
  if (body->size() > kMaxBatch)
    return fail(event_invalid("a batch has at most " + std::to_string(kMaxBatch) + " events"));
  return std::vector<Value>(body->elements().begin(), body->elements().end());
}

}  // namespace

Result<std::vector<Value>> read_events(const Request& request) {
  Result<std::vector<Value>> events = read_all(request);
  if (!events) return events;
  for (Value& event : *events) {
    Result<Value> whole = checked(event);
    if (!whole) return fail(std::move(whole.error()));
    event = *std::move(whole);
  }
  return events;
}

}  // namespace stepwell::api
