// The bytes of one connection, as they are or encrypted: reads and writes what goes at once, and
// says what to wait for where nothing does.
// Owned by a connection; for one thread at a time; never blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace stepwell::api {

class Channel {
 public:
  enum class Step : std::uint8_t {
    done,        // `bytes` of it, at least one
    wait_read,   // again once the socket can be read
    wait_write,  // again once the socket can be written
    ended,       // the other side sends no more
    failed,      // nothing more will go
  };
  struct Progress {
    Step step = Step::failed;
    std::size_t bytes = 0;
  };

  Channel() = default;
  virtual ~Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Before anything else, until it is done.
  virtual Progress begin() = 0;
  virtual Progress read(char* to, std::size_t most) = 0;
  virtual Progress write(const char* from, std::size_t size) = 0;
  // Has it read more from the socket than it has given?
  virtual bool holds_input() const = 0;
  // Says that nothing more is sent, as far as that can be said at once.
  virtual void end() = 0;
};

// The socket stays its caller's, and does not block.
std::unique_ptr<Channel> plain_channel(int descriptor);

}  // namespace stepwell::api
