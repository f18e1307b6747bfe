// Random definitions in the whole engine, once with instances that leave memory whenever they rest
// and once with those that never do: they end the same.
// STEPWELL_SLEEPERS=SEED plays one seed.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <vector>

#include "base/json.h"
#include "config/loader.h"
#include "engine/engine.h"
#include "engine/executor.h"
#include "tests/engine/random_flow.h"
#include "tests/support/engine_fakes.h"
#include "tests/support/keeping_journal.h"

namespace stepwell::engine::test {
namespace {

using stepwell::test::FakeSteps;
using stepwell::test::FakeTimers;
using stepwell::test::KeepingJournal;
using stepwell::test::ManualClock;
using stepwell::test::ReadyResult;

// What is asked for it more often in one world than in the other makes no difference.
class NoEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = std::byte{0x5a};
  }
};

// All on the test's thread.
class Queue final : public Executor {
 public:
  bool push(std::shared_ptr<Job> job) override {
    jobs_.push_back(std::move(job));
    return false;
  }
  void wake() override {}
  std::size_t queued() const override { return jobs_.size(); }
  bool idle() const override { return jobs_.empty(); }
  void run() {
    while (!jobs_.empty()) {
      const std::shared_ptr<Job> job = std::move(jobs_.front());
      jobs_.pop_front();
      job->run();
    }
  }

 private:
  std::deque<std::shared_ptr<Job>> jobs_;
};

EngineOptions options(bool sleepy, Executor& executor) {
  EngineOptions made{1, 100, 100};
  made.executor = &executor;
  if (sleepy) made.sleep_after = Milliseconds(1);
  return made;
}

class World {
 public:
  World(std::uint64_t seed, bool sleepy)
      : dice_(seed),
        engine_(options(sleepy, queue_), steps_, journal_, timers_, clock_, entropy_, metrics_,
                Log::null()) {}

  // How the instance ends, or is after so many rounds, as text.
  std::string play(const std::shared_ptr<const config::Definition>& definition) {
    StartRequest request;
    request.workflow = engine_.prepare(definition);
    request.input = Value::object({{"n", 1}, {"k", 1}});
    InstanceId id;
    engine_.start(std::move(request), [&](const Result<InstanceId>& made) { id = made.value(); });
    for (int round = 0; round < 150 && engine_.open_instances() > 0; ++round) {
      rest();
      act(id);
      rest();
      clock_.advance(Milliseconds(2));
      engine_.maintain();
      if (!engine_.peek(id)) ++slept_;
    }
    rest();
    const InstanceView view = engine_.find(id).value();
    std::string text = std::string(to_string(view.status)) + " " + to_json(view.output);
    if (view.problem) text += " " + to_json(view.problem->to_value());
    for (const std::string& task : view.active_tasks) text += " " + task;
    return text;
  }
  int slept() const { return slept_; }

 private:
  void rest() {
    queue_.run();
    EXPECT_TRUE(engine_.at_rest());
    while (!steps_.empty()) running_.push_back(steps_.next());
  }

  void act(InstanceId id) {
    const std::size_t what = dice_.below(8);
    const std::uint64_t which = dice_.any();
    if (what == 0) {
      const auto asked = suspended_ ? Engine::Operation::resume : Engine::Operation::suspend;
      if (suspended_ || which % 3 == 0) engine_.request(asked, id, [](const Status& /*done*/) {});
      suspended_ = !suspended_ && which % 3 == 0;
    } else if (what < 3) {
      publish(which);
    } else if (what < 6 && !running_.empty()) {
      finish(which);
    } else if (timers_.size() > 0) {
      do {
        timers_.fire_next();
        rest();
      } while (timers_.due());
    }
  }

  void publish(std::uint64_t which) {
    static constexpr std::array<const char*, 3> kTypes{"a", "b", "c"};
    Value data = Value::object({{"n", 1}});
    if (which % 3 != 0) data.set("k", static_cast<int>(which / 3 % 2));
    engine_.publish(Value::object({{"specversion", "1.0"},
                                   {"id", std::to_string(which % 1000)},
                                   {"source", "/test"},
                                   {"type", kTypes.at(which / 7 % 3)},
                                   {"data", std::move(data)}}),
                    [](const Status& kept) { EXPECT_TRUE(kept); });
  }

  void finish(std::uint64_t which) {
    const auto step = running_.begin() + static_cast<std::ptrdiff_t>(which % running_.size());
    Result<Value> result = Value::object({{"n", static_cast<int>(which / 5 % 3)}});
    if (which / 11 % 4 == 0) {
      Problem problem = make_problem(ErrorKind::communication, "http-status", "it failed");
      problem.status = which / 13 % 2 == 0 ? 503 : 400;
      problem.retryable = which / 17 % 4 != 0;
      result = fail(std::move(problem));
    }
    step->ticket.finish(std::make_unique<ReadyResult>(std::move(result)));
    running_.erase(step);
  }

  Dice dice_;
  ManualClock clock_;
  NoEntropy entropy_;
  Metrics metrics_;
  FakeTimers timers_{clock_};
  KeepingJournal journal_;
  FakeSteps steps_;
  Queue queue_;
  std::vector<FakeSteps::Started> running_;
  bool suspended_ = false;
  int slept_ = 0;
  Engine engine_;
};

std::shared_ptr<const config::Definition> definition_of(std::uint64_t seed) {
  const std::string text =
      R"({"document":{"dsl":"1.0.3","namespace":"test","name":"flow","version":"1.0.0"},)" +
      random_flow(seed).substr(1);
  return config::load_definition(text, "random.yaml").definition;
}

TEST(SleepersModel, WhoLeavesMemoryEndsAsWhoDoesNot) {
  const char* given = std::getenv("STEPWELL_SLEEPERS");  // NOLINT(concurrency-mt-unsafe)
  const std::uint64_t from = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const std::uint64_t count = given != nullptr ? 1 : 300;
  int slept = 0;
  for (std::uint64_t seed = from; seed < from + count; ++seed) {
    const auto definition = definition_of(seed);
    ASSERT_TRUE(definition) << seed;
    World awake(seed, false);
    World asleep(seed, true);
    const std::string expected = awake.play(definition);
    ASSERT_EQ(asleep.play(definition), expected) << "STEPWELL_SLEEPERS=" << seed;
    EXPECT_EQ(awake.slept(), 0);
    slept += asleep.slept();
  }
  if (given == nullptr) {
    EXPECT_GT(slept, 1000);
  }
  std::cout << count << " instances slept " << slept << " times\n";
}

}  // namespace
}  // namespace stepwell::engine::test
