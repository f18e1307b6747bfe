#include "benchmarks/store_workloads.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "benchmarks/bench_node.h"
#include "benchmarks/cpu_time.h"
#include "benchmarks/engine_load.h"
#include "benchmarks/filled_journal.h"
#include "benchmarks/http_workloads.h"
#include "tests/support/nginx_server.h"

namespace stepwell::bench {
namespace {

constexpr std::size_t kOpen = 100'000;
constexpr std::size_t kFinished = 1'000'000;

// From nothing to where a daemon would say that it is ready.
double seconds_until_ready(const Scratch& scratch, std::size_t expected_open) {
  const auto begin = std::chrono::steady_clock::now();
  const auto node = open_node(scratch.path());
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
    row.values.push_back(seconds_until_ready(scratch, kOpen));
  return {row};
}

std::vector<Row> million_stored() {
  const Scratch full;
  fill_journal(full.path(), kFinished);
  Row ready{"start-1000000-finished", "s until ready", {}, {}, 1, false};
  for (int round = 0; round < kRounds; ++round)
    ready.values.push_back(seconds_until_ready(full, 0));
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

}  // namespace stepwell::bench
