#include "steps/openapi_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/ascii.h"
#include "base/encoding.h"
#include "config/faults.h"

namespace stepwell::steps {

namespace {

constexpr int kReferencesAtMost = 32;
constexpr std::size_t kReferenceBytes = 1024;
// Parameters, properties and references in all; large public documents have some ten thousand.
constexpr std::size_t kReaderBudget = 500'000;
constexpr std::array<std::string_view, 8> kOperationMethods{"get",     "put",  "post",  "delete",
                                                            "options", "head", "patch", "trace"};

std::string reader_text(const Value& value) {
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

// RFC 6901 §4: "~1" is "/", "~0" is "~".
std::string reference_token(const std::string& escaped) {
  std::string token;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const char next = i + 1 < escaped.size() ? escaped[i + 1] : '\0';
    const bool escape = escaped[i] == '~' && (next == '0' || next == '1');
    token += !escape ? escaped[i] : next == '0' ? '~' : '/';
    if (escape) ++i;
  }
  return token;
}

// The value that a JSON pointer names (RFC 6901 §4); null where there is none.
const Value* pointed_at(const Value& root, std::string_view pointer) {
  const Value* at = &root;
  while (!pointer.empty()) {
    if (pointer[0] != '/') return nullptr;
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string token = reference_token(percent_decode(pointer.substr(0, end)));
    pointer.remove_prefix(end);
    if (at->is_array()) {
      std::size_t index = 0;
      const auto [rest, fault] = std::from_chars(token.data(), token.data() + token.size(), index);
      if (fault != std::errc() || rest != token.data() + token.size() || index >= at->size())
        return nullptr;
      at = &at->at(index);
    } else {
      at = at->find(token);
      if (at == nullptr) return nullptr;
    }
  }
  return at;
}

// The URL of a server with its variables' defaults (OpenAPI 3.1.1 §4.8.5).
Result<std::string> server_url(const Value& server) {
  const std::string url = reader_text(server.get("url"));
  std::string out;
  for (std::size_t i = 0; i < url.size();) {
    const std::size_t open = std::min(url.find('{', i), url.size());
    out += url.substr(i, open - i);
    if (open == url.size()) break;
    const std::size_t close = url.find('}', open);
    if (close == std::string::npos) return fail(openapi_invalid("a server's URL has an open `{`"));
    const std::string name = url.substr(open + 1, close - open - 1);
    const Value& value = server.get("variables").get(name).get("default");
    if (!value.is_string())
      return fail(openapi_invalid("the variable " + config::quoted(name) +
                                  " of a server's URL has no `default`"));
    out += value.as_string();
    i = close + 1;
  }
  return out;
}

}  // namespace

Status OpenApiReader::spend(std::size_t units) {
  spent_ += units;
  if (spent_ <= kReaderBudget) return {};
  return fail(openapi_invalid("it describes more than this version reads"));
}

Result<const Value*> OpenApiReader::resolve(const Value& value) {
  const Value* at = &value;
  for (int hops = 0; at->is_object(); ++hops) {
    const Value* reference = at->find("$ref");
    if (reference == nullptr || !reference->is_string()) return at;
    if (auto spent = spend(1); !spent) return fail(std::move(spent.error()));
    const std::string_view target = reference->as_string();
    if (hops == kReferencesAtMost)
      return fail(
          openapi_invalid("the reference " + config::quoted(target) + " leads in a circle"));
    if (!target.starts_with("#"))
      return fail(openapi_invalid("it refers to another document by " + config::quoted(target) +
                                  ", which is not supported; bundle it into one"));
    at = target.size() > kReferenceBytes ? nullptr : pointed_at(root_, target.substr(1));
    if (at == nullptr)
      return fail(openapi_invalid("the reference " + config::quoted(target) + " leads nowhere"));
  }
  return at;
}

Result<std::shared_ptr<const OpenApiDocument>> OpenApiReader::read() {
  if (auto version = read_version(); !version) return fail(std::move(version.error()));
  auto document = std::make_shared<OpenApiDocument>();
  read_schemes(*document);
  if (auto paths = read_paths(*document); !paths) return fail(std::move(paths.error()));
  return std::shared_ptr<const OpenApiDocument>(std::move(document));
}

Status OpenApiReader::read_version() {
  if (!root_.is_object()) return fail(openapi_invalid("it is no object"));
  const Value& swagger = root_.get("swagger");
  const Value& openapi = root_.get("openapi");
  // YAML authors write 2.0 without quotes, which is a number.
  const bool two = swagger.is_number() ? swagger.as_double() == 2.0 : reader_text(swagger) == "2.0";
  const std::string version = reader_text(openapi);
  swagger_ = two && openapi.is_null();
  if (swagger_ || version.starts_with("3.0.") || version.starts_with("3.1.")) return {};
  if (openapi.is_null() && swagger.is_null())
    return fail(openapi_invalid("it has neither `openapi` nor `swagger`, and so is none"));
  return fail(openapi_invalid("its version is " +
                              config::quoted(version.empty() ? reader_text(swagger) : version) +
                              "; 3.0, 3.1 and Swagger 2.0 are supported"));
}

Status OpenApiReader::read_paths(OpenApiDocument& document) {
  for (const Value::Member& member : root_.get("paths").members()) {
    const std::string path(member.name());
    if (!path.starts_with('/')) continue;  // an extension (x-…)
    const auto item = resolve(member.value);
    if (!item) {
      if (spent_ > kReaderBudget) return fail(item.error());
      continue;  // its operations are not known, not even by their names
    }
    if (auto read = read_path(path, **item, document); !read) return read;
  }
  return {};
}

Status OpenApiReader::read_path(const std::string& path, const Value& item,
                                OpenApiDocument& document) {
  for (const std::string_view method : kOperationMethods) {
    const Value& operation = item.get(method);
    const Value& id = operation.get("operationId");
    if (!id.is_string()) continue;
    auto read = read_operation(path, item, operation);
    if (spent_ > kReaderBudget) return fail(read.error());
    if (read) {
      read->method = method;
      std::transform(method.begin(), method.end(), read->method.begin(),
                     [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      read->id = id.as_string();
    } else {
      read.error().detail += " (at " + std::string(method) + " " + path + ")";
    }
    const auto [place, fresh] =
        document.operations_.try_emplace(std::string(id.as_string()), std::move(read));
    if (!fresh)
      place->second = fail(openapi_invalid("several operations have the operationId " +
                                           config::quoted(id.as_string())));
  }
  return {};
}

Result<OpenApiOperation> OpenApiReader::read_operation(const std::string& path, const Value& item,
                                                       const Value& operation) {
  OpenApiOperation result;
  result.path = path;
  if (auto spent = spend(1); !spent) return fail(std::move(spent.error()));
  auto server = swagger_ ? read_host(operation) : read_server(item, operation);
  if (!server) return fail(std::move(server.error()));
  result.server = std::move(*server);
  if (auto read = read_parameters(item, operation, result); !read)
    return fail(std::move(read.error()));
  if (!swagger_ && operation.contains("requestBody")) {
    if (auto read = read_request_body(operation.get("requestBody"), result); !read)
      return fail(std::move(read.error()));
  }
  if (auto read = read_accept(operation, result); !read) return fail(std::move(read.error()));
  read_security(operation, result);
  return result;
}

// The operation's servers, else the path's, else the document's; the first that HTTP reaches.
Result<std::string> OpenApiReader::read_server(const Value& item, const Value& operation) const {
  for (const Value* level : {&operation, &item, &root_}) {
    const Value& servers = level->get("servers");
    if (servers.elements().empty()) continue;
    for (const Value& server : servers.elements()) {
      auto url = server_url(server);
      if (!url) return url;
      const std::string scheme = ascii_lower(url->substr(0, url->find_first_of(":/?#")));
      const bool absolute = url->find(':') == scheme.size();
      if (absolute && scheme != "http" && scheme != "https") continue;
      if (url->find_first_of("?#") != std::string::npos)
        return fail(openapi_invalid("a server's URL has a query or a fragment"));
      return url;
    }
    return fail(openapi_invalid("none of its servers is reached by http or https"));
  }
  return std::string("/");
}

// Swagger's schemes, host and basePath, each by default what the document came from.
Result<std::string> OpenApiReader::read_host(const Value& operation) const {
  std::string scheme;
  const Value& own = operation.get("schemes");
  const Value& schemes = own.is_array() ? own : root_.get("schemes");
  bool other = false;
  for (const Value& each : schemes.elements()) {
    const std::string name = reader_text(each);
    if (name == "https" || (name == "http" && scheme.empty())) scheme = name;
    other = true;
  }
  if (other && scheme.empty()) return fail(openapi_invalid("none of its schemes is http or https"));
  const std::string host = reader_text(root_.get("host"));
  std::string base = reader_text(root_.get("basePath"));
  if (!base.starts_with('/')) base.insert(0, "/");
  if (host.empty()) return base;
  return (scheme.empty() ? "//" : scheme + "://") + host + base;
}

void OpenApiReader::read_security(const Value& operation, OpenApiOperation& result) const {
  const Value& own = operation.get("security");
  const Value& security = own.is_array() ? own : root_.get("security");
  for (const Value& alternative : security.elements()) {
    std::vector<std::string> names;
    for (const Value::Member& member : alternative.members()) names.emplace_back(member.name());
    result.security.push_back(std::move(names));
  }
}

void OpenApiReader::read_schemes(OpenApiDocument& document) {
  using Kind = SecurityScheme::Kind;
  const Value& schemes =
      swagger_ ? root_.get("securityDefinitions") : root_.get("components").get("securitySchemes");
  for (const Value::Member& member : schemes.members()) {
    const auto resolved = resolve(member.value);
    if (!resolved) continue;
    const Value& scheme = **resolved;
    SecurityScheme read;
    const std::string type = reader_text(scheme.get("type"));
    const std::string http = ascii_lower(reader_text(scheme.get("scheme")));
    read.text = type;
    if (type == "apiKey") {
      const std::string in = reader_text(scheme.get("in"));
      read.kind = Kind::api_key;
      read.parameter = reader_text(scheme.get("name"));
      if (in == "query") read.in = ParameterPlace::query;
      if (in == "cookie") read.in = ParameterPlace::cookie;
      read.text = "apiKey in the " + in + " " + config::quoted(read.parameter);
    } else if (type == "basic" || type == "http") {
      read.kind = type == "basic" || http == "basic" ? Kind::basic
                  : http == "bearer"                 ? Kind::bearer
                  : http == "digest"                 ? Kind::digest
                                                     : Kind::other;
      read.text = "http " + (type == "basic" ? type : http);
    } else if (type == "oauth2" || type == "openIdConnect") {
      read.kind = Kind::oauth2;
    } else if (type == "mutualTLS") {
      read.kind = Kind::mutual_tls;
    }
    document.schemes_.emplace(std::string(member.name()), std::move(read));
  }
}

}  // namespace stepwell::steps
