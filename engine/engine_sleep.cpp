// Instances that wait for long leave memory, and come back when something happens to them.
#include <algorithm>
#include <utility>

#include "engine/engine_impl.h"
#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

// So many are looked at, or so great a part of all, each time.
constexpr std::size_t kLookedAt = 20'000;
constexpr std::size_t kPart = 8;
// … and no longer than this: whoever looks has other things to do.
constexpr Milliseconds kLongLook{200};
// As many jobs may wait for a worker before whoever recovers instances helps.
constexpr std::size_t kManyJobs = 10'000;

}  // namespace

bool Engine::Impl::is_open(InstanceId id) const {
  const Shard& shard = shard_of(id);
  const std::scoped_lock lock(shard.mutex);
  if (shard.sleepers.contains(id)) return true;
  const auto found = shard.instances.find(id);
  return found != shard.instances.end() && !ended(found->second->status());
}

// Whoever wakes somebody may have put him to work meanwhile: both are asked twice.
bool Engine::Impl::at_rest() const {
  const std::uint64_t tasks = sleepers_->tasks();
  return executor_.idle() && sleepers_->idle() && executor_.idle() && tasks == sleepers_->tasks();
}

Instance::Bedtime Engine::Impl::bedtime() const {
  const SteadyTime now = clock_.steady_now();
  return {clock_.now() - options_.sleep_after, now - options_.sleep_after,
          now + options_.sleep_after};
}

void Engine::Impl::put_to_bed() {
  if (!may_sleep() || refusing() || abandoning()) return;
  const Instance::Bedtime time = bedtime();
  const SteadyTime end = clock_.steady_now() + kLongLook;
  bool enough = false;
  const std::size_t asleep = sleepers_->size();
  const std::size_t open = open_.load();
  const std::size_t most = std::max(kLookedAt, open > asleep ? (open - asleep) / kPart : 0);
  std::vector<std::shared_ptr<Instance>> candidates;
  std::size_t looked = 0;
  for (std::size_t i = 0; i < kShards && looked < most && !enough; ++i) {
    candidates.clear();  // the last of those that have left goes here, without a lock
    {
      const Shard& shard = shards_.at(next_shard_);
      const std::scoped_lock lock(shard.mutex);
      for (const auto& [id, instance] : shard.instances)
        if (!ended(instance->status())) candidates.push_back(instance);
    }
    for (const auto& candidate : candidates) {
      enough = refusing() || clock_.steady_now() >= end;
      if (enough) break;
      let_leave(candidate, time);
    }
    looked += candidates.size();
    next_shard_ = (next_shard_ + 1) % kShards;
  }
  sleepers_->arm();
}

void Engine::Impl::let_leave(const std::shared_ptr<Instance>& instance,
                             const Instance::Bedtime& time) {
  const InstanceId id = instance->id();
  Shard& shard = shard_of(id);
  Instance::Bed bed;
  bool hears = false;
  {
    const std::scoped_lock lock(shard.mutex);
    const auto found = shard.instances.find(id);
    if (abandoning() || found == shard.instances.end() || found->second != instance) return;
    bed = instance->go_to_bed(time);
    if (bed.sleeper) {
      bed.sleeper->key = sleepers_->shared_text(instance->key());
      hears = !bed.sleeper->ears.empty();
      const auto placed = shard.sleepers.emplace(id, std::move(*bed.sleeper)).first;
      sleepers_->add(id, placed->second);
      shard.instances.erase(found);
    }
  }
  for (const std::uint64_t timer : bed.timers) surroundings_.timers.cancel(timer);
  if (bed.unsure) sleepers_->check(id);
  if (hears) plug_ears_later(instance);
}

// Expressions take their time: not that of whoever looks after the engine. A job that runs late
// finds the sleeper gone or in the same state, since every change of it has a record.
void Engine::Impl::plug_ears_later(const std::shared_ptr<Instance>& instance) {
  post([this, instance] { plug_ears(*instance); });
}

// Once it is in the table, and without its lock, since expressions take time: until then it is
// woken by every event of its types.
void Engine::Impl::plug_ears(Instance& instance) {
  if (refusing() || abandoning()) return;  // nobody is woken any more
  const InstanceId id = instance.id();
  std::uint32_t number = 0;
  std::vector<Sleeper::Ear> plugged = instance.plugged_ears(number);
  if (plugged.empty()) return;
  Shard& shard = shard_of(id);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.sleepers.find(id);
  if (found == shard.sleepers.end() || found->second.number != number) return;
  for (Sleeper::Ear& ear : found->second.ears) {
    const auto plug = std::find_if(plugged.begin(), plugged.end(), [&ear](const auto& each) {
      return each.listener == ear.listener;
    });
    if (plug == plugged.end() || ear.sieve) continue;
    ear.sieve = std::move(plug->sieve);
    ear.key = plug->key;
    events_.sift(ear.group, {id, ear.listener}, ear.sieve, ear.key);
  }
}

