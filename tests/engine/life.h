// An engine over a journal that a test can pull the plug of: the next life opens what was kept.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "base/json.h"
#include "config/loader.h"
#include "engine/engine.h"
#include "tests/engine/machine_driver.h"
#include "tests/support/engine_fakes.h"
#include "tests/support/fake_entropy.h"
#include "tests/support/keeping_journal.h"

namespace stepwell::engine::test {

using stepwell::test::FakeEntropy;
using stepwell::test::FakeSteps;
using stepwell::test::FakeTimers;
using stepwell::test::KeepingJournal;
using stepwell::test::KeptRecords;
using stepwell::test::ManualClock;
using stepwell::test::ReadyResult;
using Answer = std::function<Result<Value>(const StepCall&)>;

// An engine over a journal, until the plug is pulled.
struct Life {
  explicit Life(KeptRecords kept = {}, Answer answer = nullptr,
                const EngineOptions& options = {2, 1000, 1000})
      : journal(std::move(kept)),
        steps(std::move(answer)),
        engine(options, steps, journal, timers, clock, entropy, metrics, Log::null()) {}

  void open() {
    const Status recovered = engine.recover(config::load_recorded);
    ASSERT_TRUE(recovered) << recovered.error().one_line();
    engine.go_on();
  }
  InstanceId start(const char* body, const char* once = "") {
    std::promise<Result<InstanceId>> admitted;
    StartRequest request;
    request.workflow = engine.prepare(definition(body));
    request.once = once;
    engine.start(std::move(request),
                 [&](Result<InstanceId> id) { admitted.set_value(std::move(id)); });
    Result<InstanceId> id = admitted.get_future().get();
    EXPECT_TRUE(id) << id.error().one_line();
    return id ? *id : InstanceId{};
  }
  void rest() {
    while (!engine.at_rest()) std::this_thread::yield();
  }
  // Until nothing is open; time moves when nothing else does.
  void settle() {
    while (engine.open_instances() > 0) {
      rest();
      if (engine.open_instances() > 0 && timers.size() > 0) timers.fire_next();
    }
    rest();
  }
  Status request(Engine::Operation what, InstanceId id) {
    std::promise<Status> done;
    engine.request(what, id, [&](Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }
  void publish(const char* event) {
    engine.publish(parse_json(event).value(), [](const Status& kept) { EXPECT_TRUE(kept); });
  }
  void answer_next(Result<Value> result) {
    steps.next().ticket.finish(std::make_unique<ReadyResult>(std::move(result)));
    rest();
  }

  ManualClock clock;
  FakeEntropy entropy;
  Metrics metrics;
  FakeTimers timers{clock};
  KeepingJournal journal;
  FakeSteps steps;
  Engine engine;
};

inline std::string path_of(const StepCall& call) {
  const Value& endpoint = call.arguments.get("uri");
  return endpoint.is_string() ? std::string(endpoint.as_string()) : to_json(call.arguments);
}

inline Problem refused() {
  Problem problem = make_problem(ErrorKind::communication, "upstream-status", "500");
  problem.retryable = true;
  return problem;
}

}  // namespace stepwell::engine::test
