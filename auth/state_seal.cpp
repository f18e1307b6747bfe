#include "auth/state_seal.h"

#include <algorithm>

#include "auth/cipher.h"
#include "auth/encoding.h"
#include "base/encoding.h"
#include "base/json.h"

namespace stepwell::auth {

namespace {

std::uint64_t number_of(WallTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

std::uint64_t per_of(const KeyRate& rate) { return static_cast<std::uint64_t>(rate.per.count()); }

// The columns of a row, one after the other.
class Row {
 public:
  explicit Row(std::string_view table) : text_("stepwell row 1") { add(table); }
  Row& add(std::string_view piece) {
    append_piece(text_, piece);
    return *this;
  }
  Row& add(std::uint64_t number) {
    append_number(text_, number);
    return *this;
  }
  Row& add(WallTime time) { return add(number_of(time)); }
  Row& add(const std::optional<WallTime>& time) {
    return time ? add(std::uint64_t{1}).add(*time) : add(std::uint64_t{0});
  }
  template <class Items, class Text>
  Row& add_list(const Items& items, const Text& text_of) {
    add(std::uint64_t{items.size()});
    for (const auto& item : items) add(std::string_view(text_of(item)));
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Where a row's digest stands; the pieces' lengths keep one id from being another's beginning.
template <class... Pieces>
std::string place_of(const Pieces&... pieces) {
  std::string place;
  (append_piece(place, pieces), ...);
  return place;
}

}  // namespace

StateDigest::StateDigest(Secret key, const StoredState& stored) : key_(std::move(key)) {
  const auto take_all = [this](const auto& rows) {
    for (const auto& row : rows) take(row);
  };
  take_all(stored.credentials);
  take_all(stored.values);
  take_all(stored.keys);
  take_all(stored.users);
  take_all(stored.wrapped_keys);
  take_all(stored.tombstones);
  take_all(stored.switches);
  if (stored.last_audit) take(*stored.last_audit);
  take(ClockMark{stored.clock_mark});
}

void StateDigest::apply(const std::vector<Change>& changes) {
  for (const Change& change : changes) std::visit([this](const auto& row) { take(row); }, change);
}

void StateDigest::take(const Credential& row) {
  Row text("credentials");
  text.add(row.id).add(row.name).add(row.description).add(to_string(row.kind));
  text.add(row.prefix).add(row.header).add(to_json(row.settings));
  text.add_list(row.origins, [](const OriginPattern& origin) { return origin.text(); });
  text.add_list(row.namespaces, [](const std::string& name) { return name; });
  text.add(row.expires_at).add(to_string(row.on_revoke)).add(row.linked_key);
  text.add(std::uint64_t{row.version}).add(to_string(row.state));
  text.add(row.created_by).add(row.created_at).add(row.changed_by).add(row.changed_at);
  rows_of("credentials", row.id)[place_of("credentials", row.id)] = keyed_hash(key_, text.text());
}

void StateDigest::take(const SealedValue& row) {
  Row text("values");
  text.add(row.credential_id).add(std::uint64_t{row.version}).add(row.field).add(row.sealed);
  rows_of("values", row.credential_id)[place_of("values", row.credential_id,
                                                std::to_string(row.version), row.field)] =
      keyed_hash(key_, text.text());
}

void StateDigest::take(const EraseValues& row) {
  const std::string beginning = place_of("values", row.credential_id);
  Rows& rows = rows_of("values", row.credential_id);
  auto at = rows.lower_bound(beginning);
  while (at != rows.end() && at->first.starts_with(beginning)) at = rows.erase(at);
}

void StateDigest::take(const ApiKey& row) {
  Row text("keys");
  text.add(row.id).add(row.name).add(row.user).add(row.hash);
  text.add_list(row.scopes, [](Permission scope) { return to_string(scope); });
  text.add(row.expires_at).add(to_string(row.state));
  text.add(row.created_by).add(row.created_at).add(row.changed_by).add(row.changed_at);
  // Keys without one are sealed as they were before there were any.
  if (row.rate)
    text.add("rate").add(row.rate->requests).add(per_of(*row.rate)).add(row.rate->burst);
  rows_of("keys", row.id)[place_of("keys", row.id)] = keyed_hash(key_, text.text());
}

void StateDigest::take(const User& row) {
  Row text("users");
  text.add(row.name).add(to_string(row.role)).add(std::uint64_t{row.active ? 1U : 0U});
  text.add(row.created_by).add(row.created_at);
  rows_of("users", row.name)[place_of("users", row.name)] = keyed_hash(key_, text.text());
}

void StateDigest::take(const WorkflowSwitch& row) {
  Row text("workflow switches");
  text.add(row.workflow).add(std::uint64_t{row.disabled ? 1U : 0U});
  text.add(std::uint64_t{row.paused ? 1U : 0U}).add(row.by).add(row.at);
  rows_of("workflow switches", row.workflow)[place_of("workflow switches", row.workflow)] =
      keyed_hash(key_, text.text());
}

void StateDigest::take(const WrappedKey& row) {
  Row text("wrapped keys");
  text.add(std::uint64_t{row.id}).add(row.purpose).add(row.master).add(row.wrapped);
  const std::string id = std::to_string(row.id);
  rows_of("wrapped keys", id)[place_of("wrapped keys", id)] = keyed_hash(key_, text.text());
}

void StateDigest::take(const EraseWrappedKey& row) {
  const std::string id = std::to_string(row.id);
  rows_of("wrapped keys", id).erase(place_of("wrapped keys", id));
}

void StateDigest::take(const Tombstone& row) {
  Row text("tombstones");
  text.add(row.kind).add(row.id).add(row.what).add(row.by).add(row.at).add(row.number);
  text.add(row.mac);
  // As in the store, the first one of a kind, id and end stays.
  rows_of("tombstones", row.id)
      .try_emplace(place_of("tombstones", row.kind, row.id, row.what),
                   keyed_hash(key_, text.text()));
}

void StateDigest::take(const AuditRecord& row) {
  Row text("audit");
  text.add(row.number).add(row.at).add(row.actor).add(row.from).add(row.action);
  text.add(row.target).add(row.result).add(row.detail).add(row.hash);
  last_audit_ = keyed_hash(key_, text.text());
}

void StateDigest::take(const ClockMark& row) { clock_mark_ = std::max(clock_mark_, row.at); }

StateDigest::Rows& StateDigest::rows_of(std::string_view table, std::string_view id) {
  Bucket& bucket = buckets_.at(crc32(place_of(table, id)) % buckets_.size());
  bucket.digest.clear();
  return bucket.rows;
}

std::string StateDigest::seal() {
  std::string text = "stepwell state 1";
  append_piece(text, last_audit_);
  append_number(text, number_of(clock_mark_));
  for (Bucket& bucket : buckets_) {
    if (bucket.digest.empty()) {
      std::string rows = "stepwell rows 1";
      for (const auto& [place, digest] : bucket.rows) rows += digest;
      bucket.digest = keyed_hash(key_, rows);
    }
    text += bucket.digest;
  }
  return to_hex(keyed_hash(key_, text));
}

Result<SealedState> SealedState::open(const Secret& key, const StoredState& stored) {
  SealedState state{StateDigest(key.duplicate(), stored), TombstoneLedger(key.duplicate()), "",
                    stored.last_audit};
  state.seal = state.digest.seal();
  if (!stored.seal || !equal_in_constant_time(state.seal, stored.seal->digest))
    return fail(make_problem(
        ErrorKind::configuration, "store-damaged",
        std::string(stored.seal ? "the database's rows do not match their seal"
                                : "the database's seal is gone") +
            ": a credential, value, user, key, tombstone, wrapped key, the clock's mark or the "
            "audit log's end was changed, put back, added or taken away beside Stepwell; restore "
            "the whole database from a backup"));
  Status stones = state.stones.adopt(stored);
  if (!stones) return fail(std::move(stones.error()));
  return state;
}

}  // namespace stepwell::auth
