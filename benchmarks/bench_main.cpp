// `make bench`: each workload beside its yardstick, in turn, within one run. See
// docs/performance.md.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "benchmarks/bare_loop.h"
#include "benchmarks/definition_cost.h"
#include "benchmarks/engine_load.h"
#include "benchmarks/expression_cost.h"
#include "benchmarks/gate_cost.h"
#include "benchmarks/machine_cost.h"
#include "benchmarks/results.h"
#include "daemon/process.h"
#include "http/url.h"
#include "tests/support/nginx_server.h"
#include "tests/support/wire_judge.h"

namespace stepwell::bench {
namespace {

constexpr int kRounds = 5;
const auth::Actor kActor{"bench", "bench"};

struct Workload {
  const char* name;
  std::function<std::vector<Row>()> run;
};

Row rate_row(const char* name, double target) {
  Row row;
  row.workload = name;
  row.unit = "instances/s";
  row.target = target;
  return row;
}

// One GET an instance, no journal on disk.
Row one_get(const char* name, std::size_t parallel, std::size_t total, double target) {
  const test::NginxServer nginx;
  const auto node = open_node();
  EngineLoad load(*node, one_call("get", nginx.http_url()));
  load.run(total / 4, parallel);  // warm: connections stand, memory is there
  Row row = rate_row(name, target);
  for (int round = 0; round < kRounds; ++round) {
    row.yardsticks.push_back(bare_requests_per_second({nginx.http_url(), "", ""}, total, parallel));
    const LoadResult result = load.run(total, parallel);
    row.values.push_back(result.faulted == 0 ? result.per_second() : 0);
  }
  return row;
}

// One POST with a JSON body and a bearer credential.
Row one_post(const char* name, std::size_t parallel, std::size_t total, double target) {
  const test::NginxServer nginx;
  const auto node = open_node();
  auth::NewCredential credential;
  credential.name = "bench";
  credential.kind = auth::CredentialKind::bearer;
  credential.origins = {http::parse_url(nginx.http_url())->origin.text()};
  credential.value.secret = Secret("token-0123456789abcdef");
  if (!node->authority().credentials().add(kActor, std::move(credential))) std::exit(1);
  EngineLoad load(*node, one_call("post", nginx.http_url(), "bench", "{name: Ada, age: 36}"));
  load.run(total / 4, parallel);
  const BareRequest bare{nginx.http_url(), R"({"name":"Ada","age":36})",
                         "Authorization: Bearer token-0123456789abcdef"};
  Row row = rate_row(name, target);
  for (int round = 0; round < kRounds; ++round) {
    row.yardsticks.push_back(bare_requests_per_second(bare, total, parallel));
    const LoadResult result = load.run(total, parallel);
    row.values.push_back(result.faulted == 0 ? result.per_second() : 0);
  }
  return row;
}

std::size_t threads_now() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    (void)entry;
    ++count;
  }
  return count;
}

double resident_kib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word)
    if (word == "VmHWM:") break;
  double kib = 0;
  status >> kib;
  return kib;
}

// 10,000 instances in flight at an upstream (in a process of its own) that answers after a second.
std::vector<Row> slow_upstream() {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) std::exit(1);
  const pid_t child = fork();
  if (child == 0) {
    close(pipe_ends[0]);
    const test::WireJudge upstream({std::chrono::milliseconds(1000), R"({"ok":true})"});
    const int port = upstream.port();
    (void)!write(pipe_ends[1], &port, sizeof port);
    char end = 0;
    (void)!read(STDIN_FILENO, &end, 0);
    while (getppid() != 1) usleep(50'000);
    _exit(0);
  }
  close(pipe_ends[1]);
  int port = 0;
  if (read(pipe_ends[0], &port, sizeof port) != sizeof port) std::exit(1);
  constexpr std::size_t kInstances = 10'000;
  Row seconds{"slow-upstream-10000", "s until all are done", {}, {}, 3, false};
  Row memory{"slow-upstream-memory", "KiB each, peak", {}, {}, 32, false};
  Row threads{"slow-upstream-threads", "threads more than at rest", {}, {}, 0, false};
  {
    const auto node = open_node();
    EngineLoad load(*node, one_call("get", "http://127.0.0.1:" + std::to_string(port) + "/"));
    load.run(64, 8);  // the pool's threads come with the first work
    const std::size_t at_rest = threads_now();
    const double before = resident_kib();
    const LoadResult result = load.run(kInstances, kInstances);
    seconds.values.push_back(result.faulted == 0 ? result.seconds : 1e9);
    memory.values.push_back((resident_kib() - before) / kInstances);
    threads.values.push_back(static_cast<double>(threads_now()) - static_cast<double>(at_rest));
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(pipe_ends[0]);
  return {seconds, memory, threads};
}

std::vector<Workload> workloads() {
  return {
      {"slow", slow_upstream},
      {"w1", [] { return std::vector<Row>{one_get("w1-engine-off-64", 64, 20'000, 0.95)}; }},
      {"w1-1000",
       [] { return std::vector<Row>{one_get("w1-engine-off-1000", 1000, 20'000, 1.5)}; }},
      {"p1", [] { return std::vector<Row>{one_post("p1-engine-off-64", 64, 20'000, 0.5)}; }},
      {"gate", gate_cost},
      {"expression", expression_cost},
      {"machine", machine_cost},
      {"definitions", definition_cost},
  };
}

int run(int argc, char** argv) {
  std::string out;
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--out") == 0) out = argv[i + 1];
    if (std::strcmp(argv[i], "--only") == 0) only = argv[i + 1];
  }
  std::vector<Row> rows;
  for (const Workload& workload : workloads()) {
    if (!only.empty() && only != workload.name) continue;
    for (Row& row : workload.run()) rows.push_back(std::move(row));
  }
  if (rows.empty()) {
    std::fprintf(stderr, "no workload is called '%s'; there are:", only.c_str());
    for (const Workload& workload : workloads()) std::fprintf(stderr, " %s", workload.name);
    std::fprintf(stderr, "\n");
    return 2;
  }
  print_table(rows);
  return out.empty() || write_json(rows, out) ? 0 : 1;
}

}  // namespace
}  // namespace stepwell::bench

int main(int argc, char** argv) {
  stepwell::daemon::raise_file_limit();
  return stepwell::bench::run(argc, argv);
}
