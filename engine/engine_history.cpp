// What an instance did so far, for those who ask the engine.
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

bool begins_at_snapshot(const std::vector<Record>& records) {
  return records.size() > 1 && records[1].kind == Record::Kind::snapshot && records[1].number > 2;
}

}  // namespace

std::uint64_t Instance::traced() const {
  const std::scoped_lock lock(work_mutex_);
  return state_.traced;
}

void Instance::tell_status() const {
  if (!surroundings_.watchers.any(id_)) return;
  const std::scoped_lock lock(work_mutex_);
  surroundings_.watchers.tell(id_, HistoryEntry::of(state_.status, state_.traced, state_.updated));
}

// The instance may be a little ahead of the journal. Whoever watches it since before hears only of
// what is still to come, so all that it did until now must be in the answer; what it does meanwhile
// need not, or one that goes on and on would never be caught up with.
Result<History> Engine::Impl::history(InstanceId id) {
  History history;
  std::uint64_t target = 0;
  if (const auto present = lookup(id)) target = present->traced();
  const Deadline until = Deadline::after(clock_, kHistoryWithin);
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
    Result<std::vector<HistoryEntry>> entries = history_of(*history.program, id, *records);
    if (!entries) return fail(std::move(entries.error()));
    history.entries = std::move(*entries);
    const std::uint64_t last = history.entries.empty() ? 0 : history.entries.back().number;
    const bool reached = !present || last >= target;
    const bool too_many = history.entries.size() > kMostHistory;
    if (too_many)
      history.entries.erase(history.entries.begin(), history.entries.end() - kMostHistory);
    history.whole = reached && !too_many && !begins_at_snapshot(*records);
    if (reached) break;
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

}  // namespace stepwell::engine
