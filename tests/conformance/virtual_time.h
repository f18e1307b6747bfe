// Time that a scenario owns: timers that fire when the scenario says so, and a count of the steps
// that are under way, so that it is known when nothing moves any more. All members are thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "engine/ports.h"
#include "tests/support/manual_clock.h"

namespace stepwell::conformance {

class VirtualTimers final : public engine::Timers {
 public:
  std::uint64_t run_at(SteadyTime when, std::function<void()> task) override {
    const std::scoped_lock lock(mutex_);
    tasks_.emplace(std::pair(when, ++last_), std::move(task));
    dues_.emplace(last_, when);
    return last_;
  }
  void cancel(std::uint64_t timer) override {
    const std::scoped_lock lock(mutex_);
    const auto due = dues_.find(timer);
    if (due == dues_.end()) return;
    tasks_.erase({due->second, timer});
    dues_.erase(due);
  }
  std::optional<SteadyTime> next_due() const {
    const std::scoped_lock lock(mutex_);
    if (tasks_.empty()) return std::nullopt;
    return tasks_.begin()->first.first;
  }
  // Fires the earliest one.
  void fire_next() {
    std::function<void()> task;
    {
      const std::scoped_lock lock(mutex_);
      if (tasks_.empty()) return;
      dues_.erase(tasks_.begin()->first.second);
      task = std::move(tasks_.begin()->second);
      tasks_.erase(tasks_.begin());
    }
    task();
  }
  std::uint64_t ever_set() const {
    const std::scoped_lock lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<SteadyTime, std::uint64_t>, std::function<void()>> tasks_;  // guarded
  std::map<std::uint64_t, SteadyTime> dues_;                                     // guarded
  std::uint64_t last_ = 0;                                                       // guarded
};

// How many steps are under way. Shared by the runner below and whoever waits for rest.
struct StepCount {
  std::atomic<std::int64_t> under_way{0};
  std::atomic<std::int64_t> cancelling{0};  // of these, told to end and not yet ended
  std::atomic<std::uint64_t> changes{0};
  std::set<std::string> endless;  // names of tasks that do not end by themselves; set beforehand
};

// Stands before the node's runner and counts. A child workflow is not counted: what it does is.
class CountingSteps final : public engine::StepRunner {
 public:
  CountingSteps(engine::StepRunner& inner, std::shared_ptr<StepCount> count)
      : inner_(inner), count_(std::move(count)) {}

  std::shared_ptr<engine::RunningStep> start(engine::StepCall call,
                                             engine::StepTicket ticket) override {
    const config::Task& task = call.definition();
    if (std::holds_alternative<config::RunWorkflowBody>(task.body) ||
        count_->endless.count(task.name) > 0)
      return inner_.start(std::move(call), std::move(ticket));
    ++count_->under_way;
    ++count_->changes;
    auto counted = std::make_shared<Counted>(std::move(ticket.completion), count_);
    ticket.completion = counted;
    return std::make_shared<Running>(inner_.start(std::move(call), std::move(ticket)), counted);
  }

 private:
  class Counted final : public engine::StepCompletion {
   public:
    Counted(std::shared_ptr<engine::StepCompletion> inner, std::shared_ptr<StepCount> count)
        : inner_(std::move(inner)), count_(std::move(count)) {}
    // Counted down only when the engine knows, which then is not at rest.
    void step_finished(engine::StepId step,
                       std::unique_ptr<engine::PendingResult> result) override {
      inner_->step_finished(step, std::move(result));
      const std::scoped_lock lock(mutex_);
      finished_ = true;
      ++count_->changes;
      if (cancelled_) --count_->cancelling;
      --count_->under_way;
    }
    void cancelled() {
      const std::scoped_lock lock(mutex_);
      if (finished_ || cancelled_) return;
      cancelled_ = true;
      ++count_->cancelling;
    }

   private:
    const std::shared_ptr<engine::StepCompletion> inner_;
    const std::shared_ptr<StepCount> count_;
    std::mutex mutex_;
    bool finished_ = false;   // guarded by mutex_
    bool cancelled_ = false;  // guarded by mutex_
  };

  class Running final : public engine::RunningStep {
   public:
    Running(std::shared_ptr<engine::RunningStep> inner, std::shared_ptr<Counted> counted)
        : inner_(std::move(inner)), counted_(std::move(counted)) {}
    void cancel() override {
      counted_->cancelled();
      if (inner_) inner_->cancel();
    }

   private:
    const std::shared_ptr<engine::RunningStep> inner_;
    const std::shared_ptr<Counted> counted_;
  };

  engine::StepRunner& inner_;
  const std::shared_ptr<StepCount> count_;
};

}  // namespace stepwell::conformance
