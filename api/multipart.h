// Takes multipart/form-data (RFC 7578, RFC 2046 §5.1) apart while it comes, however it is cut into
// pieces, and holds no more of it than one part's header lines.
// A pure unit: made for one body, used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stepwell::api {

struct PartHead {
  std::string name;                     // the form's name for it
  std::optional<std::string> filename;  // as the client wrote it: not to be trusted
  std::string media_type;               // empty where it is not given
};

class MultipartReader {
 public:
  // Gets what is found, in order. An error of any of these is feed()'s.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual Status begin_part(PartHead head) = 0;
    virtual Status part_bytes(std::string_view bytes) = 0;
    virtual Status end_part() = 0;
  };
  struct Limits {
    std::size_t parts = 32;
    std::size_t head = 16UL * 1024;      // of each part, in bytes
    std::size_t preamble = 16UL * 1024;  // before the first one, which nobody reads
  };

  // The sink outlives it.
  MultipartReader(const std::string& boundary, Sink& sink, Limits limits);
  MultipartReader(const std::string& boundary, Sink& sink)
      : MultipartReader(boundary, sink, Limits()) {}

  // Errors: validation/400 `multipart-invalid`; 413 `multipart-invalid` for too many parts; the
  // sink's. After one there is nothing more to feed.
  Status feed(std::string_view piece);
  // The body has ended. Errors: `multipart-invalid` where it is not whole.
  Status finish() const;

 private:
  enum class State : std::uint8_t { preamble, delimiter, head, content, epilogue };
  // True: go on; false: more bytes are needed.
  Result<bool> step();
  Result<bool> skip_preamble();
  Result<bool> read_delimiter();
  Result<bool> read_head();
  Result<bool> read_content();
  void drop(std::size_t bytes) { at_ += bytes; }
  std::string_view rest() const { return std::string_view(buffer_).substr(at_); }

  const std::string delimiter_;  // with the line break before it, which belongs to it
  Sink& sink_;
  const Limits limits_;
  State state_ = State::preamble;
  std::string buffer_;  // what has not been understood yet begins at at_
  std::size_t at_ = 0;
  std::size_t parts_ = 0;
  std::size_t skipped_ = 0;
  bool first_ = false;  // of a part: the line end that ends its head is still to be taken off
};

// The boundary that a Content-Type names; nothing where its type is another one. Errors:
// validation/400 `multipart-invalid` for one without, or with one that is none (RFC 2046 §5.1.1).
Result<std::optional<std::string>> multipart_boundary(std::string_view content_type);

}  // namespace stepwell::api
