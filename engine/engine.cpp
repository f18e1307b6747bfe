#include "engine/engine.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "config/digest.h"
#include "engine/engine_impl.h"
#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

constexpr std::size_t kWorkflowNames = 200;  // different workflows told apart in metrics

// Ids grow over restarts: milliseconds since 2025, with room for 4,096 instances in each.
std::uint64_t first_id(const Clock& clock) {
  constexpr std::int64_t kEpoch = 1'735'689'600'000;
  const std::int64_t elapsed = clock.now().time_since_epoch().count() - kEpoch;
  return elapsed > 0 ? static_cast<std::uint64_t>(elapsed) << 12U : 1;
}

// Follows from the step or event that starts it, so that a repeated start finds it; below 2^53.
// `attempt`: 0, and one more for each whose id is taken.
InstanceId id_of(const std::string& once, std::uint32_t attempt) {
  const std::string digest = config::content_digest(once + "#" + std::to_string(attempt));
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::from_chars(digest.data(), digest.data() + 16, high, 16);
  std::from_chars(digest.data() + 16, digest.data() + 32, low, 16);
  return InstanceId{kDerivedIds | ((high ^ low ^ (high >> 32U)) & (kDerivedIds - 1))};
}

Problem too_deep(std::uint32_t levels) {
  return make_problem(ErrorKind::configuration, "workflow-too-deep",
                      "workflows have started each other " + std::to_string(levels) +
                          " levels deep, which is the most; does one run itself for ever?");
}

}  // namespace

Engine::Impl::Impl(EngineOptions options, StepRunner& steps, Journal& journal, Timers& timers,
                   const Clock& clock, Entropy& entropy, Metrics& metrics, Log& log)
    : options_(options),
      journal_(journal),
      clock_(clock),
      entropy_(entropy),
      metrics_(metrics),
      log_(log),
      open_steps_(metrics),
      deliveries_(events_, journal, clock, first_id(clock)),
      pool_(options.executor == nullptr ? std::make_unique<WorkerPool>(options.workers) : nullptr),
      executor_(options.executor == nullptr ? *pool_ : *options.executor),
      surroundings_{
          steps,
          journal,
          timers,
          clock,
          entropy,
          log,
          events_,
          deliveries_,
          executor_,
          watchers_,
          changes_,
          outside_,
          leaving_,
          StepMetrics(metrics),
          InstanceStates(metrics),
          metrics.counter("stepwell_retries_total", "Attempts after the first."),
          metrics.counter("stepwell_instance_events_missed_total",
                          "Events that an instance did not take, since too many wait for it."),
          metrics.counter("stepwell_instances_overdue_total",
                          "Instances that were open at their deadline."),
          [this](Instance& instance) { instance_ended(instance); },
          [this] { instance_settled(); },
          [this](const Instance& instance, const Label& before, const Label& now) {
            label_changed(instance, before, now);
          },
          open_steps_,
          options.people},
      open_gauge_(metrics.gauge("stepwell_instances_open", "Instances that have not ended.")),
      queue_gauge_(metrics.gauge("stepwell_worker_queue_length", "Jobs that wait for a worker.")),
      busy_gauge_(metrics.gauge("stepwell_workers_busy", "Workers that run a job.")),
      pending_gauge_(metrics.gauge("stepwell_instances_pending",
                                   "Admitted instances that wait for their turn.")),
      finished_(options.keep_finished),
      next_id_(first_id(clock)),
      lost_(std::make_shared<LostInstances>()) {
  sleepers_ = std::make_unique<Sleepers>(
      Sleepers::Surroundings{timers, clock, executor_, metrics, log},
      may_sleep() && options.executor == nullptr, [this](InstanceId id) { return wake(id); },
      [this](InstanceId id) { check_last(id); });
  metrics.gauge("stepwell_workers", "Workers of the pool.")
      .set(static_cast<double>(executor_.workers()));
  events_.deliver_by([this](const EventBus::Address& to, const Value& event,
                            const Delivery& delivery) { deliver(to, event, delivery); });
}

