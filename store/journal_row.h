// A record as it is stored, and back (docs/journal-format.md): a line of JSON, and what is needed
// of it without reading that. Pure functions and plain values, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ports.h"

namespace stepwell::store {

// Ids from here on do not grow with time, and the same one may be asked for again.
constexpr std::uint64_t kDerivedInstances = 1ULL << 52U;

// What a row of an instance that has ended says; it stands in an index, and is never renumbered.
enum class EndStatus : std::uint8_t { none = 0, completed = 1, faulted = 2, stopped = 3 };

inline std::int64_t as_column(std::uint64_t number) { return static_cast<std::int64_t>(number); }
inline std::uint64_t as_number(std::int64_t column) { return static_cast<std::uint64_t>(column); }
inline std::int64_t as_column(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime as_time(std::int64_t column) { return WallTime(std::chrono::milliseconds(column)); }

// A record that is written or waits for it.
struct JournalRow {
  InstanceId instance;
  std::uint64_t id = 0;
  WallTime at;
  std::uint32_t number = 0;
  engine::Record::Kind kind = engine::Record::Kind::started;
  EndStatus status = EndStatus::none;  // of `ended`
  bool child = false;                  // an admission that another instance's step asked for
  std::string text;                    // "[number,kind,at,subject,random,turns,[cuts],payload]"
  Value workflow;                      // of an admission and a schedule
  Value digest;                        // of an admission and a definition
  // Of an admission and a `changed`, where it says something …
  std::shared_ptr<const engine::Label> label;
  std::uint64_t parent = 0;  // … of an admission: who asked for it
  Value credentials;         // of a definition: those that it refers to

  bool is_admission() const;
  bool is_shared() const { return kind >= engine::Record::Kind::definition; }
};
using SharedRow = std::shared_ptr<const JournalRow>;

JournalRow to_row(const engine::Record& record);
// As a line of the log: the same with the instance before the number.
void append_to_log(std::string& log, const JournalRow& row);
// Errors: configuration/`store-damaged`.
Result<JournalRow> row_of_log(std::string_view line);

// Only what stands first in a text: the rest of it is read by record_of().
struct Outline {
  std::uint32_t number = 0;
  engine::Record::Kind kind = engine::Record::Kind::started;
  WallTime at;
};
std::optional<Outline> outline_of(std::string_view text);
// The whole record. Errors: configuration/`store-damaged`, which names it.
Result<engine::Record> record_of(std::string_view text, InstanceId instance);

// What a row says of an instance's end.
EndStatus end_status(engine::InstanceStatus status);
inline bool is_admission(engine::Record::Kind kind, std::uint32_t number) {
  return kind == engine::Record::Kind::admitted ||
         (kind == engine::Record::Kind::started && number <= 1);
}
inline bool JournalRow::is_admission() const { return store::is_admission(kind, number); }

// `what` names the record where it cannot be read. Errors: configuration/`store-damaged`.
Problem unreadable(const std::string& what, const std::string& why);

}  // namespace stepwell::store
