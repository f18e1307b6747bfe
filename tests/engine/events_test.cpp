// `emit`, `listen`, and what an instance makes of the events that come.
#include <gtest/gtest.h>

#include "tests/engine/machine_driver.h"

namespace stepwell::engine::test {
namespace {

constexpr const char* kOne =
    "do: [{l: {listen: {to: {one: {with: {type: door.opened}}}}}}, {s: {set: {got: '${ . }'}}}]";

std::string temperature(int value, const char* room = "r1") {
  return R"({"specversion":"1.0","id":"1","source":"https://sensor","type":"temperature","room":")" +
         std::string(room) + R"(","data":{"value":)" + std::to_string(value) + "}}";
}

std::string humidity(int value, const char* room = "r1") {
  return R"({"specversion":"1.0","id":"2","source":"https://sensor","type":"humidity","room":")" +
         std::string(room) + R"(","data":{"value":)" + std::to_string(value) + "}}";
}

TEST(Emit, GivesTheEventWithWhatCloudEventsRequire) {
  MachineDriver machine(
      "do: [{e: {emit: {event: {with: {type: order.placed, data: {n: '${ .n + 1 }'}}}}}}]",
      R"({"n":1})");
  ASSERT_EQ(machine.status(), InstanceStatus::completed);
  ASSERT_EQ(machine.emitted().size(), 1U);
  const Value& event = machine.emitted()[0];
  EXPECT_EQ(to_json(event), machine.output());
  EXPECT_EQ(event.get("specversion"), Value("1.0"));
  EXPECT_EQ(event.get("type"), Value("order.placed"));
  EXPECT_EQ(to_json(event.get("data")), R"({"n":2})");
  EXPECT_EQ(event.get("source"), Value("/test/flow/1"));
  EXPECT_EQ(to_json(event.get("time")), "\"2025-11-21T14:00:00Z\"");
  EXPECT_FALSE(event.get("id").empty());
}

TEST(Emit, KeepsWhatTheAuthorGave) {
  MachineDriver machine(
      "do: [{e: {emit: {event: {with: {type: t, id: '7', source: 'https://me', time: "
      "'2020-01-01T00:00:00Z', subject: s, ext: 1}}}}}]");
  EXPECT_EQ(machine.output(),
            R"({"type":"t","id":"7","source":"https://me","time":"2020-01-01T00:00:00Z",)"
            R"("subject":"s","ext":1,"specversion":"1.0"})");
}

TEST(Emit, FailsWithoutAType) {
  MachineDriver machine("do: [{e: {emit: {event: {with: {type: '${ .none }'}}}}}]");
  EXPECT_EQ(machine.problem().code, "event-invalid");
  EXPECT_EQ(machine.problem().where, "/do/0/e");
  EXPECT_TRUE(machine.emitted().empty());
}

TEST(Emit, GivesARepeatedEventTheSameId) {
  MachineDriver machine(
      "do: [{t: {try: [{e: {emit: {event: {with: {type: t}}}}}, {c: {call: http, with: {method: "
      "get, "
      "endpoint: 'http://h/'}}}], catch: {retry: {delay: PT1S, limit: {attempt: {count: 2}}}}}}, "
      "{again: {emit: {event: {with: {type: t}}}}}]");
  Problem problem = make_problem(ErrorKind::communication, "connect-failed", "no");
  problem.retryable = true;
  machine.fail_step("c", std::move(problem));
  machine.advance(std::chrono::seconds(1));
  machine.complete("c", "1");
  ASSERT_EQ(machine.emitted().size(), 3U);
  EXPECT_EQ(machine.emitted()[0].get("id"), machine.emitted()[1].get("id"));
  EXPECT_NE(machine.emitted()[0].get("id"), machine.emitted()[2].get("id"));
}

TEST(Listen, WaitsForOneEvent) {
  MachineDriver machine(kOne);
  EXPECT_EQ(machine.status(), InstanceStatus::waiting);
  EXPECT_FALSE(machine.publish(R"({"type":"door.closed","data":0})"));
  EXPECT_EQ(machine.status(), InstanceStatus::waiting);
  EXPECT_TRUE(machine.publish(R"({"type":"door.opened","data":{"by":"Ada"}})"));
  EXPECT_EQ(machine.output(), R"({"got":[{"by":"Ada"}]})");
  EXPECT_EQ(machine.listeners(), 0U);
}

