#include "daemon/doctor_store.h"

#include <filesystem>
#include <memory>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "auth/master_key.h"
#include "auth/state_seal.h"
#include "auth/vault.h"
#include "base/entropy.h"
#include "daemon/restore_staging.h"
#include "daemon/site.h"
#include "store/lock.h"
#include "store/sqlite_rows.h"

namespace stepwell::daemon {

namespace {

struct Opened {
  store::LockFile lock;
  std::unique_ptr<store::SqliteSecretStore> store;
};

Result<Opened> open_store(const config::Settings& settings) {
  Result<store::LockFile> lock = store::LockFile::acquire(settings.data);
  if (!lock) return fail(std::move(lock).error());
  if (Status ended = finish_restore(settings.data); !ended) return fail(std::move(ended).error());
  Result<std::unique_ptr<store::SqliteSecretStore>> opened =
      store::SqliteSecretStore::open(settings.data);
  if (!opened) return fail(std::move(opened).error());
  return Opened{*std::move(lock), *std::move(opened)};
}

// Of `these`, what `those` lack.
std::vector<auth::Tombstone> lacking(const std::vector<auth::Tombstone>& these,
                                     const std::vector<auth::Tombstone>& those) {
  std::set<std::uint64_t> there;
  for (const auth::Tombstone& stone : those) there.insert(stone.number);
  std::vector<auth::Tombstone> missing;
  for (const auth::Tombstone& stone : these)
    if (there.count(stone.number) == 0) missing.push_back(stone);
  return missing;
}

// How many the file can be given back; 0 where the store would be damaged all the same, since then
// the rows of the database are not to be believed either.
std::size_t restorable(const config::Settings& settings, auth::StoredState state,
                       auth::SecretStore& store) {
  const std::vector<auth::Tombstone> missing = lacking(state.tombstones, state.tombstones_beside);
  if (missing.empty() || state.wrapped_keys.empty()) return 0;
  const auto keys = auth::load_candidates(master_key_source(settings));
  if (!keys) return 0;
  SystemEntropy entropy;
  const auto vault = auth::Vault::open(*keys, state, store, entropy);
  if (!vault) return 0;
  state.tombstones_beside.insert(state.tombstones_beside.end(), missing.begin(), missing.end());
  return auth::SealedState::open((*vault)->state_key(), state) ? missing.size() : 0;
}

}  // namespace

Result<StoreFacts> look_into_store(const config::Settings& settings) {
  const Result<Opened> opened = open_store(settings);
  if (!opened) return fail(opened.error());
  const Result<auth::StoredState> state = opened->store->load();
  if (!state) return fail(state.error());
  StoreFacts facts;
  facts.clock_mark = state->clock_mark;
  facts.stones_ahead = lacking(state->tombstones_beside, state->tombstones).size();
  facts.stones_to_restore = restorable(settings, *state, *opened->store);
  return facts;
}

std::optional<WallTime> clock_mark_of(const config::Settings& settings) {
  const std::string path = settings.data + "/stepwell.db";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;  // opening would make it
  Result<store::Database> database = store::Database::open(path);
  if (!database) return std::nullopt;
  const Result<auth::StoredState> state = store::read_state(*database);
  if (!state) return std::nullopt;
  return state->clock_mark;
}

Status restore_tombstones(const config::Settings& settings) {
  const Result<Opened> opened = open_store(settings);
  if (!opened) return fail(opened.error());
  const Result<auth::StoredState> state = opened->store->load();
  if (!state) return fail(state.error());
  if (restorable(settings, *state, *opened->store) == 0)
    return fail(make_problem(ErrorKind::runtime, "mend-failed",
                             "what the database has of tombstones does not make the store whole"));
  const Result<std::size_t> restored = opened->store->restore_tombstones();
  if (!restored) return fail(restored.error());
  return {};
}

}  // namespace stepwell::daemon
