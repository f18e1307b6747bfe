// Moments of equal distance, which a thread waits for, or an epoll set.
#pragma once

#include <sys/timerfd.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace stepwell::bench {

class Pace {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  explicit Pace(double rate)
      : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)),
        interval_(static_cast<std::int64_t>(1e9 / rate)),
        begin_(std::chrono::steady_clock::now()) {
    itimerspec each{};
    each.it_interval.tv_sec = interval_.count() / 1'000'000'000;
    each.it_interval.tv_nsec = interval_.count() % 1'000'000'000;
    each.it_value = each.it_interval;
    timerfd_settime(fd_, 0, &each, nullptr);
  }
  ~Pace() { close(fd_); }
  Pace(const Pace&) = delete;
  Pace& operator=(const Pace&) = delete;

  int descriptor() const { return fd_; }
  // How many moments have come since the last call; waits for one.
  std::size_t wait() const {
    std::uint64_t count = 0;
    return read(fd_, &count, sizeof count) == sizeof count ? count : 0;
  }
  Moment moment(std::size_t number) const {
    return begin_ + interval_ * static_cast<std::int64_t>(number + 1);
  }

 private:
  int fd_;
  std::chrono::nanoseconds interval_;
  Moment begin_;
};

}  // namespace stepwell::bench
