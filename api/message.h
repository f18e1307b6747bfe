// What a route's handler is given and what it answers: plain values without any transport's types.
// A Request is owned by the handler that it is moved into, a Response by its Responder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/credential.h"
#include "auth/keys.h"
#include "base/result.h"
#include "base/value.h"
#include "http/message.h"

namespace stepwell::api {

class BodySource;
class EventStream;

struct Request {
  std::string id;      // random; also in the answer's X-Request-Id and in the log
  std::string method;  // upper case, as it came (RFC 9110 §9.1)
  std::string target;  // the request target as it came
  std::vector<http::Header> headers;
  std::string body;
  std::string remote;         // the peer's address, without port
  std::string authorization;  // the value of the one Authorization header; may be empty

  // Set by the router and the dispatcher, before a handler sees the request.
  std::vector<std::string> parameters;  // what the pattern's {…} stand for, in order, decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, each name once
  auth::Principal principal;                               // empty on an open route
  // Where it must have its effect once (api/once.h): as auth::Actor has them.
  std::string once = {};
  std::string asked = {};

  const std::string* header(std::string_view name) const;       // the first one; nullptr if absent
  const std::string* query_value(std::string_view name) const;  // nullptr if absent
  auth::Actor actor() const { return {principal.user, remote, once, asked}; }
};

struct Response {
  int status = 200;
  std::string content_type;  // empty: no body
  std::string body;
  std::vector<http::Header> headers;
  bool shows_key = false;  // the one answer that hands out a new API key, and is not redacted
  // Instead of `body`, and not redacted: given piece by piece (api/body.h), or for as long as there
  // are events (api/event_stream.h; its content_type is text/event-stream).
  std::shared_ptr<BodySource> source = {};
  std::shared_ptr<EventStream> events = {};
};

Response json_response(int status, const Value& value);
Response json_text_response(int status, std::string json);
Response text_response(int status, std::string text, std::string_view content_type);
// application/problem+json (RFC 9457 §3). A status that is no error's becomes 500; 401 carries
// WWW-Authenticate (RFC 9110 §15.5.2), 503 Retry-After.
Response problem_response(const Problem& problem);

// runtime/503: too many requests are waiting.
Problem overloaded();

}  // namespace stepwell::api
