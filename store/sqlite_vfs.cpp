#include "store/sqlite_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <new>
#include <string>

#include "store/sqlite_file_impl.h"

namespace stepwell::store {

namespace {

// A VFS of SQLite's and what it is around.
struct Vfs {
  sqlite3_vfs base;
  sqlite3_vfs* usual;
  std::string name;
};

// A database or its log.
struct File {
  sqlite3_file base;
  sqlite3_file* other = nullptr;  // of a database its log, of a log its database; null: none
  // Of a log: what is to be written, where, and why pages of the transaction are missing.
  std::string pending;
  sqlite3_int64 at = 0;
  int failed = SQLITE_OK;
  // Of a database, in bytes; 0: it is synced only where SQLite does.
  std::int64_t sync_every = 0;
  std::int64_t unsynced = 0;
};

using Files = SqliteFile<File>;
using Methods = Files::Methods;

// SQLite's own VFS for Unix takes no more at once.
constexpr std::size_t kMostPending = 0x1ffff;

int write_pending(sqlite3_file* file) {
  File& log = Files::ours(file);
  if (log.failed != SQLITE_OK || log.pending.empty()) return log.failed;
  log.failed = Files::pass<&Methods::xWrite>(file, static_cast<const void*>(log.pending.data()),
                                             static_cast<int>(log.pending.size()), log.at);
  log.pending.clear();
  return log.failed;
}

// Behind what is pending.
template <auto member, class... Arguments>
int pass_behind(sqlite3_file* file, Arguments... arguments) {
  if (const int code = write_pending(file); code != SQLITE_OK) return code;
  return Files::pass<member>(file, arguments...);
}

int write_log(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset) {
  File& log = Files::ours(file);
  if (log.failed != SQLITE_OK) return log.failed;
  const auto size = static_cast<std::size_t>(bytes);
  const bool follows = offset == log.at + static_cast<sqlite3_int64>(log.pending.size());
  if (!follows || log.pending.size() + size > kMostPending)
    if (const int code = write_pending(file); code != SQLITE_OK) return code;
  if (log.pending.empty()) log.at = offset;
  log.pending.append(static_cast<const char*>(from), size);
  return SQLITE_OK;
}

int write_database(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset) {
  const int code = Files::pass<&Methods::xWrite>(file, from, bytes, offset);
  File& database = Files::ours(file);
  if (code != SQLITE_OK || database.sync_every == 0) return code;
  database.unsynced += bytes;
  return database.unsynced < database.sync_every ? SQLITE_OK
                                                 : file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

int sync_database(sqlite3_file* file, int flags) {
  Files::ours(file).unsynced = 0;
  return Files::pass<&Methods::xSync>(file, flags);
}

int control_database(sqlite3_file* file, int what, void* argument) {
  if (what != kSyncEvery) return Files::pass<&Methods::xFileControl>(file, what, argument);
  Files::ours(file).sync_every = *static_cast<const std::int64_t*>(argument);
  Files::ours(file).unsynced = 0;
  return SQLITE_OK;
}

// Before anybody else may write into the log, all that this one wrote is there, also where it took
// that back: it must not come over what others commit.
int lock_database(sqlite3_file* file, int first, int count, int flags) {
  constexpr int kWriteLock = 0;  // https://sqlite.org/walformat.html, section 2.3
  sqlite3_file* log = Files::ours(file).other;
  if (log != nullptr && first == kWriteLock && (flags & SQLITE_SHM_UNLOCK) != 0) {
    (void)write_pending(log);
    Files::ours(log).failed = SQLITE_OK;
  }
  return Files::pass<&Methods::xShmLock>(file, first, count, flags);
}

int close(sqlite3_file* file) {
  const int code = Files::pass<&Methods::xClose>(file);
  if (sqlite3_file* other = Files::ours(file).other) Files::ours(other).other = nullptr;
  Files::ours(file).~File();
  return code;
}

// SQLite locks and maps a log by its database's file.
Methods log_methods() {
  Methods m = Files::methods(1);
  m.xClose = close;
  m.xRead = pass_behind<&Methods::xRead, void*, int, sqlite3_int64>;
  m.xWrite = write_log;
  m.xTruncate = pass_behind<&Methods::xTruncate, sqlite3_int64>;
  m.xSync = pass_behind<&Methods::xSync, int>;
  m.xFileSize = pass_behind<&Methods::xFileSize, sqlite3_int64*>;
  m.xFileControl = pass_behind<&Methods::xFileControl, int, void*>;
  return m;
}

Methods database_methods(int version) {
  Methods m = Files::methods(version);
  m.xClose = close;
  m.xWrite = write_database;
  m.xSync = sync_database;
  m.xFileControl = control_database;
  if (version >= 2) m.xShmLock = lock_database;
  return m;
}

// What a file of this version is used by, be it a log or a database.
const Methods* methods_of(bool log, int version) {
  static const Methods logs = log_methods();
  static const std::array databases{database_methods(1), database_methods(2), database_methods(3)};
  return log ? &logs : &databases.at(static_cast<std::size_t>(std::clamp(version, 1, 3) - 1));
}

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* given) {
  sqlite3_vfs* usual = reinterpret_cast<Vfs*>(vfs)->usual;
  const bool log = (flags & SQLITE_OPEN_WAL) != 0;
  if (!log && (flags & SQLITE_OPEN_MAIN_DB) == 0)
    return usual->xOpen(usual, name, file, flags, given);
  file->pMethods = nullptr;
  Files::usual(file)->pMethods = nullptr;
  const int code = usual->xOpen(usual, name, Files::usual(file), flags, given);
  if (Files::usual(file)->pMethods == nullptr) return code;
  File* made = ::new (file) File{};
  file->pMethods = methods_of(log, Files::usual(file)->pMethods->iVersion);
  if (log) {
    made->other = sqlite3_database_file_object(name);
    Files::ours(made->other).other = file;
  }
  return code;
}

}  // namespace

const char* sqlite_vfs() {
  static std::mutex mutex;
  static auto& all = *new std::list<Vfs>;  // SQLite keeps their addresses for good
  const std::scoped_lock lock(mutex);
  sqlite3_vfs* usual = sqlite3_vfs_find(nullptr);
  if (usual == nullptr) return nullptr;
  const auto known =
      std::find_if(all.begin(), all.end(), [&](const Vfs& one) { return one.usual == usual; });
  if (known != all.end()) return known->name.c_str();
  Vfs& made = all.emplace_back(Vfs{*usual, usual, "stepwell-" + std::to_string(all.size())});
  made.base.pNext = nullptr;
  made.base.zName = made.name.c_str();
  made.base.szOsFile = usual->szOsFile + static_cast<int>(Files::kRoom);
  made.base.xOpen = open;
  return sqlite3_vfs_register(&made.base, 0) == SQLITE_OK ? made.name.c_str() : nullptr;
}

}  // namespace stepwell::store
