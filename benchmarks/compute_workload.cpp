#include "benchmarks/compute_workload.h"

#include "benchmarks/bench_node.h"
#include "benchmarks/engine_load.h"

namespace stepwell::bench {
namespace {

constexpr int kRoundsOfC = 5;
constexpr std::size_t kSteps = 500;
constexpr std::size_t kInstances = 1'000;
constexpr std::size_t kOpen = 64;

// One node at a time: oneTBB's limit of threads is the process's.
double per_second(std::size_t workers) {
  const Scratch scratch;
  const auto node = open_node(
      scratch.path(), [&](daemon::NodeOptions& options) { options.engine.workers = workers; });
  EngineLoad load(*node, computation(kSteps));
  load.run(kInstances / 4, kOpen);
  return load.run(kInstances, kOpen).per_second();
}

}  // namespace

std::vector<Row> computation_cost() {
  const Scratch scratch;
  const auto node = open_node(scratch.path());
  EngineLoad load(*node, computation(kSteps));
  load.run(kInstances / 4, kOpen);
  Row row{"c-step", "µs of CPU a step", {}, {}, 1.0, false};
  for (int round = 0; round < kRoundsOfC; ++round)
    row.values.push_back(load.run(kInstances, kOpen).cpu_each() / kSteps);
  return {row};
}

std::vector<Row> second_worker() {
  Row row{"c-two-workers", "instances/s", {}, {}, 1.8};
  for (int round = 0; round < kRoundsOfC; ++round) {
    row.yardsticks.push_back(per_second(1));
    row.values.push_back(per_second(2));
  }
  row.note = "the yardstick is one worker";
  return {row};
}

}  // namespace stepwell::bench
