// What the engine is made of. Internal to engine/: engine.cpp (the life of instances),
// engine_recovery.cpp (what comes from the journal), engine_rest.cpp (how it comes to rest),
// engine_sleep.cpp (instances that leave memory).
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/changes.h"
#include "engine/deadline_watch.h"
#include "engine/engine.h"
#include "engine/finished.h"
#include "engine/gathering.h"
#include "engine/history.h"
#include "engine/instance.h"
#include "engine/lost.h"
#include "engine/open_steps.h"
#include "engine/recovery.h"
#include "engine/sleepers.h"
#include "engine/turnstile.h"
#include "engine/worker_pool.h"

namespace stepwell::engine {

// Ids from here on follow from what starts the instance; those below are given one after the other
// (until 2059).
constexpr std::uint64_t kDerivedIds = 1ULL << 52U;

// Of what old journals do not say; kept for as long as the engine, so that no promise is broken.
struct Learning {
  std::promise<Status> done;
  const std::shared_future<Status> durable = done.get_future().share();
};

class Engine::Impl {
 public:
  Impl(EngineOptions options, StepRunner& steps, Journal& journal, Timers& timers,
       const Clock& clock, Entropy& entropy, Metrics& metrics, Log& log);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  std::shared_ptr<const Workflow> prepare(std::shared_ptr<const config::Definition> definition);
  void start(StartRequest request, std::function<void(Result<InstanceId>)> admitted);
  // Nothing where it has left memory.
  std::shared_ptr<Instance> lookup(InstanceId id) const;
  std::vector<InstanceView> open_views(const Wanted& wanted) const;
  EventBus& events() { return events_; }
  std::size_t steps_in_flight() const { return outside_.in_flight(); }
  std::size_t open_instances() const { return open_.load(); }
  bool at_rest() const;
  void refuse_new();
  void publish(const Value& event, const std::function<void(Status)>& done);
  bool leaving() const { return leaving_.load(std::memory_order_acquire); }
  bool refusing() const { return refusing_.load(std::memory_order_acquire); }
  bool abandoning() const { return abandoning_.load(std::memory_order_acquire); }
  bool wait_until_idle(Deadline deadline);
  // engine_rest.cpp
  void begin_no_more();
  bool wait_for_rest(Deadline deadline);
  void take_snapshots(Deadline deadline);

  void maintain();
  void post(std::function<void()> task);
  WallTime now() const { return clock_.now(); }

  // engine_recovery.cpp
  Status recover(const Loader& load);
  void go_on();
  void retry(InstanceId id, std::function<void(Status)> done);

  // engine_people.cpp
  void ask_person(InstanceId id, StepAnswer answer, bool change,
                  const std::function<void(Status)>& done);
  Result<OpenSteps> open_steps(const OpenStepFilter& filter, std::size_t most) const;

  // engine_list.cpp
  Result<InstancePage> list(const InstanceQuery& query);
  Status learn_credentials();
  Result<std::shared_ptr<Learning>> begin_learning();

  // engine_history.cpp
  Result<History> history(InstanceId id);
  Watchers& watchers() { return watchers_; }
  ChangeListeners& changes() { return changes_; }

  // engine_remove.cpp
  Result<std::vector<InstanceId>> remove(const std::vector<InstanceId>& ids);

  // engine_lost.cpp
  // False where it is not one that is lost. `done` may be empty; `shutting-down` once the engine
  // goes.
  bool stop_lost(InstanceId id, const std::function<void(Status)>& done);

  // engine_sleep.cpp
  // Does this with an open or finished instance: now, or once it is back in memory; false where
  // there is none. `task` may come with a lock held, so that it may only hand it something; it
  // gives false where the instance has just left. Where it cannot be woken, `failed` is told, or,
  // where that is empty, it waits until it can; of `events`, only so many wait.
  using Failed = std::function<void(const Problem&)>;
  static Failed failing(std::function<void(Status)> done) {
    return [done = std::move(done)](const Problem& problem) { done(fail(problem)); };
  }
  template <class Task>
  bool reach(InstanceId id, Task task, const Failed& failed = {}, bool event = false);
  bool when_ended(InstanceId id, std::function<void(const InstanceView&)> callback,
                  std::weak_ptr<void> alive = {});
  std::optional<InstanceView> find(InstanceId id) const;
  bool is_open(InstanceId id) const;

 private:
  static constexpr std::size_t kShards = 64;
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<InstanceId, std::shared_ptr<Instance>> instances;  // guarded by mutex
    std::unordered_map<InstanceId, Sleeper> sleepers;  // guarded by mutex; none is in `instances`
  };
  // A start with `once` that was made before.
  struct Known {
    InstanceId id;
    std::shared_ptr<Instance> instance;      // null: it is in the journal alone …
    std::optional<InstanceSummary> summary;  // … and this is it, if it was looked for
  };

