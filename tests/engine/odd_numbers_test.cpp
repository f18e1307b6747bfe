// Numbers that JSON does not have: what is computed, and then recorded, is the same when it is
// read.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/engine/life.h"

namespace stepwell::engine::test {
namespace {

// As a journal on a disk gives them back.
KeptRecords through_text(const KeptRecords& kept) {
  KeptRecords read;
  for (Record record : kept.log) {
    record.payload = parse_json(to_json(record.payload), {10'000}).value();
    read.take(record);
  }
  return read;
}

constexpr const char* kTells = R"(do:
  - tell:
      emit:
        event: {with: {source: 'http://e.x/', type: told, data: '${ {a: nan, b: infinite, c: -infinite, d: -0} }'}}
  - last: {set: {kind: '${ .data.a | type }', low: '${ .data.c < 0 }', own: '${ {a: nan} }'}}
)";
constexpr const char* kHears = R"(do:
  - hear: {listen: {to: {one: {with: {type: told}}}}}
  - nap: {wait: {hours: 1}}
  - look:
      set:
        kinds: '${ [.[0][] | type] }'
        signs: '${ [.[0][] | . == null or . > 0] }'
        whole: '${ .[0] }'
)";

TEST(OddNumbers, AnEventIsTheSameAfterARestart) {
  Life first;
  const InstanceId hearer = first.start(kHears);
  first.rest();
  const InstanceId teller = first.start(kTells);
  first.rest();
  const InstanceView told = first.engine.find(teller).value();
  ASSERT_EQ(told.status, InstanceStatus::completed) << told.problem->one_line();
  const KeptRecords kept = through_text(first.journal.kept());
  first.settle();
  const InstanceView live = first.engine.find(hearer).value();
  ASSERT_EQ(live.status, InstanceStatus::completed);
  Life second(kept);
  second.open();
  second.settle();
  EXPECT_EQ(to_json(second.engine.find(hearer)->output), to_json(live.output));
  // What a reader is told of the end is the same as well.
  EXPECT_EQ(second.engine.find(teller)->output, told.output);
}

TEST(OddNumbers, SoIsTheInputOfAChild) {
  constexpr const char* kChild = R"(do:
  - nap: {wait: {hours: 1}}
  - look: {set: {kinds: '${ [.[] | type] }', whole: '${ . }'}}
)";
  const Value input = Value::object({{"a", std::numeric_limits<double>::quiet_NaN()},
                                     {"b", std::numeric_limits<double>::infinity()},
                                     {"c", 1e17}});
  Life first;
  StartRequest request;
  request.workflow = first.engine.prepare(definition(kChild));
  request.input = input;
  std::promise<InstanceId> started;
  first.engine.start(request, [&](const Result<InstanceId>& id) { started.set_value(*id); });
  const InstanceId id = started.get_future().get();
  first.rest();
  const KeptRecords kept = through_text(first.journal.kept());
  first.settle();
  Life second(kept);
  second.open();
  second.settle();
  const InstanceView live = first.engine.find(id).value();
  ASSERT_EQ(live.status, InstanceStatus::completed);
  EXPECT_EQ(to_json(second.engine.find(id)->output), to_json(live.output));
  EXPECT_EQ(second.engine.find(id)->input, live.input);
}

TEST(OddNumbers, SoIsTheResultOfAStep) {
  constexpr const char* kAsks = R"(do:
  - ask: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - nap: {wait: {hours: 1}}
  - look: {set: {kind: '${ .a | type }', whole: '${ . }'}}
)";
  Life first({}, [](const StepCall&) -> Result<Value> {
    return Value::object({{"a", std::numeric_limits<double>::quiet_NaN()}});
  });
  const InstanceId id = first.start(kAsks);
  first.rest();
  const KeptRecords kept = through_text(first.journal.kept());
  first.settle();
  Life second(kept);
  second.open();
  second.settle();
  EXPECT_EQ(to_json(second.engine.find(id)->output), to_json(first.engine.find(id)->output));
}

}  // namespace
}  // namespace stepwell::engine::test
