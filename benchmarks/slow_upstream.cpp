#include "benchmarks/slow_upstream.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "benchmarks/bench_node.h"
#include "benchmarks/cpu_time.h"
#include "benchmarks/engine_load.h"
#include "tests/support/wire_judge.h"

namespace stepwell::bench {
namespace {

constexpr std::size_t kInFlight = 10'000;
constexpr int kTimes = 5;

// The upstream has a process of its own, which ends with this one.
class Upstream {
 public:
  Upstream() {
    int ends[2];
    if (pipe(ends) != 0) std::exit(1);
    process_ = fork();
    if (process_ == 0) serve(ends[1]);
    close(ends[1]);
    if (read(ends[0], &port_, sizeof port_) != sizeof port_) std::exit(1);
    close(ends[0]);
  }
  ~Upstream() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  [[noreturn]] static void serve(int tell) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const test::WireJudge upstream({std::chrono::milliseconds(1000), R"({"ok":true})"});
    const int port = upstream.port();
    if (write(tell, &port, sizeof port) != sizeof port) _exit(1);
    while (true) pause();
  }

  pid_t process_ = -1;
  int port_ = 0;
};

struct Figures {
  double seconds = 0;
  double kib_each = 0;
  double more_threads = 0;
};

Figures once() {
  const Upstream upstream;
  const Scratch scratch;
  const auto node = open_node(scratch.path());
  EngineLoad load(*node, one_call("get", upstream.url()));
  load.run(64, 64);  // the pool's threads come with the first work
  const auto at_rest = static_cast<double>(threads_now());
  forget_peak();
  const double before = resident_kib();
  Figures figures;
  figures.seconds = load.run(kInFlight, kInFlight).seconds;
  figures.kib_each = (peak_kib() - before) / kInFlight;
  figures.more_threads = std::max(0.0, static_cast<double>(threads_now()) - at_rest);
  return figures;
}

// Memory that an earlier round has left behind would not be asked for again: a process each.
Figures once_in_a_process_of_its_own() {
  int ends[2];
  if (pipe(ends) != 0) std::exit(1);
  const pid_t child = fork();
  if (child == 0) {
    const Figures figures = once();
    _exit(write(ends[1], &figures, sizeof figures) == sizeof figures ? 0 : 1);
  }
  close(ends[1]);
  Figures figures;
  if (read(ends[0], &figures, sizeof figures) != sizeof figures) std::exit(1);
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return figures;
}

}  // namespace

std::vector<Row> slow_upstream() {
  Row seconds{"slow-upstream-10000", "s until all are done", {}, {}, 3, false};
  Row memory{"slow-upstream-memory", "KiB each, at most", {}, {}, 32, false};
  Row threads{"slow-upstream-threads", "threads more than at rest", {}, {}, 0, false};
  for (int round = 0; round < kTimes; ++round) {
    const Figures figures = once_in_a_process_of_its_own();
    seconds.values.push_back(figures.seconds);
    memory.values.push_back(figures.kib_each);
    threads.values.push_back(figures.more_threads);
  }
  return {seconds, memory, threads};
}

}  // namespace stepwell::bench
