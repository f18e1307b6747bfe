#include "daemon/definition_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <utility>

namespace stepwell::daemon {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr Milliseconds kLookAgain{1'000};  // for a folder that is not there
constexpr std::size_t kMostLevels = 64;    // of folders in folders; no loop of links leads on

Problem watch_failed(const std::string& folder, int error) {
  std::string detail = folder + " cannot be watched: " + std::strerror(error);
  if (error == ENOSPC) detail += "; sysctl fs.inotify.max_user_watches allows no more folders";
  return make_problem(ErrorKind::configuration, "watch-failed", std::move(detail));
}

// Folders of version control and the like.
bool is_hidden(std::string_view name) { return name.starts_with('.'); }

}  // namespace

void Debounce::note(SteadyTime now) {
  if (!first_) first_ = now;
  last_ = now;
}

std::optional<SteadyTime> Debounce::due() const {
  if (!first_) return std::nullopt;
  return std::min(last_ + kQuiet, *first_ + kLongest);
}

bool matters(std::string_view name) {
  // Kubernetes puts a new set of files in place by moving a link of this name.
  if (name == "..data") return true;
  if (name.empty() || name.front() == '.' || name.front() == '#') return false;
  if (name.back() == '~') return false;
  for (const std::string_view end : {".swp", ".swx", ".tmp", ".part", ".bak"})
    if (name.ends_with(end)) return false;
  // vim looks by a file of such a name whether it may write here.
  return !std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

FolderWatch::FolderWatch() : descriptor_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

FolderWatch::~FolderWatch() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status FolderWatch::add(const std::string& folder) {
  const int watch = ::inotify_add_watch(descriptor_, folder.c_str(), kEvents);
  if (watch < 0) return fail(watch_failed(folder, errno));
  folders_.insert_or_assign(watch, folder);
  if (folder == root_) root_watch_ = watch;
  std::error_code error;
  for (fs::recursive_directory_iterator below(folder, error), end; !error && below != end;
       below.increment(error)) {
    std::error_code unknown;
    if (!below->is_directory(unknown) || below->is_symlink(unknown)) continue;
    if (is_hidden(below->path().filename().string())) {
      below.disable_recursion_pending();
      continue;
    }
    if (static_cast<std::size_t>(below.depth()) >= kMostLevels) below.disable_recursion_pending();
    const std::string path = below->path().string();
    const int inner = ::inotify_add_watch(descriptor_, path.c_str(), kEvents);
    if (inner >= 0)
      folders_.insert_or_assign(inner, path);
    else if (errno != ENOENT && errno != ENOTDIR)  // else it was taken away meanwhile
      return fail(watch_failed(path, errno));
  }
  return {};
}

void FolderWatch::add_parent() {
  std::error_code unknown;
  fs::path path = fs::absolute(root_, unknown).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  name_ = path.filename().string();
  parent_watch_ = ::inotify_add_watch(descriptor_, path.parent_path().c_str(),
                                      IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR);
}

Status FolderWatch::follow(const std::string& folder) {
  for (const auto& [watch, path] : folders_) ::inotify_rm_watch(descriptor_, watch);
  folders_.clear();
  root_ = folder;
  root_watch_ = -1;
  // Added before the old one goes: the same again is no event, which would wake us at once.
  const int before = parent_watch_;
  add_parent();
  if (before >= 0 && before != parent_watch_) ::inotify_rm_watch(descriptor_, before);
  Status added = add(folder);
  lost_ = root_watch_ < 0;
  return added;
}

bool FolderWatch::take(std::uint32_t mask, int watch, std::string_view name) {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    lost_ = true;  // all is looked at anew
    return true;
  }
  if (watch == parent_watch_) {
    if ((mask & IN_IGNORED) != 0 || name != name_) return false;
    lost_ = true;
    return true;
  }
  const auto found = folders_.find(watch);
  if (found == folders_.end()) return false;  // one that was given up
  if ((mask & IN_IGNORED) != 0) {
    folders_.erase(found);
    if (watch == root_watch_) lost_ = true;
    return watch == root_watch_;
  }
  if ((mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
    if (watch == root_watch_) lost_ = true;
    return true;
  }
  if ((mask & IN_ISDIR) == 0) {
    // A file that was made is not written yet, but a link is there at once.
    return matters(name);
  }
  if (is_hidden(name)) return matters(name);
  const bool came = (mask & (IN_CREATE | IN_MOVED_TO)) != 0;
  if (came && !add(found->second + "/" + std::string(name))) lost_ = true;
  return true;  // what lies in it, or lay in it, may matter
}

bool FolderWatch::take_changes() {
  bool changed = false;
  alignas(inotify_event) std::array<char, 65'536> room{};
  while (true) {
    const ssize_t got = ::read(descriptor_, room.data(), room.size());
    if (got <= 0) return changed;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, room.data() + at, sizeof event);
      const char* name = room.data() + at + sizeof event;
      const std::string_view text(name, ::strnlen(name, event.len));
      changed = take(event.mask, event.wd, text) || changed;
      at += sizeof event + event.len;
    }
  }
}

DefinitionWatch::DefinitionWatch(std::function<void()> changed, const Clock& clock, Log& log)
    : changed_(std::move(changed)),
      clock_(clock),
      log_(log),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

DefinitionWatch::~DefinitionWatch() {
  stop();
  ::close(wake_);
}

void DefinitionWatch::stop() {
  over_.store(true);
  look();
  if (thread_.joinable()) thread_.join();
}

void DefinitionWatch::look() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
}

void DefinitionWatch::follow(const std::string& folder) {
  const std::scoped_lock lock(mutex_);
  const bool anew = folder != folder_ || watch_.lost();
  folder_ = folder;
  if (anew) follow_locked();
  // What comes from now on is a change to what is about to be read.
  watch_.take_changes();
  debounce_.forget();
  look();
}

void DefinitionWatch::follow_locked() {
  const Status followed = watch_.follow(folder_);
  watches_.store(followed.has_value());
  if (!followed && !complained_)
    log_.warn("the definitions folder is not watched; a change takes effect at a reload",
              {{"problem", followed.error().detail}});
  complained_ = !followed;
}

Milliseconds DefinitionWatch::patience_locked() const {
  const std::optional<SteadyTime> due = debounce_.due();
  if (!due) return watch_.lost() && !folder_.empty() ? kLookAgain : Milliseconds(-1);
  const auto left = std::chrono::ceil<Milliseconds>(*due - clock_.steady_now());
  return std::max(left, Milliseconds(0));
}

void DefinitionWatch::run() {
  while (!over_.load()) {
    Milliseconds patience{};
    std::array<pollfd, 2> ready{};
    {
      const std::scoped_lock lock(mutex_);
      patience = patience_locked();
      ready = {pollfd{wake_, POLLIN, 0}, pollfd{watch_.descriptor(), POLLIN, 0}};
    }
    ::poll(ready.data(), ready.size(), static_cast<int>(patience.count()));
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t woken = ::read(wake_, &count, sizeof count);
    if (over_.load()) return;
    bool due = false;
    {
      const std::scoped_lock lock(mutex_);
      const SteadyTime now = clock_.steady_now();
      if (watch_.take_changes()) debounce_.note(now);
      if (watch_.lost() && !folder_.empty()) {
        follow_locked();
        if (!watch_.lost()) debounce_.note(now);  // it is there again, or another one
      }
      due = debounce_.due().has_value() && *debounce_.due() <= now;
      if (due) debounce_.forget();
    }
    if (due) changed_();
  }
}

}  // namespace stepwell::daemon
