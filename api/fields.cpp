#include "api/fields.h"

#include <algorithm>
#include <cstring>

#include "base/json.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kNameShown = 100;  // bytes

Problem invalid(std::string detail) {
  return make_problem(ErrorKind::validation, "request-invalid", std::move(detail));
}

}  // namespace

Result<Fields> Fields::of_body(const Request& request) {
  if (request.body.empty()) return fail(invalid("the request needs a JSON object as its body"));
  Result<Value> value = parse_json(request.body);
  if (!value) return fail(std::move(value).error());
  if (!value->is_object())
    return fail(invalid("the body must be a JSON object, not " + std::string(kind_name(*value))));
  return Fields(*std::move(value));
}

const Value* Fields::take(std::string_view name) {
  known_.emplace_back(name);
  return object_.find(name);
}

void Fields::fault(std::string detail) {
  if (!fault_) fault_ = invalid(std::move(detail));
}

void Fields::wrong_type(std::string_view name, std::string_view wanted) {
  fault("\"" + std::string(name) + "\" must be " + std::string(wanted));
}

std::string Fields::text(std::string_view name) {
  const Value* value = take(name);
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_string()) {
    wrong_type(name, "a string");
    return {};
  }
  return std::string(value->as_string());
}

std::string Fields::required_text(std::string_view name) {
  std::string value = text(name);
  if (value.empty()) fault("\"" + std::string(name) + "\" is missing");
  return value;
}

std::vector<std::string> Fields::texts(std::string_view name) {
  std::vector<std::string> out;
  const Value* value = take(name);
  if (value == nullptr || value->is_null()) return out;
  if (!value->is_array()) wrong_type(name, "an array of strings");
  for (const Value& element : value->elements()) {
    if (!element.is_string()) {
      wrong_type(name, "an array of strings");
      break;
    }
    out.emplace_back(element.as_string());
  }
  return out;
}

std::optional<bool> Fields::flag(std::string_view name) {
  const Value* value = take(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) {
    wrong_type(name, "true or false");
    return std::nullopt;
  }
  return value->as_bool();
}

std::optional<WallTime> Fields::time(std::string_view name) {
  const Value* value = take(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_string()) {
    wrong_type(name, "a date and time such as \"2027-01-31T12:00:00Z\", or null");
    return std::nullopt;
  }
  const Result<WallTime> time = parse_time(value->as_string());
  if (time) return *time;
  if (!fault_) {
    fault_ = time.error();
    fault_->detail = "\"" + std::string(name) + "\": " + fault_->detail;
  }
  return std::nullopt;
}

Value Fields::any(std::string_view name) {
  const Value* value = take(name);
  return value == nullptr ? Value() : *value;
}

Status Fields::done() const {
  // An unknown name first: a misspelt member is what a missing one often is.
  for (const Value::Member& member : object_.members()) {
    if (std::find(known_.begin(), known_.end(), member.name()) != known_.end()) continue;
    std::string names;
    for (const std::string& name : known_) names += (names.empty() ? "" : ", ") + name;
    return fail(invalid("unknown member \"" + valid_utf8(member.name().substr(0, kNameShown)) +
                        "\"; known are: " + names));
  }
  if (fault_) return fail(*fault_);
  return {};
}

void Fields::wipe_text(std::string_view name) {
  const Value* value = object_.find(name);
  if (value == nullptr || !value->is_string()) return;
  // The object was parsed from this request's body and nobody else holds it, so its bytes are ours
  // to overwrite; a Value has no way to say so.
  const std::string_view text = value->as_string();
  explicit_bzero(const_cast<char*>(text.data()), text.size());
}

}  // namespace stepwell::api
