#include "tests/simulation/world.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stepwell::simulation {

using engine::Engine;

namespace {

SimulatedDisk::Pace pace_of(Dice& dice) {
  if (dice.one_in(8)) return SimulatedDisk::Pace::at_once;
  return dice.one_in(8) ? SimulatedDisk::Pace::eager : SimulatedDisk::Pace::by_groups;
}

}  // namespace

World::World(Shared& shared, const Play& what)
    : shared_(shared),
      dice_(what.seed),
      trace_(what.tail),
      entropy_(what.seed + 1),
      disk_(dice_, trace_,
            what.lie == SimulatedDisk::Lie::none ? pace_of(dice_) : SimulatedDisk::Pace::by_groups,
            what.lie),
      network_(dice_, trace_, disk_),
      judge_(disk_, shared.workflows, trace_) {
  shared_.alarm.clear();
  network_.set_children([this](engine::StepCall call, engine::StepTicket ticket) {
    return process_->start_child(std::move(call), std::move(ticket));
  });
  network_.set_faulty(!dice_.one_in(5));
  clients_ = 5 + dice_.below(22);
  crashes_ = dice_.below(4);
  disk_fails_ = dice_.one_in(3);
  clock_jumps_ = dice_.one_in(5);
  options_.executor = &executor_;
  options_.budget.cpu = std::chrono::hours(1);  // nobody's time but the simulated one
  options_.keep_finished = dice_.one_in(3) ? dice_.below(4) : 1000;
  if (dice_.one_in(2)) options_.sleep_after = Milliseconds(1 << dice_.below(13));
  options_.max_open = dice_.one_in(10) ? 1 + dice_.below(4) : 1000;
  choose_workflows(what.only);
  // What ends ahead of its records is kept until they are durable by its number alone.
  const bool relaxed = std::any_of(started_.begin(), started_.end(),
                                   [](const Definition& each) { return each->relaxed; });
  if (relaxed) options_.keep_finished = 1000;
}

void World::choose_workflows(const std::string& only) {
  if (!only.empty()) return started_.push_back(shared_.workflows.named(only));
  for (std::size_t i = 0; i < 1 + dice_.below(4); ++i)
    started_.push_back(dice_.of(shared_.workflows.plain()));
  if (dice_.one_in(3)) started_.push_back(shared_.workflows.random(dice_.below(300)));
  if (!dice_.one_in(4)) return;
  for (const Definition& definition : shared_.workflows.scheduled()) {
    if (!dice_.one_in(3)) continue;
    scheduled_.push_back(definition);
    if (definition->name == "on-order" && options_.max_open == 1000)
      judge_.expect_scheduled_by_events();
  }
}

bool World::well() const { return wrong().empty(); }

std::string World::wrong() const {
  if (!judge_.wrong().empty()) return judge_.wrong();
  if (!network_.wrong().empty()) return network_.wrong();
  if (!disk_.wrong().empty()) return disk_.wrong();
  return shared_.alarm;
}

// --- processes ---

void World::open() {
  trace_.add("a process begins");
  disk_.open();
  network_.next_life();
  process_ = std::make_unique<Process>(
      Process::Surroundings{network_, disk_, timers_, clock_, entropy_, shared_.metrics,
                            shared_.log, shared_.workflows},
      options_);
  for (const Definition& definition : started_)
    if (!dice_.one_in(3)) (void)process_->workflow(definition);
  Engine& engine = process_->engine();
  const Status recovered =
      engine.recover([this](const Value& sources) { return shared_.workflows.load(sources); });
  if (!recovered) return judge_.wrong(recovered.error().one_line());
  judge_.check_recovered(engine);
  if (!scheduled_.empty() && !over_) process_->begin_schedules(scheduled_);
  while (!executor_.idle() && dice_.one_in(2)) run_job();
  engine.go_on();
}

// From one moment to the next.
void World::kill() {
  trace_.add("kill");
  ++tally_.crashes;
  disk_.kill();
  judge_.life_ends();
  process_.reset();
  executor_.drop();
  timers_.drop();
  network_.next_life();
  disk_.open();
}

// As a daemon does when it is told to; what it still waits for outside comes too late.
void World::end_in_order() {
  trace_.add("a process ends");
  ++tally_.crashes;
  const bool leaves_time = dice_.one_in(2);
  // First: an event that finds its schedule gone has not been delivered.
  if (leaves_time)
    process_->engine().begin_no_more();
  else
    process_->engine().refuse_new();
  process_->end_schedules();
  if (!leaves_time) {
    for (std::size_t i = 0; i < 20 && !executor_.idle() && !dice_.one_in(4); ++i) run_job();
  } else {
    for (std::size_t i = 0; i < 50 && !dice_.one_in(30); ++i) come_to_the_end();
    if (dice_.one_in(2)) process_->engine().take_snapshots(Deadline());
  }
  judge_.life_ends();
  process_.reset();
  executor_.drop();
  for (const std::uint64_t send : network_.answerable())
    if (dice_.one_in(2)) network_.answer(send);
  while (disk_.waiting() > 0 && disk_.state() == SimulatedDisk::State::working) {
    if (!disk_.in_commit()) disk_.begin();
    disk_.finish();
  }
  disk_.kill();
  executor_.drop();
  timers_.drop();
  network_.next_life();
  disk_.open();
}

