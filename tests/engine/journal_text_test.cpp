// What an instance's records say, to the letter: later versions read them too.
#include <gtest/gtest.h>

#include <utility>

#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

constexpr const char* kOneCall =
    "do: [{get: {call: http, with: {method: get, endpoint: 'http://h/'}}}]";

// A line for each record: number, kind, milliseconds since the first, payload.
std::string records_text(const Life& life, InstanceId id) {
  std::string text;
  WallTime first{};
  for (const Record& record : life.journal.log()) {
    if (record.instance != id) continue;
    if (record.number == 1) first = record.time;
    text += std::to_string(record.number) + " " + std::to_string(static_cast<int>(record.kind)) +
            " " + std::to_string((record.time - first).count()) + " " + to_json(record.payload) +
            "\n";
  }
  return text;
}

struct Begun {
  InstanceId id;
  std::string digest;
};

Begun begin(Life& life, StartRequest request) {
  const auto loaded = definition(kOneCall);
  request.workflow = life.engine.prepare(loaded);
  std::promise<Result<InstanceId>> admitted;
  life.engine.start(std::move(request),
                    [&](Result<InstanceId> id) { admitted.set_value(std::move(id)); });
  return {admitted.get_future().get().value(), loaded->digest};
}

std::string head_text(const Begun& begun, const StepCall& call) {
  return R"({"workflow":"test/flow:1.0.0","digest":")" + begun.digest + R"(","traceId":")" +
         call.trace_id + "\"";
}

TEST(JournalText, OfACallThatGoesWell) {
  Life life;
  StartRequest request;
  request.input = Value::object({{"n", 1}});
  const Begun asked = begin(life, std::move(request));
  auto step = life.steps.next();
  life.clock.advance(Milliseconds(5));
  step.ticket.finish(std::make_unique<ReadyResult>(Value::object({{"a", "b"}})));
  life.rest();
  EXPECT_EQ(records_text(life, asked.id), "1 1 0 " + head_text(asked, step.call) +
                                              R"(,"input":{"n":1}}
2 3 5 {"output":{"a":"b"}}
3 9 5 {"status":"completed","output":{"a":"b"}}
)");
  EXPECT_EQ(to_json(step.call.arguments), R"({"uri":"http://h/","method":"GET"})");
}

TEST(JournalText, OfACallThatFailsWithAllThatCanBeSaidOfAStart) {
  Life life;
  StartRequest request;
  request.name = "Order 7";
  request.tags = Value::array({"t"});
  request.priority = Priority::high;
  request.deadline = WallTime(Milliseconds(4'000'000'000'000));
  request.key = "k1";
  request.once = "o1";
  const Begun asked = begin(life, std::move(request));
  auto step = life.steps.next();
  step.ticket.finish(std::make_unique<ReadyResult>(fail(refused())));
  life.rest();
  EXPECT_EQ(
      records_text(life, asked.id),
      "1 1 0 " + head_text(asked, step.call) +
          R"(,"input":{},"name":"Order 7","tags":["t"],"priority":"H","deadline":4000000000000,"key":"k1","once":"o1"}
2 3 0 {"problem":{"type":"https://open-workflow-specification.org/spec/1.0.0/errors/communication","status":500,"title":"Communication error","detail":"500","reason":"upstream-status","retryable":true}}
3 9 0 {"status":"faulted","problem":{"type":"https://open-workflow-specification.org/spec/1.0.0/errors/communication","status":500,"title":"Communication error","detail":"500","instance":"/do/0/get","reason":"upstream-status","retryable":true,"attempt":1}}
)");
}

// The first record begins with what all instances of a workflow have in common.
TEST(JournalText, OneInstanceSaysNothingInAnothersRecord) {
  Life life;
  for (const int n : {1, 2, 3}) {
    StartRequest request;
    request.input = Value::object({{"n", n}});
    request.key = n == 2 ? "k2" : "";
    const Begun asked = begin(life, std::move(request));
    const std::string text = records_text(life, asked.id);
    EXPECT_NE(text.find(R"("input":{"n":)" + std::to_string(n) + "}"), std::string::npos) << text;
    EXPECT_EQ(text.find(R"("key":"k2")") != std::string::npos, n == 2) << text;
  }
}

TEST(JournalText, AnInstanceShowsItsInputBeforeItsAdmissionIsDurable) {
  Life life;
  life.journal.set_mode(KeepingJournal::Mode::by_hand);
  StartRequest request;
  request.workflow = life.engine.prepare(definition(kOneCall));
  request.input = Value::object({{"n", 1}});
  std::promise<Result<InstanceId>> admitted;
  life.engine.start(std::move(request),
                    [&](Result<InstanceId> id) { admitted.set_value(std::move(id)); });
  life.rest();
  const auto open =
      life.engine.open_views([](const config::Definition&, const std::string&) { return true; });
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(to_json(open[0].input), R"({"n":1})");
  EXPECT_EQ(open[0].workflow, "test/flow:1.0.0");
  EXPECT_EQ(open[0].status, InstanceStatus::pending);
  life.journal.set_mode(KeepingJournal::Mode::at_once);
  EXPECT_EQ(admitted.get_future().get().value(), open[0].id);
}

}  // namespace
}  // namespace stepwell::engine::test
