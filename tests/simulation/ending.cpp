// How a simulated world comes to its end: nothing fails any more, and all that can still happen
// does.
#include <algorithm>

#include "tests/simulation/world.h"

namespace stepwell::simulation {

using engine::Engine;
using engine::InstanceStatus;
using engine::InstanceView;

namespace {

// Beyond so many happenings something turns for ever.
constexpr std::size_t kMostAtTheEnd = 30'000;

}  // namespace

// One of what can still happen; false: nothing can.
bool World::one_more(bool with_schedules) {
  if (!executor_.idle()) {
    run_job();
  } else if (disk_.waiting() > 0) {
    commit();
  } else if (!network_.answerable().empty()) {
    answer();
  } else if (const auto next = timers_.next()) {
    if (with_schedules && *next > clock_.steady_now() + std::chrono::minutes(2)) return false;
    if (*next > clock_.steady_now())
      clock_.advance(std::chrono::ceil<Milliseconds>(*next - clock_.steady_now()));
    fire();
  } else {
    return false;
  }
  return true;
}

void World::come_to_rest(bool with_schedules) {
  const SteadyTime begun = clock_.steady_now();
  std::size_t count = 0;
  while (well() && one_more(with_schedules)) {
    if (with_schedules && clock_.steady_now() - begun > std::chrono::minutes(2) &&
        executor_.idle() && disk_.waiting() == 0 && network_.answerable().empty())
      return;
    if (++count > kMostAtTheEnd) return judge_.wrong("it does not come to rest");
  }
}

// Nothing is under way: whoever is open waits for a client or an event.
void World::check_causes() {
  const auto views = process_->engine().open_views(
      [](const config::Definition& /*definition*/, const std::string& /*key*/) { return true; });
  for (const InstanceView& view : views) {
    const bool has_cause =
        view.status == InstanceStatus::waiting || view.status == InstanceStatus::suspended;
    const bool has_turn =
        view.status != InstanceStatus::pending ||
        std::none_of(views.begin(), views.end(), [&](const InstanceView& other) {
          return other.workflow == view.workflow &&
                 (other.started != WallTime{} || other.status == InstanceStatus::suspended);
        });
    if (!has_cause && has_turn)
      judge_.wrong("instance " + std::to_string(view.id.number) + " of " + view.workflow + " is " +
                   std::string(to_string(view.status)) + ", and nothing is under way");
  }
  for (const InstanceId id : listening())
    if (called_off_.contains(id.number) &&
        process_->engine().find(id)->status == InstanceStatus::waiting)
      judge_.wrong(name_of(id) + " listens, and what ends that did not reach it");
  judge_.check_replay(process_->engine());
}

// Clients do what instances wait for.
void World::help(std::size_t round) {
  Engine& engine = process_->engine();
  const auto views = engine.open_views(
      [](const config::Definition& /*definition*/, const std::string& /*key*/) { return true; });
  for (const InstanceView& view : views) {
    const bool suspended = view.status == InstanceStatus::suspended;
    if (!suspended && round < 3) {
      const auto whole = engine.find(view.id);
      if (whole && !whole->open_steps.empty()) complete(whole->open_steps.front(), true);
    }
    if (!suspended && round < 3) continue;
    const auto what = round < 3 ? Engine::Operation::resume : Engine::Operation::stop;
    judge_.request(what, view.id);
    engine.request(what, view.id, [this, what, id = view.id](const Status& status) {
      if (alive()) judge_.answered(what, id, status);
    });
  }
  if (round >= 3) return;
  for (const InstanceId id : listening()) called_off_.insert(id.number);
  for (const char* type : {"tick", "go", "a", "b", "c", "done"}) {
    const std::size_t place =
        judge_.publish(std::nullopt, type, static_cast<std::int64_t>(round % 2), listening());
    engine.publish(judge_.events()[place].event,
                   [this, place](const Status& status) { judge_.published(place, status); });
  }
}

void World::finish() {
  trace_.add("from here on nothing fails");
  network_.set_faulty(false);
  if (disk_.state() == SimulatedDisk::State::in_doubt) {
    kill();
    open();
  }
  if (disk_.state() == SimulatedDisk::State::held_up) disk_.try_again();
  come_to_rest(true);
  if (!well()) return;
  process_->end_schedules();
  for (std::size_t round = 0; round < 5 && well(); ++round) {
    come_to_rest(false);
    if (!well()) return;
    check_causes();
    if (process_->engine().open_instances() == 0) break;
    help(round);
  }
  if (!well()) return;
  if (process_->engine().open_instances() > 0) return judge_.wrong("instances are open at the end");
  judge_.check_end(process_->engine());
  judge_.check_told();
  over_ = true;
  kill();
  open();
  judge_.check_end(process_->engine());
  if (process_->engine().open_instances() > 0) judge_.wrong("instances are open behind the end");
}

}  // namespace stepwell::simulation
