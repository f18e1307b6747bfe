// auth's store in memory, which a test can make fail. Safe from any thread.
#pragma once

#include <algorithm>
#include <mutex>
#include <variant>
#include <vector>

#include "auth/store_port.h"

namespace stepwell::test {

class MemorySecretStore final : public auth::SecretStore {
 public:
  Result<auth::StoredState> load() override {
    const std::scoped_lock lock(mutex_);
    return state_;
  }

  Status commit(const std::vector<auth::Change>& changes) override {
    const std::scoped_lock lock(mutex_);
    if (failing_) return fail(make_problem(ErrorKind::runtime, "disk-full", "the disk is full"));
    for (const auth::Change& change : changes)
      std::visit([this](const auto& row) { take(row); }, change);
    ++commits_;
    return {};
  }

  Result<std::optional<auth::AuditRecord>> last_audit() override {
    const std::scoped_lock lock(mutex_);
    return state_.last_audit;
  }

  Result<std::vector<auth::AuditRecord>> audit(std::uint64_t first, std::size_t limit) override {
    const std::scoped_lock lock(mutex_);
    std::vector<auth::AuditRecord> records;
    for (const auth::AuditRecord& record : audit_) {
      if (record.number >= first && records.size() < limit) records.push_back(record);
    }
    return records;
  }

  // Every commit fails from now on, or no more.
  void set_failing(bool failing) {
    const std::scoped_lock lock(mutex_);
    failing_ = failing;
  }
  // What lies "on disk", to be looked at or spoilt.
  auth::StoredState& state() { return state_; }
  std::vector<auth::AuditRecord>& audit_records() { return audit_; }
  int commits() const { return commits_; }

 private:
  template <class Row, class Same>
  static void put(std::vector<Row>& rows, const Row& row, const Same& same) {
    const auto found = std::find_if(rows.begin(), rows.end(), same);
    if (found == rows.end())
      rows.push_back(row);
    else
      *found = row;
  }
  template <class Row>
  static void put_by_id(std::vector<Row>& rows, const Row& row) {
    put(rows, row, [&](const Row& other) { return other.id == row.id; });
  }
  void take(const auth::Credential& row) { put_by_id(state_.credentials, row); }
  void take(const auth::ApiKey& row) { put_by_id(state_.keys, row); }
  void take(const auth::WrappedKey& row) { put_by_id(state_.wrapped_keys, row); }
  void take(const auth::User& row) {
    put(state_.users, row, [&](const auth::User& other) { return other.name == row.name; });
  }
  void take(const auth::SealedValue& row) {
    put(state_.values, row, [&](const auth::SealedValue& other) {
      return other.credential_id == row.credential_id && other.version == row.version &&
             other.field == row.field;
    });
  }
  void take(const auth::EraseValues& row) {
    std::erase_if(state_.values, [&](const auth::SealedValue& value) {
      return value.credential_id == row.credential_id;
    });
  }
  void take(const auth::EraseWrappedKey& row) {
    std::erase_if(state_.wrapped_keys,
                  [&](const auth::WrappedKey& key) { return key.id == row.id; });
  }
  static void keep(std::vector<auth::Tombstone>& stones, const auth::Tombstone& row) {
    const bool known = std::any_of(stones.begin(), stones.end(), [&](const auth::Tombstone& stone) {
      return stone.kind == row.kind && stone.id == row.id && stone.what == row.what;
    });
    if (!known) stones.push_back(row);
  }
  void take(const auth::Tombstone& row) {
    keep(state_.tombstones_beside, row);
    keep(state_.tombstones, row);
  }
  void take(const auth::LastUse& row) {
    put(state_.last_uses, row,
        [&](const auth::LastUse& other) { return other.kind == row.kind && other.id == row.id; });
  }
  void take(const auth::WorkflowSwitch& row) {
    put(state_.switches, row,
        [&](const auth::WorkflowSwitch& other) { return other.workflow == row.workflow; });
  }
  void take(const auth::OnceMark& row) {
    put(state_.once_marks, row,
        [&](const auth::OnceMark& other) { return other.once == row.once; });
  }
  void take(const auth::EraseOnceMarks& row) {
    std::erase_if(state_.once_marks,
                  [&](const auth::OnceMark& mark) { return mark.at < row.before; });
  }
  void take(const auth::StateSeal& row) { state_.seal = row; }
  void take(const auth::AuditRecord& row) {
    audit_.push_back(row);
    state_.last_audit = row;
  }
  void take(const auth::ClockMark& row) { state_.clock_mark = std::max(state_.clock_mark, row.at); }

  std::mutex mutex_;
  bool failing_ = false;                  // guarded by mutex_
  int commits_ = 0;                       // guarded by mutex_
  auth::StoredState state_;               // guarded by mutex_
  std::vector<auth::AuditRecord> audit_;  // guarded by mutex_
};

}  // namespace stepwell::test
