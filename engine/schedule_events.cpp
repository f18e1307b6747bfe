// Schedules by events: `on`.
#include <algorithm>
#include <utility>

#include "config/digest.h"
#include "engine/schedule_kinds.h"

namespace stepwell::engine {

namespace {

// Beyond these, events are dropped and counted as missed: those that come while too many have still
// to be looked at, and the oldest of those that were collected.
constexpr std::size_t kMostBacklog = 10'000;
constexpr std::size_t kMostCollections = 1'000;
constexpr std::size_t kMostConsumed = 10'000;
constexpr std::uint64_t kMostBytes = (32_MiB).count;  // of the backlog, and of what is collected
// Events that were consumed and may come once more; beyond it the oldest are not known any more …
constexpr std::size_t kMostDone = 1'000;
// … and so many of them are known after a restart in any case.
constexpr std::size_t kKnownAgain = 100;
// After so long the journal has forgotten what nobody holds.
constexpr std::chrono::seconds kGone{10};
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

void EventSchedule::listen() {
  const std::scoped_lock lock(mutex_);
  subscription_ = surroundings_.engine.events().subscribe(
      config::event_types(*schedule_.on),
      [weak = weak_from_this()](const Value& event, const Delivery& delivery) {
        if (const auto self = weak.lock())
          static_cast<EventSchedule&>(*self).arrived(event, delivery);
      });
}

// What had been consumed by a definition that was another one is not consumed again either.
void EventSchedule::opened() {
  const std::scoped_lock lock(mutex_);
  const SteadyTime now = surroundings_.clock.steady_now();
  for (const std::string& name : mark_.events) {
    before_.insert(name);
    done_.push_back({name, {}, now});
  }
  if (fresh_) reach(surroundings_.clock.now());
  open_ = true;
  work_soon();
}

// What still waits stays in the journal, unless it is handed over.
void EventSchedule::closing() {
  if (subscription_) surroundings_.engine.events().unsubscribe(*subscription_);
  surroundings_.timers.cancel(timer_);
}

void EventSchedule::hand_over(ScheduleEntry* heir) {
  auto* const next = dynamic_cast<EventSchedule*>(heir);
  std::deque<Arrived> backlog;
  Waiting waiting;
  std::uint64_t next_place = 0;
  {
    const std::scoped_lock lock(mutex_);
    handed_over_ = true;
    if (next != nullptr) heir_ = std::static_pointer_cast<EventSchedule>(next->shared_from_this());
    backlog.swap(backlog_);
    waiting.swap(waiting_);
    next_place = next_place_;
    if (next == nullptr) count_missed(backlog.size() + waiting.size());
  }
  if (next != nullptr) next->inherit(std::move(backlog), std::move(waiting), next_place);
}

// Those that came since it listens came to both.
void EventSchedule::inherit(std::deque<Arrived> backlog, Waiting waiting,
                            std::uint64_t next_place) {
  const std::scoped_lock lock(mutex_);
  next_place_ = std::max(next_place_, next_place);
  std::set<const void*> deliveries;
  std::set<std::string> names;
  for (const Arrived& own : backlog_) {
    deliveries.insert(own.delivery.get());
    if (!own.delivery) names.insert(event_name(own.event));
  }
  names.erase("");
  std::deque<Arrived> own = std::exchange(backlog_, {});
  backlog_bytes_ = 0;
  for (Arrived& each : backlog) {
    const bool known = each.delivery ? deliveries.contains(each.delivery.get())
                                     : names.contains(event_name(each.event));
    if (!known) keep(std::move(each));
  }
  for (Arrived& each : own) keep(std::move(each));
  while (!waiting.empty()) {
    auto next = waiting.extract(waiting.begin());
    wait(next.key(), std::move(next.mapped()));
  }
  work_soon();
}

// What was on its way when it was closed.
void EventSchedule::adopt(std::uint64_t place, Due due) {
  std::shared_ptr<EventSchedule> heir;
  {
    const std::scoped_lock lock(mutex_);
    if (!handed_over_) {
      wait(place, std::move(due));
      return work_soon();
    }
    heir = heir_.lock();
    if (!heir) return count_missed(1);
  }
  heir->adopt(place, std::move(due));
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

void EventSchedule::arrived(const Value& event, const Delivery& delivery) {
  if (of_own_life(event)) return;
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  keep({event, delivery});
  work_soon();
}

void EventSchedule::keep(Arrived arrived) {
  const std::uint64_t bytes = arrived.event.weight();
  if (backlog_.size() >= kMostBacklog || bytes > kMostBytes - backlog_bytes_)
    return count_missed(1);
  backlog_.push_back(std::move(arrived));
  backlog_bytes_ += bytes;
}

// With the lock held.
void EventSchedule::work_soon() {
  if (!open_ || closed_ || working_ || paused_ || (backlog_.empty() && waiting_.empty())) return;
  working_ = true;
  surroundings_.engine.post(
      [self = shared_from_this()] { static_cast<EventSchedule&>(*self).work(); });
}

void EventSchedule::work() {
  for (int i = 0; i < kMostAtOnce && work_once(); ++i) {
  }
  const std::scoped_lock lock(mutex_);
  working_ = false;
  work_soon();
}

bool EventSchedule::work_once() {
  std::unique_lock lock(mutex_);
  if (closed_ || paused_) return false;
  if (!waiting_.empty()) {
    auto next = waiting_.extract(waiting_.begin());
    waiting_bytes_ -= next.mapped().request.input.weight();
    lock.unlock();
    make(next.key(), std::make_shared<Due>(std::move(next.mapped())));
    return true;
  }
  if (backlog_.empty()) return false;
  Arrived next = std::move(backlog_.front());
  backlog_.pop_front();
  backlog_bytes_ -= next.event.weight();
  lock.unlock();
  take(std::move(next));
  return true;
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

EventSchedule::Collection EventSchedule::take_out(std::list<Collection>::iterator collection) {
  collected_bytes_ -= collection->bytes;
  Collection taken = std::move(*collection);
  collections_.erase(collection);
  return taken;
}

void EventSchedule::take(Arrived arrived) {
  std::string name = event_name(arrived.event);
  if (before_.contains(name)) return remember({{std::move(name), std::move(arrived.delivery)}});
  if (taken_.contains(name)) return;
  auto taken = collections_.begin();
  while (taken != collections_.end() && !offer(*taken, arrived.event)) ++taken;
  if (taken == collections_.end()) {
    Collection fresh;
    if (!offer(fresh, arrived.event)) return;
    taken = collections_.insert(collections_.end(), std::move(fresh));
  }
  note_taken(name);
  taken->held.push_back({std::move(name), std::move(arrived.delivery)});
  if (enough(*taken)) return begin(take_out(taken));
  collected_bytes_ -= std::exchange(taken->bytes, taken->consumed.weight());
  collected_bytes_ += taken->bytes;
  std::uint64_t missed = 0;
  if (taken->consumed.size() >= kMostConsumed) {
    let_go(take_out(taken).held);
    ++missed;
  }
  for (; collections_.size() > kMostCollections || collected_bytes_ > kMostBytes; ++missed)
    let_go(take_out(collections_.begin()).held);
  const std::scoped_lock lock(mutex_);
  count_missed(missed);
}

void EventSchedule::note_taken(const std::string& name) {
  if (name.empty() || !taken_.insert(name).second) return;
  taken_before_.push_back(name);
  if (taken_before_.size() <= kMostDone) return;
  taken_.erase(taken_before_.front());
  taken_before_.pop_front();
}

// Events that are delivered once more, after a crash or by whoever sends them, make the same set.
std::string EventSchedule::once(const Collection& collection) const {
  if (collection.held.size() == 1 && !collection.held.front().name.empty())
    return "on " + name_ + " " + collection.held.front().name;
  std::string names;
  for (const Held& held : collection.held) {
    if (held.name.empty()) return {};
    names += held.name;
  }
  return "on " + name_ + " " + config::content_digest(names);
}

void EventSchedule::begin(Collection collection) {
  auto due = std::make_shared<Due>();
  due->request.once = once(collection);
  due->request.input = std::move(collection.consumed);
  due->held = std::move(collection.held);
  std::uint64_t place = 0;
  {
    const std::scoped_lock lock(mutex_);
    due->request.workflow = workflow_.workflow;
    place = next_place_++;
  }
  make(place, due);
}

void EventSchedule::make(std::uint64_t place, const std::shared_ptr<Due>& due) {
  start(due->request,
        [self = shared_from_this(), place, due](Outcome outcome, std::optional<InstanceId> /*id*/) {
          static_cast<EventSchedule&>(*self).settled(place, std::exchange(*due, {}), outcome);
        });
}

void EventSchedule::settled(std::uint64_t place, Due due, Outcome outcome) {
  if (outcome == Outcome::started || outcome == Outcome::refused) {
    let_go(std::move(due.held));
    const std::scoped_lock lock(mutex_);
    if (tried_ == place) resume();
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    if (!closed_) {
      if (outcome == Outcome::dropped) return;
      wait(place, std::move(due));
      return pause(place);
    }
  }
  adopt(place, std::move(due));
}

void EventSchedule::wait(std::uint64_t place, Due due) {
  const std::uint64_t bytes = due.request.input.weight();
  if (waiting_.size() >= kMostBacklog || bytes > kMostBytes - waiting_bytes_)
    return count_missed(1);
  waiting_.emplace(place, std::move(due));
  waiting_bytes_ += bytes;
}

void EventSchedule::pause(std::uint64_t place) {
  if (paused_ && tried_ != place) return;
  paused_ = true;
  tried_.reset();
  pause_ = next_pause(pause_);
  timer_ = surroundings_.timers.run_at(surroundings_.clock.steady_now() + pause_,
                                       [weak = weak_from_this()] {
                                         if (const auto self = weak.lock())
                                           static_cast<EventSchedule&>(*self).try_again();
                                       });
}

// One alone, so that an engine with enough to do does not refuse them all once more.
void EventSchedule::try_again() {
  const std::scoped_lock lock(mutex_);
  if (closed_ || !paused_ || tried_) return;
  if (waiting_.empty()) return resume();
  auto next = waiting_.extract(waiting_.begin());
  waiting_bytes_ -= next.mapped().request.input.weight();
  tried_ = next.key();
  const auto due = std::make_shared<Due>(std::move(next.mapped()));
  surroundings_.engine.post([self = shared_from_this(), place = *tried_, due] {
    static_cast<EventSchedule&>(*self).make(place, due);
  });
}

void EventSchedule::resume() {
  paused_ = false;
  tried_.reset();
  pause_ = Milliseconds(0);
  work_soon();
}

// The journal forgets them, one after the other: a set that it forgot in part only would be
// completed by others after a crash.
void EventSchedule::let_go(std::vector<Held> held) {
  const bool several =
      held.size() > 1 && std::any_of(held.begin(), held.end(),
                                     [](const Held& each) { return each.delivery != nullptr; });
  if (several) remember(held);
  std::vector<Held> names;
  for (Held& each : held) {
    const std::weak_ptr<const void> delivery = std::exchange(each.delivery, nullptr);
    if (Delivery others = delivery.lock(); others && !several)
      names.push_back({std::move(each.name), std::move(others)});
  }
  if (!names.empty()) remember(names);
}

void EventSchedule::remember(const std::vector<Held>& held) {
  const std::scoped_lock lock(mutex_);
  const SteadyTime now = surroundings_.clock.steady_now();
  for (Done& done : done_)
    if (!done.gone && done.delivery.expired()) done.gone = now;
  std::size_t newer = done_.size();
  std::erase_if(done_, [now, &newer](const Done& done) {
    return newer-- > kKnownAgain && done.gone && now - *done.gone > kGone;
  });
  for (const Held& each : held)
    if (each.delivery && !each.name.empty()) done_.push_back({each.name, each.delivery, {}});
  while (done_.size() > kMostDone) done_.pop_front();
  mark_.events.clear();
  for (const Done& done : done_) mark_.events.push_back(done.name);
  append_mark();
}

}  // namespace stepwell::engine
