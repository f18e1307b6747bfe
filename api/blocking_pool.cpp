#include "api/blocking_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace stepwell::api {

struct BlockingPool::Queue {
  Queue(std::size_t most_queued, Gauge gauge) : max_queued(most_queued), queued(gauge) {}

  bool submit(std::function<void()> task) {
    {
      const std::scoped_lock lock(mutex);
      if (stopped || tasks.size() >= max_queued) return false;
      tasks.push_back(std::move(task));
      queued.set(static_cast<double>(tasks.size()));
    }
    changed.notify_one();
    return true;
  }

  void run() {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return stopped || !tasks.empty(); });
        if (stopped) return;
        task = std::move(tasks.front());
        tasks.pop_front();
        queued.set(static_cast<double>(tasks.size()));
      }
      task();
    }
  }

  void stop() {
    std::deque<std::function<void()>> dropped;  // destroyed outside of the lock
    {
      const std::scoped_lock lock(mutex);
      stopped = true;
      dropped.swap(tasks);
      queued.set(0);
    }
    changed.notify_all();
  }

  const std::size_t max_queued;
  const Gauge queued;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> tasks;  // guarded by mutex
  bool stopped = false;                     // guarded by mutex
};

BlockingPool::BlockingPool(std::size_t threads, std::size_t max_queued, Gauge queued)
    : queue_(std::make_shared<Queue>(max_queued, queued)) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { queue_->run(); });
}

BlockingPool::~BlockingPool() { stop(); }

bool BlockingPool::submit(std::function<void()> task) { return queue_->submit(std::move(task)); }

BlockingPool::Submit BlockingPool::submitter() const {
  return [weak = std::weak_ptr(queue_)](std::function<void()> task) {
    const std::shared_ptr<Queue> queue = weak.lock();
    return queue && queue->submit(std::move(task));
  };
}

void BlockingPool::stop() {
  queue_->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace stepwell::api
