#include "api/instance_events.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/json.h"
#include "config/person_step.h"

namespace stepwell::api {

namespace {

using engine::HistoryEntry;
using engine::Trace;

// Of what the engine tells before the journal has been read.
constexpr std::size_t kMostEarly = 10'000;
constexpr std::size_t kRoomForOne = std::size_t{16} * 1024;

std::string_view kind_of(const config::Task& task) {
  static constexpr std::array<std::string_view, std::variant_size_v<config::TaskBody>> kKinds{
      "do",   "set",  "switch", "for",     "fork",     "http",     "raise",   "try",
      "wait", "emit", "listen", "openapi", "function", "workflow", "process", "person"};
  if (const auto* person = std::get_if<config::PersonStepBody>(&task.body))
    return config::person_kind_name(person->kind);
  return kKinds.at(task.body.index());
}

Value describe_entry(const engine::Program& program, InstanceId id, const HistoryEntry& entry) {
  Value value = Value::object({{"instance", id.number}, {"time", format_time(entry.time)}});
  if (entry.task == engine::kNone) {
    value.set("status", to_string(entry.status));
    return value;
  }
  const config::Task& task = *program.task(entry.task).task;
  value.set("event", to_string(entry.kind));
  value.set("reference", task.reference);
  value.set("name", task.name);
  value.set("kind", kind_of(task));
  value.set("attempt", entry.attempt);
  if (entry.problem) value.set("error", entry.problem->to_value());
  return value;
}

}  // namespace

void InstanceEvents::on_entry(const HistoryEntry& entry) {
  std::shared_ptr<EventStream> stream;  // goes without the lock: its end calls back
  const std::scoped_lock lock(mutex_);
  stream = stream_.lock();
  if (program_ && waiting_.empty() && stream) return send(*stream, entry);
  if (waiting_.size() >= kMostEarly) missed_ = true;
  if (!missed_) waiting_.push_back(entry);
}

void InstanceEvents::on_over() {
  std::shared_ptr<EventStream> stream;
  const std::scoped_lock lock(mutex_);
  stream = stream_.lock();
  over_ = true;
  if (program_ && waiting_.empty() && stream) stream->close();
}

bool InstanceEvents::begin(engine::History history, const std::shared_ptr<EventStream>& stream) {
  const std::scoped_lock lock(mutex_);
  const std::vector<HistoryEntry>& before = history.entries;
  gap_ = !history.whole && !before.empty() && before.front().number > last_ + 1;
  missing_after_ = history.missing_after;
  std::deque<HistoryEntry> all(before.begin(), before.end());
  const std::uint64_t reached = all.empty() ? 0 : all.back().number;
  for (HistoryEntry& entry : waiting_)
    if (entry.number > reached) all.push_back(std::move(entry));
  bool ended = over_;
  for (const HistoryEntry& entry : all)
    if (entry.task == engine::kNone) ended = engine::ended(entry.status);
  std::erase_if(all, [this](const HistoryEntry& entry) { return entry.number <= last_; });
  const bool missing = missing_after_ && last_ <= *missing_after_;
  if (all.empty() && ended && !missing) return false;
  over_ = ended;
  waiting_ = std::move(all);
  program_ = std::move(history.program);
  stream_ = stream;
  return true;
}

void InstanceEvents::fill(EventStream& stream) {
  const std::scoped_lock lock(mutex_);
  if (!program_) return;
  if (std::exchange(gap_, false)) stream.push({"", "gap", "{}"});
  while (!waiting_.empty() && stream.room() > kRoomForOne) {
    send(stream, waiting_.front());
    waiting_.pop_front();
  }
  if (!waiting_.empty() || !(over_ || missed_)) return;
  if (missing_after_) tell_gap(stream);
  stream.close();
}

// With the lock held.
void InstanceEvents::tell_gap(EventStream& stream) {
  missing_after_.reset();
  stream.push({"", "gap", "{}"});
}

// With the lock held.
void InstanceEvents::send(EventStream& stream, const HistoryEntry& entry) {
  if (entry.number <= last_) return;
  if (missing_after_ && entry.number > *missing_after_) {
    const bool next = entry.number == std::max(*missing_after_, last_) + 1;
    if (next)
      missing_after_.reset();
    else
      tell_gap(stream);
  }
  last_ = entry.number;
  const bool is_status = entry.task == engine::kNone;
  const std::string data = redactor_.mask(to_json(describe_entry(*program_, id_, entry)));
  stream.push({std::to_string(entry.number), is_status ? "status" : "step", data});
  // What has ended and is retried goes on in another stream.
  if (is_status && engine::ended(entry.status) && waiting_.size() <= 1) stream.close();
}

Value describe_steps(const engine::History& history) {
  struct Step {
    engine::TaskNumber task = engine::kNone;
    std::string_view status = "running";
    std::uint32_t attempts = 1;
    std::uint64_t runs = 0;
    WallTime started{};
    WallTime ended{};
    std::shared_ptr<const Problem> problem;
  };
  std::vector<Step> steps;
  std::unordered_map<engine::TaskNumber, std::size_t> places;
  for (const HistoryEntry& entry : history.entries) {
    if (entry.task == engine::kNone) continue;
    const auto [place, fresh] = places.emplace(entry.task, steps.size());
    if (fresh) steps.emplace_back().task = entry.task;
    Step& step = steps[place->second];
    step.attempts = std::max(step.attempts, entry.attempt);
    if (entry.kind == Trace::Kind::started || entry.kind == Trace::Kind::skipped) ++step.runs;
    const bool begins = entry.kind == Trace::Kind::started || entry.kind == Trace::Kind::retried;
    if (entry.kind == Trace::Kind::started || step.started == WallTime{}) step.started = entry.time;
    if (entry.kind == Trace::Kind::started) step.problem = nullptr;
    step.status = begins ? "running" : to_string(entry.kind);
    step.ended = begins ? WallTime{} : entry.time;
    if (entry.problem) step.problem = entry.problem;
  }
  Value items = Value::array();
  for (const Step& step : steps) {
    const config::Task& task = *history.program->task(step.task).task;
    Value item = Value::object({{"reference", task.reference},
                                {"name", task.name},
                                {"kind", kind_of(task)},
                                {"status", step.status},
                                {"attempts", step.attempts},
                                {"runs", step.runs},
                                {"startedTime", format_time(step.started)}});
    item.set("endedTime", step.ended == WallTime{} ? Value() : Value(format_time(step.ended)));
    if (step.problem) item.set("error", step.problem->to_value());
    items.push_back(std::move(item));
  }
  return Value::object({{"items", std::move(items)}, {"whole", history.whole}});
}

}  // namespace stepwell::api