Engine::Impl::~Impl() {
  deliveries_.stop();
  leaving_.store(true, std::memory_order_release);
  // Steps that are dropped must not stop the instances that they wait for.
  abandoning_.store(true, std::memory_order_release);
  sleepers_->stop();
  for (Shard& shard : shards_) {
    std::unordered_map<InstanceId, std::shared_ptr<Instance>> instances;
    std::unordered_map<InstanceId, Sleeper> sleepers;
    {
      const std::scoped_lock lock(shard.mutex);
      instances.swap(shard.instances);
      sleepers.swap(shard.sleepers);
    }
    for (const auto& [id, instance] : instances) instance->abandon();
  }
  pool_.reset();  // waits for jobs under way, which use everything else here
}

std::shared_ptr<const Workflow> Engine::Impl::prepare(
    std::shared_ptr<const config::Definition> definition) {
  const std::string label =
      metrics_.bounded("workflow", definition->namespace_ + "/" + definition->name, kWorkflowNames);
  const auto ended_counter = [&](const char* outcome) {
    return metrics_.counter("stepwell_instances_ended_total", "Instances that ended, by outcome.",
                            {{"workflow", label}, {"outcome", outcome}});
  };
  auto turnstile = turnstiles_.of(*definition);
  const std::string digest = definition->digest;
  auto workflow = std::make_shared<const Workflow>(
      std::move(definition), options_.budget,
      WorkflowMetrics{metrics_.counter("stepwell_instances_started_total",
                                       "Instances that were admitted.", {{"workflow", label}}),
                      ended_counter("completed"), ended_counter("faulted"),
                      ended_counter("stopped")},
      std::move(turnstile));
  const std::scoped_lock lock(digests_mutex_);
  by_digest_[digest] = workflow;
  return workflow;
}

void Engine::Impl::start(StartRequest request, std::function<void(Result<InstanceId>)> admitted) {
  std::uint32_t level = 1;
  std::optional<InstanceId> id;
  if (request.parent)
    request.once = request.parent->step;
  else if (refusing())
    return admitted(fail(shutting_down()));
  if (!request.once.empty()) {
    Result<std::optional<Known>> known = find_known(request.once, id);
    if (!known) return admitted(fail(std::move(known.error())));
    if (*known) return tell_known(**known, request.observer, admitted);
  }
  if (request.parent) {
    const auto parent = lookup(request.parent->id);
    level = parent ? parent->level() + 1 : 2;
    if (level > options_.max_levels) return admitted(fail(too_deep(options_.max_levels)));
  }
  if (request.input.is_null()) request.input = Value::object();
  if (const auto& schema = request.workflow->program->definition().input_schema) {
    if (Status good = schema->validate(request.input, "the workflow's input"); !good) {
      good.error().where = "/input/schema";
      return admitted(fail(std::move(good.error())));
    }
  }
  if (open_.fetch_add(1) >= options_.max_open) {
    open_.fetch_sub(1);
    return admitted(fail(unavailable(
        "overloaded",
        "too many open instances (" + std::to_string(options_.max_open) + "); try again later")));
  }
  if (!id) id = InstanceId{next_id_.fetch_add(1)};
  if (request.prepare) {
    if (Status ready = request.prepare(*id); !ready) {
      instance_settled();
      return admitted(fail(std::move(ready.error())));
    }
    request.prepare = nullptr;  // nobody needs it as long as the instance lives
  }
  journal_definition(*request.workflow);
  const std::shared_ptr<Observer> observer = request.observer;
  auto instance = std::make_shared<Instance>(surroundings_, *id, std::move(request), level);
  if (!keep(instance)) {
    instance_settled();
    // Somebody else has just started it, or the engine goes.
    if (auto other = lookup(*id); other || is_open(*id))
      return tell_known({*id, std::move(other), std::nullopt}, observer, admitted);
    return admitted(fail(shutting_down()));
  }
  instance->workflow().metrics.started.increment();
  open_gauge_.add(1);
  instance->count(true);
  if (instance->has_deadline()) watch_deadline(*instance);
  instance->admit(entropy_.hex(16), std::move(admitted), has_to_wait(*instance));
}

