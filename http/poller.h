// The epoll set, and what is registered in it for each socket: libcurl's wishes are noted at once
// and passed on to the kernel only where they differ when the thread is about to wait.
// Owned by the loop; every member but wake() belongs to the reactor's thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

namespace stepwell::http {

class Lane;

class Poller {
 public:
  struct Event {
    int fd = -1;
    Lane* lane = nullptr;
    bool readable = false;
    bool writable = false;
    bool failed = false;
  };

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Both descriptors could be had.
  bool ready() const { return epoll_ >= 0 && wake_ >= 0; }

  // A socket that we open and close ourselves, so that a registration may outlive its use.
  void opened(int fd);
  void closed(int fd);
  // libcurl's wish for a socket; neither means that it has lost interest in it.
  void want(int fd, Lane* lane, bool read, bool write);
  bool wants_write(int fd) const;

  // Waits at most `timeout` (negative: without end) and returns at most 8 events, valid until the
  // next call. The wake-up itself is no event.
  const std::vector<Event>& wait(std::chrono::milliseconds timeout);

  // From any thread: ends a wait that is under way or about to begin.
  void wake() noexcept;

 private:
  struct Slot {
    Lane* lane = nullptr;
    std::uint32_t wanted = 0;
    std::uint32_t registered = 0;
    bool ours = false;
    bool dirty = false;
  };

  Slot& slot(int fd);
  void update(int fd, Slot& slot, std::uint32_t mask);
  void flush();

  const int epoll_;
  const int wake_;
  std::vector<Slot> slots_;  // by descriptor
  std::vector<int> dirty_;
  std::vector<Event> events_;
};

}  // namespace stepwell::http
