#include "api/openapi.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/ascii.h"
#include "config/yaml_node.h"

namespace stepwell::api {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kProblem = "application/problem+json";

Value reference(std::string_view kind, std::string_view name) {
  return Value::object({{"$ref", "#/components/" + std::string(kind) + "/" + std::string(name)}});
}

// A schema's name, or a schema.
Value schema_of(const Value& said) {
  return said.is_string() ? reference("schemas", said.as_string()) : said;
}

Value content_of(std::string_view type, Value schema) {
  return Value::object({{type, Value::object({{"schema", std::move(schema)}})}});
}

// What the files say, put together.
struct Texts {
  Value common;                                      // of common.yaml
  std::map<std::string, Value, std::less<>> routes;  // by "METHOD PATTERN", with `tag` and `path`
  Value schemas = Value::object();
  Value tags = Value::array();
};

Problem text_invalid(std::string detail) {
  return make_problem(ErrorKind::configuration, "openapi-invalid", std::move(detail));
}

Status take_file(std::string_view name, const Value& file, Texts& texts) {
  if (name == "common.yaml") texts.common = file;
  for (const Value::Member& schema : file.get("schemas").members())
    texts.schemas.set(schema.name(), schema.value);
  if (!file.contains("tag")) return {};
  texts.tags.push_back(
      Value::object({{"name", file.get("tag")}, {"description", file.get("description")}}));
  for (const Value::Member& route : file.get("routes").members()) {
    Value said = route.value;
    said.set("tag", file.get("tag"));
    said.set("path", file.get("path"));
    if (!texts.routes.emplace(std::string(route.name()), std::move(said)).second)
      return fail(text_invalid(std::string(route.name()) + " is described twice"));
  }
  return {};
}

// A schema that extends another one has that one's members, too: JSON Schema's own way to say so
// (unevaluatedProperties) is known to few tools.
Value extended(const Value& schema, const Value& schemas) {
  if (!schema.contains("extends")) return schema;
  const Value base = extended(schemas.get(schema.get("extends").as_string()), schemas);
  Value required = Value::array();
  for (const Value* each : {&base, &schema})
    for (const Value& name : each->get("required").elements()) required.push_back(name);
  Value properties = base.get("properties");
  for (const Value::Member& member : schema.get("properties").members())
    properties.set(member.name(), member.value);
  Value made = schema;
  made.erase("extends");
  made.set("required", std::move(required));
  made.set("properties", std::move(properties));
  return made;
}

Result<Texts> read_texts() {
  Texts texts;
  for (const auto& [name, text] : openapi_texts()) {
    config::FaultList faults{std::string(name)};
    const config::NodePtr root = config::parse_yaml(text, faults);
    const std::vector<config::Fault> found = faults.take();
    if (root == nullptr || !found.empty())
      return fail(text_invalid(found.empty() ? std::string(name) : found.front().text()));
    if (Status taken = take_file(name, root->value, texts); !taken)
      return fail(std::move(taken.error()));
  }
  Value schemas = Value::object();
  for (const Value::Member& schema : texts.schemas.members())
    schemas.set(schema.name(), extended(schema.value, texts.schemas));
  texts.schemas = std::move(schemas);
  return texts;
}

// Puts one route's operation together.
class OperationMaker {
 public:
  OperationMaker(const Route& route, const Texts& texts, const Value& said,
                 std::vector<std::string>& faults)
      : route_(route),
        name_(route.method + " " + route.pattern),
        texts_(texts),
        said_(said),
        faults_(faults) {}

  Value make() {
    check_members();
    Value operation = Value::object({{"operationId", said_.get("id")},
                                     {"tags", Value::array({said_.get("tag")})},
                                     {"summary", said_.get("summary")}});
    operation.set("description", description());
    if (Value all = parameters(); !all.empty()) operation.set("parameters", std::move(all));
    if (said_.contains("body")) operation.set("requestBody", body());
    operation.set("responses", responses());
    operation.set("security", security());
    if (permission()) operation.set("x-permission", *permission());
    return operation;
  }

 private:
  void fault(const std::string& what) { faults_.push_back(name_ + ": " + what); }

  void check_members() {
    static const std::set<std::string, std::less<>> kKnown{
        "id",  "summary", "description", "query", "headers", "body",
        "tag", "answers", "problems",    "path",  "security"};
    for (const Value::Member& member : said_.members())
      if (kKnown.count(std::string(member.name())) == 0)
        fault("unknown member " + std::string(member.name()));
    for (const char* needed : {"id", "summary", "answers"})
      if (!said_.contains(needed)) fault(std::string("no ") + needed);
  }

  std::optional<std::string> permission() const {
    if (!route_.access || !route_.access->permission) return std::nullopt;
    return std::string(to_string(*route_.access->permission));
  }

  Value description() const {
    std::string text(said_.get("description").is_string() ? said_.get("description").as_string()
                                                          : std::string_view());
    while (text.ends_with('\n')) text.pop_back();
    if (const auto needed = permission())
      text += (text.empty() ? "" : "\n\n") + ("Needs the permission `" + *needed + "`.");
    return text;
  }

  Value security() const {
    if (said_.contains("security")) return said_.get("security");
    if (!permission()) return Value::array();
    return Value::array(
        {Value::object({{"apiKey", Value::array()}}), Value::object({{"bearer", Value::array()}})});
  }

  // A text, or {description, schema}.
  Value parameter(std::string_view name, std::string_view in, const Value& said) {
    if (said.is_null()) fault("no word about the parameter " + std::string(name));
    const bool plain = !said.is_object();
    Value made = Value::object({{"name", name}, {"in", in}});
    made.set("description", plain ? said : said.get("description"));
    made.set("required", in == "path" || said.get("required") == Value(true));
    made.set("schema", plain || !said.contains("schema") ? Value::object({{"type", "string"}})
                                                         : schema_of(said.get("schema")));
    return made;
  }

