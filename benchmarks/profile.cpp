#include "benchmarks/profile.h"

#include <cstdio>
#include <utility>

#include "benchmarks/bare_loop.h"
#include "benchmarks/bench_node.h"
#include "benchmarks/cpu_time.h"
#include "benchmarks/engine_load.h"
#include "tests/support/nginx_server.h"

namespace stepwell::bench {
namespace {

std::string definition_of(const std::string& workload, daemon::Node& node, const std::string& url) {
  if (workload == "w1") return one_call("get", url);
  if (workload == "w3") return three_calls(url);
  if (workload == "c") return computation(500);
  if (workload != "p1") return {};
  add_credential(node, url, "token-0123456789abcdef");
  return one_call("post", url, "bench", "{name: Ada, age: 36}");
}

int profile_bare(const ProfileOptions& options, BareRequest request) {
  BareLoop bare(std::move(request), options.parallel);
  bare.run(options.instances / 10);
  const BareResult result = bare.run(options.instances);
  std::printf("%s: %.0f/s, %.2f µs of CPU a request\n", options.workload.c_str(),
              result.per_second(), result.cpu_each());
  return 0;
}

}  // namespace

int profile(const ProfileOptions& options) {
  const test::NginxServer nginx;
  if (options.workload == "bare") return profile_bare(options, {nginx.http_url()});
  if (options.workload == "bare-head")
    return profile_bare(options, {nginx.http_url(), {}, engine_headers()});
  const Scratch scratch;
  const auto node = options.journal ? open_node(scratch.path()) : open_node();
  const std::string definition = definition_of(options.workload, *node, nginx.http_url());
  if (definition.empty()) {
    std::fprintf(stderr, "what can be profiled: w1, w3, p1, c, bare, bare-head\n");
    return 2;
  }
  EngineLoad load(*node, definition);
  load.run(options.instances / 10, options.parallel);
  const Counter commits =
      node->metrics().counter("stepwell_journal_commits_total", "Commits of the journal.");
  const Counter records = node->metrics().counter("stepwell_journal_records_total",
                                                  "Records of the journal that became durable.");
  const double commits_before = commits.value();
  const double records_before = records.value();
  const ThreadTimes before = thread_times();
  const LoadResult result = load.run(options.instances, options.parallel);
  std::printf("%s: %.0f/s, %.2f µs of CPU an instance:", options.workload.c_str(),
              result.per_second(), result.cpu_each());
  for (const auto& [group, time] : since(before))
    std::printf(" %s %.2f", group.c_str(), time / static_cast<double>(options.instances));
  std::printf("\n");
  if (commits.value() > commits_before)
    std::printf("%.1f records an instance, %.1f records a commit\n",
                (records.value() - records_before) / static_cast<double>(options.instances),
                (records.value() - records_before) / (commits.value() - commits_before));
  return 0;
}

}  // namespace stepwell::bench
