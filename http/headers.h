// What may stand in a request's head: checks against smuggling and injection, made after all
// expressions are evaluated. Pure functions, callable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace stepwell::http {

// A token (RFC 9110 §5.6.2): what a method or a field name consists of.
bool is_token(std::string_view text) noexcept;
// No CR, LF or NUL, nor any other control character but tab (RFC 9110 §5.5).
bool is_field_value(std::string_view text) noexcept;
// Letters compared without case (RFC 9110 §5.1); ASCII only.
bool equal_names(std::string_view a, std::string_view b) noexcept;

// Errors: configuration/400/`header-invalid` for a name that is no token, a value with control
// characters, or a field that belongs to the transport: Host, Content-Length, Transfer-Encoding,
// TE, Connection, Expect and their like.
Status check_headers(const std::vector<Header>& headers);
Status check_method(std::string_view method);

// A name of a multipart form, within quotes, as browsers write it, which is what servers know (RFC
// 7578 §5.1 leaves it open; WHATWG HTML §4.10.21.8 says).
std::string form_name(std::string_view name);

}  // namespace stepwell::http
