// What an instance did so far, for those who ask the engine.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "engine/engine_impl.h"
#include "engine/recovery.h"

namespace stepwell::engine {

namespace {

// A record that is on its way to the disk is there soon.
constexpr int kHistoryLooks = 20;
constexpr int kHistoryLooksForAny = 4;
constexpr std::chrono::milliseconds kHistoryLookAfter{5};  // and so much longer each time
constexpr std::chrono::seconds kHistoryWithin{1};
// A life that takes longer to tell is cut there.
constexpr std::chrono::seconds kToldWithin{5};

// What could not be told in time ends all the same, with a number that nothing had.
void tell_end(const std::vector<Record>& records, std::vector<HistoryEntry>& entries) {
  constexpr unsigned kNumbersOfARecord = 20;
  const Record& end = records.back();
  if (end.kind != Record::Kind::ended) return;
  std::uint64_t number = std::uint64_t{end.number + 1} << kNumbersOfARecord;
  if (!entries.empty()) number = std::max(number, entries.back().number + 1);
  InstanceSummary summary{};
  summary.head = records.front();
  summary.end = end;
  entries.push_back(HistoryEntry::of(view_of(summary).status, number, end.time));
}

bool begins_at_snapshot(const std::vector<Record>& records) {
  return records.size() > 1 && records[1].kind == Record::Kind::snapshot && records[1].number > 2;
}

}  // namespace

std::uint64_t Instance::traced() const {
  const std::scoped_lock lock(work_mutex_);
  return state_.traced;
}

void Instance::tell_change(InstanceChange what) const {
  if (surroundings_.changes.any()) surroundings_.changes.tell(view(), what);
}

void Instance::tell_status_once() {
  if (std::exchange(untold_, false) && !never_was()) tell_change(InstanceChange::status);
}

// With work_mutex_ held.
void Instance::tell_status() const {
  tell_change(InstanceChange::status);
  if (surroundings_.watchers.any(id_))
    surroundings_.watchers.tell(id_,
                                HistoryEntry::of(state_.status, state_.traced, state_.updated));
}

// The instance may be a little ahead of the journal. Whoever watches it since before hears only of
// what is still to come, so all that it did until now must be in the answer; what it does meanwhile
// need not, or one that goes on and on would never be caught up with.
Result<History> Engine::Impl::history(InstanceId id) {
  History history;
  std::uint64_t target = 0;
  if (const auto present = lookup(id)) target = present->traced();
  const Deadline until = Deadline::after(clock_, kHistoryWithin);
  const Deadline told_until = Deadline::after(clock_, kToldWithin);
  const auto late = [&] { return told_until.passed(clock_.steady_now()); };
  for (int look = 0; look < kHistoryLooks; ++look) {
    if (look > 0) {
      if (until.passed(clock_.steady_now())) break;
      std::this_thread::sleep_for(look * kHistoryLookAfter);
    }
    const auto present = lookup(id);
    Result<std::vector<Record>> records = journal_.read(id);
    if (!records) return fail(std::move(records.error()));
    if (records->empty()) {
      if (!present) return fail(unknown_instance(id));
      history.program = present->workflow().program;
      history.whole = false;
      history.missing_after = 0;
      if (look == kHistoryLooksForAny) break;  // nothing is kept of it
      continue;
    }
    if (present) {
      history.program = present->workflow().program;
    } else {
      Result<std::shared_ptr<const Workflow>> workflow =
          workflow_of(read_head(records->front()).digest);
      if (!workflow) return fail(std::move(workflow.error()));
      history.program = (*workflow)->program;
    }
    Result<HistoryText> told = history_of(*history.program, id, *records, late);
    if (!told) return fail(std::move(told.error()));
    history.entries = std::move(told->entries);
    const std::uint64_t last = history.entries.empty() ? 0 : history.entries.back().number;
    const bool reached = !told->cut && (!present || last >= target);
    history.missing_after = reached ? std::nullopt : std::optional(last);
    if (told->cut) tell_end(*records, history.entries);
    const bool too_many = history.entries.size() > kMostHistory;
    if (too_many)
      history.entries.erase(history.entries.begin(), history.entries.end() - kMostHistory);
    history.whole = reached && !too_many && !begins_at_snapshot(*records);
    if (reached || told->cut) break;
  }
  return history;
}

Result<History> Engine::history(InstanceId id) { return impl_->history(id); }

void Engine::watch(InstanceId id, std::shared_ptr<HistoryListener> listener) {
  impl_->watchers().add(id, std::move(listener));
}

void Engine::unwatch(InstanceId id, const HistoryListener* listener) {
  impl_->watchers().remove(id, listener);
}

void Engine::follow(std::shared_ptr<ChangeListener> listener) {
  impl_->changes().add(std::move(listener));
}

void Engine::unfollow(const ChangeListener* listener) { impl_->changes().remove(listener); }

}  // namespace stepwell::engine
