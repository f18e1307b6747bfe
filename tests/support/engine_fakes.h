// The engine's ports, played by a test: steps that the test finishes, timers that fire when the
// manual clock says so, a journal that is durable when the test says so. Thread-safe.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/memory_journal.h"
#include "engine/ports.h"
#include "tests/support/manual_clock.h"

namespace stepwell::test {

class ReadyResult final : public engine::PendingResult {
 public:
  explicit ReadyResult(Result<Value> result) : result_(std::move(result)) {}
  engine::StepOutcome resolve() override { return {std::move(result_), {}}; }

 private:
  Result<Value> result_;
};

class FakeSteps final : public engine::StepRunner {
 public:
  struct Started {
    engine::StepCall call;
    engine::StepTicket ticket;
  };
  // With a function: each step is answered at once; without: the test takes them by next().
  explicit FakeSteps(std::function<Result<Value>(const engine::StepCall&)> answer = nullptr)
      : answer_(std::move(answer)) {}

  std::shared_ptr<engine::RunningStep> start(engine::StepCall call,
                                             engine::StepTicket ticket) override {
    auto running = std::make_shared<Running>(*this, ticket);
    if (answer_) {
      ticket.finish(std::make_unique<ReadyResult>(answer_(call)));
      return running;
    }
    const std::scoped_lock lock(mutex_);
    started_.push_back({std::move(call), std::move(ticket)});
    arrived_.notify_all();
    return running;
  }
  // Waits for a step to be started, and takes it.
  Started next() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !started_.empty(); });
    Started first = std::move(started_.front());
    started_.erase(started_.begin());
    return first;
  }
  bool empty() {
    const std::scoped_lock lock(mutex_);
    return started_.empty();
  }
  void wait_for_cancel() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return cancelled_ > 0; });
  }

 private:
  class Running final : public engine::RunningStep {
   public:
    Running(FakeSteps& steps, engine::StepTicket ticket)
        : steps_(steps), ticket_(std::move(ticket)) {}
    void cancel() override {
      {
        const std::scoped_lock lock(steps_.mutex_);
        ++steps_.cancelled_;
        steps_.arrived_.notify_all();
      }
      ticket_.finish(std::make_unique<ReadyResult>(
          fail(make_problem(ErrorKind::runtime, "cancelled", "cancelled"))));
    }

   private:
    FakeSteps& steps_;
    engine::StepTicket ticket_;
  };

  std::function<Result<Value>(const engine::StepCall&)> answer_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Started> started_;  // guarded by mutex_
  int cancelled_ = 0;             // guarded by mutex_
};

class FakeTimers final : public engine::Timers {
 public:
  explicit FakeTimers(ManualClock& clock) : clock_(clock) {}
  std::uint64_t run_at(SteadyTime when, std::function<void()> task) override {
    const std::scoped_lock lock(mutex_);
    tasks_.emplace(++last_, std::pair(when, std::move(task)));
    changed_.notify_all();
    return last_;
  }
  void cancel(std::uint64_t timer) override {
    const std::scoped_lock lock(mutex_);
    tasks_.erase(timer);
  }
  // Waits until a timer is set, moves the clock to it, and fires it.
  void fire_next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !tasks_.empty(); });
    auto next = tasks_.begin();
    for (auto at = tasks_.begin(); at != tasks_.end(); ++at)
      if (at->second.first < next->second.first) next = at;
    const auto [when, task] = std::move(next->second);
    tasks_.erase(next);
    lock.unlock();
    const auto ahead = std::chrono::duration_cast<Milliseconds>(when - clock_.steady_now());
    if (ahead.count() > 0) clock_.advance(ahead);
    task();
  }
  // Whether the next one is due already.
  bool due() {
    const std::scoped_lock lock(mutex_);
    return std::any_of(tasks_.begin(), tasks_.end(), [this](const auto& task) {
      return task.second.first <= clock_.steady_now();
    });
  }
  std::size_t size() {
    const std::scoped_lock lock(mutex_);
    return tasks_.size();
  }

 private:
  ManualClock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, std::pair<SteadyTime, std::function<void()>>> tasks_;  // guarded
  std::uint64_t last_ = 0;                                                       // guarded
};

// Nothing is durable until release() says so.
class HeldJournal final : public engine::MemoryJournal {
 public:
  Durability append(engine::Record record, std::function<void(Status)> durable) override {
    Status released;
    {
      const std::scoped_lock lock(mutex_);
      if (record.instance.number == 0) return Durability::now;
      if (record.kind != engine::Record::Kind::ended || !held_.empty()) {
        held_.emplace_back(std::move(record), std::move(durable));
        arrived_.notify_all();
        return Durability::later;
      }
      released = last_;
    }
    if (durable) durable(std::move(released));  // with what led to it
    return Durability::later;
  }
  // Waits for a record and tells what it is.
  engine::Record wait() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !held_.empty(); });
    return held_.front().first;
  }
  // Waits for a record, makes it durable (or fails it), and tells what it was.
  engine::Record release(Status status = {}) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !held_.empty(); });
    auto [record, durable] = std::move(held_.front());
    held_.erase(held_.begin());
    last_ = status;
    std::function<void(Status)> of_end;  // which is durable with what led to it
    if (!held_.empty() && held_.front().first.kind == engine::Record::Kind::ended) {
      of_end = std::move(held_.front().second);
      held_.erase(held_.begin());
    }
    lock.unlock();
    if (durable) durable(status);
    if (of_end) of_end(std::move(status));
    return record;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::pair<engine::Record, std::function<void(Status)>>> held_;  // guarded by mutex_
  Status last_;                                                               // guarded by mutex_
};

}  // namespace stepwell::test
