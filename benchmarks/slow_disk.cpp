#include "benchmarks/slow_disk.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/results.h"
#include "store/sqlite_file_impl.h"

namespace stepwell::bench {
namespace {

// Of the one SlowDisk there is; SQLite's tables of functions have no place of their own for it.
std::chrono::microseconds delay{0};  // NOLINT
sqlite3_vfs* usual = nullptr;        // NOLINT
sqlite3_vfs slow{};                  // NOLINT

struct SlowFile {
  sqlite3_file base;
  sqlite3_io_methods methods;
};
using SlowFiles = store::SqliteFile<SlowFile>;

int sync_slowly(sqlite3_file* file, int flags) {
  std::this_thread::sleep_for(delay);
  return SlowFiles::pass<&sqlite3_io_methods::xSync>(file, flags);
}

int open_slow(sqlite3_vfs* /*self*/, const char* name, sqlite3_file* file, int flags, int* given) {
  SlowFile& outer = SlowFiles::ours(file);
  sqlite3_file* inner = SlowFiles::usual(file);
  outer.base.pMethods = nullptr;
  const int result = usual->xOpen(usual, name, inner, flags, given);
  if (inner->pMethods == nullptr) return result;
  outer.methods = SlowFiles::methods(inner->pMethods->iVersion);
  outer.methods.xSync = sync_slowly;
  outer.base.pMethods = &outer.methods;
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
  slow.szOsFile = usual->szOsFile + static_cast<int>(SlowFiles::kRoom);
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
