// What the engine takes from its journal: open instances after a restart, those that are retried,
// those that are not in memory any more.
#include <algorithm>
#include <utility>

#include "engine/engine_impl.h"
#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

// What was emitted so long before the last that happened has gone out.
constexpr std::chrono::minutes kEmittedLongAgo{1};

Problem definition_lost(const std::string& digest, const std::string& why) {
  return make_problem(ErrorKind::configuration, "definition-lost",
                      "the definition " + digest.substr(0, 12) +
                          " that it was started with cannot be read: " + why);
}

}  // namespace

// By its digest: one that is loaded anyway, else from the journal.
Result<std::shared_ptr<const Workflow>> Engine::Impl::workflow_of(const std::string& digest) {
  {
    const std::scoped_lock lock(digests_mutex_);
    if (auto known = by_digest_[digest].lock()) return known;
  }
  Result<Value> payload = journal_.definition(digest);
  if (!payload) return fail(std::move(payload.error()));
  if (!payload->is_object()) return fail(definition_lost(digest, "the journal does not have it"));
  if (!load_) return fail(definition_lost(digest, "there is nobody who reads it"));
  Result<std::shared_ptr<const config::Definition>> definition = load_(payload->get("sources"));
  if (!definition) return fail(definition_lost(digest, definition.error().one_line()));
  if ((*definition)->digest != digest)
    return fail(definition_lost(digest, "it is not what it was"));
  auto workflow = prepare(std::move(*definition));
  workflow->journalled.store(true, std::memory_order_relaxed);
  return workflow;
}

Result<std::shared_ptr<Instance>> Engine::Impl::bring_back(std::vector<Record> records,
                                                           std::shared_ptr<const Workflow> workflow,
                                                           std::shared_ptr<Observer> observer) {
  const InstanceId id = records.front().instance;
  Asked asked = read_head(records.front());
  if (!workflow) {
    Result<std::shared_ptr<const Workflow>> known = workflow_of(asked.digest);
    if (!known) return fail(std::move(known.error()));
    workflow = std::move(*known);
  }
  Result<Replayed> replayed = replay(*workflow->program, id, std::move(records));
  if (!replayed) return fail(std::move(replayed.error()));
  asked.request.workflow = std::move(workflow);
  asked.request.observer = std::move(observer);
  return std::make_shared<Instance>(surroundings_, id, std::move(asked.request), asked.level,
                                    std::move(*replayed));
}

bool Engine::Impl::take_in(const std::shared_ptr<Instance>& instance, bool returns) {
  open_.fetch_add(1);
  if (!keep(instance, returns)) {
    instance_settled();
    return false;
  }
  open_gauge_.add(1);
  instance->count(true);
  watch_deadline(*instance);
  return true;
}

Status Engine::Impl::recover(const Loader& load) {
  const std::scoped_lock lock(recovery_mutex_);
  load_ = load;
  Result<std::uint64_t> last = journal_.last_instance(kDerivedIds);
  if (!last) return fail(std::move(last.error()));
  next_id_.store(std::max(next_id_.load(), *last + 1));
  if (Status events = deliveries_.recover(); !events) return events;
  std::size_t lost = 0;
  std::size_t asleep = 0;
  if (may_sleep()) sleepers_->hold();
  const Instance::Bedtime time = bedtime();
  Status read = journal_.read_open([&](std::vector<Record> records) {
    if (records.empty()) return;
    const InstanceId id = records.front().instance;
    std::uint32_t number = 0;
    for (const Record& record : records) number = std::max(number, record.number);
    const InstanceSummary summary = summary_of(records);
    Result<std::shared_ptr<Instance>> instance = bring_back(std::move(records));
    if (!instance) {
      ++lost;
      lost_->add(id, {number, instance.error(), view_of(summary)});
      log_.error("an instance cannot go on",
                 {{"instance", id.number}, {"problem", instance.error().one_line()}});
    } else if (may_sleep() && let_stay(*instance, time)) {
      ++asleep;
      last_event_ = std::max(last_event_, (*instance)->updated());
    } else if (take_in(*instance)) {
      resting_.push_back(std::move(*instance));
    }
  });
  if (!read) return read;
  line_up();
  if (!resting_.empty() || asleep > 0 || lost > 0)
    log_.info("instances recovered",
              {{"count", resting_.size() + asleep}, {"asleep", asleep}, {"failed", lost}});
  return {};
}

// First all that run are counted, then those that wait for their turn stand in line, by age.
void Engine::Impl::line_up() {
  for (const bool waiting : {false, true}) {
    for (const auto& instance : resting_) {
      Turnstile* turnstile = turnstile_of(*instance);
      if (instance->waits() != waiting) continue;
      if (!waiting) {
        if (turnstile != nullptr) turnstile->count_in(instance->id());
        continue;
      }
      const std::uint64_t limit = instance->workflow().program->definition().concurrency;
      if (turnstile == nullptr || turnstile->enter(instance->id(), limit, instance->urgency()))
        instance->begin();
    }
  }
}

