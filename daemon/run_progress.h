// What `stepwell run` shows on a terminal while the instance runs: its steps, their attempts and
// how long each takes, in lines that are written over. Nothing where there is no terminal. Owned by
// the run command. begun() to ended() may be called from any thread, one at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "daemon/live_lines.h"
#include "daemon/terminal.h"
#include "engine/state.h"

namespace stepwell::daemon {

// The steps as they stand. Not thread-safe, without a clock of its own.
class StepBoard {
 public:
  void note(engine::Trace::Kind kind, const std::string& name, const std::string& reference,
            std::uint32_t attempt, SteadyTime now);
  // At most so many lines, the latest ones; what runs before what has ended.
  std::vector<LiveLines::Line> lines(SteadyTime now, std::size_t most) const;
  bool empty() const { return rows_.empty(); }

 private:
  struct Row {
    std::string name;
    std::size_t level = 0;
    engine::Trace::Kind kind = engine::Trace::Kind::started;
    std::uint32_t attempt = 1;
    std::size_t times = 1;  // that it was begun: in a loop
    SteadyTime began;
    SteadyTime ended;

    bool runs() const;
  };
  static LiveLines::Line line_of(const Row& row, SteadyTime now, std::size_t width);

  std::vector<Row> rows_;  // in the order in which they were begun first
  std::map<std::string, std::size_t> by_reference_;
};

class RunProgress {
 public:
  RunProgress(std::ostream& out, const Terminal& terminal, const Clock& clock);
  ~RunProgress();
  RunProgress(const RunProgress&) = delete;
  RunProgress& operator=(const RunProgress&) = delete;

  void note(engine::Trace::Kind kind, const std::string& name, const std::string& reference,
            std::uint32_t attempt);
  // The steps as they are now stand there for good. Nothing is shown any more.
  void finish();

 private:
  void draw();
  void keep_drawing();

  const bool shown_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  LiveLines lines_;  // guarded by mutex_, as all that follows
  StepBoard board_;
  bool over_ = false;
  std::thread thread_;  // draws now and then, so that times go on; of the owner
};

}  // namespace stepwell::daemon
