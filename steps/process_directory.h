// The private directories in which processes work: made before they start, deleted after they end.
// Owned by the process runner, called on its thread. What is deleted may be large, so a thread of
// its own does it; the destructor waits for that.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "base/result.h"

namespace stepwell::steps {

class ProcessDirectories {
 public:
  // `parent`: an existing directory; empty: the machine's for temporary files.
  ProcessDirectories(std::string parent, Log& log);
  ~ProcessDirectories();
  ProcessDirectories(const ProcessDirectories&) = delete;
  ProcessDirectories& operator=(const ProcessDirectories&) = delete;

  // A new one, for this user alone. Errors: runtime/`process-start-failed`, retryable.
  Result<std::string> make();
  // A file for this user alone. Errors: the same.
  static Status write(const std::string& directory, const std::string& name,
                      std::string_view content);
  void remove(std::string directory);

 private:
  void sweep();

  const std::string parent_;
  Log& log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> unwanted_;  // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
  std::thread sweeper_;
};

}  // namespace stepwell::steps
