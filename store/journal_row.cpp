#include "store/journal_row.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/json.h"

namespace stepwell::store {

using engine::InstanceStatus;
using engine::Record;

namespace {

// As they are stored: never renumbered.
constexpr std::array<std::pair<Record::Kind, std::int64_t>, 16> kKinds{{
    {Record::Kind::admitted, 1},
    {Record::Kind::started, 2},
    {Record::Kind::step_started, 3},
    {Record::Kind::step_finished, 4},
    {Record::Kind::timer_fired, 5},
    {Record::Kind::event_received, 6},
    {Record::Kind::suspended, 7},
    {Record::Kind::resumed, 8},
    {Record::Kind::stopped, 9},
    {Record::Kind::ended, 10},
    {Record::Kind::retried, 11},
    {Record::Kind::snapshot, 12},
    {Record::Kind::definition, 13},
    {Record::Kind::published, 14},
    {Record::Kind::delivered, 15},
    {Record::Kind::schedule, 16},
}};

// What was written can be read, however deep a value is that a setting allows.
constexpr JsonLimits kDeep{1'000'000};

EndStatus status_in(const Value& status) {
  for (const InstanceStatus each :
       {InstanceStatus::completed, InstanceStatus::faulted, InstanceStatus::stopped})
    if (status.is_string() && status.as_string() == engine::to_string(each))
      return end_status(each);
  return EndStatus::stopped;
}

bool has_columns_of_its_payload(const Record& record) {
  return is_admission(record) || record.kind == Record::Kind::definition ||
         record.kind == Record::Kind::schedule;
}

}  // namespace

bool is_admission(const Record& record) {
  return record.kind == Record::Kind::admitted ||
         (record.kind == Record::Kind::started && record.number <= 1);
}

JournalRow to_row(Record record) {
  JournalRow row;
  if (!record.payload.is_null()) row.payload = to_json(record.payload);
  if (record.kind == Record::Kind::ended) row.status = status_in(record.payload.get("status"));
  row.cuts = cuts_text(record.cuts);
  if (!has_columns_of_its_payload(record)) record.payload = {};
  row.record = std::move(record);
  return row;
}

EndStatus end_status(InstanceStatus status) {
  switch (status) {
    case InstanceStatus::completed:
      return EndStatus::completed;
    case InstanceStatus::faulted:
      return EndStatus::faulted;
    case InstanceStatus::stopped:
      return EndStatus::stopped;
    default:
      return EndStatus::none;
  }
}

std::int64_t kind_number(Record::Kind kind) {
  for (const auto& [known, number] : kKinds)
    if (known == kind) return number;
  return 0;
}

std::optional<Record::Kind> kind_of(std::int64_t number) {
  for (const auto& [kind, known] : kKinds)
    if (known == number) return kind;
  return std::nullopt;
}

std::string cuts_text(const std::vector<std::uint32_t>& cuts) {
  std::string text;
  for (const std::uint32_t cut : cuts)
    text.append(text.empty() ? 0 : 1, ' ').append(std::to_string(cut));
  return text;
}

std::vector<std::uint32_t> cuts_of(std::string_view text) {
  std::vector<std::uint32_t> cuts;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    std::uint32_t cut = 0;
    const auto [stop, error] = std::from_chars(at, end, cut);
    if (error != std::errc()) break;
    cuts.push_back(cut);
    at = stop == end ? end : stop + 1;
  }
  return cuts;
}

Problem unreadable(const std::string& what, const std::string& why) {
  return make_problem(ErrorKind::configuration, "store-damaged",
                      what + " cannot be read (" + why + "); restore the journal from a backup");
}

Result<Value> payload_of(std::string_view text, const std::string& what) {
  if (text.empty()) return Value();
  Result<Value> value = parse_json(text, kDeep);
  if (!value) return fail(unreadable(what, value.error().detail));
  return value;
}

Result<Record> record_of(const Statement& row, int first, InstanceId instance) {
  const std::int64_t number = row.number(first);
  const std::optional<Record::Kind> kind = kind_of(row.number(first + 1));
  const std::string_view text = row.view(first + 6);
  Result<Value> payload = text.empty() ? Value() : parse_json(text, kDeep);
  if (!kind || !payload)
    return fail(unreadable(
        "record " + std::to_string(number) + " of instance " + std::to_string(instance.number),
        kind ? payload.error().detail : "its kind is not known"));
  Record record;
  record.kind = *kind;
  record.instance = instance;
  record.time = as_time(row.number(first + 2));
  record.id = as_number(row.number(first + 3));
  record.random = as_number(row.number(first + 4));
  record.payload = std::move(*payload);
  record.number = static_cast<std::uint32_t>(number);
  record.turns = static_cast<std::uint32_t>(row.number(first + 5));
  record.cuts = cuts_of(row.view(first + 7));
  return record;
}

}  // namespace stepwell::store
