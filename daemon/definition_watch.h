// Sees what changes in the definitions folder and below it (inotify), and says so once it has been
// quiet for a moment. Where a file system tells nothing of what others write (NFS), nothing is
// seen: SIGHUP does the same.
// Owned by `serve`; the members of each class say who may call them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"

namespace stepwell::daemon {

// Many changes in a row become one: due when there was none for a while, or when the first one is
// long ago. Pure; one thread.
class Debounce {
 public:
  static constexpr Milliseconds kQuiet{300};
  static constexpr Milliseconds kLongest{3'000};

  void note(SteadyTime now);
  void forget() { first_.reset(); }
  // Nothing where nothing has changed.
  std::optional<SteadyTime> due() const;

 private:
  std::optional<SteadyTime> first_;
  SteadyTime last_;
};

// The folders that are watched. One thread at a time; nothing blocks.
class FolderWatch {
 public:
  FolderWatch();
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // Watches this folder and all below it, instead of what was watched before. Errors:
  // configuration/`watch-failed`: there is no such folder, or the machine allows no more watches.
  Status follow(const std::string& folder);
  // Reads what has happened. True where it can matter: not for what editors and systems write
  // beside a file for themselves.
  bool take_changes();
  // Readable once something has happened.
  int descriptor() const { return descriptor_; }
  // The folder itself is not there any more, or another one has taken its place.
  bool lost() const { return lost_; }
  std::size_t folders() const { return folders_.size(); }

 private:
  Status add(const std::string& folder);
  void add_parent();
  bool take(std::uint32_t mask, int watch, std::string_view name);

  int descriptor_;
  std::string root_;
  int root_watch_ = -1;
  std::string name_;       // of the folder, in the one that it lies in
  int parent_watch_ = -1;  // for a link or a folder that takes its place
  bool lost_ = true;
  std::unordered_map<int, std::string> folders_;  // by watch
};

// Can a change of a file of that name matter?
bool matters(std::string_view name);

// Both of these with a thread that waits.
class DefinitionWatch {
 public:
  // `changed` is called on the watch's own thread, one call at a time, and may block.
  DefinitionWatch(std::function<void()> changed, const Clock& clock, Log& log);
  // Waits for a call of `changed` that is under way.
  ~DefinitionWatch();
  DefinitionWatch(const DefinitionWatch&) = delete;
  DefinitionWatch& operator=(const DefinitionWatch&) = delete;

  // From any thread: watch this folder from now on, and forget what has been seen, since what is
  // there is about to be read.
  void follow(const std::string& folder);
  bool watches() const { return watches_.load(); }
  // No call of `changed` from now on, and none is under way. Not on the watch's own thread.
  void stop();
  // From any thread: look at the clock again.
  void look() const;

 private:
  void run();
  void follow_locked();
  Milliseconds patience_locked() const;

  const std::function<void()> changed_;
  const Clock& clock_;
  Log& log_;
  int wake_ = -1;
  std::atomic<bool> over_{false};
  std::atomic<bool> watches_{false};
  std::mutex mutex_;  // guards what follows
  FolderWatch watch_;
  Debounce debounce_;
  std::string folder_;
  bool complained_ = false;
  std::thread thread_;
};

}  // namespace stepwell::daemon
