#include "auth/audit.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "auth/cipher.h"
#include "auth/encoding.h"
#include "base/encoding.h"

namespace stepwell::auth {

namespace {
constexpr std::size_t kPage = 1000;
constexpr std::chrono::hours kOnceMarksLast{24};

bool wanted(const AuditRecord& record, const AuditFilter& filter) {
  return (filter.actor.empty() || record.actor == filter.actor) &&
         record.action.starts_with(filter.action) &&
         (filter.target.empty() || record.target == filter.target) &&
         (filter.result.empty() || record.result == filter.result) &&
         (!filter.since || record.at >= *filter.since) &&
         (!filter.until || record.at < *filter.until);
}
}  // namespace

std::string audit_hash(const Secret& key, const AuditRecord& record, std::string_view previous) {
  std::string text = "stepwell audit 1";
  append_piece(text, previous);
  append_number(text, record.number);
  append_number(text, static_cast<std::uint64_t>(record.at.time_since_epoch().count()));
  for (const std::string* piece : {&record.actor, &record.from, &record.action, &record.target,
                                   &record.result, &record.detail})
    append_piece(text, *piece);
  return to_hex(keyed_hash(key, text));
}

AuditLog::AuditLog(SecretStore& store, Vault& vault, SealedState state, ExpiryClock& clock)
    : store_(store), vault_(vault), clock_(clock), state_(std::move(state)) {}

Status AuditLog::commit(const AuditEvent& event, std::vector<Change> changes) {
  const std::scoped_lock lock(mutex_);
  if (event.actor.once.empty()) return commit_record(event, "done", std::move(changes));
  append_once_mark(event, changes);
  const std::vector<Change> marks{changes.end() - 2, changes.end()};
  Status done = commit_record(event, "done", std::move(changes));
  if (done) follow_once_mark(marks);
  return done;
}

void AuditLog::append_once_mark(const AuditEvent& event, std::vector<Change>& changes) const {
  const WallTime now = clock_.now();
  changes.emplace_back(EraseOnceMarks{now - kOnceMarksLast});
  changes.emplace_back(OnceMark{event.actor.once, event.actor.asked, event.action,
                                event.made.empty() ? event.target : event.made, now});
}

void AuditLog::follow_once_mark(const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    if (const auto* erase = std::get_if<EraseOnceMarks>(&change))
      once_marks_.erase_before(erase->before);
    if (const auto* mark = std::get_if<OnceMark>(&change)) once_marks_.put(*mark);
  }
}

void AuditLog::load_once_marks(const std::vector<OnceMark>& marks) {
  const std::scoped_lock lock(mutex_);
  for (const OnceMark& mark : marks) once_marks_.put(mark);
}

std::size_t AuditLog::once_marks() {
  const std::scoped_lock lock(mutex_);
  return once_marks_.size();
}

std::optional<OnceMark> AuditLog::done_before(const std::string& once) {
  const std::scoped_lock lock(mutex_);
  const OnceMark* mark = once_marks_.find(once);
  if (mark == nullptr || mark->at < clock_.now() - kOnceMarksLast) return std::nullopt;
  return *mark;
}

Status AuditLog::commit_derived(const AuditEvent& event, const Make& make) {
  const std::scoped_lock lock(mutex_);
  Status known = recall();
  if (!known) return known;
  Result<StoredState> stored = store_.load();
  if (!stored) return fail(std::move(stored.error()));
  Result<std::vector<Change>> changes = make(*stored);
  if (!changes) return fail(std::move(changes.error()));
  return commit_record(event, "done", std::move(*changes));
}

Status AuditLog::commit_unaudited(std::vector<Change> changes) {
  const std::scoped_lock lock(mutex_);
  // Last uses are not covered by the seal.
  const bool covered = std::any_of(changes.begin(), changes.end(), [](const Change& change) {
    return !std::holds_alternative<LastUse>(change);
  });
  return covered ? write(std::move(changes)) : store_.commit(changes);
}

Status AuditLog::note(const AuditEvent& event, std::string_view result) {
  const std::scoped_lock lock(mutex_);
  return commit_record(event, result, {});
}

// A mark of long ago is none, and goes with the next one.
Status AuditLog::retract(const AuditEvent& event, std::string_view result) {
  const std::scoped_lock lock(mutex_);
  const OnceMark* mark = once_marks_.find(event.actor.once);
  if (mark == nullptr) return commit_record(event, result, {});
  OnceMark none = *mark;
  none.at = WallTime{};
  Status done = commit_record(event, result, {none});
  if (done) once_marks_.put(none);
  return done;
}

Status AuditLog::commit_record(const AuditEvent& event, std::string_view result,
                               std::vector<Change> changes) {
  Status known = recall();
  if (!known) return known;
  const std::optional<AuditRecord>& last = state_.last;
  AuditRecord record;
  record.number = last ? last->number + 1 : 1;
  record.at = clock_.now();
  record.actor = event.actor.user;
  record.from = event.actor.from;
  record.action = event.action;
  record.target = event.target;
  record.result = result;
  record.detail = event.detail;
  record.hash = audit_hash(vault_.audit_key(), record, last ? last->hash : std::string());
  changes.emplace_back(record);
  changes.emplace_back(ClockMark{record.at});
  Status done = write(std::move(changes));
  if (done) state_.last = std::move(record);
  return done;
}

