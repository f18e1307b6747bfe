// What other threads want of the reactor's thread: exchanges to start, and orders. Many may put,
// one takes. A wake-up is written only where the reader is asleep or about to be.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "http/transfer.h"

namespace stepwell::http {

struct CancelTransfer {
  std::uint64_t id;
};
struct StartTimer {
  std::uint64_t id;
  SteadyTime when;
  std::function<void()> task;
};
struct CancelTimer {
  std::uint64_t id;
};
// Runs on the reactor's thread between two turns of its loop.
using Call = std::function<void()>;
using Order = std::variant<CancelTransfer, StartTimer, CancelTimer, Call>;

class Inbox {
 public:
  struct Content {
    std::vector<std::unique_ptr<Transfer>> transfers;
    std::vector<Order> orders;  // each came after the transfers that it may be about
  };

  // True where the reader sleeps and is to be woken; false also once the inbox is closed.
  bool put(std::unique_ptr<Transfer> transfer) {
    const std::lock_guard lock(mutex_);
    content_.transfers.push_back(std::move(transfer));
    return after_put();
  }
  bool put(Order order) {
    const std::lock_guard lock(mutex_);
    content_.orders.push_back(std::move(order));
    return after_put();
  }

  bool filled() const { return filled_.load(std::memory_order_acquire); }

  // Swaps what has come for `out`, which keeps its room for the next time; false if nothing has.
  bool take(Content& out) {
    if (!filled()) return false;
    out.transfers.clear();
    out.orders.clear();
    const std::lock_guard lock(mutex_);
    std::swap(content_, out);
    filled_.store(false, std::memory_order_release);
    return true;
  }

  // The reader is about to sleep; false where something has come, and it must not.
  bool fall_asleep() {
    const std::lock_guard lock(mutex_);
    sleeping_ = !filled_.load(std::memory_order_relaxed);
    return sleeping_;
  }
  void awake() {
    const std::lock_guard lock(mutex_);
    sleeping_ = false;
  }

 private:
  bool after_put() {
    filled_.store(true, std::memory_order_release);
    const bool wake = sleeping_;
    sleeping_ = false;
    return wake;
  }

  std::mutex mutex_;
  Content content_;                  // guarded by mutex_
  bool sleeping_ = false;            // guarded by mutex_
  std::atomic<bool> filled_{false};  // written under mutex_
};

}  // namespace stepwell::http