// The instance that was started before, or its end where the journal alone has it.
void Engine::Impl::tell_known(const Known& known, const std::shared_ptr<Observer>& observer,
                              const std::function<void(Result<InstanceId>)>& admitted) {
  if (known.instance)
    known.instance->when_admitted(admitted);
  else
    admitted(known.id);
  if (!observer) return;
  if (!known.instance && known.summary && known.summary->end)
    return observer->on_end(view_of(*known.summary));
  (void)when_ended(known.id, [observer](const InstanceView& view) { observer->on_end(view); });
}

// What was started with it already; else the id of what is started with it now goes into `id`.
Result<std::optional<Engine::Impl::Known>> Engine::Impl::find_known(const std::string& once,
                                                                    std::optional<InstanceId>& id) {
  for (std::uint32_t attempt = 0;; ++attempt) {
    const InstanceId candidate = id_of(once, attempt);
    if (auto instance = lookup(candidate)) {
      if (instance->once() == once) return Known{candidate, std::move(instance), std::nullopt};
      continue;
    }
    Result<std::optional<InstanceSummary>> summary = journal_.summary(candidate);
    if (!summary) return fail(std::move(summary.error()));
    if (!*summary) {
      id = candidate;
      return std::optional<Known>{};
    }
    if (read_head((*summary)->head).request.once != once) continue;
    if (!(*summary)->end && !is_open(candidate))
      return fail(not_recovered(view_of_kept(**summary)));
    return Known{candidate, nullptr, std::move(*summary)};
  }
}

// Once in the life of a process: a record that is known already changes nothing.
void Engine::Impl::journal_definition(const Workflow& workflow) {
  if (workflow.journalled.load(std::memory_order_acquire)) return;
  const config::Definition& definition = workflow.program->definition();
  Record record{};
  record.kind = Record::Kind::definition;
  record.time = clock_.now();
  record.payload = Value::object(
      {{"digest", definition.digest}, {"sources", config::to_value(*definition.sources)}});
  record.payload.set("credentials", names_of_credentials(definition));
  journal_.append(std::move(record), nullptr);
  workflow.journalled.store(true, std::memory_order_release);  // not before: others rely on it
}

std::shared_ptr<Instance> Engine::Impl::lookup(InstanceId id) const {
  const Shard& shard = shard_of(id);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.instances.find(id);
  return found == shard.instances.end() ? nullptr : found->second;
}

std::vector<InstanceView> Engine::Impl::open_views(const Wanted& wanted) const {
  std::vector<std::shared_ptr<Instance>> picked;
  std::vector<InstanceView> views;
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    for (const auto& [id, instance] : shard.instances) {
      if (!ended(instance->status()) &&
          wanted(instance->workflow().program->definition(), instance->key()))
        picked.push_back(instance);
    }
    for (const auto& [id, sleeper] : shard.sleepers)
      if (wanted(sleeper.workflow->program->definition(), *sleeper.key))
        views.push_back(view_of_sleeper(id, sleeper));
  }
  for (const auto& instance : picked) views.push_back(instance->view());
  std::sort(views.begin(), views.end(),
            [](const auto& a, const auto& b) { return a.id.number < b.id.number; });
  return views;
}

// What arrives from here on may find those who wait for it gone, and is published again.
void Engine::Impl::refuse_new() {
  refusing_.store(true, std::memory_order_release);
  deliveries_.stop();
}

void Engine::Impl::publish(const Value& event, const std::function<void(Status)>& done) {
  deliveries_.publish(event, EventBus::From::outside, done);
}

bool Engine::Impl::wait_until_idle(Deadline deadline) {
  std::unique_lock lock(idle_mutex_);
  const auto idle = [this] { return open_.load() == 0; };
  if (deadline.never()) {
    idle_.wait(lock, idle);
    return true;
  }
  return idle_.wait_until(lock, deadline.at(), idle);
}

void Engine::Impl::maintain() {
  queue_gauge_.set(static_cast<double>(executor_.queued()));
  busy_gauge_.set(static_cast<double>(executor_.busy()));
  pending_gauge_.set(static_cast<double>(turnstiles_.waiting()));
  std::vector<InstanceId> forgotten;
  {
    const std::scoped_lock lock(finished_mutex_);
    forgotten = finished_.expire(clock_.now());
  }
  forget(forgotten);
  look_at_deadlines();
  put_to_bed();
}

