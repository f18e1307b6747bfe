// Parameters and bodies of an operation.
#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "config/faults.h"
#include "steps/media_type.h"
#include "steps/openapi_reader.h"

namespace stepwell::steps {

namespace {

constexpr int kCombinedAtMost = 16;             // levels of allOf
constexpr std::size_t kParametersAtMost = 500;  // of one operation

std::string part_text(const Value& value) {
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

bool says_yes(const Value& value) { return value.is_bool() && value.as_bool(); }

std::optional<ParameterStyle> style_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, ParameterStyle>, 7> kStyles{{
      {"simple", ParameterStyle::simple},
      {"label", ParameterStyle::label},
      {"matrix", ParameterStyle::matrix},
      {"form", ParameterStyle::form},
      {"spaceDelimited", ParameterStyle::space_delimited},
      {"pipeDelimited", ParameterStyle::pipe_delimited},
      {"deepObject", ParameterStyle::deep_object},
  }};
  const auto found = std::find_if(kStyles.begin(), kStyles.end(),
                                  [&](const auto& each) { return each.first == name; });
  if (found == kStyles.end()) return std::nullopt;
  return found->second;
}

std::optional<ParameterPlace> place_of(std::string_view in) {
  for (const ParameterPlace place : {ParameterPlace::path, ParameterPlace::query,
                                     ParameterPlace::header, ParameterPlace::cookie})
    if (in == to_string(place)) return place;
  return std::nullopt;
}

bool in_path_or_header(ParameterPlace place) {
  return place == ParameterPlace::path || place == ParameterPlace::header;
}

// OpenAPI 3.1.1 §4.8.12.2: which styles fit where.
bool style_fits(ParameterStyle style, ParameterPlace place) {
  switch (style) {
    case ParameterStyle::simple:
      return in_path_or_header(place);
    case ParameterStyle::label:
    case ParameterStyle::matrix:
      return place == ParameterPlace::path;
    case ParameterStyle::form:
      return place == ParameterPlace::query || place == ParameterPlace::cookie;
    default:
      return place == ParameterPlace::query;
  }
}

// Swagger 2.0, "Parameter Object", collectionFormat.
void apply_collection_format(std::string_view format, OpenApiParameter& parameter) {
  if (format == "multi")
    parameter.explode = true;
  else if (format == "ssv")
    parameter.style = ParameterStyle::space_delimited;
  else if (format == "pipes")
    parameter.style = ParameterStyle::pipe_delimited;
  else if (format == "tsv")
    parameter.style = ParameterStyle::tab_delimited;
}

// OpenAPI 3.1.1 §4.8.12.2.1: these are not parameters, whatever the document says.
bool is_ignored_header(const OpenApiParameter& parameter) {
  const std::string name = ascii_lower(parameter.name);
  return parameter.in == ParameterPlace::header &&
         (name == "accept" || name == "content-type" || name == "authorization");
}

bool is_binary(const Value& schema) {
  return part_text(schema.get("format")) == "binary" || schema.contains("contentMediaType");
}

}  // namespace

std::string preferred_type(const std::vector<std::string>& types) {
  const auto rank = [](const std::string& text) {
    const MediaType type = parse_media_type(text);
    if (type.name == "application/json") return 0;
    if (type.is_json()) return 1;
    if (type.is_form()) return 2;
    if (type.name == "multipart/form-data") return 3;
    return type.name.starts_with("text/") ? 4 : 5;
  };
  const auto best = std::min_element(
      types.begin(), types.end(),
      [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  return best == types.end() ? std::string() : *best;
}

// The operation's own ones take the place of the path's (by name and place).
Status OpenApiReader::read_parameters(const Value& item, const Value& operation,
                                      OpenApiOperation& result) {
  std::vector<const Value*> fields;  // of Swagger's formData
  const Value* body = nullptr;       // of Swagger's `in: body`
  for (const Value* level : {&item, &operation}) {
    for (const Value& each : level->get("parameters").elements()) {
      const auto resolved = resolve(each);
      if (!resolved) return fail(resolved.error());
      if (auto spent = spend(1); !spent) return spent;
      if (result.parameters.size() == kParametersAtMost)
        return fail(openapi_invalid("an operation has too many parameters"));
      const std::string in = part_text((*resolved)->get("in"));
      if (swagger_ && in == "body") {
        body = *resolved;
        continue;
      }
      if (swagger_ && in == "formData") {
        fields.push_back(*resolved);
        continue;
      }
      auto parameter = read_parameter(**resolved);
      if (!parameter) return fail(std::move(parameter.error()));
      if (!swagger_ && is_ignored_header(*parameter)) continue;
      std::erase_if(result.parameters, [&](const OpenApiParameter& earlier) {
        return earlier.name == parameter->name && earlier.in == parameter->in;
      });
      result.parameters.push_back(std::move(*parameter));
    }
  }
  if (body != nullptr) return read_swagger_body(*body, operation, result);
  return fields.empty() ? Status{} : read_form_fields(fields, operation, result);
}

Result<OpenApiParameter> OpenApiReader::read_parameter(const Value& parameter) {
  OpenApiParameter result;
  result.name = part_text(parameter.get("name"));
  const std::string in = part_text(parameter.get("in"));
  const auto place = place_of(in);
  if (result.name.empty() || !place)
    return fail(
        openapi_invalid("a parameter has no name, or the unknown place " + config::quoted(in)));
  result.in = *place;
  result.required = says_yes(parameter.get("required")) || result.in == ParameterPlace::path;
  result.style = in_path_or_header(result.in) ? ParameterStyle::simple : ParameterStyle::form;
  if (swagger_) {
    apply_collection_format(part_text(parameter.get("collectionFormat")), result);
    result.default_value = parameter.get("default");
    return result;
  }
  const Value& content = parameter.get("content");
  if (!content.members().empty()) {
    result.json = parse_media_type(content.members()[0].name()).is_json();
    if (auto read = read_schema_default(content.members()[0].value.get("schema"), result); !read)
      return fail(std::move(read.error()));
    return result;
  }
  if (const Value& style = parameter.get("style"); style.is_string()) {
    const auto known = style_of(style.as_string());
    if (!known || !style_fits(*known, result.in))
      return fail(openapi_invalid("the parameter " + config::quoted(result.name) +
                                  " has the style " + config::quoted(style.as_string()) +
                                  ", which does not go with its place"));
    result.style = *known;
  }
  const Value& explode = parameter.get("explode");
  result.explode = explode.is_bool() ? explode.as_bool() : result.style == ParameterStyle::form;
  result.reserved = result.in == ParameterPlace::query && says_yes(parameter.get("allowReserved"));
  if (auto read = read_schema_default(parameter.get("schema"), result); !read)
    return fail(std::move(read.error()));
  return result;
}

Status OpenApiReader::read_schema_default(const Value& schema, OpenApiParameter& result) {
  const auto resolved = resolve(schema);
  if (!resolved) return fail(resolved.error());
  result.default_value = (*resolved)->get("default");
  return {};
}

Status OpenApiReader::read_request_body(const Value& body, OpenApiOperation& result) {
  const auto resolved = resolve(body);
  if (!resolved) return fail(resolved.error());
  OpenApiBody read;
  read.required = says_yes((*resolved)->get("required"));
  const Value& content = (*resolved)->get("content");
  std::vector<std::string> types;
  for (const Value::Member& member : content.members()) types.emplace_back(member.name());
  const std::string chosen = preferred_type(types);
  // A range such as */* says nothing of how a value is written.
  read.type = chosen.empty() || chosen.find('*') != std::string::npos ? "application/json" : chosen;
  const Value& media = content.get(chosen);
  if (auto object = read_object(media.get("schema"), 0, read); !object) return object;
  read_encodings(media.get("encoding"), read);
  result.body = std::move(read);
  return {};
}

// Collects the members that an object can have.
Status OpenApiReader::read_object(const Value& schema, int depth, OpenApiBody& body) {
  const auto resolved = resolve(schema);
  if (!resolved) return fail(resolved.error());
  const Value& read = **resolved;
  if (depth > kCombinedAtMost) return fail(openapi_invalid("a body's allOf leads in a circle"));
  for (const Value& part : read.get("allOf").elements())
    if (auto done = read_object(part, depth + 1, body); !done) return done;
  const Value& properties = read.get("properties");
  const bool object = properties.is_object() || part_text(read.get("type")) == "object";
  body.is_object = body.is_object || object;
  if (auto spent = spend(1 + properties.size()); !spent) return spent;
  for (const Value::Member& member : properties.members()) {
    if (says_yes(member.value.get("readOnly"))) continue;  // of answers alone
    OpenApiProperty property;
    property.file = is_binary(member.value);
    body.properties.try_emplace(std::string(member.name()), property);
  }
  for (const Value& name : read.get("required").elements()) {
    const auto property = body.properties.find(part_text(name));
    if (property != body.properties.end()) property->second.required = true;
  }
  return {};
}

void OpenApiReader::read_encodings(const Value& encodings, OpenApiBody& body) const {
  for (auto& [name, property] : body.properties) {
    const Value& encoding = encodings.get(name);
    property.style = style_of(part_text(encoding.get("style")));
    const Value& explode = encoding.get("explode");
    property.explode = explode.is_bool()
                           ? explode.as_bool()
                           : property.style.value_or(ParameterStyle::form) == ParameterStyle::form;
  }
}

std::vector<std::string> OpenApiReader::swagger_types(const Value& operation,
                                                      std::string_view key) const {
  const Value& own = operation.get(key);
  const Value& list = own.is_array() ? own : root_.get(key);
  std::vector<std::string> types;
  for (const Value& type : list.elements())
    if (type.is_string()) types.emplace_back(type.as_string());
  return types;
}

Status OpenApiReader::read_swagger_body(const Value& parameter, const Value& operation,
                                        OpenApiOperation& result) {
  OpenApiBody body;
  body.name = part_text(parameter.get("name"));
  body.required = says_yes(parameter.get("required"));
  body.type = preferred_type(swagger_types(operation, "consumes"));
  if (body.type.empty() || body.type.find('*') != std::string::npos) body.type = "application/json";
  if (auto object = read_object(parameter.get("schema"), 0, body); !object) return object;
  result.body = std::move(body);
  return {};
}

Status OpenApiReader::read_form_fields(const std::vector<const Value*>& fields,
                                       const Value& operation, OpenApiOperation& result) {
  OpenApiBody body;
  body.is_object = true;
  bool files = false;
  for (const Value* field : fields) {
    OpenApiProperty property;
    property.required = says_yes(field->get("required"));
    property.file = part_text(field->get("type")) == "file";
    files = files || property.file;
    OpenApiParameter format;
    apply_collection_format(part_text(field->get("collectionFormat")), format);
    property.style = format.style;
    property.explode = format.explode;
    body.properties.insert_or_assign(part_text(field->get("name")), property);
  }
  // Swagger 2.0: a file needs multipart/form-data.
  std::vector<std::string> types = swagger_types(operation, "consumes");
  std::erase_if(types, [](const std::string& text) {
    const MediaType type = parse_media_type(text);
    return !type.is_form() && type.name != "multipart/form-data";
  });
  const std::string preferred = preferred_type(types);
  body.type = files               ? "multipart/form-data"
              : preferred.empty() ? "application/x-www-form-urlencoded"
                                  : preferred;
  result.body = std::move(body);
  return {};
}

// What successful answers may be; JSON where it is among them.
Status OpenApiReader::read_accept(const Value& operation, OpenApiOperation& result) {
  if (swagger_) {
    result.accept = preferred_type(swagger_types(operation, "produces"));
    return {};
  }
  std::vector<std::string> types;
  for (const Value::Member& member : operation.get("responses").members()) {
    if (!member.name().starts_with('2') && member.name() != "default") continue;
    const auto response = resolve(member.value);
    if (!response) {
      if (auto spent = spend(0); !spent) return spent;
      continue;  // what is only described does not matter
    }
    for (const Value::Member& type : (*response)->get("content").members())
      types.emplace_back(type.name());
  }
  result.accept = preferred_type(types);
  return {};
}

}  // namespace stepwell::steps
