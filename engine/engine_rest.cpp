// How an engine comes to rest before it goes: what is under way ends, nothing is begun, and the
// journal holds the rest.
#include <algorithm>
#include <future>
#include <utility>

#include "engine/engine_impl.h"
#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

constexpr Milliseconds kLookEvery{5};
constexpr std::uint32_t kWorthASnapshot = 50;  // records

}  // namespace

// --- one instance ---

// What was asked for is admitted, what was sent has its result, what was appended is durable; and
// whoever is stopped begins nothing.
bool Instance::comes_to_an_end(const Mail& mail) {
  if (const auto* event = std::get_if<Event>(&mail))
    return std::holds_alternative<Started>(event->what) ||
           std::holds_alternative<StopRequested>(event->what);
  return std::holds_alternative<StepMail>(mail) || std::holds_alternative<DurableMail>(mail);
}

// A replay comes upon the same timers, listeners and turns again.
void Instance::leave_for_later(Mail&& mail) {
  if (auto* request = std::get_if<RequestMail>(&mail))
    replies_.emplace_back([done = std::move(request->done)] { done(fail(shutting_down())); });
  if (auto* person = std::get_if<PersonMail>(&mail))
    replies_.emplace_back([done = std::move(person->done)] { done(fail(shutting_down())); });
  if (auto* label = std::get_if<LabelMail>(&mail); label != nullptr && label->done)
    replies_.emplace_back([done = std::move(label->done)] { done(fail(shutting_down())); });
}

// What the journal has as about to be sent has begun.
bool Instance::begins_something(const Command& command) const {
  if (const auto* step = std::get_if<Execute>(&command)) return !held_.contains(step->step);
  return std::holds_alternative<StartTimer>(command) || std::holds_alternative<Listen>(command) ||
         std::holds_alternative<Yield>(command);
}

std::uint32_t Instance::since_snapshot() const {
  const std::unique_lock lock(work_mutex_, std::try_to_lock);
  return lock && !recovered_ && !ended(state_.status) ? number_ - snapshot_ : 0;
}

void Instance::snapshot_at_rest() {
  const std::unique_lock lock(work_mutex_, std::try_to_lock);
  if (lock && !gone_ && !recovered_ && awaited_ == 0 && !ended(state_.status)) take_snapshot();
}

// --- all of them ---

void Engine::Impl::begin_no_more() {
  refuse_new();  // first: an event that finds its listener at rest has not been delivered
  leaving_.store(true, std::memory_order_release);
  sleepers_->stop();
}

// In this order: a step that has just ended keeps a worker busy, which may begin another one.
bool Engine::Impl::quiet() const {
  const std::uint64_t over = outside_.over.load(std::memory_order_acquire);
  return at_rest() && outside_.begun.load(std::memory_order_acquire) == over;
}

// Until all that was appended is durable. What follows from that may be a step that was held.
bool Engine::Impl::commit(Deadline deadline) {
  Record last{};  // of no event, so that it changes nothing
  last.kind = Record::Kind::delivered;
  last.time = clock_.now();
  const auto told = std::make_shared<std::promise<bool>>();
  std::future<bool> durable = told->get_future();
  if (journal_.append(std::move(last), [told](const Status& status) {
        told->set_value(status.has_value());
      }) == Journal::Durability::now)
    return true;
  if (!deadline.never() && durable.wait_until(deadline.at()) != std::future_status::ready)
    return false;
  return durable.get();
}

bool Engine::Impl::wait_for_rest(Deadline deadline) {
  while (true) {
    while (!quiet()) {
      if (deadline.passed(clock_.steady_now())) return false;
      (void)wait_until_idle(Deadline::after(clock_, kLookEvery).earlier(deadline));
    }
    if (!commit(deadline)) return false;
    if (quiet()) return true;
  }
}

void Engine::Impl::take_snapshots(Deadline deadline) {
  std::vector<std::pair<std::uint32_t, std::shared_ptr<Instance>>> worth;
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    for (const auto& [id, instance] : shard.instances)
      if (const std::uint32_t records = instance->since_snapshot(); records >= kWorthASnapshot)
        worth.emplace_back(records, instance);
  }
  std::sort(worth.begin(), worth.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [records, instance] : worth) {
    if (deadline.passed(clock_.steady_now())) return;
    instance->snapshot_at_rest();
  }
}

}  // namespace stepwell::engine
