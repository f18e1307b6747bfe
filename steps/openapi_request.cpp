#include "steps/openapi_request.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/json.h"
#include "config/faults.h"
#include "engine/files.h"
#include "http/url.h"
#include "steps/media_type.h"
#include "steps/openapi_reader.h"
#include "steps/openapi_style.h"

namespace stepwell::steps {

namespace {

Problem parameter_fault(std::string code, std::string detail) {
  return make_problem(ErrorKind::validation, std::move(code), std::move(detail));
}

// What of `parameters` goes where.
struct Assigned {
  std::vector<std::pair<const OpenApiParameter*, Value>> parameters;
  Value body;  // null: none
};

class Assigner {
 public:
  Assigner(const OpenApiOperation& operation, const Value& parameters)
      : operation_(operation), given_(parameters) {}

  Result<Assigned> assign() {
    for (const OpenApiParameter& parameter : operation_.parameters) take(parameter);
    std::vector<const Value::Member*> rest;
    for (const Value::Member& member : given_.members())
      if (!member.value.is_null() && !is_parameter(member.name())) rest.push_back(&member);
    if (auto done = take_body(rest); !done) return fail(std::move(done.error()));
    if (!missing_.empty()) return fail(missing_problem());
    return std::move(result_);
  }

 private:
  bool is_parameter(std::string_view name) const {
    return std::any_of(operation_.parameters.begin(), operation_.parameters.end(),
                       [&](const OpenApiParameter& each) { return each.name == name; });
  }

  void take(const OpenApiParameter& parameter) {
    const Value& value = given_.get(parameter.name);
    if (!value.is_null())
      result_.parameters.emplace_back(&parameter, value);
    else if (parameter.required && !parameter.default_value.is_null())
      result_.parameters.emplace_back(&parameter, parameter.default_value);
    else if (parameter.required)
      missing_.push_back(config::quoted(parameter.name) + " (in the " +
                         std::string(to_string(parameter.in)) + ")");
  }

  Status take_body(const std::vector<const Value::Member*>& rest) {
    if (!operation_.body) return rest.empty() ? Status{} : fail(unknown_problem(*rest.front()));
    const OpenApiBody& body = *operation_.body;
    const auto whole = std::find_if(rest.begin(), rest.end(), [&](const Value::Member* member) {
      return (member->name() == "body" || member->name() == body.name) &&
             body.find(member->name()) == nullptr;
    });
    if (whole != rest.end()) {
      for (const Value::Member* member : rest)
        if (member != *whole) return fail(beside_problem(*member, **whole));
      result_.body = (*whole)->value;
      return {};
    }
    for (const Value::Member* member : rest)
      if (body.find(member->name()) == nullptr) return fail(unknown_problem(*member));
    if (rest.empty() && !body.required && !has_required_fields(body)) return {};
    Value members = Value::object();
    for (const Value::Member* member : rest) members.set(member->name(), member->value);
    for (const auto& [name, property] : body.properties)
      if (property.required && members.find(name) == nullptr)
        missing_.push_back(config::quoted(name) + " (in the body)");
    if (rest.empty() && missing_.empty()) missing_.push_back(config::quoted(body.name));
    result_.body = std::move(members);
    return {};
  }

  // Swagger's form has no requirement as a whole.
  static bool has_required_fields(const OpenApiBody& body) {
    const MediaType type = parse_media_type(body.type);
    return !type.is_json() && std::any_of(body.properties.begin(), body.properties.end(),
                                          [](const auto& each) { return each.second.required; });
  }

  Problem missing_problem() const {
    std::string list;
    for (std::size_t i = 0; i < missing_.size(); ++i)
      list += (i == 0 ? "" : i + 1 == missing_.size() ? " and " : ", ") + missing_[i];
    return parameter_fault("parameter-missing", "the operation " + config::quoted(operation_.id) +
                                                    " needs " + list +
                                                    ", which `parameters` does not give");
  }

