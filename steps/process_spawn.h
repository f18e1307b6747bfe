// Starts one process: in a session of its own, with three pipes (or nothing to read), a given
// environment and directory, no other descriptor, no signal blocked or ignored, and bound to the
// thread that starts it: when that thread ends, so does the process.
// To be called on the thread that watches the processes; blocks until the program is loaded.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace stepwell::steps {

// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  void close() noexcept;

 private:
  int number_ = -1;
};

struct SpawnRequest {
  std::vector<std::string> arguments;    // the first is the program: an absolute path
  std::vector<std::string> environment;  // NAME=VALUE
  std::string directory;                 // to work in
  bool reads = false;                    // standard input is a pipe, else /dev/null
  bool keeps_rights = true;              // nothing that it runs gets more rights (no setuid)
};

// All are close-on-exec and do not block.
struct SpawnedProcess {
  pid_t id = 0;      // also its group's and its session's
  Descriptor watch;  // a pidfd: readable once the process has ended
  Descriptor input;  // open where the request says so
  Descriptor output;
  Descriptor error;
};

// Errors: configuration/`process-start-failed` where the program cannot be started at all,
// runtime/`process-start-failed`, retryable, where the machine lacks something.
Result<SpawnedProcess> spawn_process(const SpawnRequest& request);

}  // namespace stepwell::steps