  Shard& shard_of(InstanceId id) { return shards_[id.number % kShards]; }
  const Shard& shard_of(InstanceId id) const { return shards_[id.number % kShards]; }
  bool keep(const std::shared_ptr<Instance>& instance, bool returns = false);
  void forget(const std::vector<InstanceId>& ids);
  void drop(InstanceId id, bool unless_open = false);
  void tell_known(const Known& known, const std::shared_ptr<Observer>& observer,
                  const std::function<void(Result<InstanceId>)>& admitted);
  Result<std::optional<Known>> find_known(const std::string& once, std::optional<InstanceId>& id);
  void journal_definition(const Workflow& workflow);
  static Turnstile* turnstile_of(const Instance& instance);
  static bool has_to_wait(const Instance& instance);
  void let_go(Instance& instance);
  void let_next_run(const Instance& instance);
  void instance_ended(Instance& instance);
  void instance_settled();

  // engine_list.cpp
  void gather(Gathering& gathering) const;
  static InstanceView view_of_sleeper(InstanceId id, const Sleeper& sleeper);

  // engine_deadlines.cpp
  void watch_deadline(const Instance& instance);
  void label_changed(const Instance& instance, const Label& before, const Label& now);
  void look_at_deadlines();

  // engine_lost.cpp
  InstanceView view_of_kept(const InstanceSummary& summary) const;

  // engine_people.cpp
  bool completed_before(InstanceId id, const std::string& step);
  Result<std::vector<OpenStep>> open_steps_now(InstanceId id) const;

  // engine_rest.cpp
  bool quiet() const;
  bool commit(Deadline deadline);

  // engine_sleep.cpp
  bool may_sleep() const { return options_.sleep_after.count() > 0; }
  Instance::Bedtime bedtime() const;
  void put_to_bed();
  void let_leave(const std::shared_ptr<Instance>& instance, const Instance::Bedtime& time);
  bool let_stay(const std::shared_ptr<Instance>& instance, const Instance::Bedtime& time);
  void plug_ears_later(const std::shared_ptr<Instance>& instance);
  void plug_ears(Instance& instance);
  Result<bool> wake(InstanceId id);
  void check_last(InstanceId id);
  void deliver(const EventBus::Address& to, const Value& event, const Delivery& delivery);

  // engine_recovery.cpp
  Result<std::shared_ptr<const Workflow>> workflow_of(const std::string& digest);
  // `workflow`: null where the first record has to tell.
  Result<std::shared_ptr<Instance>> bring_back(std::vector<Record> records,
                                               std::shared_ptr<const Workflow> workflow = {},
                                               std::shared_ptr<Observer> observer = {});
  void line_up();
  bool orphaned(const Instance& instance) const;
  Status check_children(const Instance& instance);
  // `returns`: it had ended.
  bool take_in(const std::shared_ptr<Instance>& instance, bool returns = false);

  const EngineOptions options_;
  Journal& journal_;
  const Clock& clock_;
  Entropy& entropy_;
  Metrics& metrics_;
  Log& log_;
  std::array<Shard, kShards> shards_;
  Turnstiles turnstiles_;
  std::atomic<std::size_t> open_{0};
  std::atomic<std::uint64_t> returned_{0};  // instances that had ended and were retried
  StepCount outside_;
  std::atomic<bool> leaving_{false};
  std::atomic<bool> refusing_{false};
  std::atomic<bool> abandoning_{false};
  std::mutex idle_mutex_;
  std::condition_variable idle_;
  OpenStepIndex open_steps_;
  EventBus events_;
  Deliveries deliveries_;
  std::unique_ptr<WorkerPool> pool_;  // null: somebody gave it an executor
  Executor& executor_;
  Watchers watchers_;
  ChangeListeners changes_;
  Surroundings surroundings_;
  std::unique_ptr<Sleepers> sleepers_;
  DeadlineWatch deadlines_;
  std::size_t next_shard_ = 0;  // that maintain() looks at
  Gauge open_gauge_;
  Gauge queue_gauge_;
  Gauge busy_gauge_;
  Gauge pending_gauge_;
  std::mutex finished_mutex_;
  Finished finished_;  // guarded by finished_mutex_
  std::atomic<std::uint64_t> next_id_;
  const std::shared_ptr<LostInstances> lost_;  // also the journal's, until a stop is durable

  std::mutex digests_mutex_;
  std::map<std::string, std::weak_ptr<const Workflow>> by_digest_;  // guarded by digests_mutex_

  std::mutex learning_mutex_;
  std::shared_ptr<Learning> learning_;  // guarded by learning_mutex_; null: not begun

  std::mutex recovery_mutex_;  // held by recover(), go_on() and retry(); guards what follows
  Loader load_;
  WallTime last_event_{};                           // of those that were left asleep
  std::vector<std::shared_ptr<Instance>> resting_;  // until go_on()
};

template <class Task>
bool Engine::Impl::reach(InstanceId id, Task task, const Failed& failed, bool event) {
  while (true) {
    std::shared_ptr<Instance> instance;
    {
      Shard& shard = shard_of(id);
      const std::scoped_lock lock(shard.mutex);
      const auto found = shard.instances.find(id);
      if (found == shard.instances.end()) {
        if (!shard.sleepers.contains(id)) return false;
        const auto called = [task](Instance& awake) { (void)task(awake); };
        if (sleepers_->call(id, {called, failed, event})) return true;
      } else {
        instance = found->second;
      }
    }
    if (!instance) break;
    if (task(*instance)) return true;
  }
  if (failed) failed(shutting_down());
  return true;
}

}  // namespace stepwell::engine
