#include "tests/store/failing_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

namespace stepwell::store::test {

namespace {

FailingDisk* current = nullptr;
sqlite3_vfs* real_vfs = nullptr;
sqlite3_vfs shim_vfs;

struct ShimFile {
  sqlite3_file base;
  sqlite3_file* real;
  std::string* path;
};
ShimFile& shim_of(sqlite3_file* file) { return *reinterpret_cast<ShimFile*>(file); }
sqlite3_file* real_of(sqlite3_file* file) { return shim_of(file).real; }

int answer(DiskFault fault, int io_error) {
  return fault == DiskFault::full || fault == DiskFault::short_write ? SQLITE_FULL : io_error;
}

// Tells the disk what stands at a place that is about to be written or cut.
void remember(sqlite3_file* file, sqlite3_int64 offset, sqlite3_int64 bytes) {
  sqlite3_file* real = real_of(file);
  sqlite3_int64 size = 0;
  real->pMethods->xFileSize(real, &size);
  std::string before(static_cast<std::size_t>(std::clamp<sqlite3_int64>(size - offset, 0, bytes)),
                     '\0');
  if (!before.empty())
    (void)real->pMethods->xRead(real, before.data(), static_cast<int>(before.size()), offset);
  current->changes(*shim_of(file).path, static_cast<std::uint64_t>(offset),
                   static_cast<std::uint64_t>(bytes), std::move(before),
                   static_cast<std::uint64_t>(size));
}

std::uint64_t room_at(const std::string& path, std::uint64_t offset) {
  const std::uint64_t size = std::filesystem::file_size(path);
  return size > offset ? size - offset : 0;
}

int shim_close(sqlite3_file* file) {
  sqlite3_file* real = real_of(file);
  const int code = real->pMethods != nullptr ? real->pMethods->xClose(real) : SQLITE_OK;
  sqlite3_free(real);
  delete shim_of(file).path;
  return code;
}
int shim_read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 offset) {
  return real_of(file)->pMethods->xRead(real_of(file), to, bytes, offset);
}
int shim_write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset) {
  sqlite3_file* real = real_of(file);
  const DiskFault fault =
      current->next_write(*shim_of(file).path, static_cast<std::uint64_t>(bytes));
  if (fault == DiskFault::io_error || fault == DiskFault::full)
    return answer(fault, SQLITE_IOERR_WRITE);
  remember(file, offset, bytes);
  const int code = real->pMethods->xWrite(
      real, from, fault == DiskFault::short_write ? bytes / 2 : bytes, offset);
  return fault == DiskFault::none || code != SQLITE_OK ? code : answer(fault, SQLITE_IOERR_WRITE);
}
int shim_truncate(sqlite3_file* file, sqlite3_int64 size) {
  const DiskFault fault = current->next();
  if (fault == DiskFault::none || fault == DiskFault::done_but_failing) {
    remember(file, size, INT32_MAX);
    const int code = real_of(file)->pMethods->xTruncate(real_of(file), size);
    if (fault == DiskFault::none || code != SQLITE_OK) return code;
  }
  return SQLITE_IOERR_TRUNCATE;
}
// What a real sync does is only noted: losing power is played as well.
int shim_sync(sqlite3_file* file, int /*flags*/) {
  const std::string& path = *shim_of(file).path;
  const DiskFault fault = current->fails_sync(path) ? DiskFault::io_error : current->next();
  if (fault == DiskFault::none || fault == DiskFault::done_but_failing)
    current->synced(path);
  else
    current->not_synced(path);
  return fault == DiskFault::none ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}