void Engine::Impl::go_on() {
  const std::scoped_lock lock(recovery_mutex_);
  WallTime last = last_event_;
  for (const auto& instance : resting_) last = std::max(last, instance->updated());
  for (const auto& instance : resting_) {
    if (instance->updated() + kEmittedLongAgo < last) continue;
    for (const Emit& emitted : instance->emitted()) deliveries_.add_emitted(emitted.event);
  }
  std::vector<bool> orphans;  // looked for while all are as they were
  orphans.reserve(resting_.size());
  for (const auto& instance : resting_) orphans.push_back(orphaned(*instance));
  for (const auto& instance : resting_) instance->listen_again();
  for (std::size_t i = 0; i < resting_.size(); ++i) resting_[i]->go_on(orphans[i]);
  resting_.clear();
  deliveries_.publish_again();
  sleepers_->go_on();
}

// Whoever waited for it does not any more, and was on the way to stop it.
bool Engine::Impl::orphaned(const Instance& instance) const {
  const std::optional<Parent>& parent = instance.parent();
  if (!parent || !parent->awaited) return false;
  if (const auto waits = lookup(parent->id)) {
    const std::vector<std::string> names = waits->awaited_children();
    return std::find(names.begin(), names.end(), parent->step) == names.end();
  }
  if (is_open(parent->id)) return true;  // asleep: no step of it runs
  const Result<std::optional<InstanceSummary>> summary = journal_.summary(parent->id);
  return summary && (!*summary || (*summary)->end);
}

// A step that waits for a child would be told of its end once more.
Status Engine::Impl::check_children(const Instance& instance) {
  for (const std::string& name : instance.awaited_children()) {
    std::optional<InstanceId> none;
    Result<std::optional<Known>> known = find_known(name, none);
    if (!known) return fail(std::move(known.error()));
    if (!*known) continue;
    if (!(*known)->instance && !(*known)->summary) continue;
    const InstanceView child =
        (*known)->instance ? (*known)->instance->view() : view_of(*(*known)->summary);
    if (child.status != InstanceStatus::faulted && child.status != InstanceStatus::stopped)
      continue;
    const std::string id = std::to_string(child.id.number);
    return fail(client_error(
        409, "instance-not-retryable",
        "it waits for instance " + id +
            (child.status == InstanceStatus::faulted ? ", which has faulted: retry that one first"
                                                     : ", which was stopped")));
  }
  return {};
}

void Engine::Impl::retry(InstanceId id, std::function<void(Status)> done) {
  const std::scoped_lock lock(recovery_mutex_);
  const auto present = lookup(id);
  Result<std::vector<Record>> records = journal_.read(id);
  if (!records) return done(fail(std::move(records.error())));
  if (records->empty())
    return done(fail(present ? client_error(409, "instance-not-retryable",
                                            "instances are kept in memory alone here")
                             : unknown_instance(id)));
  const bool over = present == nullptr || ended(present->status());
  if (present && over && !present->settled()) {
    (void)present->when_ended([this, id, done = std::move(done)](const InstanceView& /*view*/) {
      post([this, id, done] { retry(id, done); });
    });
    return;
  }
  if (!over)
    return done(fail(client_error(409, "instance-not-faulted",
                                  "instance " + std::to_string(id.number) + " has not ended")));
  if (Status good = check_retry(*records); !good) return done(std::move(good));
  Record record{};
  record.kind = Record::Kind::retried;
  record.instance = id;
  record.time = clock_.now();
  for (const Record& each : *records) record.number = std::max(record.number, each.number + 1);
  records->push_back(record);
  Result<std::shared_ptr<Instance>> instance = bring_back(std::move(*records));
  if (!instance) return done(fail(std::move(instance.error())));
  if (Status good = check_children(**instance); !good) return done(std::move(good));
  forget({id});  // first, as in remove()
  {
    const std::scoped_lock finished(finished_mutex_);
    finished_.remove(id);
  }
  if (!take_in(*instance, true)) return done(fail(shutting_down()));
  if (Turnstile* turnstile = turnstile_of(**instance)) turnstile->count_in(id);
  const auto durable = [this, instance = *instance, done](Status status) {
    if (status)
      instance->go_on_retried();
    else
      instance->unless_gone([&] { let_go(*instance); });
    done(std::move(status));
  };
  if (journal_.append(std::move(record), durable) == Journal::Durability::now) durable({});
}

}  // namespace stepwell::engine
