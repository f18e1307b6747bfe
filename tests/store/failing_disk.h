// A disk that fails when a test says so, and that knows what a loss of power would take from it: it
// stands between SQLite and the real one (a VFS of SQLite, made the default for as long as it
// lives; made before SQLite is used otherwise). One at a time; any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace stepwell::store::test {

enum class DiskFault : std::uint8_t {
  none,
  io_error,          // nothing is done, EIO
  full,              // nothing is done, ENOSPC
  short_write,       // half of a write is done, ENOSPC
  done_but_failing,  // all is done, and EIO is answered
};

class FailingDisk {
 public:
  FailingDisk();
  ~FailingDisk();
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;

  // From now on the `k`-th write, sync, truncation or opening (from 1) fails, and where it `lasts`
  // all after it. 0: none does.
  void fail_at(std::uint64_t k, DiskFault fault, bool lasts);
  bool has_failed() const { return failed_; }
  // Since the last call of fail_at().
  std::uint64_t operations() const { return count_; }
  // From now on there is no room for more than so many bytes in a log between two syncs. 0: there
  // is.
  void crowd(std::uint64_t bytes);

  enum class Crash : std::uint8_t {
    process,  // what was written is there
    power,    // what was written and not synced is not
  };
  // From now on the `k`-th sync (from 1) of this file alone fails. 0: none does.
  void fail_sync(const std::string& path, std::uint64_t k);
  // Removes a database with its logs.
  void remove(const std::string& path);
  // Copies the database and its log as they would be found after a crash now. Nothing may be
  // written meanwhile.
  void crash(const std::string& from, const std::string& to, Crash crash);

  // For the VFS: how the operation that comes now goes; and what it is about to change.
  DiskFault next();
  DiskFault next_write(const std::string& path, std::uint64_t bytes);
  void changes(const std::string& path, std::uint64_t offset, std::uint64_t bytes,
               std::string before, std::uint64_t size);
  void synced(const std::string& path);
  // As Linux does: what was not written by then counts as written from now on, and is not there.
  void not_synced(const std::string& path);
  bool fails_sync(const std::string& path);

 private:
  struct Change {
    std::uint64_t offset;
    std::uint64_t bytes;
    std::string before;
    std::uint64_t size;  // of the file, before
    bool lost = false;   // a sync that was to write it has failed
  };
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> at_{0};
  std::atomic<DiskFault> fault_{DiskFault::none};
  std::atomic<bool> lasts_{false};
  std::atomic<bool> failed_{false};
  std::atomic<std::uint64_t> room_{0};
  std::atomic<std::uint64_t> written_{0};  // since a sync, or since there was no room
  std::mutex mutex_;
  std::string sync_path_;    // guarded by mutex_
  std::uint64_t syncs_ = 0;  // guarded by mutex_: until the one that fails
  std::map<std::string, std::vector<Change>> unsynced_;  // by path; guarded by mutex_
};

}  // namespace stepwell::store::test
