// Plays simulated worlds, each of which follows from its seed, and tells whether all was well.
// For tests, on one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/workflows.h"

namespace stepwell::simulation {

// What all worlds of a program share.
struct Shared {
  Shared();
  double woken();  // instances that had left memory
  Workflows workflows;
  Metrics metrics;
  std::string alarm;  // what the log said that must never be said
  Log log;
};

struct Tally {
  std::size_t worlds = 0;
  std::size_t happenings = 0;
  std::size_t starts = 0;
  std::size_t instances = 0;
  std::size_t sends = 0;
  std::size_t crashes = 0;
  std::size_t failures = 0;  // of the disk
  std::size_t events = 0;
  std::size_t requests = 0;
  std::size_t people = 0;  // what they did
  void add(const Tally& other);
};

struct Verdict {
  std::string wrong;  // empty where all is well
  std::uint64_t hash = 0;
  std::string tail;  // of what happened
  Tally tally;
};

struct Play {
  std::uint64_t seed = 1;
  SimulatedDisk::Lie lie = SimulatedDisk::Lie::none;
  std::string only{};      // what clients start; empty: anything
  std::size_t tail = 150;  // lines
};
Verdict play(Shared& shared, const Play& what);

}  // namespace stepwell::simulation
