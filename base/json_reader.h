// Reads JSON texts that stand one after the other in a stream, such as a pipe gives: each is there
// as soon as its last byte is. Owned by its user; used by one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "base/json.h"
#include "base/result.h"
#include "base/value.h"

namespace stepwell {

class JsonReader {
 public:
  // Gives up to `most` bytes, at least one; 0 at the end. May block, and is asked only when bytes
  // are needed.
  using Source = std::function<std::size_t(char* into, std::size_t most)>;

  explicit JsonReader(Source source, const JsonLimits& limits = {});
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  // The next value; nothing at the end. Nothing but white space need stand between two texts, and
  // not even that where a bracket or a quote parts them. Bad UTF-8 in strings becomes U+FFFD, and
  // numbers may be written as jq takes them: of any size, +1, .5, 007, nan, Infinity.
  // Errors: validation/`json-invalid`; its extensions hold `line` and `column` (from 1; columns
  // count characters). After an error there is nothing more to read.
  Result<std::optional<Value>> next();

  // The line, from 1, in which the value that was read last ended.
  std::size_t line() const;

 private:
  class Stream;
  std::unique_ptr<Stream> stream_;
  const JsonLimits limits_;
};

}  // namespace stepwell