namespace {

class Task final : public Job {
 public:
  explicit Task(std::function<void()> task) : task_(std::move(task)) {}
  void run() override { task_(); }

 private:
  std::function<void()> task_;
};

}  // namespace

void Engine::Impl::post(std::function<void()> task) {
  executor_.post(std::make_shared<Task>(std::move(task)));
}

// False once the engine goes: its destructor has been, or will be, at this shard, and nobody
// would abandon what comes after it. Whoever finds one that returned finds that counted as well: a
// list that looked before looks again.
bool Engine::Impl::keep(const std::shared_ptr<Instance>& instance, bool returns) {
  Shard& shard = shard_of(instance->id());
  const std::scoped_lock lock(shard.mutex);
  if (abandoning()) return false;
  const bool kept = !shard.sleepers.contains(instance->id()) &&
                    shard.instances.emplace(instance->id(), instance).second;
  if (kept && returns) returned_.fetch_add(1);
  return kept;
}

// What a parent waits for has its parent's turn: it would else wait for itself.
Turnstile* Engine::Impl::turnstile_of(const Instance& instance) {
  const bool awaited = instance.parent() && instance.parent()->awaited;
  return awaited ? nullptr : instance.workflow().turnstile.get();
}

bool Engine::Impl::has_to_wait(const Instance& instance) {
  Turnstile* turnstile = turnstile_of(instance);
  return turnstile != nullptr &&
         !turnstile->enter(instance.id(), instance.workflow().program->definition().concurrency,
                           instance.urgency());
}

void Engine::Impl::let_next_run(const Instance& instance) {
  Turnstile* turnstile = turnstile_of(instance);
  if (turnstile == nullptr) return;
  for (const InstanceId id : turnstile->leave(instance.id()))
    (void)reach(id, [](Instance& next) { return next.begin(); });
}

// Those that have ended: another one may have come under an id meanwhile.
void Engine::Impl::forget(const std::vector<InstanceId>& ids) {
  for (const InstanceId id : ids) drop(id, true);
}

void Engine::Impl::drop(InstanceId id, bool unless_open) {
  Shard& shard = shard_of(id);
  std::shared_ptr<Instance> last;  // destroyed after the lock is released
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.instances.find(id);
  if (found == shard.instances.end()) return;
  if (unless_open && !ended(found->second->status())) return;
  last = std::move(found->second);
  shard.instances.erase(found);
}

void Engine::Impl::instance_ended(Instance& instance) {
  const WorkflowMetrics& metrics = instance.workflow().metrics;
  switch (instance.status()) {
    case InstanceStatus::completed:
      metrics.completed.increment();
      break;
    case InstanceStatus::stopped:
      metrics.stopped.increment();
      break;
    default:
      metrics.faulted.increment();
  }
  open_gauge_.add(-1);
  if (instance.has_deadline()) deadlines_.remove(instance.id());
  let_next_run(instance);
  if (instance.never_was()) return drop(instance.id());
  std::vector<InstanceId> forgotten;
  {
    const std::scoped_lock lock(finished_mutex_);
    // It may have been removed or retried before it came here.
    if (lookup(instance.id()).get() != &instance) return;
    forgotten =
        finished_.add(instance.id(), instance.workflow().program->definition(), clock_.now());
  }
  forget(forgotten);
}

// It was taken in for nothing.
void Engine::Impl::let_go(Instance& instance) {
  drop(instance.id());
  open_gauge_.add(-1);
  surroundings_.states.leave(instance.status());
  let_next_run(instance);
  instance_settled();
}

void Engine::Impl::instance_settled() {
  if (open_.fetch_sub(1) == 1) {
    const std::scoped_lock lock(idle_mutex_);
    idle_.notify_all();
  }
}

Engine::Engine(EngineOptions options, StepRunner& steps, Journal& journal, Timers& timers,
               const Clock& clock, Entropy& entropy, Metrics& metrics, Log& log)
    : impl_(std::make_unique<Impl>(options, steps, journal, timers, clock, entropy, metrics, log)) {
}
Engine::~Engine() = default;

