// The engine as a whole, with its ports played by the test.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "engine/memory_journal.h"
#include "tests/engine/machine_driver.h"
#include "tests/support/engine_fakes.h"
#include "tests/support/fake_entropy.h"

namespace stepwell::engine::test {
namespace {

using stepwell::test::FakeEntropy;
using stepwell::test::FakeSteps;
using stepwell::test::FakeTimers;
using stepwell::test::HeldJournal;
using stepwell::test::ManualClock;
using stepwell::test::ReadyResult;

constexpr const char* kGet =
    "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]";
constexpr const char* kPost =
    "do: [{send: {call: http, with: {method: post, endpoint: 'http://h/'}}}]";

struct World {
  explicit World(Journal& used_journal, EngineOptions options = {2, 1000, 10})
      : engine(options, steps, used_journal, timers, clock, entropy, metrics, Log::null()) {}

  std::future<Result<InstanceId>> start(const char* body, Value input = {}) {
    auto admitted = std::make_shared<std::promise<Result<InstanceId>>>();
    auto future = admitted->get_future();
    StartRequest request;
    request.workflow = engine.prepare(definition(body));
    request.input = std::move(input);
    engine.start(std::move(request),
                 [admitted](Result<InstanceId> id) { admitted->set_value(std::move(id)); });
    return future;
  }
  InstanceView end_of(InstanceId id) {
    auto ended = std::make_shared<std::promise<InstanceView>>();
    auto future = ended->get_future();
    EXPECT_TRUE(
        engine.when_ended(id, [ended](const InstanceView& view) { ended->set_value(view); }));
    return future.get();
  }

