// Seeds: STEPWELL_SEEDS=100000 for the measurement (`make simulate SEEDS=100000`), STEPWELL_SEED=N
// for the first one, or with STEPWELL_SEEDS=1 for one alone.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/simulation/play.h"

namespace stepwell::simulation {
namespace {

using Lie = SimulatedDisk::Lie;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 500;
#else
constexpr std::uint64_t kSeeds = 4000;
#endif

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

TEST(Simulation, KeepsWhatItPromisesWhateverHappens) {
  Shared shared;
  const std::uint64_t first = setting("STEPWELL_SEED", 1);
  const std::uint64_t count = setting("STEPWELL_SEEDS", kSeeds);
  Tally tally;
  std::size_t failed = 0;
  for (std::uint64_t seed = first; seed < first + count && failed < 5; ++seed) {
    const Verdict verdict =
        play(shared, {.seed = seed, .only = "", .tail = count == 1 ? SIZE_MAX : 150});
    tally.add(verdict.tally);
    if (verdict.wrong.empty()) continue;
    ++failed;
    ADD_FAILURE() << verdict.tail << "\nseed " << seed << ": " << verdict.wrong;
  }
  std::cout << tally.worlds << " worlds, " << tally.happenings << " happenings, " << tally.instances
            << " instances, " << tally.sends << " requests sent, " << tally.crashes
            << " ends of processes, " << tally.failures << " failures of the disk, " << tally.events
            << " events, " << tally.requests << " stops, suspensions and retries, " << tally.people
            << " acts of people, " << shared.woken() << " instances woken\n";
}

TEST(Simulation, ASeedGivesTheSameWorldAgain) {
  Shared shared;
  Shared other;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) (void)play(other, {.seed = seed + 1000});
  for (std::uint64_t seed = 1; seed <= 50; ++seed)
    EXPECT_EQ(play(shared, {.seed = seed}).hash, play(other, {.seed = seed}).hash)
        << "seed " << seed;
}

// A judge that never finds anything is none. Each of these journals breaks a rule of
// docs/journal-format.md.
TEST(Simulation, FindsAJournalThatLies) {
  Shared shared;
  struct Case {
    Lie lie;
    const char* name;
    const char* only = "";
  };
  for (const auto& [lie, name, only] :
       {Case{Lie::acknowledges_early, "acknowledges what is not durable"},
        Case{Lie::loses_a_record, "loses a record now and then"},
        Case{Lie::loses_step_started, "loses what says that a step is about to be sent"},
        Case{Lie::loses_ends, "loses ends"},
        Case{Lie::commits_out_of_order, "commits out of order"},
        Case{Lie::keeps_what_it_refused, "keeps what it refused"},
        Case{Lie::forgets_events, "forgets events", "collects"},
        Case{Lie::forgets_changes, "forgets what people changed", "decides"},
        Case{Lie::keeps_what_it_removed, "keeps what it has removed"}}) {
    std::string wrong;
    for (std::uint64_t seed = 1; seed <= 1000 && wrong.empty(); ++seed)
      wrong = play(shared, {.seed = seed, .lie = lie, .only = only}).wrong;
    EXPECT_NE(wrong, "") << "a journal that " << name;
  }
}

}  // namespace
}  // namespace stepwell::simulation
