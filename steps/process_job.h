// One process on its way, from its request to its end. Internal to the process runner; used on its
// thread alone, never blocks but to load the program.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "steps/process_directory.h"
#include "steps/process_runner.h"
#include "steps/process_spawn.h"

namespace stepwell::steps {

// What is kept of a stream: all of it up to a limit, or, where it is not wanted, its end.
class Capture {
 public:
  Capture(bool wanted, Bytes limit) : wanted_(wanted), limit_(limit) {}
  // False where the limit is passed.
  bool add(std::string_view bytes);
  // How much of the bytes, at their beginning, is not meant to be shown: its own beginning is lost.
  std::size_t lead() const;
  std::string take();

 private:
  bool wanted_;
  Bytes limit_;
  std::string bytes_;
};

class ProcessJob {
 public:
  enum class State : std::uint8_t { delayed, waiting, running, following };
  enum class Stream : std::uint8_t { watch, input, output, error };

  ProcessJob(ProcessRequest request, std::shared_ptr<ProcessListener> listener, Bytes most_output);

  // Makes the directory and starts the process in it. Errors: spawn_process()'s.
  Status launch(ProcessDirectories& directories);
  // Starts the command that follows where the process did not end by itself, if there is one.
  bool launch_follower();

  // To be called when the stream is ready. False: this stream is over and closed, or, of output and
  // error, there is more than may be kept (`overflowed()`).
  bool serve(Stream stream);
  bool overflowed() const { return overflowed_; }
  void signal_group(int signal) const;
  // Once the watch is readable: what is left of the group is killed, what is left in the pipes is
  // read, and the process is gone from the machine's table.
  void collect();
  // Deletes the directory and tells the listener.
  void report(ProcessDirectories& directories);

  const Descriptor& descriptor(Stream stream) const;
  const ProcessRequest& request() const { return request_; }
  ProcessListener& listener() { return *listener_; }
  pid_t process() const { return spawned_.id; }

  State state = State::waiting;
  ProcessEnd end;
  bool cut_short = false;           // it is being ended
  std::optional<SteadyTime> alarm;  // as it stands in the runner's table
  SteadyTime began{};

 private:
  void feed();
  void read_id();
  bool drain(Descriptor& descriptor, Capture& capture, std::size_t most);

  ProcessRequest request_;
  std::shared_ptr<ProcessListener> listener_;
  std::string directory_;
  SpawnedProcess spawned_;
  Capture output_;
  Capture error_;
  std::size_t fed_ = 0;
  bool overflowed_ = false;
};

}  // namespace stepwell::steps