// One that the journal held, and that would leave memory at once.
bool Engine::Impl::let_stay(const std::shared_ptr<Instance>& instance,
                            const Instance::Bedtime& time) {
  std::optional<Sleeper> sleeper = instance->stay_in_bed(time);
  if (!sleeper) return false;
  sleeper->key = sleepers_->shared_text(instance->key());
  const bool hears = !sleeper->ears.empty();
  if (Turnstile* turnstile = turnstile_of(*instance)) turnstile->count_in(instance->id());
  open_.fetch_add(1);
  open_gauge_.add(1);
  surroundings_.states.enter(instance->status());
  watch_deadline(*instance);
  instance->note_open_steps();
  {
    Shard& shard = shard_of(instance->id());
    const std::scoped_lock lock(shard.mutex);
    const auto placed = shard.sleepers.emplace(instance->id(), std::move(*sleeper)).first;
    sleepers_->add(instance->id(), placed->second);
  }
  if (hears && executor_.queued() > kManyJobs)
    plug_ears(*instance);  // those that wait for it are in memory
  else if (hears)
    plug_ears_later(instance);
  return true;
}

void Engine::Impl::check_last(InstanceId id) {
  const auto instance = lookup(id);
  if (!instance) return;
  const Result<std::vector<Record>> records = journal_.read(id);
  if (records && !records->empty()) instance->sure_of(records->back().number);
}

Result<bool> Engine::Impl::wake(InstanceId id) {
  Shard& shard = shard_of(id);
  std::shared_ptr<const Workflow> workflow;
  std::shared_ptr<Observer> observer;
  std::vector<Sleeper::Ear> ears;
  std::uint32_t number = 0;
  {
    const std::scoped_lock lock(shard.mutex);
    const auto found = shard.sleepers.find(id);
    if (found == shard.sleepers.end()) return true;
    workflow = found->second.workflow;
    if (found->second.rare) observer = found->second.rare->observer;
    ears = found->second.ears;
    number = found->second.number;
  }
  Result<std::vector<Record>> records = journal_.read(id);
  if (!records) return fail(std::move(records.error()));
  if (records->empty() || records->back().number != number) return false;
  Result<std::shared_ptr<Instance>> instance =
      bring_back(std::move(*records), std::move(workflow), std::move(observer));
  if (!instance) return fail(std::move(instance.error()));
  (*instance)->prepare_to_rise(ears);
  (*instance)->count(false);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.sleepers.find(id);
  if (found == shard.sleepers.end()) return true;
  Sleeper sleeper = std::move(found->second);
  shard.sleepers.erase(found);
  shard.instances.emplace(id, *instance);
  sleepers_->remove(id, sleeper);
  for (const Sleeper::Ear& ear : sleeper.ears)
    if (ear.sieve) events_.unsift(ear.group, {id, ear.listener}, *ear.sieve, ear.key);
  // Before anybody else finds it: what comes first is done first. And before it goes on: one that
  // had ended meanwhile would have to be asked whether it did, with this lock held.
  for (const Sleepers::Call& call : sleepers_->take_calls(id)) call.task(**instance);
  (*instance)->rise(sleeper);
  return true;
}

void Engine::Impl::deliver(const EventBus::Address& to, const Value& event,
                           const Delivery& delivery) {
  (void)reach(
      to.instance,
      [listener = to.listener, event, delivery](Instance& instance) {
        return instance.event_arrived(listener, event, delivery);
      },
      {}, true);
}

bool Engine::Impl::when_ended(InstanceId id, std::function<void(const InstanceView&)> callback,
                              std::weak_ptr<void> alive) {
  std::vector<Waiters::Waiter> dead;  // they go without the lock
  while (true) {
    std::shared_ptr<Instance> instance;
    {
      Shard& shard = shard_of(id);
      const std::scoped_lock lock(shard.mutex);
      if (const auto found = shard.instances.find(id); found != shard.instances.end()) {
        instance = found->second;
      } else if (const auto asleep = shard.sleepers.find(id); asleep != shard.sleepers.end()) {
        Waiters& waiters = asleep->second.with_rare().waiters;
        dead = waiters.add(std::move(callback), std::move(alive));
        return true;
      }
    }
    if (!instance) break;
    if (instance->when_ended(callback, alive)) return true;
  }
  const auto view = find(id);
  if (view) callback(*view);
  return view.has_value();
}

std::optional<InstanceView> Engine::Impl::find(InstanceId id) const {
  std::optional<InstanceView> asleep;
  {
    const Shard& shard = shard_of(id);
    std::unique_lock lock(shard.mutex);
    if (const auto found = shard.instances.find(id); found != shard.instances.end()) {
      const std::shared_ptr<Instance> instance = found->second;
      lock.unlock();
      return instance->view();
    }
    if (const auto found = shard.sleepers.find(id); found != shard.sleepers.end())
      asleep = view_of_sleeper(id, found->second);
  }
  Result<std::optional<InstanceSummary>> summary = journal_.summary(id);
  if (!summary) {
    log_.error("the journal cannot be read", {{"problem", summary.error().one_line()}});
    return asleep;
  }
  if (!*summary) return asleep;
  if (!asleep || (*summary)->end) return view_of_kept(**summary);
  asleep->input = view_of(**summary).input;
  if (open_steps_.has(id))
    asleep->open_steps = open_steps_now(id).value_or(std::vector<OpenStep>());
  mark_overdue(asleep->open_steps, clock_.now());
  return asleep;
}

}  // namespace stepwell::engine
