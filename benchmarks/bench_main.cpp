// `make bench`: each workload beside its yardstick, in turn, within one run. See
// docs/performance.md.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "benchmarks/compute_workload.h"
#include "benchmarks/definition_cost.h"
#include "benchmarks/expression_cost.h"
#include "benchmarks/gate_cost.h"
#include "benchmarks/http_workloads.h"
#include "benchmarks/long_waiters.h"
#include "benchmarks/machine_cost.h"
#include "benchmarks/profile.h"
#include "benchmarks/results.h"
#include "benchmarks/slow_upstream.h"
#include "benchmarks/store_workloads.h"
#include "daemon/process.h"

namespace stepwell::bench {
namespace {

struct Workload {
  const char* name;
  std::function<std::vector<Row>()> run;
};

// What measures memory comes first, before others have left theirs behind.
std::vector<Workload> workloads() {
  return {
      {"slow", slow_upstream},
      {"waiting", long_waiters},
      {"w1-off", one_get_without_journal},
      {"w1", one_get},
      {"w1-1000", thousand_gets},
      {"w1-slow-disk", slow_disk},
      {"w3", three_gets},
      {"p1", one_post},
      {"api", one_get_by_api},
      {"latency", latency},
      {"c", computation_cost},
      {"workers", second_worker},
      {"gate", gate_cost},
      {"machine", machine_cost},
      {"expression", expression_cost},
      {"definitions", definition_cost},
      {"recovery", open_instances},
      {"million", million_stored},
  };
}

int measure(const std::string& only, const std::string& out) {
  std::vector<Row> rows;
  for (const Workload& workload : workloads()) {
    if (!only.empty() && only != workload.name) continue;
    const auto begin = std::chrono::steady_clock::now();
    for (Row& row : workload.run()) rows.push_back(std::move(row));
    if (!out.empty() && !write_json(rows, out)) return 1;  // as far as it has come
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::fprintf(stderr, "%s: %.0f s\n", workload.name, took.count());
  }
  if (rows.empty()) {
    std::fprintf(stderr, "no workload is called '%s'; there are:", only.c_str());
    for (const Workload& workload : workloads()) std::fprintf(stderr, " %s", workload.name);
    std::fprintf(stderr, "\n");
    return 2;
  }
  print_table(rows);
  return 0;
}

int run(int argc, char** argv) {
  std::string out;
  std::string only;
  ProfileOptions profiled;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--out") out = value;
    if (name == "--only") only = value;
    if (name == "--profile") profiled.workload = value;
    if (name == "--instances") profiled.instances = std::strtoul(value.c_str(), nullptr, 10);
    if (name == "--parallel") profiled.parallel = std::strtoul(value.c_str(), nullptr, 10);
    if (name == "--journal") profiled.journal = value != "off";
  }
  return profiled.workload.empty() ? measure(only, out) : profile(profiled);
}

}  // namespace
}  // namespace stepwell::bench

int main(int argc, char** argv) {
  stepwell::daemon::raise_file_limit();
  return stepwell::bench::run(argc, argv);
}
