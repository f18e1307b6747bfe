#include "benchmarks/http_workloads.h"

#include <algorithm>
#include <optional>
#include <string>

#include "benchmarks/api_load.h"
#include "benchmarks/bare_loop.h"
#include "benchmarks/bench_node.h"
#include "benchmarks/cpu_time.h"
#include "benchmarks/engine_load.h"
#include "benchmarks/slow_disk.h"
#include "tests/support/nginx_server.h"

namespace stepwell::bench {
namespace {

constexpr std::size_t kWarm = 5'000;  // connections stand, memory is there

// Of a round: what takes about a second, on a slow machine fewer.
std::size_t total_of(double per_second) {
  return static_cast<std::size_t>(std::clamp(per_second, 4'000.0, 20'000.0));
}

// An upstream, a node, and one workflow on it.
struct Scene {
  explicit Scene(bool journal, const std::string& definition = {}) {
    node = journal ? open_node(scratch.path()) : open_node();
    load.emplace(*node, definition.empty() ? one_call("get", nginx.http_url()) : definition);
  }

  test::NginxServer nginx;
  Scratch scratch;
  std::unique_ptr<daemon::Node> node;
  std::optional<EngineLoad> load;
};

Row rate_row(const char* name, double target) { return {name, "instances/s", {}, {}, target}; }

void measure(Row& row, EngineLoad& load, BareLoop& bare, std::size_t parallel, double yardstick) {
  bare.run(kWarm);
  const std::size_t total = total_of(load.run(kWarm, parallel).per_second());
  for (int round = 0; round < kRounds; ++round) {
    row.yardsticks.push_back(bare.run(total).per_second() * yardstick);
    row.values.push_back(load.run(total, parallel).per_second());
  }
}

Row gets_at_once(const char* name, bool journal, std::size_t parallel, double target) {
  Scene scene(journal);
  BareLoop bare({scene.nginx.http_url()}, parallel);
  Row row = rate_row(name, target);
  measure(row, *scene.load, bare, parallel, 1);
  return row;
}

}  // namespace

std::vector<Row> one_get_without_journal() {
  return {gets_at_once("w1-engine-off-64", false, 64, 0.95)};
}

std::vector<Row> one_get() {
  Scene scene(true);
  BareLoop bare({scene.nginx.http_url()}, 64);
  BareLoop with_our_head({scene.nginx.http_url(), {}, engine_headers()}, 64);
  bare.run(kWarm);
  with_our_head.run(kWarm);
  const std::size_t total = total_of(scene.load->run(kWarm, 64).per_second());
  Row rate = rate_row("w1-engine-full-64", 0.85);
  Row cpu{"w1-cpu", "µs of CPU an instance", {}, {}, 2.0, false};
  Row head{"w1-yardstick-our-head", "µs of CPU a request", {}, {}, {}, false};
  head.note = "the yardstick with the engine's User-Agent, Accept-Encoding and traceparent";
  std::map<std::string, Row> parts;
  for (int round = 0; round < kRounds; ++round) {
    const BareResult yardstick = bare.run(total);
    head.yardsticks.push_back(yardstick.cpu_each());
    head.values.push_back(with_our_head.run(total).cpu_each());
    const ThreadTimes before = thread_times();
    const LoadResult result = scene.load->run(total, 64);
    rate.yardsticks.push_back(yardstick.per_second());
    rate.values.push_back(result.per_second());
    cpu.yardsticks.push_back(yardstick.cpu_each());
    cpu.values.push_back(result.cpu_each());
    for (const auto& [group, time] : since(before)) {
      Row& row = parts[group];
      row.values.push_back(time / static_cast<double>(total));
      row.yardsticks.push_back(yardstick.cpu_each());
    }
  }
  std::vector<Row> rows{rate, cpu, head};
  for (auto& [group, row] : parts) {
    row.workload = "w1-cpu-" + group;
    row.unit = "µs of CPU an instance";
    row.higher_is_better = false;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> thousand_gets() {
  return {gets_at_once("w1-engine-off-1000", false, 1000, 1.5),
          gets_at_once("w1-engine-full-1000", true, 1000, 1.5)};
}

std::vector<Row> slow_disk() {
  const SlowDisk disk(std::chrono::milliseconds(1));
  return {gets_at_once("w1-engine-slow-disk-1000", true, 1000, 1.5)};
}

std::vector<Row> three_gets() {
  const test::NginxServer nginx;
  const Scratch scratch;
  const auto node = open_node(scratch.path());
  EngineLoad load(*node, three_calls(nginx.http_url()));
  BareLoop bare({nginx.http_url()}, 64);
  Row row = rate_row("w3-engine-full-64", 0.8);
  measure(row, load, bare, 64, 1.0 / 3);
  row.note = "the yardstick is a third of bare libcurl's requests";
  return {row};
}

std::vector<Row> one_post() {
  const test::NginxServer nginx;
  const Scratch scratch;
  const auto node = open_node(scratch.path());
  const std::string token = "token-0123456789abcdef";
  add_credential(*node, nginx.http_url(), token);
  EngineLoad load(*node, one_call("post", nginx.http_url(), "bench", "{name: Ada, age: 36}"));
  BareLoop bare(
      {nginx.http_url(), R"({"name":"Ada","age":36})", {"Authorization: Bearer " + token}}, 64);
  Row row = rate_row("p1-engine-full-64", 0.5);
  measure(row, load, bare, 64, 1);
  return {row};
}

// Half of what the engine can do is asked of both.
std::vector<Row> latency() {
  Scene scene(true);
  BareLoop bare({scene.nginx.http_url()}, 64);
  bare.run(kWarm);
  scene.load->run(kWarm, 64);
  const double rate = scene.load->run(kWarm, 64).per_second() / 2;
  const std::size_t total = total_of(rate);
  scene.load->run_paced(total / 4, rate);
  Row half{"w1-latency-added-p50", "ms", {}, {}, {}, false};
  Row most{"w1-latency-added-p99", "ms", {}, {}, {}, false};
  std::vector<double> sync_half;
  std::vector<double> sync_most;
  for (int round = 0; round < kRounds; ++round) {
    const SyncTimes sync = sync_times(scene.scratch.path().c_str());
    sync_half.push_back(sync.half);
    sync_most.push_back(sync.most);
    const std::vector<double> without = bare.run_paced(total, rate);
    const std::vector<double> with = scene.load->run_paced(total, rate);
    half.values.push_back(percentile(with, 0.5) - percentile(without, 0.5));
    most.values.push_back(percentile(with, 0.99) - percentile(without, 0.99));
  }
  half.target = 0.5 + median(sync_half);
  most.target = 2 + 2 * median(sync_most);
  half.note = "at " + std::to_string(static_cast<int>(rate)) + "/s; the target holds one fsync";
  most.note = "the target holds two fsyncs (p99)";
  return {half, most};
}

std::vector<Row> one_get_by_api() {
  const test::NginxServer nginx;
  const Scratch scratch;
  const auto node = open_node(scratch.path());
  ApiLoad load(*node, one_call("get", nginx.http_url()), "bench/call", 64);
  BareLoop bare({nginx.http_url()}, 64);
  bare.run(kWarm);
  const std::size_t total = total_of(load.run(kWarm));
  Row row = rate_row("w1-api-full-64", 0.35);
  for (int round = 0; round < kRounds; ++round) {
    row.yardsticks.push_back(bare.run(total).per_second());
    row.values.push_back(load.run(total));
  }
  return {row};
}

}  // namespace stepwell::bench
