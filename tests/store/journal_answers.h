// What became of the records that a test appended, by instance and number. Any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "engine/ports.h"

namespace stepwell::store::test {

class JournalAnswers {
 public:
  using Key = std::pair<std::uint64_t, std::uint32_t>;

  void append(engine::Journal& journal, engine::Record given) {
    const Key key{given.instance.number, given.number};
    const auto when = journal.append(std::move(given), one(key));
    if (when == engine::Journal::Durability::now) take(key, {});
  }
  // To be called with what becomes of it.
  std::function<void(Status)> one(const Key& key) {
    const std::scoped_lock lock(mutex_);
    ++asked_;
    return [this, key](const Status& status) { take(key, status); };
  }
  bool complete() const {
    const std::scoped_lock lock(mutex_);
    return answered_ == asked_;
  }
  // Until all are answered, or `enough` says that no more will be.
  template <class Enough>
  void wait(Enough enough) {
    std::unique_lock lock(mutex_);
    while (answered_ != asked_ && !enough()) changed_.wait_for(lock, std::chrono::milliseconds(1));
  }
  void wait() {
    wait([] { return false; });
  }
  std::set<Key> kept() const {
    const std::scoped_lock lock(mutex_);
    return kept_;
  }
  std::map<Key, Problem> refused() const {
    const std::scoped_lock lock(mutex_);
    return refused_;
  }

 private:
  void take(const Key& key, const Status& status) {
    const std::scoped_lock lock(mutex_);
    ++answered_;
    if (status)
      kept_.insert(key);
    else
      refused_.insert_or_assign(key, status.error());
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t asked_ = 0;
  std::size_t answered_ = 0;
  std::set<Key> kept_;
  std::map<Key, Problem> refused_;
};

}  // namespace stepwell::store::test
