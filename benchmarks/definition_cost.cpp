#include "benchmarks/definition_cost.h"

#include <jemalloc/jemalloc.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "benchmarks/bench_node.h"
#include "daemon/definitions.h"
#include "daemon/resources.h"

namespace stepwell::bench {
namespace {

constexpr int kLoads = 3;

// Twenty tasks of the usual kinds; each definition has its own names and texts.
std::string twenty_tasks(std::size_t number) {
  const std::string n = std::to_string(number);
  std::string text = "document:\n  dsl: 1.0.3\n  namespace: bench\n  name: flow-" + n +
                     "\n  version: 1.0.0\n  title: What the benchmark loads\ndo:\n";
  for (int part = 0; part < 4; ++part) {
    const std::string p = std::to_string(part);
    text += "  - prepare" + p + ":\n      set:\n        order: ${ .order" + n +
            " }\n        total: ${ (.total // 0) + " + p + " }\n";
    text += "  - choose" + p + ":\n      switch:\n        - large:\n            when: .total > " +
            n + "\n            then: ask" + p + "\n        - small:\n            then: continue\n";
    text += "  - ask" + p + ":\n      try:\n        - get" + p +
            ":\n            call: http\n            with:\n              method: get\n"
            "              endpoint:\n                uri: https://crm.example.com/customers/{id}\n"
            "                authentication: {use: crm}\n              headers: {X-Order: '${ "
            ".order }'}\n            output: {as: '{customer: .name, at: .created}'}\n"
            "      catch:\n        errors: {with: {status: 503}}\n        retry: {delay: PT1S, "
            "limit: {attempt: {count: 3}}}\n";
    text += "  - note" + p + ":\n      set: {text: 'order " + n + "', done: true}\n";
  }
  return text;
}

std::filesystem::path written_files() {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("stepwell-bench-definitions-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  write_definitions(folder);
  return folder;
}

double heap_kib() {
  std::uint64_t epoch = 1;  // asks for figures as of now
  std::size_t bytes = 0;
  std::size_t size = sizeof bytes;
  if (mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch) != 0 ||
      mallctl("stats.allocated", &bytes, &size, nullptr, 0) != 0)
    return 0;
  return static_cast<double>(bytes) / 1024;
}

}  // namespace

void write_definitions(const std::filesystem::path& folder) {
  for (std::size_t i = 0; i < kDefinitions; ++i)
    std::ofstream(folder / ("flow-" + std::to_string(i) + ".yaml")) << twenty_tasks(i);
}

std::vector<Row> definition_cost() {
  const std::filesystem::path folder = written_files();
  Row seconds{"definitions-10000", "s until all are loaded", {}, {}, 2, false};
  Row memory{"definitions-memory", "KiB each", {}, {}, 20, false};
  for (int load = 0; load < kLoads; ++load) {
    const auto node = open_node();
    const auth::Gate& gate = node->authority().gate();
    daemon::DefinitionResources resources(
        [](const config::ResourceRequest&, Milliseconds) -> Result<std::string> {
          return fail(make_problem(ErrorKind::configuration, "file-unreadable", "not here"));
        },
        "", [&gate](std::string_view text) { return gate.knows_part_of(text); });
    const double before = heap_kib();
    const auto begin = std::chrono::steady_clock::now();
    const Status loaded = daemon::load_definitions(folder.string(), node->engine(), node->catalog(),
                                                   gate, resources, node->log());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (!loaded) {
      std::fprintf(stderr, "%s\n", loaded.error().one_line().c_str());
      std::exit(1);
    }
    seconds.values.push_back(took.count());
    memory.values.push_back((heap_kib() - before) / kDefinitions);
  }
  std::filesystem::remove_all(folder);
  return {seconds, memory};
}

}  // namespace stepwell::bench
