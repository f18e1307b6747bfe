#include "benchmarks/store_workloads.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "benchmarks/bench_node.h"
#include "benchmarks/cpu_time.h"
#include "benchmarks/daemon_site.h"
#include "benchmarks/definition_cost.h"
#include "benchmarks/engine_load.h"
#include "benchmarks/filled_journal.h"
#include "benchmarks/http_workloads.h"
#include "benchmarks/stored_requests.h"
#include "tests/support/nginx_server.h"

namespace stepwell::bench {
namespace {

constexpr std::size_t kOpen = 100'000;
constexpr std::size_t kFinished = 1'000'000;

// From nothing to where a daemon would say that it is ready.
double seconds_until_ready(const std::filesystem::path& data, std::size_t expected_open) {
  const auto begin = std::chrono::steady_clock::now();
  const auto node = open_node(data);
  recover(*node);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (node->engine().open_instances() != expected_open) {
    std::fprintf(stderr, "%zu instances came back of %zu\n", node->engine().open_instances(),
                 expected_open);
    std::exit(1);
  }
  return took.count();
}

}  // namespace

std::vector<Row> open_instances() {
  const Scratch scratch;
  EngineLoad(*open_node(scratch.path()), long_wait()).open(kOpen);
  Row row{"recovery-100000-open", "s until ready", {}, {}, 5, false};
  for (int round = 0; round < kRounds; ++round)
    row.values.push_back(seconds_until_ready(scratch.path(), kOpen));
  return {row};
}

namespace {

// As a node in this process.
std::vector<Row> beside_nodes(const DaemonSite& full) {
  Row ready{"start-1000000-finished", "s until ready", {}, {}, 1, false};
  for (int round = 0; round < kRounds; ++round)
    ready.values.push_back(seconds_until_ready(full.path(), 0));
  const Scratch empty;
  const test::NginxServer nginx;
  const auto beside = open_node(full.path());
  const auto alone = open_node(empty.path());
  EngineLoad with(*beside, one_call("get", nginx.http_url()));
  EngineLoad without(*alone, one_call("get", nginx.http_url()));
  constexpr std::size_t kTotal = 10'000;
  with.run(kTotal / 2, 64);
  without.run(kTotal / 2, 64);
  Row rate{"w1-engine-full-million", "instances/s", {}, {}, 0.9};
  rate.note = "the yardstick is an empty store";
  for (int round = 0; round < kRounds; ++round) {
    rate.yardsticks.push_back(without.run(kTotal, 64).per_second());
    rate.values.push_back(with.run(kTotal, 64).per_second());
  }
  return {ready, rate};
}

// The process, from its start to `msg=ready`: with nothing but the instances, and with definitions.
std::vector<Row> daemon_starts(const DaemonSite& full) {
  constexpr int kStarts = 3;
  Row alone{"daemon-start-million", "s until ready", {}, {}, 1, false};
  Row with{"daemon-start-million-10000", "s until ready", {}, {}, 3, false};
  with.note = "with 10,000 definitions of 20 tasks";
  for (int start = 0; start < kStarts; ++start)
    alone.values.push_back(DaemonProcess(full).seconds_until_ready());
  write_definitions(full.definitions());
  for (int start = 0; start < kStarts; ++start)
    with.values.push_back(DaemonProcess(full).seconds_until_ready());
  std::filesystem::remove_all(full.definitions());
  std::filesystem::create_directory(full.definitions());
  return {alone, with};
}

void add(std::vector<Row>& rows, std::vector<Row> more) {
  for (Row& row : more) rows.push_back(std::move(row));
}

}  // namespace

std::vector<Row> million_stored() {
  const DaemonSite full;
  const auto begin = std::chrono::steady_clock::now();
  fill_journal(full.path(), kFinished);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::fprintf(stderr, "a million instances: %.0f s\n", took.count());
  std::vector<Row> rows = beside_nodes(full);
  add(rows, daemon_starts(full));
  const DaemonSite few;
  write_quick_definition(full);
  write_quick_definition(few);
  const DaemonProcess daemon(full);
  {
    const DaemonProcess other(few);
    add(rows, requests_beside_few(daemon, full, other, few, kFinished));
  }
  add(rows, stored_lists(daemon, full));
  add(rows, stored_deletion(daemon, full, kFinished));
  return rows;
}

}  // namespace stepwell::bench