  Problem beside_problem(const Value::Member& member, const Value::Member& whole) const {
    if (operation_.body->find(member.name()) == nullptr) return unknown_problem(member);
    return parameter_fault("parameter-invalid", config::quoted(member.name()) +
                                                    " is a member of the body and stands beside " +
                                                    config::quoted(whole.name()) +
                                                    ", which is the whole of it; give either");
  }

  Problem unknown_problem(const Value::Member& member) const {
    std::vector<std::string_view> names;
    for (const OpenApiParameter& parameter : operation_.parameters)
      names.emplace_back(parameter.name);
    if (operation_.body) {
      for (const auto& [name, property] : operation_.body->properties) names.emplace_back(name);
      names.emplace_back(operation_.body->name);
    }
    std::string detail = "the operation " + config::quoted(operation_.id) + " has no parameter " +
                         config::quoted(member.name());
    const std::string hint = config::did_you_mean(member.name(), names);
    if (names.size() > 12) names.resize(12);
    detail += !hint.empty()   ? hint
              : names.empty() ? "; it has none"
                              : "; it has " + config::quoted_list(names);
    return parameter_fault("parameter-unknown", std::move(detail));
  }

  const OpenApiOperation& operation_;
  const Value& given_;
  Assigned result_;
  std::vector<std::string> missing_;
};

bool is_dots(std::string_view segment) {
  const std::string plain = percent_decode(segment);
  return plain == "." || plain == "..";
}

// The path with its parameters. A segment of dots would lead to another operation (RFC 3986
// §5.2.4).
Result<std::string> expanded_path(const OpenApiOperation& operation, const Assigned& assigned) {
  std::string out;
  const std::string& path = operation.path;
  for (std::size_t i = 0; i < path.size();) {
    const std::size_t open = std::min(path.find('{', i), path.size());
    out += path.substr(i, open - i);
    if (open == path.size()) break;
    const std::size_t close = path.find('}', open);
    if (close == std::string::npos)
      return fail(openapi_invalid("the path " + config::quoted(path) + " has an open `{`"));
    const std::string name = path.substr(open + 1, close - open - 1);
    const auto found =
        std::find_if(assigned.parameters.begin(), assigned.parameters.end(), [&](const auto& each) {
          return each.first->in == ParameterPlace::path && each.first->name == name;
        });
    if (found == assigned.parameters.end())
      return fail(openapi_invalid("the path " + config::quoted(path) + " names " +
                                  config::quoted(name) +
                                  ", which is none of the operation's path parameters"));
    auto text = simple_text(*found->first, found->second);
    if (!text) return text;
    if (text->empty())
      return fail(parameter_fault("parameter-invalid", "the parameter " + config::quoted(name) +
                                                           " stands in the path and is empty"));
    out += *text;
    i = close + 1;
  }
  for (std::size_t start = 0; start < out.size();) {
    const std::size_t end = std::min(out.find('/', start + 1), out.size());
    if (is_dots(std::string_view(out).substr(start + 1, end - start - 1)))
      return fail(parameter_fault("parameter-invalid",
                                  "a parameter makes a part of the path `.` or `..`, which leads "
                                  "elsewhere"));
    start = end;
  }
  return out;
}

// "a=1&b=2" of all parameters in that place.
Result<std::string> joined_pairs(const Assigned& assigned, ParameterPlace place,
                                 std::string_view between) {
  std::string out;
  for (const auto& [parameter, value] : assigned.parameters) {
    if (parameter->in != place) continue;
    const auto pairs = form_pairs(*parameter, value);
    if (!pairs) return fail(pairs.error());
    for (const auto& [name, text] : *pairs) {
      if (!out.empty()) out += between;
      out.append(name).append("=").append(text);
    }
  }
  return out;
}

Result<std::string> form_text(const OpenApiBody& body, const Value& value) {
  std::string out;
  for (const Value::Member& member : value.members()) {
    if (member.value.is_null()) continue;
    OpenApiParameter field;
    field.name = member.name();
    field.in = ParameterPlace::form;
    field.explode = true;
    const OpenApiProperty* property = body.find(member.name());
    if (property != nullptr) {
      field.style = property->style.value_or(ParameterStyle::form);
      field.explode = property->explode;
    }
    const bool styled = property != nullptr && property->style.has_value();
    field.json = member.value.is_object() && !styled;  // OpenAPI 3.1.1 §4.8.14.4
    const auto pairs = form_pairs(field, member.value);
    if (!pairs) return fail(pairs.error());
    for (const auto& [name, text] : *pairs)
      out.append(out.empty() ? "" : "&").append(name).append("=").append(text);
  }
  return out;
}

// A part of multipart/form-data, as encode_body() takes it.
Value part_value(const OpenApiProperty* property, std::string_view name, const Value& value) {
  if (value.is_array()) {
    Value list = Value::array();
    for (const Value& item : value.elements()) {
      const bool nested = item.is_array();
      list.push_back(nested ? Value::object({{"content", item}})
                            : part_value(property, name, item));
    }
    return list;
  }
  if (value.is_object()) {
    const bool ready =
        value.contains("content") || value.contains("base64") || engine::file_id(value).has_value();
    return ready ? value : Value::object({{"content", value}});
  }
  if (property == nullptr || !property->file || !value.is_string()) return value;
  return Value::object({{"filename", name}, {"content", value}});
}

Result<Value> body_value(const OpenApiBody& body, const Value& value) {
  const MediaType type = parse_media_type(body.type);
  if (type.is_json() && value.is_string()) return Value(to_json(value));
  if (!value.is_object() || engine::file_id(value)) return value;
  if (type.is_form()) {
    auto text = form_text(body, value);
    if (!text) return fail(std::move(text.error()));
    return Value(*text);
  }
  if (type.name != "multipart/form-data") return value;
  Value parts = Value::object();
  for (const Value::Member& member : value.members())
    parts.set(member.name(), part_value(body.find(member.name()), member.name(), member.value));
  return parts;
}

Result<std::string> request_uri(const OpenApiOperation& operation, const Assigned& assigned,
                                const std::string& document_url) {
  auto uri = http::resolve_reference(document_url, operation.server);
  if (!uri) return uri;
  while (uri->ends_with('/')) uri->pop_back();
  auto path = expanded_path(operation, assigned);
  if (!path) return path;
  *uri += *path;
  auto query = joined_pairs(assigned, ParameterPlace::query, "&");
  if (!query) return query;
  if (!query->empty()) *uri += (uri->find('?') == std::string::npos ? "?" : "&") + *query;
  return uri;
}

}  // namespace

Result<Value> openapi_request(const OpenApiOperation& operation, const Value& parameters,
                              const std::string& document_url) {
  auto assigned = Assigner(operation, parameters).assign();
  if (!assigned) return fail(std::move(assigned.error()));
  auto uri = request_uri(operation, *assigned, document_url);
  if (!uri) return fail(std::move(uri.error()));
  Value headers = Value::object();
  if (!operation.accept.empty()) headers.set("Accept", operation.accept);
  for (const auto& [parameter, value] : assigned->parameters) {
    if (parameter->in != ParameterPlace::header) continue;
    auto text = simple_text(*parameter, value);
    if (!text) return fail(std::move(text.error()));
    headers.set(parameter->name, *text);
  }
  const auto cookies = joined_pairs(*assigned, ParameterPlace::cookie, "; ");
  if (!cookies) return fail(cookies.error());
  if (!cookies->empty()) headers.set("Cookie", *cookies);
  Value arguments = Value::object({{"method", operation.method}, {"uri", std::move(*uri)}});
  if (!assigned->body.is_null()) {
    auto body = body_value(*operation.body, assigned->body);
    if (!body) return fail(std::move(body.error()));
    headers.set("Content-Type", operation.body->type);
    arguments.set("body", std::move(*body));
  }
  arguments.set("headers", std::move(headers));
  return arguments;
}

}  // namespace stepwell::steps
