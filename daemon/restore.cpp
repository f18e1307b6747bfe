#include "daemon/restore.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "auth/authority.h"
#include "auth/master_key.h"
#include "base/entropy.h"
#include "daemon/backup_folder.h"
#include "daemon/doctor_store.h"
#include "daemon/restore_staging.h"
#include "daemon/site.h"
#include "daemon/suspend_open.h"
#include "store/database.h"
#include "store/file_contents.h"
#include "store/file_rows.h"
#include "store/lock.h"
#include "store/private_directory.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_secret_store.h"
#include "store/tombstone_file.h"

namespace stepwell::daemon {

namespace {

namespace fs = std::filesystem;
using auth::Tombstone;

// What the present data know and the backup must not forget.
struct Memory {
  std::vector<Tombstone> stones;
  std::optional<WallTime> clock_mark;
  bool known = false;  // one of the two could be read
};

// The file and the database each may know of a revocation that the other has lost.
Result<Memory> remember(const config::Settings& settings) {
  Memory memory;
  const std::string path = settings.data + "/" + std::string(kTombstoneFile);
  Result<std::vector<Tombstone>> beside = store::TombstoneFile(path).read();
  if (!beside) {
    Problem problem = std::move(beside).error();
    problem.detail +=
        ". Revocations since the backup may be lost with it: to go on without them, move " + path +
        " elsewhere";
    return fail(std::move(problem));
  }
  memory.stones = std::move(*beside);
  std::error_code error;
  memory.known = fs::exists(path, error);
  const std::string file = settings.data + "/" + std::string(kStoreFile);
  if (!fs::exists(file, error)) return memory;  // opening would make it
  // That it is damaged may be why there is a restore.
  Result<store::Database> database = store::Database::open(file);
  if (!database) return memory;
  const Result<auth::StoredState> state = store::read_state(*database);
  if (!state) return memory;
  memory.known = true;
  memory.clock_mark = state->clock_mark;
  memory.stones.insert(memory.stones.end(), state->tombstones.begin(), state->tombstones.end());
  return memory;
}

// Of a file's content: files/ and files/ab/.
Status make_parents(const std::string& path) {
  const std::string shard = path.substr(0, path.rfind('/'));
  Status made = store::ensure_private_directory(shard.substr(0, shard.rfind('/')));
  return made ? store::ensure_private_directory(shard) : made;
}

// A backup from before there were files has none, and so has the data directory then: what is there
// goes aside with the instances that held it.
Status complete_files(const std::string& staging) {
  const auto rows = store::FileRows::open(staging + "/" + std::string(kFilesDatabase));
  if (!rows) return fail(rows.error());
  const auto contents = store::FileContents::open(staging + "/" + std::string(kFilesFolder));
  if (!contents) return fail(contents.error());
  return {};
}

// A copy that is compared with the manifest while it is made.
Status stage(const std::string& folder, const std::string& staging, const Manifest& manifest) {
  std::error_code error;
  fs::remove_all(staging, error);  // of one that was cut off
  if (Status made = store::ensure_private_directory(staging); !made) return made;
  const auto within = [](std::string directory, const std::string& name) {
    directory += '/';
    directory += name;
    return directory;
  };
  for (const Manifest::File& file : manifest.files) {
    const std::string from = within(folder, file.name);
    if (is_content_name(file.name))
      if (Status made = make_parents(within(staging, file.name)); !made) return made;
    const auto copied = copy_file(from, within(staging, file.name));
    if (!copied) return fail(copied.error());
    if (copied->bytes != file.bytes || copied->sha256 != file.sha256)
      return fail(make_problem(ErrorKind::configuration, "backup-damaged",
                               from + " is not what the manifest beside it says; nothing was "
                                      "changed"));
  }
  return {};
}

// The tombstones that are not there, to be stamped anew: those of two copies that went their own
// ways since cannot stand in one file as they are.
std::vector<auth::Change> missing_stones(const Memory& memory, const auth::StoredState& state) {
  const auto place_of = [](const Tombstone& stone) {
    return std::tuple(stone.kind, stone.id, stone.what);
  };
  std::set<std::tuple<std::string, std::string, std::string>> known;
  for (const Tombstone& stone : state.tombstones_beside) known.insert(place_of(stone));
  std::vector<auth::Change> missing;
  for (const Tombstone& stone : memory.stones)
    if (known.insert(place_of(stone)).second) missing.emplace_back(stone);
  return missing;
}

// Opens the copy as the daemon would, under the master key, and writes into it what must not be
// forgotten. The number of revocations that it did not know.
Result<std::uint64_t> adopt(const config::Settings& settings, const std::string& staging,
                            const Memory& memory, const Clock& clock) {
  Result<std::unique_ptr<store::SqliteSecretStore>> store = store::SqliteSecretStore::open(staging);
  if (!store) return fail(std::move(store).error());
  const Result<auth::StoredState> state = (*store)->load();
  if (!state) return fail(state.error());
  if (state->wrapped_keys.empty())
    return fail(make_problem(ErrorKind::configuration, "backup-damaged",
                             "the backup's database holds nothing; nothing was changed"));
  std::vector<auth::Change> missing = missing_stones(memory, *state);
  const std::uint64_t kept = missing.size();
  SystemEntropy entropy;
  Metrics metrics;
  const Result<std::unique_ptr<auth::Authority>> authority = auth::Authority::open(
      master_key_source(settings), {**store, clock, entropy, metrics, Log::null()});
  if (!authority) return fail(authority.error());
  if (memory.clock_mark) (*authority)->expiry_clock().raise_to(*memory.clock_mark);
  const Status done = (*authority)
                          ->audit()
                          .commit({{login_name(), "offline"}, "data.restore", settings.data, ""},
                                  std::move(missing));
  if (!done) return fail(done.error());
  return kept;
}

// A journal that the daemon opens is not looked through.
Status check_structure(const std::string& database) {
  std::error_code error;
  if (!fs::exists(database, error)) return {};  // a backup from before the first start
  if (auto opened = store::Database::open(database); !opened)
    return fail(std::move(opened).error());
  return {};
}

// A name that no other restore has taken.
std::string aside_name(const std::string& data, const Clock& clock) {
  std::string time = format_time(clock.now());
  std::replace(time.begin(), time.end(), ':', '-');
  const std::string name = "before-restore-" + time;
  std::string free = name;
  std::error_code error;
  for (int i = 2; fs::exists(fs::path(data) / free, error); ++i) {
    free = name;
    free += '-';
    free += std::to_string(i);
  }
  return free;
}

}  // namespace

Result<Restored> restore_backup(const config::Settings& settings, const RestoreOptions& options,
                                const Clock& clock) {
  // The key first: without it nothing is made or touched.
  if (Status usable = auth::check_master_key(master_key_source(settings)); !usable)
    return fail(std::move(usable).error());
  if (Status own = owned_by_us(settings.data); !own) return fail(std::move(own).error());
  const Result<Manifest> manifest = read_manifest(options.folder);
  if (!manifest) return fail(manifest.error());
  if (std::none_of(manifest->files.begin(), manifest->files.end(),
                   [](const Manifest::File& file) { return file.name == kStoreFile; }))
    return fail(make_problem(ErrorKind::configuration, "backup-damaged",
                             options.folder + " has no " + std::string(kStoreFile)));
  const Result<store::LockFile> lock = store::LockFile::acquire(settings.data);
  if (!lock) return fail(lock.error());
  if (Status ended = finish_restore(settings.data); !ended) return fail(std::move(ended).error());
  const Result<Memory> memory = remember(settings);
  if (!memory) return fail(memory.error());

  Restored restored;
  restored.time = manifest->time;
  restored.remembered = memory->known;
  const std::string staging = staging_of(settings.data);
  const auto prepare = [&]() -> Status {
    if (Status staged = stage(options.folder, staging, *manifest); !staged) return staged;
    const auto kept = adopt(settings, staging, *memory, clock);
    if (!kept) return fail(kept.error());
    restored.kept = *kept;
    const std::string journal = staging + "/" + std::string(kJournalFile);
    if (Status sound = check_structure(journal); !sound) return sound;
    if (Status whole = complete_files(staging); !whole) return whole;
    const auto instances = look_at_open_instances(
        journal, clock, options.resume_instances ? OpenInstances::stay : OpenInstances::suspend);
    if (!instances) return fail(instances.error());
    restored.open = instances->open;
    restored.suspended = instances->suspended;
    const std::string aside = aside_name(settings.data, clock);
    restored.aside = settings.data + "/" + aside;
    return make_ready(settings.data, aside);
  };
  if (Status prepared = prepare(); !prepared) {
    std::error_code error;
    fs::remove_all(staging, error);
    return fail(std::move(prepared).error());
  }
  if (Status ended = finish_restore(settings.data); !ended) return fail(std::move(ended).error());
  return restored;
}

void restore(CommandContext& context, const RestoreOptions& options, OutputFormat format) {
  const Result<config::Settings> settings = read_settings(context);
  if (!settings) return report_problem(context, format, settings.error());
  const Result<Restored> restored = restore_backup(*settings, options, SystemClock());
  if (!restored) return report_problem(context, format, restored.error());
  if (format != OutputFormat::table)
    return print_answer(context.out, format,
                        Value::object({{"time", format_time(restored->time)},
                                       {"aside", restored->aside},
                                       {"revocationsKept", restored->kept},
                                       {"revocationsKnown", restored->remembered},
                                       {"openInstances", restored->open},
                                       {"suspendedInstances", restored->suspended}}),
                        {});
  std::ostream& out = context.out;
  out << "Restored what was there at " << format_time(restored->time)
      << ". What it took the place of is in " << restored->aside << ".\n";
  if (restored->kept > 0)
    out << restored->kept << " revocations and deletions made since then stay in force.\n";
  if (!restored->remembered)
    out << "What was there could not be read, or there was nothing: what was revoked or deleted "
           "since the backup is not known, and not in force. Revoke it again.\n";
  if (restored->suspended > 0)
    out << restored->suspended
        << " instances had not ended and are suspended, since each would do again what it did "
           "after the backup. Once the daemon runs: stepwell instances resume ID (or --all), or "
           "stepwell instances stop ID.\n";
  if (restored->open > restored->suspended)
    out << restored->open - restored->suspended
        << " instances had not ended; they go on at the next start, and do again what they did "
           "after the backup.\n";
  out << "Users, expiries, credentials and keys are otherwise as they were then: go through the "
         "audit log of the data that were put aside, and repeat what is needed.\n";
}

}  // namespace stepwell::daemon
