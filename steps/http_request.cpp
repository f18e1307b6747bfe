#include "steps/http_request.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/encoding.h"
#include "http/headers.h"
#include "steps/file_source.h"
#include "steps/request_body.h"

namespace stepwell::steps {

namespace {

Problem configuration(std::string code, std::string detail) {
  return make_problem(ErrorKind::configuration, std::move(code), std::move(detail));
}

// Calls `take(name, text)` for each member of an object, several times where it is an array.
template <class Take>
Status each_field(const Value& object, const char* code, const char* what, const Take& take) {
  for (const Value::Member& member : object.members()) {
    const Value& value = member.value;
    if (value.is_null()) continue;
    const auto one = [&](const Value& item) -> Status {
      auto text = scalar_text(item);
      if (!text) {
        return fail(configuration(code, std::string(what) + " '" + std::string(member.name()) +
                                            "' must be a string, number, boolean or an array of "
                                            "these; it is " +
                                            std::string(kind_name(item))));
      }
      take(std::string(member.name()), std::move(*text));
      return {};
    };
    if (!value.is_array()) {
      if (auto done = one(value); !done) return done;
      continue;
    }
    for (const Value& item : value.elements())
      if (auto done = one(item); !done) return done;
  }
  return {};
}

bool has_header(const std::vector<http::Header>& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(), [name](const http::Header& header) {
    return http::equal_names(header.name, name);
  });
}

Status add_headers(http::Request& request, const Value& headers, bool authenticated) {
  if (!headers.is_null() && !headers.is_object()) {
    return fail(configuration(
        "header-invalid", "headers must be an object; it is " + std::string(kind_name(headers))));
  }
  auto added =
      each_field(headers, "header-invalid", "header", [&](std::string name, std::string text) {
        request.headers.push_back({std::move(name), std::move(text)});
      });
  if (!added) return added;
  if (authenticated && has_header(request.headers, "Authorization")) {
    return fail(configuration("header-invalid",
                              "the call has an authentication, so it may not set the header "
                              "Authorization as well; remove one of them"));
  }
  return http::check_headers(request.headers);
}

Status add_body(http::Request& request, const Value& body, std::string_view boundary,
                engine::Files* files) {
  // Those have none (RFC 9110 §9.3.2, §9.3.8); a server would wait for it, or take it for the next
  // request.
  if (request.method == "HEAD" || request.method == "TRACE")
    return fail(configuration("body-invalid", "a " + request.method + " request has no body"));
  const auto type = std::find_if(
      request.headers.begin(), request.headers.end(),
      [](const auto& header) { return http::equal_names(header.name, "Content-Type"); });
  const bool typed = type != request.headers.end();
  auto encoded = encode_body(body, typed ? std::string_view(type->value) : "", boundary);
  if (!encoded) return fail(std::move(encoded.error()));
  if (encoded->pieces.empty()) {
    request.body = std::move(encoded->bytes);
  } else {
    auto source = body_source(files, std::move(encoded->pieces));
    if (!source) return fail(std::move(source.error()));
    request.source = *std::move(source);
    if (!request.source) request.body.emplace();
  }
  if (typed)
    type->value = std::move(encoded->content_type);
  else
    request.headers.push_back({"Content-Type", std::move(encoded->content_type)});
  return {};
}

}  // namespace

Result<std::string> with_query(std::string url, const Value& query) {
  if (query.is_null()) return url;
  if (!query.is_object()) {
    return fail(configuration("query-invalid",
                              "query must be an object; it is " + std::string(kind_name(query))));
  }
  const std::size_t fragment = url.find('#');
  if (fragment != std::string::npos) url.resize(fragment);
  char separator = url.find('?') == std::string::npos ? '?' : '&';
  if (url.ends_with('?') || url.ends_with('&')) separator = '\0';
  auto done = each_field(query, "query-invalid", "query parameter",
                         [&](const std::string& name, const std::string& text) {
                           if (separator != '\0') url += separator;
                           url += percent_encode(name) + "=" + percent_encode(text);
                           separator = '&';
                         });
  if (!done) return fail(std::move(done.error()));
  return url;
}

std::string traceparent(std::string_view trace_id, std::string_view span_id) {
  std::string text;
  text.reserve(trace_id.size() + span_id.size() + sizeof "00---01");
  text.append("00-").append(trace_id).append("-").append(span_id).append("-01");
  return text;
}

Result<http::Request> build_request(const Value& arguments, bool authenticated,
                                    std::string_view boundary, engine::Files* files) {
  http::Request request;
  const Value& method = arguments.get("method");
  if (!method.is_string()) {
    return fail(configuration("method-invalid",
                              "method must be a string; it is " + std::string(kind_name(method))));
  }
  request.method = method.as_string();
  std::transform(request.method.begin(), request.method.end(), request.method.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (auto valid = http::check_method(request.method); !valid)
    return fail(std::move(valid.error()));
  const Value& uri = arguments.get("uri");
  if (!uri.is_string()) {
    return fail(configuration("url-invalid", "the endpoint's URI must be a string; it is " +
                                                 std::string(kind_name(uri))));
  }
  auto url = with_query(std::string(uri.as_string()), arguments.get("query"));
  if (!url) return fail(std::move(url.error()));
  request.url = std::move(*url);
  if (auto added = add_headers(request, arguments.get("headers"), authenticated); !added)
    return fail(std::move(added.error()));
  if (const Value& body = arguments.get("body"); !body.is_null())
    if (auto added = add_body(request, body, boundary, files); !added)
      return fail(std::move(added.error()));
  return request;
}

}  // namespace stepwell::steps
