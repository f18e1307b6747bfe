#include "tests/simulation/disk.h"

#include <algorithm>
#include <array>

namespace stepwell::simulation {

using engine::InstanceFilter;
using engine::InstanceSummary;
using engine::Record;
using Kind = Record::Kind;

namespace {

bool is_admission(const Record& record) {
  return record.kind == Kind::admitted || (record.kind == Kind::started && record.number <= 1);
}

std::string_view name_of(Kind kind) {
  constexpr std::array<std::string_view, 18> kNames{
      "admitted",  "started",      "step_started", "step_finished", "timer_fired", "event_received",
      "suspended", "resumed",      "stopped",      "ended",         "retried",     "snapshot",
      "changed",   "step_changed", "definition",   "published",     "delivered",   "schedule"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string text_of(const Record& record) {
  std::string text(name_of(record.kind));
  if (record.instance.number != 0)
    text += " " + std::to_string(record.instance.number) + "/" + std::to_string(record.number);
  if (record.id != 0) text += " of " + std::to_string(record.id);
  return text;
}

Problem unavailable(std::string code, std::string detail) {
  Problem problem = make_problem(ErrorKind::runtime, std::move(code), std::move(detail));
  problem.status = 503;
  problem.retryable = true;
  return problem;
}

Problem failing() { return unavailable("journal-failing", "the simulated disk is full"); }

Problem gone() {
  Problem problem = make_problem(ErrorKind::validation, "instance-unknown", "it was refused");
  problem.status = 404;
  return problem;
}

}  // namespace

// --- the writer ---

void SimulatedDisk::begin() {
  if (lie_ == Lie::commits_out_of_order && waiting_.size() > 1)
    std::rotate(waiting_.begin(), waiting_.begin() + 1, waiting_.end());
  in_commit_ = dice_.one_in(3) ? 1 + dice_.below(waiting_.size()) : waiting_.size();
  trace_.add("disk: a commit of " + std::to_string(in_commit_) + " begins");
}

void SimulatedDisk::finish() {
  std::vector<std::pair<std::function<void(Status)>, Status>> told;
  for (; in_commit_ > 0; --in_commit_) {
    Waiting& front = waiting_.front();
    Status taken = take(front.record);
    if (front.durable) told.emplace_back(std::move(front.durable), std::move(taken));
    waiting_.pop_front();
  }
  state_ = State::working;
  for (auto& [durable, status] : told) durable(std::move(status));
}

void SimulatedDisk::fail_commit(Failure how) {
  trace_.add(how == Failure::full        ? "disk: it is full"
             : how == Failure::undecided ? "disk: a commit fails somehow"
                                         : "disk: a sync fails");
  if (how == Failure::in_doubt) {
    state_ = State::in_doubt;
    return;
  }
  state_ = State::held_up;
  if (how == Failure::undecided)
    for (std::size_t i = 0; i < in_commit_; ++i) waiting_[i].may_be_kept = true;
  in_commit_ = 0;
  refuse_admissions();
}

// Whoever asked for an instance or published an event is told; all else stays for the next attempt.
void SimulatedDisk::refuse_admissions() {
  std::deque<Waiting> kept;
  std::vector<std::function<void(Status)>> told;
  for (Waiting& each : waiting_) {
    const bool drop = !each.may_be_kept && refuse(each.record, each.durable != nullptr);
    if (drop && is_admission(each.record)) refused_.insert(each.record.instance.number);
    if (!drop && !refused_.contains(each.record.instance.number)) {
      kept.push_back(std::move(each));
      continue;
    }
    trace_.add("disk: refuses " + text_of(each.record));
    if (lie_ == Lie::keeps_what_it_refused) (void)take(each.record);
    if (each.durable) told.push_back(std::move(each.durable));
  }
  waiting_ = std::move(kept);
  for (const auto& durable : told) durable(fail(failing()));
}

void SimulatedDisk::try_again() {
  in_commit_ = waiting_.size();
  trace_.add("disk: it has room again");
  finish();
}

void SimulatedDisk::kill() {
  std::size_t undecided = 0;
  while (undecided < waiting_.size() && waiting_[undecided].may_be_kept) ++undecided;
  const std::size_t most = dice_.one_in(2) && in_commit_ > 0 ? in_commit_ : undecided;
  const std::size_t kept = dice_.one_in(2) ? most : 0;
  trace_.add("disk: of " + std::to_string(waiting_.size()) + " records " + std::to_string(kept) +
             " survive");
  for (std::size_t i = 0; i < kept; ++i) (void)take(waiting_[i].record);
  state_ = State::dead;
}

void SimulatedDisk::open() {
  waiting_.clear();
  refused_.clear();
  in_commit_ = 0;
  state_ = State::working;
}

// --- what is durable ---

bool SimulatedDisk::lies_about(const Record& record) {
  switch (lie_) {
    case Lie::loses_a_record:
      return record.instance.number != 0 && !is_admission(record) && dice_.one_in(10);
    case Lie::loses_step_started:
      return record.kind == Kind::step_started;
    case Lie::loses_ends:
      return record.kind == Kind::ended;
    case Lie::forgets_events:
      return record.kind == Kind::published;
    case Lie::forgets_changes:
      return record.kind == Kind::changed || record.kind == Kind::step_changed;
    default:
      return false;
  }
}

Status SimulatedDisk::take(const Record& record) {
  if (lies_about(record)) return {};
  if (record.instance.number != 0 && !is_admission(record) &&
      (refused_.contains(record.instance.number) || !seen_.contains(record.instance.number)))
    return fail(gone());
  if (is_admission(record)) refused_.erase(record.instance.number);
  trace_.add("durable: " + text_of(record));
  (void)kept_.append(record, nullptr);
  if (record.instance.number != 0) note(record);
  if (watcher_) watcher_(record);
  return {};
}

// The records of an instance follow each other without a gap, and nothing follows its end.
void SimulatedDisk::note(const Record& record) {
  const std::uint64_t id = record.instance.number;
  Seen& seen = seen_[id];
  if (lie_ == Lie::none && wrong_.empty()) {
    if (record.number != seen.last + 1)
      wrong_ = text_of(record) + " follows number " + std::to_string(seen.last);
    if (seen.ended != (record.kind == Kind::retried))
      wrong_ = text_of(record) + (seen.ended ? " comes behind the end" : " comes before the end");
  }
  seen.last = record.number;
  switch (record.kind) {
    case Kind::step_started:
      started_[{id, record.id}] = record.number;
      break;
    case Kind::step_changed:
      if (record.payload.contains("release")) said_[{id, record.id}] = to_json(record.payload);
      break;
    case Kind::step_finished:
      said_[{id, record.id}] = to_json(record.payload);
      finished_.insert({id, record.id});
      seen.last_finished = record.id;
      break;
    case Kind::ended:
      seen.ended = true;
      break;
    case Kind::stopped:
      seen.stopped = true;
      break;
    case Kind::suspended:
    case Kind::resumed:
      seen.suspended = record.kind == Kind::suspended;
      break;
    case Kind::retried:
      seen.ended = false;
      ++seen.retried;
      if (seen.last_finished) finished_.erase({id, *seen.last_finished});
      break;
    default:
      break;
  }
}

bool SimulatedDisk::is_waiting(InstanceId instance, Kind kind, std::uint32_t before) const {
  return std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& each) {
    return each.record.instance == instance && each.record.kind == kind &&
           each.record.number < before;
  });
}

std::size_t SimulatedDisk::retried(InstanceId instance) const {
  const auto found = seen_.find(instance.number);
  return found == seen_.end() ? 0 : found->second.retried;
}

bool SimulatedDisk::stopped(InstanceId instance) const {
  const auto found = seen_.find(instance.number);
  return found != seen_.end() && found->second.stopped;
}

bool SimulatedDisk::suspended(InstanceId instance) const {
  const auto found = seen_.find(instance.number);
  return found != seen_.end() && found->second.suspended;
}

bool SimulatedDisk::ended(InstanceId instance) const {
  const auto found = seen_.find(instance.number);
  return found != seen_.end() && found->second.ended;
}

// --- the engine's journal ---

// Its refusal is told to somebody who can do without it.
bool SimulatedDisk::refuse(const Record& record, bool awaited) {
  if (is_admission(record)) return record.payload.get("parent").is_null();
  return record.kind == Kind::published && awaited;
}

engine::Journal::Durability SimulatedDisk::append(Record record,
                                                  std::function<void(Status)> durable) {
  if (state_ == State::dead) return Durability::later;
  if (state_ != State::working && refuse(record, durable != nullptr)) {
    trace_.add("disk: refuses " + text_of(record));
    if (is_admission(record)) refused_.insert(record.instance.number);
    if (durable) durable(fail(failing()));
    return Durability::later;
  }
  if (state_ == State::in_doubt) return Durability::later;
  if (state_ == State::working && waiting_.empty() && pace_ != Pace::by_groups) {
    Status taken = take(record);
    if (taken && pace_ == Pace::at_once) return Durability::now;
    if (durable) durable(std::move(taken));
    return Durability::later;
  }
  if (lie_ == Lie::acknowledges_early && durable) std::exchange(durable, nullptr)({});
  waiting_.push_back({std::move(record), std::move(durable)});
  return Durability::later;
}

Status SimulatedDisk::read_open(const Reader& each) { return kept_.read_open(each); }
Result<std::vector<Record>> SimulatedDisk::read(InstanceId instance) {
  return kept_.read(instance);
}
Result<std::optional<InstanceSummary>> SimulatedDisk::summary(InstanceId instance) {
  return kept_.summary(instance);
}
Result<engine::FoundInstances> SimulatedDisk::find(const engine::InstanceQuery& query) {
  return kept_.find(query);
}
// One of which something is still to be written stays.
Result<std::vector<InstanceId>> SimulatedDisk::remove(const std::vector<InstanceId>& instances) {
  if (state_ != State::working) return fail(failing());
  std::vector<InstanceId> quiet;
  for (const InstanceId id : instances)
    if (std::none_of(waiting_.begin(), waiting_.end(),
                     [id](const Waiting& each) { return each.record.instance == id; }))
      quiet.push_back(id);
  if (lie_ == Lie::keeps_what_it_removed) {
    std::erase_if(quiet, [this](InstanceId id) { return !ended(id); });
    return quiet;
  }
  Result<std::vector<InstanceId>> gone = kept_.remove(quiet);
  for (const InstanceId id : *gone) {
    trace_.add("disk: removes " + std::to_string(id.number));
    seen_.erase(id.number);
  }
  return gone;
}
Result<Value> SimulatedDisk::definition(const std::string& digest) {
  return kept_.definition(digest);
}
Result<std::vector<Record>> SimulatedDisk::undelivered() { return kept_.undelivered(); }
Result<std::vector<Record>> SimulatedDisk::schedules() { return kept_.schedules(); }
Result<std::uint64_t> SimulatedDisk::last_instance(std::uint64_t limit) {
  return kept_.last_instance(limit);
}

}  // namespace stepwell::simulation
