// What people say of an instance: its name, tags, priority and deadline, as they change; and what
// lists look at.
#include <algorithm>
#include <utility>

#include "engine/instance.h"
#include "engine/recovery.h"

namespace stepwell::engine {

Label Instance::label() const {
  const std::scoped_lock lock(view_mutex_);
  return label_;
}

bool Instance::has_deadline() const {
  const std::scoped_lock lock(view_mutex_);
  return label_.deadline.has_value();
}

bool Instance::change(const LabelChange& change, const std::function<void(Status)>& done) {
  if (post(LabelMail{change, false, done})) return true;
  if (left()) return false;
  done(fail(has_ended(view())));
  return true;
}

bool Instance::look_at_deadline() { return post(LabelMail{{}, true, {}}) || !left(); }

void Instance::handle_label(LabelMail mail) {
  if (ended_in_journal_) {
    if (mail.done)
      replies_.emplace_back(
          [done = std::move(mail.done), problem = has_ended(view())] { done(fail(problem)); });
    return;
  }
  Record record = record_of(Record::Kind::changed);
  auto next = std::make_unique<Label>(label());
  if (mail.deadline) {
    if (next->overdue || !next->deadline) return;
    if (*next->deadline > record.time) return watch_again(*next);
    next->overdue = true;
  } else {
    change_label(*next, mail.change);
  }
  next->changed = {};  // its record tells
  record.payload = Value::object();
  add_label(record.payload, *next);
  next->changed = record.time;
  number_record(record);
  const std::uint32_t number = record.number;
  next_label_ = std::move(next);
  requested_ = std::move(mail.done);
  if (append(std::move(record), true)) return release();
  wait_for(number);
}

// The clock was set back since it was found due, or it has another deadline by now.
void Instance::watch_again(const Label& now) {
  Label unwatched = now;
  unwatched.deadline.reset();
  surroundings_.on_label(*this, unwatched, now);
}

// Its record is durable.
void Instance::release_label() {
  const Label now = *std::exchange(next_label_, nullptr);
  Label before = now;
  {
    const std::scoped_lock lock(view_mutex_);
    std::swap(label_, before);
  }
  urgency_.store(static_cast<std::uint8_t>(now.priority), std::memory_order_relaxed);
  surroundings_.on_label(*this, before, now);
  tell_change(InstanceChange::label);
  if (!now.overdue || before.overdue || !now.deadline) return;
  surroundings_.overdue.increment();
  surroundings_.log.info("an instance is open at its deadline",
                         {{"instance", id_.number}, {"deadline", format_time(*now.deadline)}});
  if (surroundings_.events.lifecycle_wanted()) lifecycle_.overdue(*now.deadline, now.changed);
}

// With work_mutex_ held.
std::uint8_t Instance::progress() const {
  if (state_.status == InstanceStatus::completed) return 100;
  const Program& program = *request_.workflow->program;
  const std::uint32_t place =
      state_.frames.empty() ? state_.reached : state_.frames.front().position;
  return progress_of(place, program.list(program.root()).size());
}

std::optional<InstanceView> Instance::view_if(
    const std::function<bool(const Glance&)>& wanted) const {
  const std::scoped_lock lock(view_mutex_);
  const WallTime updated =
      ended(published_.status) ? published_.ended : std::max(published_.updated, label_.changed);
  Glance glance{{id_, published_.status, published_.started, updated, published_.ended, &label_,
                 std::nullopt, request_.key},
                published_.active};
  if (request_.parent) glance.facts.parent = request_.parent->id;
  if (!wanted(glance)) return std::nullopt;
  return view_now();
}

InstanceView Instance::view() const {
  const std::scoped_lock lock(view_mutex_);
  return view_now();
}

}  // namespace stepwell::engine
