#include "benchmarks/long_waiters.h"

#include <jemalloc/jemalloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "base/metrics.h"
#include "benchmarks/bench_node.h"
#include "benchmarks/cpu_time.h"
#include "benchmarks/engine_load.h"

namespace stepwell::bench {
namespace {

constexpr std::size_t kAtOnce = 10'000;
constexpr int kTimes = 2;

// How many wait. STEPWELL_BENCH_WAITERS: as many as there shall be.
std::size_t waiters() {
  const char* given = std::getenv("STEPWELL_BENCH_WAITERS");  // NOLINT(concurrency-mt-unsafe)
  return given != nullptr ? std::strtoul(given, nullptr, 10) : 200'000;
}

// Until none is in memory any more: those that wait for an event are for some moments more.
void let_sleep(daemon::Node& node, std::size_t all) {
  const Gauge asleep =
      node.metrics().gauge("stepwell_instances_asleep", "Open instances that have left memory.");
  while (asleep.value() < static_cast<double>(all) || !node.engine().at_rest()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    node.engine().maintain();
  }
}

// Less what is free: the daemon gives that back within ten seconds.
double held_kib() {
  static_assert(MALLCTL_ARENAS_ALL == 4096);
  if (mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0) != 0) {
    std::fputs("jemalloc gives nothing back\n", stderr);
    std::exit(1);
  }
  return resident_kib();
}

// Started in portions, so that those that are still in memory are never many.
double bytes_each(const std::string& definition) {
  const Scratch scratch;
  const auto node = open_node(scratch.path(), [](daemon::NodeOptions& options) {
    options.engine.sleep_after = Milliseconds(1);
    options.engine.max_open = 2 * waiters() + kAtOnce;
  });
  EngineLoad load(*node, definition);
  load.open(kAtOnce);
  let_sleep(*node, kAtOnce);
  const double before = held_kib();
  const std::size_t more = std::max(waiters(), 2 * kAtOnce) - kAtOnce;
  for (std::size_t open = 0; open < more; open += kAtOnce) {
    load.open(kAtOnce);
    let_sleep(*node, open + 2 * kAtOnce);
  }
  return (held_kib() - before) * 1024 / static_cast<double>(more);
}

// Memory that an earlier round has left behind would not be asked for again: a process each.
double in_a_process_of_its_own(const std::string& definition) {
  int ends[2];
  if (pipe(ends) != 0) std::exit(1);
  const pid_t child = fork();
  if (child == 0) {
    const double bytes = bytes_each(definition);
    _exit(write(ends[1], &bytes, sizeof bytes) == sizeof bytes ? 0 : 1);
  }
  close(ends[1]);
  double bytes = 0;
  if (read(ends[0], &bytes, sizeof bytes) != sizeof bytes) std::exit(1);
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return bytes;
}

}  // namespace

std::vector<Row> long_waiters() {
  Row timer{"waiting-memory", "bytes each", {}, {}, 512, false};
  timer.note = std::to_string(waiters()) + " instances that wait for a day";
  Row event{"waiting-memory-event", "bytes each", {}, {}, 512, false};
  event.note = std::to_string(waiters()) + " instances that wait for an event each";
  for (int round = 0; round < kTimes; ++round) {
    timer.values.push_back(in_a_process_of_its_own(long_wait()));
    event.values.push_back(in_a_process_of_its_own(long_listen()));
  }
  return {timer, event};
}

}  // namespace stepwell::bench