Status AuditLog::write(std::vector<Change> changes) {
  Status known = recall();
  if (!known) return known;
  for (Change& change : changes) {
    auto* value = std::get_if<SealedValue>(&change);
    if (value == nullptr) continue;
    Status current = vault_.renew(*value);
    if (!current) return current;
  }
  state_.stones.stamp(changes);
  state_.digest.apply(changes);
  before_ = std::exchange(state_.seal, state_.digest.seal());
  changes.emplace_back(StateSeal{state_.seal});
  Status done = store_.commit(changes);
  // Whether a failed commit left its rows is for the store to say.
  known_ = done.has_value();
  if (done) follow_rotation(changes);
  return done;
}

void AuditLog::follow_rotation(const std::vector<Change>& changes) {
  std::vector<WrappedKey> rows;
  for (const Change& change : changes) {
    if (const auto* row = std::get_if<WrappedKey>(&change)) rows.push_back(*row);
  }
  if (!rows.empty()) vault_.follow(rows);
}

// After a failed commit the store holds what it held before, or what was committed; nothing else.
Status AuditLog::recall() {
  if (known_) return {};
  Result<StoredState> stored = store_.load();
  if (!stored) return fail(std::move(stored.error()));
  Result<SealedState> state = SealedState::open(vault_.state_key(), *stored);
  if (!state) return fail(std::move(state.error()));
  if (state->seal != before_ && state->seal != state_.seal)
    return fail(make_problem(ErrorKind::configuration, "store-damaged",
                             "the database holds another state than the one that was committed; "
                             "restart, and restore it from a backup if it is refused"));
  vault_.follow(stored->wrapped_keys);
  state_ = std::move(*state);
  known_ = true;
  return {};
}

Result<std::vector<AuditRecord>> AuditLog::list(std::uint64_t first, std::size_t limit) {
  return store_.audit(first, limit);
}

Result<std::vector<AuditRecord>> AuditLog::list(const AuditFilter& filter) {
  if (filter.newest_first) return list_newest(filter);
  std::vector<AuditRecord> found;
  std::uint64_t next = filter.first;
  for (;;) {
    Result<std::vector<AuditRecord>> page = store_.audit(next, kPage);
    if (!page) return page;
    for (AuditRecord& record : *page) {
      if (found.size() >= filter.limit) return found;
      next = record.number + 1;
      if (wanted(record, filter)) found.push_back(std::move(record));
    }
    if (page->size() < kPage) return found;
  }
}

Result<std::vector<AuditRecord>> AuditLog::list_newest(const AuditFilter& filter) {
  Result<std::optional<AuditRecord>> last = store_.last_audit();
  if (!last) return fail(std::move(last.error()));
  std::vector<AuditRecord> found;
  std::uint64_t highest = *last ? (*last)->number : 0;
  if (filter.first != 0) highest = std::min(highest, filter.first);
  while (highest > 0) {
    const std::uint64_t lowest = highest > kPage ? highest - kPage + 1 : 1;
    Result<std::vector<AuditRecord>> page =
        store_.audit(lowest, static_cast<std::size_t>(highest - lowest + 1));
    if (!page) return page;
    for (auto record = page->rbegin(); record != page->rend(); ++record) {
      if (found.size() >= filter.limit) return found;
      if (wanted(*record, filter)) found.push_back(std::move(*record));
    }
    highest = lowest - 1;
  }
  return found;
}

Status AuditLog::verify() {
  AuditRecord last;  // as it was when this began; later ones follow from it
  {
    const std::scoped_lock lock(mutex_);
    Status known = recall();
    if (!known) return known;
    if (state_.last) last = *state_.last;
    Result<StoredState> stored = store_.load();
    if (!stored) return fail(std::move(stored.error()));
    Result<SealedState> state = SealedState::open(vault_.state_key(), *stored);
    if (!state) return fail(std::move(state.error()));
    if (state->seal != state_.seal)
      return fail(make_problem(ErrorKind::configuration, "store-damaged",
                               "the database was replaced by another state while it was in use"));
  }
  std::string previous;
  std::uint64_t next = 1;
  for (bool more = true; more;) {
    Result<std::vector<AuditRecord>> page = store_.audit(next, kPage);
    if (!page) return fail(std::move(page.error()));
    for (const AuditRecord& record : *page) {
      const bool tail_differs = record.number == last.number && record.hash != last.hash;
      if (record.number != next || tail_differs ||
          !equal_in_constant_time(record.hash, audit_hash(vault_.audit_key(), record, previous)))
        return fail(make_problem(ErrorKind::runtime, "audit-broken",
                                 "audit record " + std::to_string(next) +
                                     " is missing or was changed: the log cannot be trusted from "
                                     "there on"));
      previous = record.hash;
      ++next;
    }
    more = page->size() >= kPage;
  }
  if (last.number >= next)
    return fail(make_problem(ErrorKind::runtime, "audit-broken",
                             "audit records from " + std::to_string(next) + " on are missing"));
  return {};
}

}  // namespace stepwell::auth
