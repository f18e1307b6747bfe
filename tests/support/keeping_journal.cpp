#include "tests/support/keeping_journal.h"

#include <algorithm>

namespace stepwell::test {

using engine::InstanceFilter;
using engine::InstanceStatus;
using engine::InstanceSummary;
using engine::Record;
using Kind = Record::Kind;

namespace {

bool is_head(const Record& record) {
  return record.kind == Kind::admitted || (record.kind == Kind::started && record.number <= 1);
}

bool is_meant(const InstanceFilter& filter, const InstanceSummary& summary) {
  const Record& head = summary.head;
  if (head.instance <= filter.after) return false;
  if (filter.since && head.time < *filter.since) return false;
  if (filter.until && head.time >= *filter.until) return false;
  if (filter.open && summary.end) return false;
  if (filter.ended_before && (!summary.end || summary.end->time >= *filter.ended_before))
    return false;
  if (filter.status) {
    const bool wants_ended = engine::ended(*filter.status);
    if (wants_ended != summary.end.has_value()) return false;
    if (wants_ended &&
        summary.end->payload.get("status") != Value(engine::to_string(*filter.status)))
      return false;
  }
  if (filter.workflow.empty()) return true;
  const Value& stands = head.payload.get("workflow");
  const std::string_view whole = stands.is_string() ? stands.as_string() : std::string_view();
  return whole == filter.workflow || whole.substr(0, whole.find(':')) == filter.workflow;
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
    instances.try_emplace(record.instance, Instance{record, {}});
    return;
  }
  const auto found = instances.find(record.instance);
  if (found == instances.end()) return;
  Instance& instance = found->second;
  if (record.number <= instance.replaced) return;
  if (!instance.rest.try_emplace(record.number, record).second) return;
  if (record.kind == Kind::ended) instance.ended = true;
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

Result<std::vector<InstanceSummary>> KeepingJournal::find(const InstanceFilter& filter,
                                                          std::size_t most) {
  const std::scoped_lock lock(mutex_);
  std::vector<InstanceSummary> found;
  for (const auto& [id, instance] : kept_.instances) {
    if (found.size() >= most) break;
    InstanceSummary each = instance.summary();
    if (is_meant(filter, each)) found.push_back(std::move(each));
  }
  return found;
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
  return above == kept_.instances.begin() ? 0 : std::prev(above)->first.number;
}

}  // namespace stepwell::test
