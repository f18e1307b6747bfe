// Schedules by events: `on`.
#include <utility>

#include "engine/schedule_entry.h"

namespace stepwell::engine {

namespace {

// Beyond these, events are dropped and counted as missed: those that come while too many have still
// to be looked at, and the oldest of those that were collected.
constexpr std::size_t kMostBacklog = 10'000;
constexpr std::size_t kMostCollections = 1'000;
constexpr std::size_t kMostConsumed = 10'000;
constexpr std::uint64_t kMostBytes = (32_MiB).count;  // of the backlog, and of what is collected
// After so many events others have their turn.
constexpr int kMostAtOnce = 64;

}  // namespace

EventSchedule::EventSchedule(const Schedules::Surroundings& surroundings,
                             const Catalog::Entry& workflow, expression::Budget budget)
    : ScheduleEntry(surroundings, workflow, "on", ""),
      definition_(workflow.definition),
      schedule_(*definition_->schedule),
      budget_(budget),
      variables_(config::kFirstLocal) {}

void EventSchedule::open() {
  const std::scoped_lock lock(mutex_);
  auto types = config::event_types(*schedule_.on);
  subscription_ =
      surroundings_.engine.events().subscribe(types, [weak = weak_from_this()](const Value& event) {
        if (const auto self = weak.lock()) static_cast<EventSchedule&>(*self).arrived(event);
      });
}

void EventSchedule::closing() {
  if (subscription_) surroundings_.engine.events().unsubscribe(*subscription_);
  backlog_.clear();
  backlog_bytes_ = 0;
}

// An instance that tells of its own life would start the next one for ever.
bool EventSchedule::of_own_life(const Value& event) const {
  const Value& type = event.get("type");
  const Value& source = event.get("source");
  return type.is_string() && type.as_string().starts_with(EventBus::kLifecyclePrefix) &&
         source.is_string() &&
         source.as_string().starts_with("/" + definition_->namespace_ + "/" + definition_->name +
                                        "/");
}

void EventSchedule::arrived(const Value& event) {
  if (of_own_life(event)) return;
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  const std::uint64_t bytes = event.weight();
  if (backlog_.size() >= kMostBacklog || bytes > kMostBytes - backlog_bytes_)
    return count_missed(1);
  backlog_.push_back(event);
  backlog_bytes_ += bytes;
  if (std::exchange(working_, true)) return;
  surroundings_.engine.post(
      [self = shared_from_this()] { static_cast<EventSchedule&>(*self).work(); });
}

void EventSchedule::work() {
  for (int i = 0; i < kMostAtOnce; ++i) {
    Value event;
    {
      const std::scoped_lock lock(mutex_);
      working_ = !closed_ && !backlog_.empty();
      if (!working_) return;
      event = std::move(backlog_.front());
      backlog_.pop_front();
      backlog_bytes_ -= event.weight();
    }
    take(event);
  }
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  surroundings_.engine.post(
      [self = shared_from_this()] { static_cast<EventSchedule&>(*self).work(); });
}

EventMatcher EventSchedule::matcher() const {
  return {[this](const Value& input) {
            return config::Scope{input, variables_, {surroundings_.clock.now(), budget_}};
          },
          no_input_};
}

bool EventSchedule::enough(const Collection& collection) const {
  const config::EventStrategy& strategy = *schedule_.on;
  if (strategy.until_events) return has_enough_events(*strategy.until_events, collection.until);
  if (!strategy.until) return has_enough_events(strategy, collection.progress);
  const auto holds = strategy.until->evaluate(
      {collection.consumed, variables_, {surroundings_.clock.now(), budget_}});
  return holds && holds->truthy();
}

// Does the collection take the event? One that is empty is not ended by what ends others.
bool EventSchedule::offer(Collection& collection, const Value& event) const {
  const config::EventStrategy& strategy = *schedule_.on;
  const EventMatcher of = matcher();
  if (strategy.until_events && !collection.consumed.empty() &&
      of.consume(*strategy.until_events, collection.until, event))
    return true;
  if (!of.consume(strategy, collection.progress, event)) return false;
  collection.consumed.push_back(read_event(event, schedule_.read));
  return true;
}

void EventSchedule::drop(std::list<Collection>::iterator collection) {
  collected_bytes_ -= collection->bytes;
  collections_.erase(collection);
}

void EventSchedule::take(const Value& event) {
  auto taken = collections_.begin();
  while (taken != collections_.end() && !offer(*taken, event)) ++taken;
  if (taken == collections_.end()) {
    Collection fresh;
    if (!offer(fresh, event)) return;
    taken = collections_.insert(collections_.end(), std::move(fresh));
  }
  if (enough(*taken)) {
    Value input = std::move(taken->consumed);
    drop(taken);
    return start(std::move(input));
  }
  collected_bytes_ -= std::exchange(taken->bytes, taken->consumed.weight());
  collected_bytes_ += taken->bytes;
  std::uint64_t missed = 0;
  if (taken->consumed.size() >= kMostConsumed) {
    drop(taken);
    ++missed;
  }
  for (; collections_.size() > kMostCollections || collected_bytes_ > kMostBytes; ++missed)
    drop(collections_.begin());
  const std::scoped_lock lock(mutex_);
  count_missed(missed);
}

}  // namespace stepwell::engine
