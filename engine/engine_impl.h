// What the engine is made of. Internal to engine/: engine.cpp (the life of instances),
// engine_recovery.cpp (what comes from the journal).
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "engine/finished.h"
#include "engine/instance.h"
#include "engine/turnstile.h"
#include "engine/worker_pool.h"

namespace stepwell::engine {

// Ids from here on follow from what starts the instance; those below are given one after the other
// (until 2059).
constexpr std::uint64_t kDerivedIds = 1ULL << 52U;

class Engine::Impl {
 public:
  Impl(EngineOptions options, StepRunner& steps, Journal& journal, Timers& timers,
       const Clock& clock, Entropy& entropy, Metrics& metrics, Log& log);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  std::shared_ptr<const Workflow> prepare(std::shared_ptr<const config::Definition> definition);
  void start(StartRequest request, std::function<void(Result<InstanceId>)> admitted);
  std::shared_ptr<Instance> lookup(InstanceId id) const;
  std::vector<InstanceView> open_views(const Wanted& wanted) const;
  EventBus& events() { return events_; }
  std::size_t steps_in_flight() const { return in_flight_.load(); }
  std::size_t open_instances() const { return open_.load(); }
  bool at_rest() const { return pool_->idle(); }
  void refuse_new();
  void publish(const Value& event, const std::function<void(Status)>& done);
  bool refusing() const { return refusing_.load(std::memory_order_acquire); }
  bool abandoning() const { return abandoning_.load(std::memory_order_acquire); }
  bool wait_until_idle(Deadline deadline);
  void maintain();
  void post(std::function<void()> task);
  WallTime now() const { return clock_.now(); }

  // engine_recovery.cpp
  Status recover(const Loader& load);
  void go_on();
  std::optional<InstanceView> find(InstanceId id) const;
  Result<std::vector<InstanceView>> list(const InstanceFilter& filter, std::size_t most) const;
  void retry(InstanceId id, std::function<void(Status)> done);

 private:
  static constexpr std::size_t kShards = 64;
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<InstanceId, std::shared_ptr<Instance>> instances;  // guarded by mutex
  };
  // A start with `once` that was made before.
  struct Known {
    InstanceId id;
    std::shared_ptr<Instance> instance;      // null: it is in the journal alone …
    std::optional<InstanceSummary> summary;  // … and this is it
  };

  Shard& shard_of(InstanceId id) { return shards_[id.number % kShards]; }
  const Shard& shard_of(InstanceId id) const { return shards_[id.number % kShards]; }
  bool keep(const std::shared_ptr<Instance>& instance);
  void forget(const std::vector<InstanceId>& ids);
  static void tell_known(const Known& known, const std::shared_ptr<Observer>& observer,
                         const std::function<void(Result<InstanceId>)>& admitted);
  Result<std::optional<Known>> find_known(const std::string& once, std::optional<InstanceId>& id);
  void journal_definition(const Workflow& workflow);
  static Turnstile* turnstile_of(const Instance& instance);
  static bool has_to_wait(const Instance& instance);
  void let_go(Instance& instance);
  void let_next_run(const Instance& instance);
  void instance_ended(Instance& instance);
  void instance_settled();

  // engine_recovery.cpp
  Result<std::shared_ptr<const Workflow>> workflow_of(const std::string& digest);
  Result<std::shared_ptr<Instance>> bring_back(std::vector<Record> records);
  void line_up();
  bool orphaned(const Instance& instance) const;
  Status check_children(const Instance& instance);
  bool take_in(const std::shared_ptr<Instance>& instance);

  const EngineOptions options_;
  Journal& journal_;
  const Clock& clock_;
  Entropy& entropy_;
  Metrics& metrics_;
  Log& log_;
  std::array<Shard, kShards> shards_;
  Turnstiles turnstiles_;
  std::atomic<std::size_t> open_{0};
  std::atomic<std::size_t> in_flight_{0};  // steps
  std::atomic<bool> refusing_{false};
  std::atomic<bool> abandoning_{false};
  std::mutex idle_mutex_;
  std::condition_variable idle_;
  EventBus events_;
  Deliveries deliveries_;
  std::unique_ptr<WorkerPool> pool_;
  Surroundings surroundings_;
  Gauge open_gauge_;
  Gauge queue_gauge_;
  Gauge pending_gauge_;
  std::mutex finished_mutex_;
  Finished finished_;  // guarded by finished_mutex_
  std::atomic<std::uint64_t> next_id_;

  std::mutex digests_mutex_;
  std::map<std::string, std::weak_ptr<const Workflow>> by_digest_;  // guarded by digests_mutex_

  std::mutex recovery_mutex_;  // held by recover(), go_on() and retry(); guards what follows
  Loader load_;
  std::vector<std::shared_ptr<Instance>> resting_;  // until go_on()
};

}  // namespace stepwell::engine
