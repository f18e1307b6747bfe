// How many requests of one host (origin and pool) are handed to libcurl at once, and the line of
// those that wait. A fast host is served quickest with few at a time; a slow one needs all of them
// in flight. Pure: no clock and no I/O; the reactor's thread owns it.
#pragma once

#include <algorithm>
#include <cstddef>

#include "http/intrusive_list.h"

namespace stepwell::http {

class AdaptiveLimit {
 public:
  AdaptiveLimit(std::size_t initial, std::size_t maximum)
      : initial_(std::max<std::size_t>(initial, 1)),
        maximum_(std::max(maximum, initial_)),
        limit_(initial_) {}

  std::size_t limit() const { return limit_; }

  // Called once a tick while requests wait and the limit is used up. `idle` is the share of the
  // tick that the reactor's thread slept; `finished` is how many requests of the host ended in it.
  // A sleeping thread means that the host is slow and more can be in flight. A busy one with many
  // answers coming in means that fewer at once would do. A busy one without answers is still
  // opening connections, which says nothing about the host.
  void tick(double idle, std::size_t finished) {
    if (idle > kMostlyIdle) {
      limit_ = std::min(limit_ * 2, maximum_);
    } else if (idle < kBusy && limit_ > initial_ && finished * 8 >= limit_) {
      limit_ = std::max(limit_ - std::max<std::size_t>(limit_ / 8, 1), initial_);
    }
  }

 private:
  static constexpr double kMostlyIdle = 0.5;
  static constexpr double kBusy = 0.1;
  std::size_t initial_;
  std::size_t maximum_;
  std::size_t limit_;
};

// First in, first out; a new arrival never passes one that waits.
template <class T, ListHook<T> T::*hook>
class HostQueue {
 public:
  HostQueue(std::size_t initial, std::size_t maximum) : limit_(initial, maximum) {}

  void push(T& element) { waiting_.push_back(element); }
  // Takes one that waits out of the line (cancelled, too late).
  void remove(T& element) { waiting_.remove(element); }
  // The next one to start, which then counts as active; nullptr where none may.
  T* start_next() {
    if (!can_start()) return nullptr;
    ++active_;
    return waiting_.pop_front();
  }
  // An active one ended.
  void finished() {
    --active_;
    ++finished_in_tick_;
  }

  bool can_start() const { return !waiting_.empty() && active_ < limit_.limit(); }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t active() const { return active_; }
  std::size_t limit() const { return limit_.limit(); }
  bool idle() const { return active_ == 0 && waiting_.empty(); }

  void tick(double idle) {
    if (!waiting_.empty() && active_ >= limit_.limit()) limit_.tick(idle, finished_in_tick_);
    finished_in_tick_ = 0;
  }

 private:
  IntrusiveList<T, hook> waiting_;
  AdaptiveLimit limit_;
  std::size_t active_ = 0;
  std::size_t finished_in_tick_ = 0;
};

}  // namespace stepwell::http
