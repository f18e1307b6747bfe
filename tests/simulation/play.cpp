#include "tests/simulation/play.h"

#include "tests/simulation/world.h"

namespace stepwell::simulation {

Shared::Shared()
    : log(LogLevel::error, LogFormat::logfmt,
          [this](std::string_view line) { alarm = std::string(line); }) {}

double Shared::woken() {
  return metrics
      .counter("stepwell_instance_wakes_total",
               "Attempts to bring back an instance that had left memory.", {{"outcome", "done"}})
      .value();
}

void Tally::add(const Tally& other) {
  worlds += other.worlds;
  happenings += other.happenings;
  starts += other.starts;
  instances += other.instances;
  sends += other.sends;
  crashes += other.crashes;
  failures += other.failures;
  events += other.events;
  requests += other.requests;
  people += other.people;
}

Verdict play(Shared& shared, const Play& what) {
  World world(shared, what);
  return world.play();
}

}  // namespace stepwell::simulation
