#include "http/poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

namespace stepwell::http {
namespace {

// Few events a round keep requests from moving as one convoy (docs: performance).
constexpr int kEventsARound = 8;

}  // namespace

Poller::Poller()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_;
  if (ready()) epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  events_.reserve(kEventsARound);
}

Poller::~Poller() {
  if (epoll_ >= 0) close(epoll_);
  if (wake_ >= 0) close(wake_);
}

Poller::Slot& Poller::slot(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= slots_.size()) slots_.resize(std::max<std::size_t>(index + 1, slots_.size() * 2));
  return slots_[index];
}

void Poller::opened(int fd) {
  Slot& s = slot(fd);
  const bool dirty = s.dirty;
  s = Slot{};
  s.dirty = dirty;
  s.ours = true;
}

void Poller::closed(int fd) {
  // Closing takes a descriptor out of the epoll set by itself.
  Slot& s = slot(fd);
  const bool dirty = s.dirty;
  s = Slot{};
  s.dirty = dirty;
}

void Poller::want(int fd, Lane* lane, bool read, bool write) {
  Slot& s = slot(fd);
  s.lane = lane;
  s.wanted = (read ? std::uint32_t{EPOLLIN} : 0U) | (write ? std::uint32_t{EPOLLOUT} : 0U);
  if (s.wanted == 0 && !s.ours) {
    // The resolver's own descriptor: it is closed without telling, so nothing may stay behind.
    update(fd, s, 0);
    s.lane = nullptr;
    return;
  }
  if (!s.dirty) {
    s.dirty = true;
    dirty_.push_back(fd);
  }
}

bool Poller::wants_write(int fd) const {
  const auto index = static_cast<std::size_t>(fd);
  return fd >= 0 && index < slots_.size() && (slots_[index].wanted & EPOLLOUT) != 0;
}

void Poller::update(int fd, Slot& s, std::uint32_t mask) {
  if (s.registered == mask) return;
  epoll_event event{};
  event.events = mask;
  event.data.fd = fd;
  const int operation = mask == 0           ? EPOLL_CTL_DEL
                        : s.registered == 0 ? EPOLL_CTL_ADD
                                            : EPOLL_CTL_MOD;
  epoll_ctl(epoll_, operation, fd, &event);
  s.registered = mask;
}

void Poller::flush() {
  for (const int fd : dirty_) {
    Slot& s = slot(fd);
    s.dirty = false;
    // An idle connection stays registered for reading: its next request will want just that.
    if (s.wanted == 0 && s.registered == EPOLLIN) continue;
    update(fd, s, s.wanted);
  }
  dirty_.clear();
}

const std::vector<Poller::Event>& Poller::wait(std::chrono::milliseconds timeout) {
  flush();
  events_.clear();
  std::array<epoll_event, kEventsARound> ready_events{};
  const auto bounded =
      static_cast<int>(std::min<std::chrono::milliseconds::rep>(timeout.count(), INT_MAX));
  const int count = epoll_wait(epoll_, ready_events.data(), kEventsARound, bounded);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready_events[static_cast<std::size_t>(i)];
    const int fd = event.data.fd;
    if (fd == wake_) {
      std::uint64_t ignored = 0;
      [[maybe_unused]] const auto got = read(wake_, &ignored, sizeof ignored);
      continue;
    }
    Slot& s = slot(fd);
    if (s.wanted == 0) {  // an idle connection that the other side closed
      update(fd, s, 0);
      continue;
    }
    const bool failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    events_.push_back(
        {fd, s.lane, (event.events & EPOLLIN) != 0, (event.events & EPOLLOUT) != 0, failed});
  }
  return events_;
}

void Poller::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto put = write(wake_, &one, sizeof one);
}

}  // namespace stepwell::http
