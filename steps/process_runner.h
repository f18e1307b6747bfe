// Runs processes and watches them: feeds their input, collects their output, ends them when their
// time or their output is over, or when somebody cancels them, and lets none outlive this.
// Each process is ended with its whole group: first by SIGTERM, after the grace by SIGKILL; what
// of its group is left when it has ended by itself is killed.
// Owned by daemon/wiring; start() and cancel() may be called from any thread and do not block. One
// thread of its own does the rest, and calls the listeners, which must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/units.h"

namespace stepwell::steps {

using ProcessId = Id<struct ProcessTag>;

struct ProcessRunnerOptions {
  std::size_t most_processes = 64;  // at a time; others wait for their turn
  Milliseconds timeout{300'000};    // of each, from its start on
  Milliseconds grace{2'000};        // between SIGTERM and SIGKILL
  Bytes most_output = 1_MiB;        // of each stream that is wanted
  std::string directory;            // where each gets one of its own; empty: the machine's for
                                    // temporary files
};

struct ProcessRequest {
  std::string kind;                         // for the metrics: shell, script or container
  std::vector<std::string> arguments;       // the first is the program: an absolute path
  std::vector<std::string> environment;     // NAME=VALUE
  bool own_home = true;                     // HOME and TMPDIR are its directory, where not given
  std::optional<std::string> input;         // none: /dev/null
  std::string file_name;                    // of a file in its directory; empty: none
  std::string file;                         // what stands in it
  bool keeps_rights = true;                 // as of SpawnRequest
  bool wants_output = true;                 // else only its end is kept
  bool wants_error = true;                  // the same of standard error
  std::vector<std::string> when_cut_short;  // a command that follows where it did not end by itself
  // A file in its directory, by which it tells the id of what it has made; empty: none. The id is
  // the last argument of the command that follows; without one there is nothing to follow.
  std::string id_file;
  Milliseconds delay{0};  // before it starts
  // Called right before, to complete the request; may be empty. What it fails for stands in the
  // way.
  std::function<Status(ProcessRequest&)> prepare;
};

struct ProcessEnd {
  enum class How : std::uint8_t { exited, timed_out, too_much_output, cancelled, not_started };
  How how = How::exited;
  int code = 0;  // its exit code; where a signal ended it: 128 and the signal's number
  std::string output;
  std::string error;
  // Of `error`: bytes that stand before its end for masking alone, since a secret may be cut there.
  std::size_t lead = 0;
  std::string id;                  // that it told by its id_file
  std::optional<Problem> problem;  // of not_started
};

class ProcessListener {
 public:
  virtual ~ProcessListener() = default;
  virtual void started() = 0;              // not where it never did
  virtual void ended(ProcessEnd end) = 0;  // exactly once, the last call
};

class ProcessRunner {
 public:
  ProcessRunner(ProcessRunnerOptions options, const Clock& clock, Metrics& metrics, Log& log);
  // Ends all processes, in their grace, and tells their listeners.
  ~ProcessRunner();
  ProcessRunner(const ProcessRunner&) = delete;
  ProcessRunner& operator=(const ProcessRunner&) = delete;

  ProcessId start(ProcessRequest request, std::shared_ptr<ProcessListener> listener);
  void cancel(ProcessId process);

 private:
  class Room;
  std::unique_ptr<Room> room_;
};

}  // namespace stepwell::steps