  ManualClock clock;
  FakeEntropy entropy;
  Metrics metrics;
  FakeSteps steps;
  FakeTimers timers{clock};
  Engine engine;
};

TEST(Engine, AnInputThatTheSchemaRefusesIsNotAdmitted) {
  MemoryJournal journal;
  World world(journal, {1, 1, 100});
  constexpr const char* kBody =
      "input: {schema: {document: {required: [n]}}}\ndo: [{a: {set: {x: '${ .n }'}}}]";
  for (const Value& input : {Value(), Value::object({{"m", 1}})}) {
    const Result<InstanceId> refused = world.start(kBody, input).get();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "schema-violation");
    EXPECT_EQ(refused.error().status, 400);
    EXPECT_EQ(refused.error().where, "/input/schema");
  }
  EXPECT_EQ(world.engine.open_instances(), 0U);
  const Result<InstanceId> admitted = world.start(kBody, Value::object({{"n", 1}})).get();
  ASSERT_TRUE(admitted);
  EXPECT_EQ(world.end_of(*admitted).status, InstanceStatus::completed);
}

TEST(Engine, AnExpressionBeyondItsBudgetEndsItsInstanceAndTheWorkerGoesOn) {
  MemoryJournal journal;
  EngineOptions options{1, 1000, 100};
  options.budget.cpu = Milliseconds(20);
  options.budget.memory_bytes = 1024L * 1024;
  options.budget.outputs = 100;
  options.budget.depth = 50;
  World world(journal, options);
  for (const auto& [expression, limit] : std::vector<std::pair<std::string, std::string>>{
           {"def f: f; f", "20 ms"},
           {"[range(1e12)]", ""},
           {"def f: [f]; f", ""},
           {"reduce range(99) as $i (0; [.])", "deeper than 50 levels"},
           {"[limit(1e9; repeat(1))]", ""}}) {
    const std::string body = "do: [{grow: {set: {x: '${ " + expression + " }'}}}]";
    const InstanceView view = world.end_of(*world.start(body.c_str()).get());
    ASSERT_EQ(view.status, InstanceStatus::faulted) << expression;
    EXPECT_EQ(view.problem->code, "expression-budget") << expression;
    EXPECT_EQ(view.problem->status, 400);
    EXPECT_TRUE(view.problem->type.ends_with("/errors/expression"));
    EXPECT_EQ(view.problem->where, "/do/0/grow");
    EXPECT_NE(view.problem->detail.find(limit), std::string::npos) << view.problem->detail;
    EXPECT_FALSE(view.problem->retryable);
  }
  const InstanceView good =
      world.end_of(*world.start("do: [{one: {set: {x: '${ 1 + 1 }'}}}]").get());
  EXPECT_EQ(good.status, InstanceStatus::completed);
}

TEST(Engine, RunsAnInstanceToItsEnd) {
  MemoryJournal journal;
  World world(journal);
  const InstanceId id = world.start(kGet).get().value();
  auto step = world.steps.next();
  EXPECT_EQ(step.call.instance, id);
  EXPECT_EQ(step.call.trace_id.size(), 32U);
  step.ticket.finish(std::make_unique<ReadyResult>(Value(7)));
  const InstanceView view = world.end_of(id);
  EXPECT_EQ(view.status, InstanceStatus::completed);
  EXPECT_EQ(view.output, Value(7));
  EXPECT_TRUE(world.engine.wait_until_idle(Deadline()));
  EXPECT_EQ(journal.open_instances(), 0U);
  EXPECT_EQ(world.engine.find(id)->status, InstanceStatus::completed);
}

TEST(Engine, ShowsWhatAnOpenInstanceIsDoing) {
  MemoryJournal journal;
  World world(journal);
  const InstanceId id = world.start(kGet).get().value();
  const auto step = world.steps.next();
  const auto view = world.engine.find(id);
  EXPECT_EQ(view->status, InstanceStatus::running);
  EXPECT_EQ(view->active_tasks, std::vector<std::string>{"/do/0/get"});
  step.ticket.finish(std::make_unique<ReadyResult>(Value()));
}

TEST(Engine, AThousandStepsOfOneInstanceAreAnsweredInAnyOrder) {
  constexpr std::size_t kBranches = 1000;
  MemoryJournal journal;
  World world(journal);
  std::string body = "do: [{all: {fork: {branches: [";
  for (std::size_t i = 0; i < kBranches; ++i)
    body +=
        "{b" + std::to_string(i) + ": {call: http, with: {method: get, endpoint: 'http://h/'}}},";
  body += "]}}}]";
  const InstanceId id = world.start(body.c_str()).get().value();
  std::vector<FakeSteps::Started> steps;
  steps.reserve(kBranches);
  for (std::size_t i = 0; i < kBranches; ++i) steps.push_back(world.steps.next());
  EXPECT_EQ(world.engine.steps_in_flight(), kBranches);
  for (std::size_t i = kBranches; i > 0; --i)
    steps[i - 1].ticket.finish(std::make_unique<ReadyResult>(Value(i)));
  const Value output = world.end_of(id).output;
  ASSERT_EQ(output.size(), kBranches);
  for (std::size_t i = 0; i < kBranches; ++i) EXPECT_EQ(output.at(i), Value(i + 1));
  EXPECT_EQ(world.engine.steps_in_flight(), 0U);
}

TEST(Engine, TimersWakeWaitingInstances) {
  MemoryJournal journal;
  World world(journal);
  const InstanceId id =
      world.start("do: [{w: {wait: PT1H}}]", Value::object({{"a", 1}})).get().value();
  world.timers.fire_next();
  EXPECT_EQ(to_json(world.end_of(id).output), R"({"a":1})");
}

TEST(Engine, StopCancelsTheStepAndEndsTheInstance) {
  MemoryJournal journal;
  World world(journal);
  const InstanceId id = world.start(kGet).get().value();
  world.steps.next();
  ASSERT_TRUE(world.engine.stop(id));
  world.steps.wait_for_cancel();
  EXPECT_EQ(world.end_of(id).status, InstanceStatus::stopped);
  EXPECT_EQ(world.engine.stop(id).error().code, "instance-ended");
  EXPECT_EQ(world.engine.stop(InstanceId{1}).error().code, "instance-unknown");
}

TEST(Engine, NobodyIsToldBeforeTheRecordIsDurable) {
  HeldJournal journal;
  World world(journal);
  auto admitted = world.start(kGet);
  // What may be repeated is sent meanwhile: nobody is worse off if the instance never was.
  auto step = world.steps.next();
  EXPECT_EQ(admitted.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_EQ(journal.release().kind, Record::Kind::started);
  const InstanceId id = admitted.get().value();
  step.ticket.finish(std::make_unique<ReadyResult>(Value(1)));
  const Record record = journal.wait();
  EXPECT_EQ(record.kind, Record::Kind::step_finished);
  EXPECT_EQ(world.engine.find(id)->status, InstanceStatus::running);
  journal.release();
  EXPECT_EQ(world.end_of(id).status, InstanceStatus::completed);
}

TEST(Engine, APostIsRecordedAsStartedBeforeItIsSent) {
  HeldJournal journal;
  World world(journal);
  auto admitted = world.start(kPost);
  journal.release();
  const InstanceId id = admitted.get().value();
  // The admission was durable, the step is not started before its own record is.
  EXPECT_TRUE(world.steps.empty());
  const Record record = journal.release();
  EXPECT_EQ(record.kind, Record::Kind::step_started);
  auto step = world.steps.next();
  EXPECT_NE(record.id, 0U);
  EXPECT_EQ(step.ticket.step.number, record.id);
  step.ticket.finish(std::make_unique<ReadyResult>(Value(1)));
  journal.release();
  EXPECT_EQ(world.end_of(id).status, InstanceStatus::completed);
}

// A replay has the record's time alone.
TEST(Engine, ARecordHasTheTimeOfItsEventHoweverLongThatWaited) {
  HeldJournal journal;
  World world(journal);
  auto admitted = world.start(kGet);
  const WallTime asked = world.clock.now();
  const auto any = [](const config::Definition&, const std::string&) { return true; };
  ASSERT_TRUE(world.engine.stop(world.engine.open_views(any).at(0).id));
  world.clock.advance(Milliseconds(60'000));  // while the admission is not durable yet
  journal.release();
  const Record stopped = journal.release();
  EXPECT_EQ(stopped.kind, Record::Kind::stopped);
  EXPECT_EQ(stopped.time, asked);
  EXPECT_EQ(world.end_of(admitted.get().value()).ended, asked);
}

// It was once kept, and nobody told it that the engine had gone.
TEST(Engine, WhatAStepStartsWhileTheEngineGoesIsRefused) {
  class Starts final : public StepRunner {
   public:
    std::shared_ptr<RunningStep> start(StepCall call, StepTicket ticket) override {
      begun.set_value();
      return std::make_shared<Running>(*this, std::move(call), std::move(ticket));
    }
    std::promise<void> begun;
    Engine* engine = nullptr;
    StartRequest child;
    std::string told;

   private:
    class Running final : public RunningStep {
     public:
      Running(Starts& all, StepCall call, StepTicket ticket)
          : all_(all), call_(std::move(call)), ticket_(std::move(ticket)) {}
      void cancel() override {  // called by the engine's destructor
        all_.child.parent = Parent{call_.instance, "a step", true};
        all_.engine->start(std::move(all_.child), [this](const Result<InstanceId>& id) {
          all_.told = id ? "started" : id.error().code;
        });
        ticket_.finish(std::make_unique<ReadyResult>(Value()));
      }

     private:
      Starts& all_;
      const StepCall call_;
      const StepTicket ticket_;
    };
  };
  Starts steps;
  MemoryJournal journal;
  ManualClock clock;
  FakeEntropy entropy;
  Metrics metrics;
  FakeTimers timers{clock};
  {
    Engine engine({2, 1000, 10}, steps, journal, timers, clock, entropy, metrics, Log::null());
    steps.engine = &engine;
    StartRequest request;
    request.workflow = engine.prepare(definition(kGet));
    steps.child.workflow = request.workflow;
    engine.start(std::move(request), [](const Result<InstanceId>&) {});
    steps.begun.get_future().wait();
    while (!engine.at_rest()) std::this_thread::yield();
  }
  EXPECT_EQ(steps.told, "shutting-down");
  EXPECT_EQ(metrics.gauge("stepwell_instances_open", "").value(), 1) << "the one that ran";
}

TEST(Engine, AnAdmissionThatCannotBeRecordedIsRefused) {
  for (const char* body : {kPost, kGet}) {
    HeldJournal journal;
    World world(journal);
    auto admitted = world.start(body);
    if (body == kGet) (void)world.steps.next();
    journal.release(fail(make_problem(ErrorKind::runtime, "journal-failed", "disk full")));
    EXPECT_EQ(admitted.get().error().code, "journal-failed");
    EXPECT_TRUE(world.engine.wait_until_idle(Deadline()));
    if (body == kGet) world.steps.wait_for_cancel();
    EXPECT_TRUE(world.steps.empty());
  }
}

TEST(Engine, AnInstanceWhoseNextStepCannotBeRecordedFaults) {
  for (const char* body : {kPost, kGet}) {
    HeldJournal journal;
    World world(journal);
    auto admitted = world.start(body);
    journal.release();
    const InstanceId id = admitted.get().value();
    if (body == kGet) world.steps.next().ticket.finish(std::make_unique<ReadyResult>(Value(1)));
    journal.release(fail(make_problem(ErrorKind::runtime, "journal-failed", "disk full")));
    const InstanceView view = world.end_of(id);
    EXPECT_EQ(view.status, InstanceStatus::faulted);
    EXPECT_EQ(view.problem->code, "journal-failed");
    EXPECT_EQ(world.engine.stop(id).error().code, "instance-ended");
  }
}

// One endless instance for each worker once kept all others from ever running.
TEST(Engine, EndlessInstancesLetOthersHaveTheirTurn) {
  MemoryJournal journal;
  World world(journal);
  std::vector<InstanceId> endless;
  for (int i = 0; i < 3; ++i)
    endless.push_back(world.start("do: [{a: {set: {n: 1}, then: a}}]").get().value());
  const InstanceId id = world.start("do: [{a: {set: {x: 1}}}]").get().value();
  EXPECT_EQ(world.end_of(id).status, InstanceStatus::completed);
  for (const InstanceId each : endless) {
    EXPECT_EQ(world.engine.find(each)->status, InstanceStatus::running);
    ASSERT_TRUE(world.engine.stop(each));
    EXPECT_EQ(world.end_of(each).status, InstanceStatus::stopped);
  }
}

TEST(Engine, AdmissionIsBoundedAndEndsAtShutdown) {
  MemoryJournal journal;
  World world(journal, {2, 1, 10});
  ASSERT_TRUE(world.start(kGet).get());
  const auto refused = world.start(kGet).get();
  EXPECT_EQ(refused.error().code, "overloaded");
  EXPECT_EQ(refused.error().status, 503);
  world.steps.next().ticket.finish(std::make_unique<ReadyResult>(Value()));
  EXPECT_TRUE(world.engine.wait_until_idle(Deadline()));
  world.engine.refuse_new();
  EXPECT_EQ(world.start(kGet).get().error().code, "shutting-down");
}

TEST(Engine, ForgetsTheOldestFinishedInstances) {
  MemoryJournal journal;
  World world(journal, {2, 1000, 2});
  std::vector<InstanceId> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(world.start("do: [{a: {set: {x: 1}}}]").get().value());
    EXPECT_TRUE(world.engine.wait_until_idle(Deadline()));
  }
  EXPECT_FALSE(world.engine.find(ids[0]));
  EXPECT_TRUE(world.engine.find(ids[1]));
  EXPECT_TRUE(world.engine.find(ids[2]));
  EXPECT_LT(ids[1], ids[2]);
}

TEST(Engine, GoesAwayWithInstancesOpenAndAnswersStillToCome) {
  MemoryJournal journal;
  std::optional<FakeSteps::Started> late;
  {
    World world(journal);
    ASSERT_TRUE(world.start(kGet).get());
    late = world.steps.next();
  }
  late->ticket.finish(std::make_unique<ReadyResult>(Value()));
  EXPECT_EQ(journal.open_instances(), 1U);  // for a recovery: nothing was recorded as ended
}

}  // namespace
}  // namespace stepwell::engine::test
