// A record as it is stored, and back: numbers of kinds, times, payloads (docs/journal-format.md).
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/ports.h"
#include "store/database.h"

namespace stepwell::store {

// Ids from here on do not grow with time, and the same one may be asked for again.
constexpr std::uint64_t kDerivedInstances = 1ULL << 52U;

// What a row of an instance that has ended says; it stands in an index, and is never renumbered.
enum class EndStatus : std::uint8_t { none = 0, completed = 1, faulted = 2, stopped = 3 };

// A record that waits to be written. Its payload is text already; the value is kept only for the
// kinds whose columns are taken from it.
struct JournalRow {
  engine::Record record;
  std::string payload;  // JSON; empty for null
  std::string cuts;     // as cuts_text()
  EndStatus status = EndStatus::none;
};

JournalRow to_row(engine::Record record);

// The first record of an instance, which has a row of its own.
bool is_admission(const engine::Record& record);

EndStatus end_status(engine::InstanceStatus status);
std::int64_t kind_number(engine::Record::Kind kind);
std::optional<engine::Record::Kind> kind_of(std::int64_t number);

inline std::int64_t as_column(std::uint64_t number) { return static_cast<std::int64_t>(number); }
inline std::uint64_t as_number(std::int64_t column) { return static_cast<std::uint64_t>(column); }
inline std::int64_t as_column(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime as_time(std::int64_t column) { return WallTime(std::chrono::milliseconds(column)); }

// `what` names the record where it cannot be read. Errors: configuration/`store-damaged`.
Problem unreadable(const std::string& what, const std::string& why);
Result<Value> payload_of(std::string_view text, const std::string& what);

// Record::cuts as "3 17"; empty for none.
std::string cuts_text(const std::vector<std::uint32_t>& cuts);
std::vector<std::uint32_t> cuts_of(std::string_view text);

// The record in these columns of a row: number, kind, at, subject, random, turns, payload, cuts.
// Errors: configuration/`store-damaged`.
Result<engine::Record> record_of(const Statement& row, int first, InstanceId instance);

}  // namespace stepwell::store