struct Reading {
  const char* read;
  const char* event;
  const char* output;
};

class Reads : public testing::TestWithParam<Reading> {};

TEST_P(Reads, Gives) {
  MachineDriver machine("do: [{l: {listen: {to: {any: []}, read: " + std::string(GetParam().read) +
                        "}}}]");
  ASSERT_TRUE(machine.publish(GetParam().event));
  EXPECT_EQ(machine.output(), GetParam().output);
}

INSTANTIATE_TEST_SUITE_P(
    Listen, Reads,
    testing::Values(Reading{"data", R"({"type":"t","data":{"a":1}})", R"([{"a":1}])"},
                    Reading{"data", R"({"type":"t"})", "[null]"},
                    Reading{"data", R"({"type":"t","data_base64":"AAE="})", R"(["AAE="])"},
                    Reading{"envelope", R"({"type":"t","data":1})", R"([{"type":"t","data":1}])"},
                    Reading{"raw", R"({"type":"t","data":"hi"})", R"(["aGk="])"},
                    Reading{"raw", R"({"type":"t","data":[1]})", R"(["WzFd"])"},
                    Reading{"raw", R"({"type":"t","data_base64":"AAE="})", R"(["AAE="])"}));

struct Filter {
  const char* with;
  const char* event;
  bool meets;
};

class Filters : public testing::TestWithParam<Filter> {};

TEST_P(Filters, PickEvents) {
  MachineDriver machine(
      "do: [{l: {listen: {to: {one: {with: " + std::string(GetParam().with) + "}}}}}]",
      R"({"wanted":"t","limit":38})");
  EXPECT_EQ(machine.publish(GetParam().event), GetParam().meets);
}

