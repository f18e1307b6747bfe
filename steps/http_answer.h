// From an upstream's answer to a step's output or problem. Pure functions, callable from any
// thread; they run on workers.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "config/definition.h"
#include "http/message.h"

namespace stepwell::steps {

// What an answer of this status means where it is an error: its code and whether it may be
// retried, as docs/errors/ lists it. Source of the table: the rules on failing cleanly in
// docs/security.md; RFC 9110 §15.5 and §15.6 for the statuses.
Problem status_problem(std::string_view method, std::string_view url_without_query,
                       const http::Response& response);

// The body in UTF-8 where it is JSON or text, by its byte order mark, its charset, or as UTF-8; any
// other as it is. Errors: communication/500 `content-invalid`.
Result<std::string> utf8_text(const http::Response& response);
// Is it JSON or text in another charset, so that a secret in it looks unlike itself?
bool is_other_charset(const http::Response& response);

// The body by its content type: JSON to a value, text to a string, anything else to base64; null
// where there is none. Errors: communication/500 `content-invalid`.
Result<Value> decode_content(const http::Response& response);

// What the task gives: content, raw (base64) or the whole response, whose headers' names are
// written alike whatever the protocol (Content-Type). `request_headers` are shown with the secret
// ones masked already.
Result<Value> step_output(config::HttpCallBody::Output output, const http::Response& response,
                          std::string_view method, std::string_view url,
                          const std::vector<http::Header>& request_headers);

// Seconds to wait by the field Retry-After (RFC 9110 §10.2.3): a number, or a date seen from `now`;
// at most a day.
std::optional<double> retry_after(const http::Response& response, WallTime now);

}  // namespace stepwell::steps
