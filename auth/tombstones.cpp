#include "auth/tombstones.h"

#include <algorithm>
#include <set>
#include <variant>

#include "auth/cipher.h"
#include "auth/encoding.h"
#include "base/encoding.h"

namespace stepwell::auth {

namespace {

Status tombstone_damaged(std::string detail) {
  return fail(make_problem(ErrorKind::configuration, "store-damaged", std::move(detail)));
}

std::string name_of(const Tombstone& stone) {
  return "the tombstone of " + stone.kind + " " + stone.id + " (" + stone.what + ")";
}

}  // namespace

std::string TombstoneLedger::mac_of(const Tombstone& stone) const {
  std::string text = "stepwell tombstone 1";
  append_number(text, stone.number);
  for (const std::string* piece : {&stone.kind, &stone.id, &stone.what, &stone.by})
    append_piece(text, *piece);
  append_number(text, static_cast<std::uint64_t>(stone.at.time_since_epoch().count()));
  return to_hex(keyed_hash(key_, text));
}

Status TombstoneLedger::adopt(const StoredState& stored) {
  known_.clear();
  pending_.clear();
  std::set<std::uint64_t> numbers;
  for (const Tombstone& stone : stored.tombstones_beside) {
    if (!equal_in_constant_time(stone.mac, mac_of(stone)))
      return tombstone_damaged(
          "in the tombstone file, " + name_of(stone) +
          " was changed, or belongs to another store; restore the file from a backup");
    if (!numbers.insert(stone.number).second || !known_.emplace(place_of(stone), stone).second)
      return tombstone_damaged("in the tombstone file, " + name_of(stone) +
                               " stands twice; restore the file from a backup");
  }
  std::set<Place> stored_places;
  for (const Tombstone& stone : stored.tombstones) {
    const auto beside = known_.find(place_of(stone));
    if (beside == known_.end() || beside->second.mac != stone.mac)
      return tombstone_damaged(
          name_of(stone) +
          " is missing in the tombstone file, which was cut or lost; restore the file "
          "from a backup, or have what the database knows written back with: stepwell "
          "doctor --fix");
    stored_places.insert(place_of(stone));
  }
  last_ = known_.size();
  // Distinct numbers from 1 to their count: nothing is missing between them.
  if (!numbers.empty() && (*numbers.begin() != 1 || *numbers.rbegin() != last_))
    return tombstone_damaged(
        "a line is missing in the tombstone file, and with it a revocation; restore the file from "
        "a backup");
  for (const auto& [place, stone] : known_) {
    if (stored_places.count(place) == 0) pending_.push_back(stone);
  }
  std::sort(pending_.begin(), pending_.end(),
            [](const Tombstone& a, const Tombstone& b) { return a.number < b.number; });
  return {};
}

void TombstoneLedger::stamp(std::vector<Change>& changes) {
  for (Change& change : changes) {
    auto* stone = std::get_if<Tombstone>(&change);
    if (stone == nullptr) continue;
    // Reported as failed before, and in the file nevertheless: that line is the one.
    const auto known = known_.find(place_of(*stone));
    if (known != known_.end()) {
      *stone = known->second;
      continue;
    }
    stone->number = ++last_;
    stone->mac = mac_of(*stone);
    known_.emplace(place_of(*stone), *stone);
  }
  for (Tombstone& stone : pending_) changes.emplace_back(std::move(stone));
  pending_.clear();
}

}  // namespace stepwell::auth