  Value parameters() {
    Value all = Value::array();
    for (std::size_t at = 0; (at = route_.pattern.find('{', at)) != std::string::npos; ++at) {
      const std::string name = route_.pattern.substr(at + 1, route_.pattern.find('}', at) - at - 1);
      all.push_back(parameter(name, "path", said_.get("path").get(name)));
    }
    const Value& said = said_.get("query");
    for (const std::string& name : route_.query) {
      const Value& own = said.get(name);
      all.push_back(
          parameter(name, "query", own.is_null() ? texts_.common.get("query").get(name) : own));
    }
    for (const Value::Member& member : said.members())
      if (std::find(route_.query.begin(), route_.query.end(), member.name()) == route_.query.end())
        fault("the route has no query parameter " + std::string(member.name()));
    for (const Value& header : said_.get("headers").elements())
      all.push_back(parameter(header.as_string(), "header",
                              texts_.common.get("headers").get(header.as_string())));
    return all;
  }

  // A schema's name, or {required, content: {TYPE: SCHEMA}}.
  Value body() const {
    const Value& said = said_.get("body");
    const bool plain = said.is_string();
    Value content = plain ? content_of(kJson, schema_of(said)) : Value::object();
    for (const Value::Member& type : said.get("content").members())
      content.set(type.name(), Value::object({{"schema", schema_of(type.value)}}));
    return Value::object({{"required", plain || !(said.get("required") == Value(false))},
                          {"content", std::move(content)}});
  }

  // A schema's name, or {description, type, schema}.
  static Value answer(const Value& said) {
    const bool plain = said.is_string();
    Value made = Value::object(
        {{"description", plain || !said.contains("description") ? Value("As asked for.")
                                                                : said.get("description")}});
    const Value& schema = plain ? said : said.get("schema");
    const Value& type = said.get("type");
    if (!schema.is_null())
      made.set("content",
               content_of(type.is_string() ? type.as_string() : kJson, schema_of(schema)));
    return made;
  }

  static Value problem(const Value& codes) {
    std::string list;
    for (const Value& code : codes.elements())
      list += (list.empty() ? "`" : ", `") + std::string(code.as_string()) + "`";
    Value schema = Value::object(
        {{"allOf",
          Value::array({reference("schemas", "Problem"),
                        Value::object(
                            {{"properties",
                              Value::object({{"reason", Value::object({{"enum", codes}})}})}})})}});
    return Value::object(
        {{"description", list}, {"content", content_of(kProblem, std::move(schema))}});
  }

  static void add_codes(std::map<std::string, Value>& problems, const Value& said) {
    for (const Value::Member& entry : said.members()) {
      Value& codes = problems.emplace(std::string(entry.name()), Value::array()).first->second;
      for (const Value& code : entry.value.elements())
        if (std::find(codes.elements().begin(), codes.elements().end(), code) ==
            codes.elements().end())
          codes.push_back(code);
    }
  }

  Value responses() const {
    const Value& usual = texts_.common.get("problems");
    std::map<std::string, Value> problems;
    add_codes(problems, usual.get("always"));
    if (permission()) add_codes(problems, usual.get("withKey"));
    if (said_.contains("body")) add_codes(problems, usual.get("withBody"));
    if (route_.when_ready) add_codes(problems, usual.get("whenReady"));
    if (!route_.access || route_.access->permission) add_codes(problems, usual.get("withQuery"));
    add_codes(problems, said_.get("problems"));
    std::map<std::string, Value> all;
    for (const auto& [status, codes] : problems) all[status] = problem(codes);
    for (const Value::Member& member : said_.get("answers").members())
      all[std::string(member.name())] = answer(member.value);
    Value made = Value::object();
    for (const auto& [status, value] : all) made.set(status, value);
    return made;
  }

  const Route& route_;
  const std::string name_;
  const Texts& texts_;
  const Value& said_;
  std::vector<std::string>& faults_;
};

}  // namespace

Result<Description> describe_api(const std::vector<Route>& routes) {
  Result<Texts> texts = read_texts();
  if (!texts) return fail(std::move(texts.error()));
  Description made;
  std::map<std::string, Value> paths;
  std::set<std::string, std::less<>> known;
  for (const Route& route : routes) {
    const std::string name = route.method + " " + route.pattern;
    known.insert(name);
    const auto said = texts->routes.find(name);
    if (said == texts->routes.end()) {
      made.faults.push_back(name + ": no description in api/openapi/*.yaml");
      continue;
    }
    Value& path = paths.emplace(route.pattern, Value::object()).first->second;
    path.set(ascii_lower(route.method),
             OperationMaker(route, *texts, said->second, made.faults).make());
  }
  for (const auto& [name, said] : texts->routes)
    if (known.count(name) == 0) made.faults.push_back(name + ": described, and there is no route");
  Value all = Value::object();
  for (const auto& [pattern, path] : paths) all.set(pattern, path);
  Value info = texts->common.get("info");
  info.set("version", STEPWELL_VERSION);
  made.document = Value::object({{"openapi", "3.1.0"},
                                 {"info", std::move(info)},
                                 {"tags", texts->tags},
                                 {"paths", std::move(all)}});
  made.document.set("components",
                    Value::object({{"schemas", texts->schemas},
                                   {"securitySchemes", texts->common.get("securitySchemes")}}));
  return made;
}

}  // namespace stepwell::api
