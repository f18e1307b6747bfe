#include "tests/support/keeping_journal.h"

#include <algorithm>

#include "engine/recovery.h"

namespace stepwell::test {

using engine::InstanceSummary;
using engine::Record;
using Kind = Record::Kind;

namespace {

bool is_head(const Record& record) {
  return record.kind == Kind::admitted || (record.kind == Kind::started && record.number <= 1);
}

}  // namespace

std::vector<Record> KeptRecords::Instance::all() const {
  std::vector<Record> records{head};
  for (const auto& [number, record] : rest) records.push_back(record);
  return records;
}

InstanceSummary KeptRecords::Instance::summary() const {
  InstanceSummary made{head, std::nullopt};
  if (ended) made.end = rest.rbegin()->second;
  made.started = started;
  made.changed = changed;
  return made;
}

void KeptRecords::take(const Record& record) {
  log.push_back(record);
  switch (record.kind) {
    case Kind::definition:
      definitions.try_emplace(std::string(record.payload.get("digest").as_string()),
                              record.payload);
      return;
    case Kind::published:
      events.try_emplace(record.id, record);
      return;
    case Kind::delivered:
      events.erase(record.id);
      return;
    case Kind::schedule:
      schedules.insert_or_assign(std::string(record.payload.get("workflow").as_string()), record);
      return;
    default:
      break;
  }
  if (is_head(record)) {
    const auto [place, fresh] = instances.try_emplace(record.instance);
    if (!fresh) return;
    place->second.head = record;
    if (record.kind == Kind::started) place->second.started = record.time;
    return;
  }
  const auto found = instances.find(record.instance);
  if (found == instances.end()) return;
  Instance& instance = found->second;
  if (record.number <= instance.replaced) return;
  if (!instance.rest.try_emplace(record.number, record).second) return;
  if (record.kind == Kind::ended) instance.ended = true;
  if (record.kind == Kind::started && instance.started == WallTime{})
    instance.started = record.time;
  if (record.kind == Kind::changed &&
      (!instance.changed || instance.changed->number < record.number))
    instance.changed = record;
  if (record.kind == Kind::retried) instance.ended = false;
  if (record.kind == Kind::snapshot) {
    instance.replaced = record.number;
    instance.rest.erase(instance.rest.begin(), instance.rest.find(record.number));
  }
}

KeptRecords KeepingJournal::kept() const {
  const std::scoped_lock lock(mutex_);
  return kept_;
}

std::vector<Record> KeepingJournal::log() const {
  const std::scoped_lock lock(mutex_);
  return kept_.log;
}

std::vector<InstanceSummary> KeepingJournal::summaries() const {
  const std::scoped_lock lock(mutex_);
  std::vector<InstanceSummary> all;
  for (const auto& [id, instance] : kept_.instances) all.push_back(instance.summary());
  return all;
}

std::size_t KeepingJournal::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

std::size_t KeepingJournal::make_durable(std::size_t most) {
  std::vector<Waiting> done;
  {
    const std::scoped_lock lock(mutex_);
    while (!waiting_.empty() && done.size() < most) {
      kept_.take(waiting_.front().record);
      done.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  for (const Waiting& each : done)
    if (each.durable) each.durable({});
  return done.size();
}

void KeepingJournal::set_mode(Mode mode) {
  {
    const std::scoped_lock lock(mutex_);
    mode_ = mode;
  }
  if (mode == Mode::at_once) make_durable();
}

void KeepingJournal::refuse_admissions(std::optional<Problem> problem) {
  const std::scoped_lock lock(mutex_);
  refusal_ = std::move(problem);
}

engine::Journal::Durability KeepingJournal::append(Record record,
                                                   std::function<void(Status)> durable) {
  std::optional<Problem> refused;
  {
    const std::scoped_lock lock(mutex_);
    if (is_head(record)) refused = refusal_;
    if (!refused && mode_ == Mode::at_once && waiting_.empty()) {
      kept_.take(record);
      return Durability::now;
    }
    if (!refused) waiting_.push_back({std::move(record), std::move(durable)});
  }
  if (refused && durable) durable(fail(std::move(*refused)));
  return Durability::later;
}

Status KeepingJournal::read_open(const Reader& each) {
  const KeptRecords now = kept();  // `each` may append
  for (const auto& [id, instance] : now.instances)
    if (!instance.ended) each(instance.all());
  return {};
}

void KeepingJournal::before_reading(std::function<Status()> hook) {
  const std::scoped_lock lock(mutex_);
  hook_ = std::move(hook);
}

Status KeepingJournal::call_hook() {
  std::function<Status()> hook;
  {
    const std::scoped_lock lock(mutex_);
    hook = hook_;
  }
  return hook ? hook() : Status();
}

Result<std::vector<Record>> KeepingJournal::read(InstanceId instance) {
  if (Status good = call_hook(); !good) return fail(std::move(good.error()));
  const std::scoped_lock lock(mutex_);
  const auto found = kept_.instances.find(instance);
  return found == kept_.instances.end() ? std::vector<Record>() : found->second.all();
}

Result<std::optional<InstanceSummary>> KeepingJournal::summary(InstanceId instance) {
  if (Status good = call_hook(); !good) return fail(std::move(good.error()));
  const std::scoped_lock lock(mutex_);
  std::optional<InstanceSummary> made;
  const auto found = kept_.instances.find(instance);
  if (found != kept_.instances.end()) made = found->second.summary();
  return made;
}

Result<engine::FoundInstances> KeepingJournal::find(const engine::InstanceQuery& query) {
  const std::scoped_lock lock(mutex_);
  const auto refers = [&](const std::string& digest) {
    if (query.filter.credential.empty()) return true;
    const auto found = kept_.definitions.find(digest);
    if (found == kept_.definitions.end()) return false;
    const auto names = found->second.get("credentials").elements();
    return std::find(names.begin(), names.end(), Value(query.filter.credential)) != names.end();
  };
  std::vector<std::pair<engine::InstancePosition, InstanceSummary>> all;
  for (const auto& [id, instance] : kept_.instances) {
    if (!instance.ended) continue;
    InstanceSummary each = instance.summary();
    const engine::InstanceView view = engine::view_of(each);
    const engine::Label label = engine::label_of(each);
    const engine::InstanceFacts facts = engine::facts_of(view, label);
    engine::InstancePosition position = engine::position_of(query.order, facts);
    if (query.after && !engine::comes_before(query.order, *query.after, position)) continue;
    if (engine::picks(query.filter, facts) && engine::picks_workflow(query.filter, view.workflow) &&
        refers(engine::read_head(instance.head).digest))
      all.emplace_back(std::move(position), std::move(each));
  }
  std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) {
    return engine::comes_before(query.order, a.first, b.first);
  });
  all.resize(std::min(all.size(), query.most));
  engine::FoundInstances found;
  for (auto& [position, summary] : all) {
    found.instances.push_back(std::move(summary));
    found.positions.push_back(std::move(position));
  }
  return found;
}

Result<std::vector<InstanceId>> KeepingJournal::remove(const std::vector<InstanceId>& instances) {
  const std::scoped_lock lock(mutex_);
  std::vector<InstanceId> gone;
  for (const InstanceId id : instances) {
    const auto found = kept_.instances.find(id);
    if (found == kept_.instances.end() || !found->second.ended) continue;
    kept_.instances.erase(found);
    if (id.number < (1ULL << 52U)) kept_.highest = std::max(kept_.highest, id.number);
    gone.push_back(id);
  }
  return gone;
}

Result<Value> KeepingJournal::definition(const std::string& digest) {
  const std::scoped_lock lock(mutex_);
  const auto found = kept_.definitions.find(digest);
  return found == kept_.definitions.end() ? Value() : found->second;
}

Result<std::vector<Record>> KeepingJournal::undelivered() {
  const std::scoped_lock lock(mutex_);
  std::vector<Record> records;
  for (const auto& [id, record] : kept_.events) records.push_back(record);
  return records;
}

Result<std::vector<Record>> KeepingJournal::schedules() {
  const std::scoped_lock lock(mutex_);
  std::vector<Record> records;
  for (const auto& [workflow, record] : kept_.schedules) records.push_back(record);
  return records;
}

Result<std::uint64_t> KeepingJournal::last_instance(std::uint64_t limit) {
  const std::scoped_lock lock(mutex_);
  const auto above = kept_.instances.lower_bound(InstanceId{limit});
  const std::uint64_t removed = kept_.highest < limit ? kept_.highest : 0;
  if (above == kept_.instances.begin()) return removed;
  return std::max(removed, std::prev(above)->first.number);
}

}  // namespace stepwell::test
