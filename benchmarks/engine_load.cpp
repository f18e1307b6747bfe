#include "benchmarks/engine_load.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "benchmarks/cpu_time.h"
#include "benchmarks/pace.h"
#include "config/loader.h"

namespace stepwell::bench {

EngineLoad::EngineLoad(daemon::Node& node, const std::string& definition) : node_(node) {
  const config::Loaded loaded = config::load_definition(definition, "bench.yaml");
  if (!loaded.definition) {
    std::fprintf(stderr, "%s\n", loaded.faults.front().text().c_str());
    std::exit(1);
  }
  workflow_ = node_.engine().prepare(loaded.definition);
}

LoadResult EngineLoad::run(std::size_t total, std::size_t parallel) {
  {
    const std::scoped_lock lock(mutex_);
    left_ = total;
  }
  const double cpu = process_cpu();
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < parallel; ++i) next();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return left_ == 0 && open_ == 0; });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return {took.count(), process_cpu() - cpu, total};
}

std::vector<double> EngineLoad::run_paced(std::size_t total, double rate) {
  {
    const std::scoped_lock lock(mutex_);
    times_.clear();
    times_.reserve(total);
    open_ = total;
  }
  const Pace pace(rate);
  for (std::size_t started = 0; started < total;) {
    for (std::size_t due = pace.wait(); due > 0 && started < total; --due, ++started)
      start([this, moment = pace.moment(started)](const engine::InstanceView& view) {
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - moment;
        {
          const std::scoped_lock lock(mutex_);
          times_.push_back(took.count());
        }
        one_ended(view);
      });
  }
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return open_ == 0; });
  return std::move(times_);
}

void EngineLoad::open(std::size_t total) {
  constexpr std::size_t kAtOnce = 4096;
  {
    const std::scoped_lock lock(mutex_);
    admitted_ = 0;
  }
  for (std::size_t i = 0; i < total; ++i) {
    start({});
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return i + 1 - admitted_ < kAtOnce; });
  }
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return admitted_ == total; });
}

void EngineLoad::next() {
  {
    const std::scoped_lock lock(mutex_);
    if (left_ == 0) return;
    --left_;
    ++open_;
  }
  start([this](const engine::InstanceView& view) {
    next();
    one_ended(view);
  });
}

void EngineLoad::start(Ended ended) {
  engine::StartRequest request;
  request.workflow = workflow_;
  engine::Engine& engine = node_.engine();
  // Without an observer, as most are started: nobody may see steps of one that is not durable.
  engine.start(std::move(request),
               [this, &engine, ended = std::move(ended)](const Result<InstanceId>& admitted) {
                 if (!admitted) {
                   std::fprintf(stderr, "refused: %s\n", admitted.error().one_line().c_str());
                   std::exit(1);
                 }
                 if (ended) {
                   if (!engine.when_ended(*admitted, ended)) std::exit(1);
                   return;
                 }
                 const std::scoped_lock lock(mutex_);
                 ++admitted_;
                 done_.notify_all();
               });
}

void EngineLoad::one_ended(const engine::InstanceView& view) {
  if (view.problem) {
    std::fprintf(stderr, "an instance faulted: %s\n", view.problem->one_line().c_str());
    std::exit(1);
  }
  const std::scoped_lock lock(mutex_);
  --open_;
  if (left_ == 0 && open_ == 0) done_.notify_all();
}

}  // namespace stepwell::bench
