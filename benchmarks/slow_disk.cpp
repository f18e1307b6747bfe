#include "benchmarks/slow_disk.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {
namespace {

// Of the one SlowDisk there is; SQLite's tables of functions have no place of their own for it.
std::chrono::microseconds delay{0};  // NOLINT
sqlite3_vfs* usual = nullptr;        // NOLINT
sqlite3_vfs slow{};                  // NOLINT

// The usual file lies right behind it.
struct SlowFile {
  sqlite3_file base;
  sqlite3_io_methods methods;
};

constexpr std::size_t kRoom = (sizeof(SlowFile) + alignof(std::max_align_t) - 1) /
                              alignof(std::max_align_t) * alignof(std::max_align_t);

sqlite3_file* inner(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + kRoom);
}

// Passes one of the table's functions on to the usual file.
template <auto member, class... Arguments>
int pass(sqlite3_file* file, Arguments... arguments) {
  sqlite3_file* to = inner(file);
  return (to->pMethods->*member)(to, arguments...);
}

int sync_slowly(sqlite3_file* file, int flags) {
  std::this_thread::sleep_for(delay);
  return pass<&sqlite3_io_methods::xSync>(file, flags);
}

sqlite3_io_methods slow_methods(int version) {
  using M = sqlite3_io_methods;
  M m{};
  m.iVersion = version;
  m.xClose = pass<&M::xClose>;
  m.xRead = pass<&M::xRead, void*, int, sqlite3_int64>;
  m.xWrite = pass<&M::xWrite, const void*, int, sqlite3_int64>;
  m.xTruncate = pass<&M::xTruncate, sqlite3_int64>;
  m.xSync = sync_slowly;
  m.xFileSize = pass<&M::xFileSize, sqlite3_int64*>;
  m.xLock = pass<&M::xLock, int>;
  m.xUnlock = pass<&M::xUnlock, int>;
  m.xCheckReservedLock = pass<&M::xCheckReservedLock, int*>;
  m.xFileControl = pass<&M::xFileControl, int, void*>;
  m.xSectorSize = pass<&M::xSectorSize>;
  m.xDeviceCharacteristics = pass<&M::xDeviceCharacteristics>;
  if (version >= 2) {
    m.xShmMap = pass<&M::xShmMap, int, int, int, void volatile**>;
    m.xShmLock = pass<&M::xShmLock, int, int, int>;
    m.xShmBarrier = [](sqlite3_file* file) { inner(file)->pMethods->xShmBarrier(inner(file)); };
    m.xShmUnmap = pass<&M::xShmUnmap, int>;
  }
  if (version >= 3) {
    m.xFetch = pass<&M::xFetch, sqlite3_int64, int, void**>;
    m.xUnfetch = pass<&M::xUnfetch, sqlite3_int64, void*>;
  }
  return m;
}

int open_slow(sqlite3_vfs* /*self*/, const char* name, sqlite3_file* file, int flags, int* given) {
  auto* outer = reinterpret_cast<SlowFile*>(file);
  outer->base.pMethods = nullptr;
  const int result = usual->xOpen(usual, name, inner(file), flags, given);
  if (inner(file)->pMethods == nullptr) return result;
  outer->methods = slow_methods(inner(file)->pMethods->iVersion);
  outer->base.pMethods = &outer->methods;
  return result;
}

}  // namespace

SlowDisk::SlowDisk(std::chrono::microseconds more_for_each_sync) {
  delay = more_for_each_sync;
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);  // as store/ does it, which may come too late now
  sqlite3_initialize();
  usual = sqlite3_vfs_find(nullptr);
  slow = *usual;
  slow.zName = "slow";
  slow.szOsFile = usual->szOsFile + static_cast<int>(kRoom);
  slow.xOpen = open_slow;
  sqlite3_vfs_register(&slow, 1);
}

SlowDisk::~SlowDisk() {
  sqlite3_vfs_unregister(&slow);
  sqlite3_vfs_register(usual, 1);
}

SyncTimes sync_times(const char* directory) {
  constexpr int kSyncs = 300;
  const std::string path = std::string(directory) + "/sync-times";
  const int fd = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return {};
  const std::array<char, 4096> page{};
  std::vector<double> took;
  for (int i = 0; i < kSyncs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (write(fd, page.data(), page.size()) < 0 || fdatasync(fd) != 0) break;
    const std::chrono::duration<double, std::milli> one = std::chrono::steady_clock::now() - begin;
    took.push_back(one.count());
  }
  close(fd);
  unlink(path.c_str());
  return {percentile(took, 0.5), percentile(took, 0.99)};
}

}  // namespace stepwell::bench
