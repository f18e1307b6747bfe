// A disk that takes its time: an SQLite VFS around the usual one that lets each sync of a file
// last so much longer. Installed, it is the default for every database that is opened after it.
#pragma once

#include <chrono>

namespace stepwell::bench {

class SlowDisk {
 public:
  explicit SlowDisk(std::chrono::microseconds more_for_each_sync);
  // Databases that were opened meanwhile must be closed by then.
  ~SlowDisk();
  SlowDisk(const SlowDisk&) = delete;
  SlowDisk& operator=(const SlowDisk&) = delete;
};

// What one append of 4 KiB and its fdatasync take in this directory, in milliseconds, for a while.
struct SyncTimes {
  double half = 0;  // the median
  double most = 0;  // the 99th percentile
};
SyncTimes sync_times(const char* directory);

}  // namespace stepwell::bench
