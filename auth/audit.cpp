#include "auth/audit.h"

#include "auth/cipher.h"
#include "auth/encoding.h"
#include "base/encoding.h"

namespace stepwell::auth {

namespace {
constexpr std::size_t kPage = 1000;
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

AuditLog::AuditLog(SecretStore& store, Secret key, std::optional<AuditRecord> last,
                   ExpiryClock& clock)
    : store_(store), key_(std::move(key)), clock_(clock), last_(std::move(last)) {}

Status AuditLog::commit(const AuditEvent& event, std::vector<Change> changes) {
  const std::scoped_lock lock(mutex_);
  if (!last_known_) {
    Result<std::optional<AuditRecord>> last = store_.last_audit();
    if (!last) return fail(std::move(last.error()));
    last_ = std::move(*last);
    last_known_ = true;
  }
  AuditRecord record;
  record.number = last_ ? last_->number + 1 : 1;
  record.at = clock_.now();
  record.actor = event.actor.user;
  record.from = event.actor.from;
  record.action = event.action;
  record.target = event.target;
  record.result = "done";
  record.detail = event.detail;
  record.hash = audit_hash(key_, record, last_ ? last_->hash : std::string());
  changes.emplace_back(record);
  changes.emplace_back(ClockMark{record.at});
  Status done = store_.commit(changes);
  // Whether a failed commit left its record is for the store to say.
  if (done)
    last_ = std::move(record);
  else
    last_known_ = false;
  return done;
}

Status AuditLog::commit_unaudited(const std::vector<Change>& changes) {
  const std::scoped_lock lock(mutex_);
  return store_.commit(changes);
}

Result<std::vector<AuditRecord>> AuditLog::list(std::uint64_t first, std::size_t limit) {
  return store_.audit(first, limit);
}

Status AuditLog::verify() {
  std::string previous;
  std::uint64_t next = 1;
  for (;;) {
    Result<std::vector<AuditRecord>> page = store_.audit(next, kPage);
    if (!page) return fail(std::move(page.error()));
    for (const AuditRecord& record : *page) {
      if (record.number != next ||
          !equal_in_constant_time(record.hash, audit_hash(key_, record, previous)))
        return fail(make_problem(ErrorKind::runtime, "audit-broken",
                                 "audit record " + std::to_string(next) +
                                     " is missing or was changed: the log cannot be trusted from "
                                     "there on"));
      previous = record.hash;
      ++next;
    }
    if (page->size() < kPage) break;
  }
  const std::scoped_lock lock(mutex_);
  if (last_known_ && last_ && last_->number >= next)
    return fail(make_problem(ErrorKind::runtime, "audit-broken",
                             "audit records from " + std::to_string(next) + " on are missing"));
  return {};
}

}  // namespace stepwell::auth
