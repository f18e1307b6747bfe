// Random definitions in random worlds: the state machine never sticks, never runs a step twice,
// leaves nothing behind, and ends the same when it is replayed.
// STEPWELL_MODEL=SEED replays one seed and prints it, STEPWELL_MODEL=FROM:COUNT runs others.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "config/loader.h"
#include "tests/engine/model_run.h"

namespace stepwell::engine::test {
namespace {

struct Seeds {
  std::uint64_t from = 1;
  std::uint64_t count = 1500;
  bool chosen = false;  // by hand
  bool print = false;
};

Seeds chosen_seeds() {
  Seeds seeds;
  const char* given = std::getenv("STEPWELL_MODEL");  // NOLINT(concurrency-mt-unsafe)
  if (given == nullptr) return seeds;
  seeds.chosen = true;
  char* end = nullptr;
  seeds.from = std::strtoull(given, &end, 10);
  seeds.print = *end != ':';
  seeds.count = seeds.print ? 1 : std::strtoull(end + 1, nullptr, 10);
  return seeds;
}

std::shared_ptr<const config::Definition> random_definition(std::uint64_t seed, bool print) {
  const std::string text =
      R"({"document":{"dsl":"1.0.3","namespace":"test","name":"flow","version":"1.0.0"},)" +
      random_flow(seed).substr(1);
  if (print) std::cout << text << "\n";
  const config::Loaded loaded = config::load_definition(text, "random.yaml");
  for (const config::Fault& fault : loaded.faults)
    if (fault.severity == config::Fault::Severity::error) ADD_FAILURE() << fault.text();
  return loaded.definition;
}

TEST(Model, OfRandomDefinitionsInRandomWorlds) {
  const Seeds seeds = chosen_seeds();
  Coverage coverage;
  std::map<std::string_view, std::size_t> ends;
  std::size_t events = 0;
  std::size_t failures = 0;
  for (std::uint64_t seed = seeds.from; seed < seeds.from + seeds.count && failures < 5; ++seed) {
    const auto definition = random_definition(seed, seeds.print);
    if (!definition) {
      ADD_FAILURE() << "STEPWELL_MODEL=" << seed;
      ++failures;
      continue;
    }
    ModelRun run(definition, seed, coverage);
    const std::string& wrong = run.play();
    ++ends[to_string(run.status())];
    events += run.events();
    if (wrong.empty()) continue;
    ++failures;
    ADD_FAILURE() << "STEPWELL_MODEL=" << seed << ": " << wrong;
  }
  if (seeds.chosen) {
    for (const auto& [pair, count] : coverage.commands) std::cout << pair << ": " << count << "\n";
    for (const auto& [pair, count] : coverage.phases) std::cout << pair << ": " << count << "\n";
  }
  std::cout << seeds.count << " instances, " << events << " events; " << coverage.commands.size()
            << " pairs of event and command, " << coverage.phases.size() << " of phases\n";
  for (const auto& [status, count] : ends) std::cout << status << ": " << count << "\n";
}

}  // namespace
}  // namespace stepwell::engine::test