std::shared_ptr<const Workflow> Engine::prepare(
    std::shared_ptr<const config::Definition> definition) {
  return impl_->prepare(std::move(definition));
}

void Engine::start(StartRequest request, std::function<void(Result<InstanceId>)> admitted) {
  impl_->start(std::move(request), std::move(admitted));
}

Status Engine::recover(const Loader& load) { return impl_->recover(load); }
void Engine::go_on() { impl_->go_on(); }

std::optional<InstanceView> Engine::find(InstanceId id) const { return impl_->find(id); }

std::optional<InstanceView> Engine::peek(InstanceId id) const {
  const auto instance = impl_->lookup(id);
  if (!instance) return std::nullopt;
  return instance->view();
}

bool Engine::in_memory(InstanceId id) const { return impl_->lookup(id) != nullptr; }

Result<InstancePage> Engine::list(const InstanceQuery& query) const { return impl_->list(query); }

Result<std::vector<InstanceId>> Engine::remove(const std::vector<InstanceId>& ids) {
  return impl_->remove(ids);
}

std::vector<InstanceView> Engine::open_views(const Wanted& wanted) const {
  return impl_->open_views(wanted);
}

bool Engine::when_ended(InstanceId id, std::function<void(const InstanceView&)> callback,
                        std::weak_ptr<void> alive) {
  return impl_->when_ended(id, std::move(callback), std::move(alive));
}

Status Engine::stop(InstanceId id) {
  const auto instance = impl_->lookup(id);
  if (impl_->abandoning()) return {};
  if (instance && ended(instance->status())) return fail(has_ended(instance->view()));
  if (!instance && impl_->leaving()) return fail(shutting_down());  // who sleeps is not woken
  if (impl_->reach(id, [](Instance& open) { return open.stop(); })) return {};
  if (impl_->stop_lost(id, {})) return {};
  const auto view = impl_->find(id);
  return fail(view ? not_open(*view) : unknown_instance(id));
}

void Engine::request(Operation what, InstanceId id, std::function<void(Status)> done) {
  if (what == Operation::retry) return impl_->retry(id, std::move(done));
  Event event{impl_->now(), StopRequested{}};
  if (what == Operation::suspend) event.what = SuspendRequested{};
  if (what == Operation::resume) event.what = ResumeRequested{};
  const bool known = impl_->reach(
      id, [event, done](Instance& instance) { return instance.request(event, done); },
      Impl::failing(done));
  if (known || (what == Operation::stop && impl_->stop_lost(id, done))) return;
  const auto view = impl_->find(id);
  done(fail(view ? not_open(*view) : unknown_instance(id)));
}

void Engine::change(InstanceId id, const LabelChange& change,
                    const std::function<void(Status)>& done) {
  const bool known = impl_->reach(
      id, [change, done](Instance& instance) { return instance.change(change, done); },
      Impl::failing(done));
  if (known) return;
  const auto view = impl_->find(id);
  done(fail(view ? not_open(*view) : unknown_instance(id)));
}

void Engine::publish(const Value& event, const std::function<void(Status)>& done) {
  impl_->publish(event, done);
}

EventBus& Engine::events() { return impl_->events(); }
void Engine::post(std::function<void()> task) { impl_->post(std::move(task)); }

std::size_t Engine::steps_in_flight() const { return impl_->steps_in_flight(); }
std::size_t Engine::open_instances() const { return impl_->open_instances(); }
bool Engine::at_rest() const { return impl_->at_rest(); }
void Engine::refuse_new() { impl_->refuse_new(); }
void Engine::begin_no_more() { impl_->begin_no_more(); }
bool Engine::wait_for_rest(Deadline deadline) { return impl_->wait_for_rest(deadline); }
void Engine::take_snapshots(Deadline deadline) { impl_->take_snapshots(deadline); }
void Engine::maintain() { impl_->maintain(); }
bool Engine::wait_until_idle(Deadline deadline) { return impl_->wait_until_idle(deadline); }

}  // namespace stepwell::engine