// What was begun ends, while it may.
void World::come_to_the_end() {
  const std::size_t which = dice_.below(4);
  if (which == 0 && !network_.answerable().empty())
    answer();
  else if (which == 1 && disk_.waiting() > 0)
    commit();
  else if (which == 2 && !timers_.due(clock_.steady_now()).empty())
    fire();
  else if (!executor_.idle())
    run_job();
}

// --- what may happen next ---

void World::step() {
  ++tally_.happenings;
  if (disk_.state() == SimulatedDisk::State::in_doubt && dice_.one_in(8)) {
    kill();
    return open();
  }
  std::array<Choice, 9> choices{{
      {executor_.queued() > 0 ? 40 : 0, &World::run_job},
      {network_.answerable().empty() ? 0 : 12, &World::answer},
      {timers_.due(clock_.steady_now()).empty() ? 0 : 12, &World::fire},
      {4, &World::move_clock},
      {disk_.waiting() > 0 ? 20 : 0, &World::commit},
      {disk_fails_ && disk_.in_commit() && disk_.state() == SimulatedDisk::State::working ? 2 : 0,
       &World::fail_disk},
      {options_.sleep_after.count() > 0 ? 4 : 1, &World::maintain},
      {clients_ > 0 ? 6 : 0, &World::client},
      {clock_jumps_ ? 1 : 0, &World::jump},
  }};
  std::size_t total = 0;
  for (const Choice& choice : choices) total += choice.first;
  std::size_t place = dice_.below(total);
  for (const Choice& choice : choices) {
    if (place < choice.first) return (this->*choice.second)();
    place -= choice.first;
  }
}

void World::run_job() {
  const std::size_t most = dice_.one_in(3) ? executor_.queued() : 1;
  executor_.run(dice_.below(most));
}

void World::answer() { network_.answer(dice_.of(network_.answerable())); }

void World::fire() {
  const std::uint64_t timer = dice_.of(timers_.due(clock_.steady_now()));
  trace_.add("timer " + std::to_string(timer));
  timers_.fire(timer);
}

void World::move_clock() {
  Milliseconds by(static_cast<std::int64_t>(dice_.below(500)));
  if (const auto next = timers_.next(); next && *next > clock_.steady_now() && !dice_.one_in(4))
    by = std::chrono::ceil<Milliseconds>(*next - clock_.steady_now());
  clock_.advance(by);
}

void World::jump() {
  const auto by = static_cast<std::int64_t>(dice_.below(20'000)) - 10'000;
  trace_.add("the wall clock is set by " + std::to_string(by));
  clock_.set_wall(clock_.now() + Milliseconds(dice_.one_in(6) ? by * 2000 : by));
}

void World::commit() {
  if (disk_.state() == SimulatedDisk::State::in_doubt) return;
  if (disk_.state() == SimulatedDisk::State::held_up) {
    if (dice_.one_in(6)) disk_.try_again();
  } else if (disk_.in_commit()) {
    disk_.finish();
  } else {
    disk_.begin();
  }
}

void World::fail_disk() {
  using Failure = SimulatedDisk::Failure;
  ++tally_.failures;
  disk_.fail_commit(dice_.one_in(8)   ? Failure::in_doubt
                    : dice_.one_in(2) ? Failure::full
                                      : Failure::undecided);
}

void World::maintain() {
  process_->engine().maintain();
  if (process_->schedules() != nullptr) process_->schedules()->maintain();
  judge_.check_limits(process_->engine());
}

Verdict World::play() {
  open();
  const std::size_t length = 60 + dice_.below(240);
  for (std::size_t i = 0; i < length && well(); ++i) {
    if (crashes_ > 0 && dice_.one_in(60)) {
      --crashes_;
      if (dice_.one_in(4))
        end_in_order();
      else
        kill();
      if (dice_.one_in(3)) clock_.advance(std::chrono::seconds(dice_.below(100)));
      open();
    } else {
      step();
    }
  }
  if (well()) finish();
  const std::string found = wrong();
  if (disk_.state() != SimulatedDisk::State::dead) disk_.kill();
  process_.reset();
  tally_.worlds = 1;
  tally_.sends = network_.sends();
  tally_.instances = judge_.known().size();
  return {found, trace_.hash(), trace_.tail(), tally_};
}

}  // namespace stepwell::simulation
