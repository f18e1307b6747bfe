// What goes over a connection besides what Beast reads: the framing rules that it leaves to us, the
// answer's text, and the refusals that come before any route.
// Pure functions, callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "base/units.h"

namespace stepwell::api {

struct Framing {
  int version = 11;
  bool keep_alive = false;
  bool head_only = false;  // the answer to HEAD: all headers, no body (RFC 9110 §9.3.2)
  // The body comes in pieces: so many bytes, where that is known; else chunked (RFC 9112 §7.1), or
  // until the connection closes (1.0).
  bool in_pieces = false;
  std::optional<std::uint64_t> length = {};

  bool chunked() const { return in_pieces && !length && version == 11; }
};

// The whole answer, status line to body; of one in pieces all that comes before the body.
std::string serialize(const Response& response, const Framing& framing);
// A piece as it goes out, and what comes behind the last one.
std::string serialize_piece(std::string piece, const Framing& framing);
std::string_view end_of_pieces(const Framing& framing);

// What two readers of the same bytes could understand differently is refused: another version
// than 1.0 or 1.1 (505), not exactly one valid Host (RFC 9112 §3.2), a Transfer-Encoding other than
// one "chunked" (RFC 9112 §6.1) or beside a Content-Length or in 1.0, several Content-Length or
// Authorization headers.
Status check_framing(int version, const std::vector<http::Header>& headers);
bool expects_continue(const std::vector<http::Header>& headers);  // RFC 9110 §10.1.1

// Fits a target of that size, and so many header fields? Errors: 414, 431.
Status check_size(std::size_t target, std::size_t fields);

Problem request_malformed(std::string_view why);  // 400
Problem version_unsupported();                    // 505
Problem headers_too_large(Bytes limit);           // 431
Problem body_too_large(Bytes limit);              // 413
Problem too_many_connections();                   // 503

}  // namespace stepwell::api
