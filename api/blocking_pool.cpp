#include "api/blocking_pool.h"

namespace stepwell::api {

BlockingPool::BlockingPool(std::size_t threads, std::size_t max_queued, Gauge queued)
    : max_queued_(max_queued), queued_(queued) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

BlockingPool::~BlockingPool() { stop(); }

bool BlockingPool::submit(std::function<void()> task) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopped_ || queue_.size() >= max_queued_) return false;
    queue_.push_back(std::move(task));
    queued_.set(static_cast<double>(queue_.size()));
  }
  changed_.notify_one();
  return true;
}

void BlockingPool::stop() {
  std::deque<std::function<void()>> dropped;  // destroyed outside of the lock
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    dropped.swap(queue_);
    queued_.set(0);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void BlockingPool::run() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
      if (stopped_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
      queued_.set(static_cast<double>(queue_.size()));
    }
    task();
  }
}

}  // namespace stepwell::api