int shim_size(sqlite3_file* file, sqlite3_int64* size) {
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
int shim_lock(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xLock(real_of(file), level);
}
int shim_unlock(sqlite3_file* file, int level) {
  return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
int shim_reserved(sqlite3_file* file, int* out) {
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}
int shim_control(sqlite3_file* file, int op, void* argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}
int shim_sector(sqlite3_file* file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
int shim_traits(sqlite3_file* file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
int shim_map(sqlite3_file* file, int page, int size, int extend, void volatile** to) {
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, to);
}
int shim_shm_lock(sqlite3_file* file, int offset, int n, int flags) {
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}
void shim_barrier(sqlite3_file* file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }
int shim_unmap(sqlite3_file* file, int remove) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

constexpr sqlite3_io_methods kMethods{
    2,           shim_close, shim_read,     shim_write,    shim_truncate, shim_sync,
    shim_size,   shim_lock,  shim_unlock,   shim_reserved, shim_control,  shim_sector,
    shim_traits, shim_map,   shim_shm_lock, shim_barrier,  shim_unmap,    nullptr,
    nullptr};

int shim_open(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* out) {
  ShimFile& shim = shim_of(file);
  shim.base.pMethods = nullptr;
  if (current->next() != DiskFault::none) return SQLITE_CANTOPEN;
  shim.real = static_cast<sqlite3_file*>(sqlite3_malloc(real_vfs->szOsFile));
  if (shim.real == nullptr) return SQLITE_NOMEM;
  const int code = real_vfs->xOpen(real_vfs, name, shim.real, flags, out);
  if (code != SQLITE_OK) {
    sqlite3_free(shim.real);
    return code;
  }
  shim.path = new std::string(name == nullptr ? "" : name);
  shim.base.pMethods = &kMethods;
  return SQLITE_OK;
}

}  // namespace

FailingDisk::FailingDisk() {
  current = this;
  real_vfs = sqlite3_vfs_find(nullptr);
  shim_vfs = *real_vfs;
  shim_vfs.pNext = nullptr;
  shim_vfs.zName = "failing";
  shim_vfs.szOsFile = sizeof(ShimFile);
  shim_vfs.xOpen = shim_open;
  sqlite3_vfs_register(&shim_vfs, 1);
}

FailingDisk::~FailingDisk() {
  sqlite3_vfs_unregister(&shim_vfs);
  sqlite3_vfs_register(real_vfs, 1);
  current = nullptr;
}

void FailingDisk::fail_at(std::uint64_t k, DiskFault fault, bool lasts) {
  at_ = 0;
  fault_ = fault;
  lasts_ = lasts;
  failed_ = false;
  count_ = 0;
  at_ = k;
}

DiskFault FailingDisk::next() {
  const std::uint64_t number = ++count_;
  const std::uint64_t at = at_;
  if (at == 0 || number < at || (number > at && !lasts_)) return DiskFault::none;
  failed_ = true;
  return fault_;
}

void FailingDisk::crowd(std::uint64_t bytes) {
  written_ = 0;
  room_ = bytes;
}

DiskFault FailingDisk::next_write(const std::string& path, std::uint64_t bytes) {
  const std::uint64_t room = room_;
  if (room == 0 || !path.ends_with("-wal") || (written_ += bytes) <= room) return next();
  written_ = 0;
  return DiskFault::full;
}

void FailingDisk::changes(const std::string& path, std::uint64_t offset, std::uint64_t bytes,
                          std::string before, std::uint64_t size) {
  const std::scoped_lock lock(mutex_);
  unsynced_[path].push_back({offset, bytes, std::move(before), size});
}

// What was lost stays so until something that is synced stands in its place.
void FailingDisk::synced(const std::string& path) {
  written_ = 0;
  const std::scoped_lock lock(mutex_);
  std::vector<Change>& changes = unsynced_[path];
  std::vector<Change> lost;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (!changes[i].lost) continue;
    const auto covers = [&](const Change& later) {
      return !later.lost && later.offset <= changes[i].offset &&
             later.offset + later.bytes >= changes[i].offset + changes[i].bytes;
    };
    if (std::none_of(changes.begin() + static_cast<std::ptrdiff_t>(i) + 1, changes.end(), covers))
      lost.push_back(std::move(changes[i]));
  }
  changes = std::move(lost);
}

void FailingDisk::not_synced(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  for (Change& change : unsynced_[path]) change.lost = true;
}

void FailingDisk::fail_sync(const std::string& path, std::uint64_t k) {
  failed_ = false;
  const std::scoped_lock lock(mutex_);
  sync_path_ = path;
  syncs_ = k;
}

bool FailingDisk::fails_sync(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  if (syncs_ == 0 || path != sync_path_ || --syncs_ > 0) return false;
  failed_ = true;
  return true;
}

void FailingDisk::remove(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(path + suffix);
    unsynced_.erase(path + suffix);
  }
}

void FailingDisk::crash(const std::string& from, const std::string& to, Crash crash) {
  const std::scoped_lock lock(mutex_);
  for (const char* suffix : {"", "-wal"}) {
    std::filesystem::remove(to + suffix);
    if (!std::filesystem::exists(from + suffix)) continue;
    std::filesystem::copy_file(from + suffix, to + suffix);
    if (crash == Crash::process) continue;
    std::vector<Change> changes = unsynced_[from + suffix];
    std::reverse(changes.begin(), changes.end());
    for (const Change& change : changes) {
      std::string before = change.before;
      // What follows may have been synced since, and the file stays as long as it is.
      if (change.lost) before.resize(std::min(change.bytes, room_at(to + suffix, change.offset)));
      if (!before.empty()) {
        std::fstream file(to + suffix, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(change.offset));
        file.write(before.data(), static_cast<std::streamsize>(before.size()));
      }
      if (!change.lost) std::filesystem::resize_file(to + suffix, change.size);
    }
  }
  std::filesystem::remove(to + "-shm");
}

}  // namespace stepwell::store::test