INSTANTIATE_TEST_SUITE_P(
    Listen, Filters,
    testing::Values(
        Filter{"{type: t}", R"({"type":"t"})", true},
        Filter{"{type: t}", R"({"type":"tt"})", false},
        Filter{"{type: t, source: s}", R"({"type":"t","source":"s"})", true},
        Filter{"{type: t, source: s}", R"({"type":"t"})", false},
        Filter{"{type: '${ $input.wanted }'}", R"({"type":"t"})", true},
        Filter{"{type: '${ $input.wanted }'}", R"({"type":"u"})", false},
        Filter{"{data: '${ .value > 38 }'}", R"({"type":"t","data":{"value":39}})", true},
        Filter{"{data: '${ .value > 38 }'}", R"({"type":"t","data":{"value":38}})", false},
        Filter{"{data: '${ .value > $input.limit }'}", R"({"type":"t","data":{"value":39}})", true},
        Filter{"{data: '${ .value > 38 }'}", R"({"type":"t","data":"text"})", false},
        Filter{"{data: '${ .value > 38 }'}", R"({"type":"t"})", false},
        Filter{"{data: {a: 1}}", R"({"type":"t","data":{"a":1,"b":2}})", true},
        Filter{"{data: {a: {b: 1}}}", R"({"type":"t","data":{"a":{"b":1,"c":2}}})", true},
        Filter{"{data: {a: 1}}", R"({"type":"t","data":{"b":2}})", false},
        Filter{"{data: {room: '${ $input.wanted }'}}", R"({"type":"t","data":{"room":"t"}})", true},
        Filter{"{type: 'com\\.acme\\..*'}", R"({"type":"com.acme.order"})", true},
        Filter{"{type: 'com\\.acme\\..*'}", R"({"type":"xcom.acme.order"})", false},
        Filter{"{source: 'https://h/?a=1'}", R"({"type":"t","source":"https://h/?a=1"})", true},
        Filter{"{type: 'a('}", R"({"type":"a("})", true},
        Filter{"{ext: 5}", R"({"type":"t","ext":5})", true}));

TEST(Listen, WaitsForAnyOfSeveral) {
  MachineDriver machine(
      "do: [{l: {listen: {to: {any: [{with: {type: temperature, data: '${ .value > 38 }'}}, {with: "
      "{type: humidity}}]}}}}]");
  EXPECT_FALSE(machine.publish(temperature(37)));
  EXPECT_TRUE(machine.publish(humidity(80)));
  EXPECT_EQ(machine.output(), R"([{"value":80}])");
}

TEST(Listen, WaitsForAll) {
  MachineDriver machine(
      "do: [{l: {listen: {to: {all: [{with: {type: temperature}}, {with: {type: humidity}}]}}}}]");
  EXPECT_TRUE(machine.publish(humidity(80)));
  EXPECT_FALSE(machine.publish(humidity(81))) << "that filter has its event";
  EXPECT_TRUE(machine.publish(temperature(20)));
  EXPECT_EQ(machine.output(), R"([{"value":80},{"value":20}])");
}

TEST(Listen, ForAllOfNothingGoesOnAtOnce) {
  EXPECT_EQ(MachineDriver("do: [{l: {listen: {to: {all: []}}}}]").output(), "[]");
}

TEST(Listen, CorrelatesByWhatTheFirstEventHas) {
  MachineDriver machine(
      "do: [{l: {listen: {to: {all: [{with: {type: temperature}, correlate: {room: {from: "
      ".room}}}, "
      "{with: {type: humidity}, correlate: {room: {from: .room}}}]}}}}]");
  EXPECT_TRUE(machine.publish(temperature(20, "r1")));
  EXPECT_FALSE(machine.publish(humidity(70, "r2")));
  EXPECT_TRUE(machine.publish(humidity(80, "r1")));
  EXPECT_EQ(machine.output(), R"([{"value":20},{"value":80}])");
}

TEST(Listen, CorrelatesByWhatIsExpected) {
  MachineDriver machine(
      "do: [{l: {listen: {to: {one: {with: {type: temperature}, correlate: {room: {from: .room, "
      "expect: '${ .room }'}, high: {from: '.data.value > 30', expect: '${ true }'}}}}}}}]",
      R"({"room":"r2"})");
  EXPECT_FALSE(machine.publish(temperature(40, "r1")));
  EXPECT_FALSE(machine.publish(temperature(20, "r2")));
  EXPECT_FALSE(machine.publish(R"({"type":"temperature"})"));
  EXPECT_TRUE(machine.publish(temperature(41, "r2")));
  EXPECT_EQ(machine.status(), InstanceStatus::completed);
}

TEST(Listen, GoesOnUntilAConditionHolds) {
  MachineDriver machine("do: [{l: {listen: {to: {any: [], until: '( . | length ) >= 2'}}}}]");
  EXPECT_TRUE(machine.publish(temperature(1)));
  EXPECT_EQ(machine.status(), InstanceStatus::waiting);
  EXPECT_TRUE(machine.publish(humidity(2)));
  EXPECT_EQ(machine.output(), R"([{"value":1},{"value":2}])");
}

TEST(Listen, GoesOnUntilOtherEventsHaveCome) {
  MachineDriver machine(
      "do: [{l: {listen: {to: {any: [{with: {type: temperature}}], until: {all: [{with: {type: "
      "a}}, {with: {type: b}}]}}}}}]");
  EXPECT_TRUE(machine.publish(temperature(1)));
  EXPECT_TRUE(machine.publish(R"({"type":"b"})"));
  EXPECT_TRUE(machine.publish(temperature(2)));
  EXPECT_TRUE(machine.publish(R"({"type":"a"})"));
  EXPECT_EQ(machine.output(), R"([{"value":1},{"value":2}])");
}

TEST(Listen, RunsTasksForEachEventInOrder) {
  MachineDriver machine(
      "do: [{l: {listen: {to: {any: [{with: {type: temperature}}], until: 'length >= 2'}}, "
      "foreach: "
      "{item: e, at: i, do: [{c: {call: http, with: {method: get, endpoint: 'http://h/{room}'}}}], "
      "output: {as: '{ n: $i, v: $e.value, answer: . }'}, export: {as: '{ last: $output.v }'}}}}, "
      "{s: {set: {all: '${ . }', last: '${ $context.last }'}}}]",
      R"({"room":"r"})");
  EXPECT_TRUE(machine.publish(temperature(10)));
  ASSERT_NE(machine.pending("c"), nullptr);
  EXPECT_TRUE(machine.publish(temperature(20))) << "it waits for its turn";
  const std::string first = machine.pending("c")->idempotency_key;
  machine.complete("c", "\"x\"");
  ASSERT_NE(machine.pending("c"), nullptr);
  EXPECT_NE(machine.pending("c")->idempotency_key, first);
  machine.complete("c", "\"y\"");
  EXPECT_EQ(machine.output(),
            R"({"all":[{"n":0,"v":10,"answer":"x"},{"n":1,"v":20,"answer":"y"}],"last":20})");
  EXPECT_EQ(machine.listeners(), 0U);
}

TEST(Listen, MayTransformEachEventWithoutTasks) {
  MachineDriver machine(
      "do: [{l: {listen: {to: {any: [], until: 'length >= 2'}}, foreach: {output: {as: "
      "'.value + $index'}}}}]");
  EXPECT_TRUE(machine.publish(temperature(10)));
  EXPECT_TRUE(machine.publish(temperature(20)));
  EXPECT_EQ(machine.output(), "[10,21]");
}

TEST(Listen, EndsWithItsTimeout) {
  MachineDriver machine(
      "do: [{t: {try: [{l: {timeout: {after: PT1M}, listen: {to: {any: [], until: '${ false "
      "}'}}}}], "
      "catch: {errors: {with: {status: 408}}, do: [{h: {set: {late: true}}}]}}}]");
  EXPECT_TRUE(machine.publish(temperature(1)));
  machine.advance(std::chrono::minutes(1));
  EXPECT_EQ(machine.output(), R"({"late":true})");
  EXPECT_EQ(machine.listeners(), 0U);
  EXPECT_FALSE(machine.publish(temperature(2)));
}

TEST(Listen, FailsWithAFailingRoundAndListensNoMore) {
  MachineDriver machine(
      "do: [{l: {listen: {to: {any: [], until: '${ false }'}}, foreach: {do: [{r: {raise: {error: "
      "{type: 'https://e', status: 400}}}}]}}}]");
  EXPECT_TRUE(machine.publish(temperature(1)));
  EXPECT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().where, "/do/0/l/foreach/do/0/r");
  EXPECT_EQ(machine.listeners(), 0U);
}

TEST(Listen, FailsWhereItsConditionFails) {
  MachineDriver machine("do: [{l: {listen: {to: {any: [], until: '.a.b'}}}}]");
  EXPECT_TRUE(machine.publish(temperature(1)));
  EXPECT_EQ(machine.problem().type, error_type_uri(ErrorKind::expression));
  EXPECT_EQ(machine.listeners(), 0U);
}

TEST(Listen, IsCancelledWithALosingBranch) {
  MachineDriver machine(
      "do: [{f: {fork: {compete: true, branches: [{a: {listen: {to: {one: {with: {type: a}}}}}}, "
      "{b: {listen: {to: {one: {with: {type: b}}}}}}]}}}]");
  EXPECT_EQ(machine.listeners(), 2U);
  EXPECT_TRUE(machine.publish(R"({"type":"b","data":1})"));
  EXPECT_EQ(machine.output(), "[1]");
  EXPECT_EQ(machine.listeners(), 0U);
}

// Many events in one go neither recurse nor starve.
TEST(Listen, TakesAManyEvents) {
  MachineDriver machine(
      "do: [{l: {listen: {to: {any: [], until: 'length >= 20000'}}, foreach: {output: {as: "
      ".value}}}}]");
  for (int i = 0; i < 20000; ++i) ASSERT_TRUE(machine.publish(temperature(i)));
  EXPECT_EQ(machine.status(), InstanceStatus::completed);
}

}  // namespace
}  // namespace stepwell::engine::test
