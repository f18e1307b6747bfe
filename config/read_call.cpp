// `call: http`.
#include <algorithm>
#include <array>
#include <utility>

#include "config/read_tasks.h"

namespace stepwell::config {

bool is_idempotent_method(std::string_view method) {
  std::string upper(method);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper != "POST" && upper != "PATCH" && upper != "CONNECT";
}

namespace {

constexpr std::array<std::string_view, 7> kArguments{"method", "endpoint", "headers", "query",
                                                     "body",   "output",   "redirect"};
bool same_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// RFC 9110 §5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// Definitions write `get`; RFC 9110 §9.1 has methods case-sensitive and in upper case.
Template read_method(Reading& reading, const Place& place) {
  static constexpr std::array<std::string_view, 8> kMethods{"GET",   "HEAD",   "POST",    "PUT",
                                                            "PATCH", "DELETE", "OPTIONS", "TRACE"};
  if (!place.node().value.is_string()) {
    reading.expected(place, "text");
    return {};
  }
  const std::string_view text = place.node().value.as_string();
  if (is_expression_text(text)) return read_template(reading, place, body_site("with.method"));
  std::string method(text);
  std::transform(method.begin(), method.end(), method.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  if (!is_token(method))
    reading.error(place, quoted(text) + " is no HTTP method");
  else if (method == "CONNECT")
    reading.error(place, "the method CONNECT is for proxies and cannot be called");
  else if (std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end()) {
    const std::string hint = did_you_mean(method, kMethods);
    if (!hint.empty()) reading.warning(place, quoted(text) + " is an unusual HTTP method", hint);
  }
  return Template::constant(Value(method));
}

void check_header(Reading& reading, const Place& place, bool has_authentication) {
  // The transport sets these (RFC 9110 §7.2, §7.6.1, §8.6, §10.1.1; RFC 9112 §6.1, §7.4, §9.6).
  static constexpr std::array<std::string_view, 12> kOurs{
      "Host",       "Content-Length", "Transfer-Encoding", "TE",
      "Connection", "Keep-Alive",     "Upgrade",           "Trailer",
      "Expect",     "HTTP2-Settings", "Proxy-Connection",  "Proxy-Authorization"};
  const std::string_view name = place.key();
  if (!is_token(name)) {
    reading.error_at_key(place, quoted(name) + " is no name of a header");
    return;
  }
  for (const std::string_view ours : kOurs)
    if (same_ignoring_case(name, ours))
      reading.error_at_key(place, "the header " + quoted(ours) + " cannot be set in a definition");
  const bool authorization = same_ignoring_case(name, "Authorization");
  if (authorization && has_authentication)
    reading.error_at_key(place,
                         "the header `Authorization` stands beside an `authentication`, which "
                         "sets it");
  const Value& value = place.node().value;
  if (!value.is_string()) {
    reading.expected(place, "text");
    return;
  }
  if (is_expression_text(value.as_string())) return;
  if (authorization && !has_authentication)
    reading.warning(place, "a credential written in the file",
                    "; store it and write `authentication: {use: NAME}` beside the endpoint's "
                    "`uri`");
  // RFC 9110 §5.5: CR, LF and NUL would end the field.
  if (value.as_string().find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    reading.error(place, "the value of a header cannot hold line breaks");
}

// An object or an expression that gives one.
bool expect_object(Reading& reading, const Place& place) {
  const YamlNode& node = place.node();
  if (node.kind == YamlNode::Kind::mapping) return true;
  if (node.value.is_string() && is_expression_text(node.value.as_string())) return true;
  reading.expected(place, "a mapping or an expression `${ … }`");
  return false;
}

Template read_headers(Reading& reading, const Place& place, bool has_authentication) {
  if (!expect_object(reading, place)) return {};
  for (const YamlNode::Member& member : place.node().members)
    check_header(reading, Place(place, member), has_authentication);
  return read_template(reading, place, body_site("with.headers"));
}

Template read_query(Reading& reading, const Place& place) {
  if (!expect_object(reading, place)) return {};
  return read_template(reading, place, body_site("with.query"));
}

void read_with(Reading& reading, const Place& with, HttpCallBody& body) {
  const Fields fields(reading, with, kArguments);
  if (!fields.is_mapping()) return;
  if (const auto method = fields.require("method")) body.method = read_method(reading, *method);
  const auto endpoint = fields.require("endpoint");
  if (endpoint) {
    ExternalResource target = read_endpoint(reading, *endpoint, body_site("with.endpoint"));
    body.endpoint = std::move(target.endpoint);
    body.authentication = std::move(target.authentication);
  }
  const bool has_authentication = endpoint && endpoint->node().find("authentication") != nullptr;
  if (const auto headers = fields.find("headers"))
    body.headers = read_headers(reading, *headers, has_authentication);
  if (const auto query = fields.find("query")) body.query = read_query(reading, *query);
  if (const auto content = fields.find("body")) {
    body.body = read_template(reading, *content, body_site("with.body"));
    body.has_body = !(body.body.is_constant() && body.body.constant().is_null());
  }
  body.output = read_call_output(reading, fields);
  body.redirect = read_call_redirect(reading, fields);
}

// A POST whose outcome is unknown is not repeated unless the author says that it may be.
void warn_of_retries(Reading& reading, const Place& method, const HttpCallBody& body) {
  if (!reading.retried || body.options.or_default().idempotent || !body.method.is_constant())
    return;
  const Value& name = body.method.constant();
  if (!name.is_string() || (name.as_string() != "POST" && name.as_string() != "PATCH")) return;
  reading.warning(method,
                  "a " + std::string(name.as_string()) +
                      " within a `try` with `retry` is not repeated when its outcome is unknown",
                  "; say by `metadata: {stepwell: {idempotent: true}}` that it may be, or by "
                  "`false` that this is meant");
}

}  // namespace

CallOutput read_call_output(Reading& reading, const Fields& fields) {
  static constexpr std::array<std::string_view, 3> kOutputs{"content", "raw", "response"};
  const auto output = fields.find("output");
  return output ? static_cast<CallOutput>(read_choice(reading, *output, kOutputs).value_or(0))
                : CallOutput::content;
}

bool read_call_redirect(Reading& reading, const Fields& fields) {
  const auto redirect = fields.find("redirect");
  return redirect && read_flag(reading, *redirect).value_or(false);
}

const YamlNode::Member* read_call_base(Reading& reading, const Place& task,
                                       Boxed<CallOptions>& options) {
  if (const YamlNode::Member* metadata = task.node().find("metadata")) {
    CallOptions read;
    read_task_metadata(reading, Place(task, *metadata), &read);
    options = std::move(read);
  }
  const YamlNode::Member* with = task.node().find("with");
  if (with == nullptr)
    reading.error_at_key(Place(task, *task.node().find("call")),
                         "the keyword `with` is missing beside `call`");
  return with;
}

HttpCallBody read_http_call(Reading& reading, const Place& task) {
  HttpCallBody body;
  const YamlNode::Member* with = read_call_base(reading, task, body.options);
  if (with == nullptr) return body;
  const Place arguments(task, *with);
  read_with(reading, arguments, body);
  if (const YamlNode::Member* method = with->node->find("method"))
    warn_of_retries(reading, Place(arguments, *method), body);
  return body;
}

}  // namespace stepwell::config
