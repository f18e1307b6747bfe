// Bodies that are too large for the memory, or that have no end yet: what takes a request's body
// piece by piece, and what gives an answer's.
// Made by a route's handler, owned by the connection; see each member for its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/message.h"
#include "base/result.h"

namespace stepwell::api {

// Takes a request's body. Destroyed before finish(): the client went away, or sent too much.
class BodyConsumer {
 public:
  virtual ~BodyConsumer() = default;
  // On a thread that may block; the next piece is read from the client afterwards. An error is the
  // answer, and the rest of the body is not read.
  virtual Status consume(std::string_view piece) = 0;
  // Behind the last piece, on a thread that may block.
  virtual Result<Response> finish() = 0;
};

// Gives an answer's body.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // In bytes, where it is known: then the answer has a Content-Length, else it is chunked.
  virtual std::optional<std::uint64_t> size() const = 0;
  // The next piece, of at most so many bytes; empty: the end. On a thread that may block, once the
  // piece before has been sent. After an error the connection is cut.
  virtual Result<std::string> next(std::size_t most) = 0;
};

}  // namespace stepwell::api
