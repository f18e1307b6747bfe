// The parts of a simulated process that have no mind of their own: jobs that wait for somebody to
// run them, and timers that wait for somebody to fire them. For tests, on one thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/executor.h"
#include "engine/ports.h"

namespace stepwell::simulation {

class SimulatedExecutor final : public engine::Executor {
 public:
  [[nodiscard]] bool push(std::shared_ptr<engine::Job> job) override {
    jobs_.push_back(std::move(job));
    return false;  // nobody need be woken
  }
  void wake() override {}
  std::size_t queued() const override { return jobs_.size(); }
  bool idle() const override { return jobs_.empty() && !running_; }

  void run(std::size_t place) {
    const std::shared_ptr<engine::Job> job = std::move(jobs_[place]);
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(place));
    running_ = true;
    job->run();
    running_ = false;
  }
  void drop() { jobs_.clear(); }

 private:
  std::deque<std::shared_ptr<engine::Job>> jobs_;
  bool running_ = false;
};

class SimulatedTimers final : public engine::Timers {
 public:
  std::uint64_t run_at(SteadyTime when, std::function<void()> task) override {
    tasks_.emplace(++last_, Task{when, std::move(task)});
    return last_;
  }
  void cancel(std::uint64_t timer) override { tasks_.erase(timer); }

  std::size_t size() const { return tasks_.size(); }
  std::vector<std::uint64_t> due(SteadyTime now) const {
    std::vector<std::uint64_t> ids;
    for (const auto& [id, task] : tasks_)
      if (task.when <= now) ids.push_back(id);
    return ids;
  }
  std::optional<SteadyTime> next() const {
    std::optional<SteadyTime> soonest;
    for (const auto& [id, task] : tasks_)
      if (!soonest || task.when < *soonest) soonest = task.when;
    return soonest;
  }
  void fire(std::uint64_t id) {
    const auto found = tasks_.find(id);
    const std::function<void()> run = std::move(found->second.run);
    tasks_.erase(found);
    run();
  }
  void drop() { tasks_.clear(); }

 private:
  struct Task {
    SteadyTime when;
    std::function<void()> run;
  };
  std::map<std::uint64_t, Task> tasks_;
  std::uint64_t last_ = 0;
};

}  // namespace stepwell::simulation
