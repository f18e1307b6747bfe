#include "benchmarks/cpu_time.h"

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace stepwell::bench {
namespace {

double microseconds(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) return 0;  // the thread has ended meanwhile
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// The kernel's clock of a thread's CPU time (what pthread_getcpuclockid() gives for one's own).
clockid_t clock_of(int thread) {
  constexpr unsigned kSchedulerClockOfThread = 6;
  return static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3U) | kSchedulerClockOfThread);
}

std::string group_of(const std::filesystem::path& task, int thread) {
  if (thread == getpid()) return "main";
  std::ifstream file(task / "comm");
  std::string name;
  std::getline(file, name);
  if (name.rfind("worker", 0) == 0) return "workers";
  if (name == "reactor" || name == "journal") return name;
  return "other";
}

double status_kib(const std::string& wanted) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word)
    if (word == wanted) break;
  double kib = 0;
  status >> kib;
  return kib;
}

}  // namespace

double process_cpu() { return microseconds(CLOCK_PROCESS_CPUTIME_ID); }
double thread_cpu() { return microseconds(CLOCK_THREAD_CPUTIME_ID); }

ThreadTimes thread_times() {
  ThreadTimes times;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    const int thread = std::atoi(task.path().filename().c_str());
    times[group_of(task.path(), thread)] += microseconds(clock_of(thread));
  }
  return times;
}

ThreadTimes since(const ThreadTimes& before) {
  ThreadTimes times = thread_times();
  for (auto& [group, time] : times)
    if (const auto earlier = before.find(group); earlier != before.end()) time -= earlier->second;
  return times;
}

std::size_t threads_now() {
  std::size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
    count += task.exists() ? 1 : 0;
  return count;
}

double peak_kib() { return status_kib("VmHWM:"); }
double resident_kib() { return status_kib("VmRSS:"); }
void forget_peak() { std::ofstream("/proc/self/clear_refs") << '5'; }

}  // namespace stepwell::bench
