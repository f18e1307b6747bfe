#include "base/value.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "base/json.h"

namespace stepwell {
namespace {

Value json(std::string_view text) { return parse_json(text).value(); }

TEST(Value, KnowsItsKind) {
  EXPECT_TRUE(Value().is_null());
  EXPECT_TRUE(Value(true).is_bool());
  EXPECT_TRUE(Value(1).is_number());
  EXPECT_TRUE(Value("a").is_string());
  EXPECT_TRUE(Value::array().is_array());
  EXPECT_TRUE(Value::object().is_object());
  EXPECT_EQ(kind_name(Value(1.5)), "number");
}

TEST(Value, TruthIsEverythingButNullAndFalse) {
  EXPECT_FALSE(Value().truthy());
  EXPECT_FALSE(Value(false).truthy());
  for (const Value& value : {Value(true), Value(0), Value(""), Value::array(), Value::object()})
    EXPECT_TRUE(value.truthy());
}

TEST(Value, CopiesShareUntilOneChanges) {
  Value original = json(R"({"a":[1,2,3],"b":{}})");
  Value copy = original;
  copy.set("a", 5);
  EXPECT_EQ(to_json(original), R"({"a":[1,2,3],"b":{}})");
  EXPECT_EQ(to_json(copy), R"({"a":5,"b":{}})");
  EXPECT_TRUE(copy.get("b").same(original.get("b")));
}

TEST(Value, SoleOwnerChangesInPlace) {
  Value array = Value::array();
  array.reserve(100);
  const Value* first = array.elements().data();
  for (int i = 0; i < 100; ++i) array.push_back(i);
  EXPECT_EQ(array.elements().data(), first);
}

TEST(Value, ThatIsMadeWithRoomTakesNoMoreMemory) {
  constexpr int kRoom = 20;  // above what an object has without an index
  Value object = Value::object_with_room(kRoom);
  Value array = Value::array_with_room(kRoom);
  EXPECT_EQ(to_json(object), "{}");
  EXPECT_EQ(to_json(array), "[]");
  std::vector<Value> keys;
  keys.reserve(kRoom);
  for (int i = 0; i < kRoom; ++i) keys.emplace_back("k" + std::to_string(i));
  const std::int64_t before = thread_value_bytes();
  for (int i = 0; i < kRoom; ++i) {
    object.set_member(keys[static_cast<std::size_t>(i)], i);
    array.push_back(i);
  }
  EXPECT_EQ(thread_value_bytes(), before);
  for (int i = 0; i < kRoom; ++i) EXPECT_EQ(object.get("k" + std::to_string(i)), Value(i));
}

TEST(Value, AMemberIsAddedOrReplacedInThisHandleAlone) {
  for (const std::string_view text : {"null", "{}", R"({"a":1})", R"({"a":1,"b":2})"}) {
    const Value original = json(text);
    Value text_key = original;
    text_key.set("b", 7);
    Value shared_key = original;
    const Value key("b");
    shared_key.set_member(key, 7);
    Value given_key = original;
    given_key.set_member(Value("b"), 7);
    const bool has_a = original.contains("a");
    for (const Value& changed : {text_key, shared_key, given_key}) {
      EXPECT_EQ(to_json(changed), has_a ? R"({"a":1,"b":7})" : R"({"b":7})") << text;
      EXPECT_EQ(changed.weight(), json(to_json(changed)).weight()) << text;
      EXPECT_EQ(changed.depth(), 1U);
    }
    EXPECT_EQ(key.as_string(), "b");
    EXPECT_EQ(to_json(original), text);
  }
}

TEST(Value, TakesOutOfASoleOwnerAndCopiesFromASharedOne) {
  Value sole = json("[[1],[2]]");
  EXPECT_EQ(to_json(sole.take(0)), "[1]");
  EXPECT_EQ(to_json(sole), "[null,[2]]");
  Value shared = json(R"({"a":[1]})");
  const Value other = shared;
  EXPECT_EQ(to_json(shared.take("a")), "[1]");
  EXPECT_EQ(to_json(shared), R"({"a":[1]})");
  EXPECT_TRUE(other.contains("a"));
}

TEST(Value, ObjectsKeepTheOrderOfInsertionAndFindEveryMember) {
  std::mt19937 random(7);
  Value object = Value::object();
  std::vector<std::string> order;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = "k" + std::to_string(random() % 1500);
    if (!object.contains(key)) order.push_back(key);
    object.set(key, i);
    if (i % 7 == 0) {
      const std::string gone = order[random() % order.size()];
      object.erase(gone);
      std::erase(order, gone);
    }
  }
  ASSERT_EQ(object.size(), order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(object.members()[i].name(), order[i]);
    EXPECT_NE(object.find(order[i]), nullptr);
  }
  EXPECT_EQ(object.find("absent"), nullptr);
}

TEST(Value, OrdersKindsAsJqDoes) {
  const std::vector<Value> ascending{
      json("null"),      json("false"),     json("true"),
      json("-1"),        json("0"),         json("1.5"),
      json("2"),         json("\"\""),      json("\"a\""),
      json("\"b\""),     json("[]"),        json("[0]"),
      json("[0,1]"),     json("[1]"),       json("{}"),
      json("{\"a\":1}"), json("{\"a\":2}"), json("{\"a\":1,\"b\":0}"),
      json("{\"b\":0}")};
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t j = 0; j < ascending.size(); ++j)
      EXPECT_EQ(compare(ascending[i], ascending[j]), i < j ? -1 : (i > j ? 1 : 0))
          << to_json(ascending[i]) << " and " << to_json(ascending[j]);
}

TEST(Value, ComparesNumbersExactly) {
  EXPECT_LT(compare(Value(INT64_C(9007199254740992)), Value(INT64_C(9007199254740993))), 0);
  EXPECT_LT(compare(Value(9007199254740992.0), Value(INT64_C(9007199254740993))), 0);
  EXPECT_EQ(Value(1), Value(1.0));
  EXPECT_EQ(json("100000000000000000000"), json("1e20"));
  EXPECT_NE(json("100000000000000000001"), json("100000000000000000002"));
  EXPECT_LT(compare(Value(std::numeric_limits<double>::quiet_NaN()), Value(-1e308)), 0);
}

TEST(Value, DeepValuesAreComparedPrintedAndFreedWithoutTheStack) {
  const auto deep = [] {
    Value value(1);
    for (int i = 0; i < 1'000'000; ++i) {
      Value outer = Value::array();
      outer.push_back(std::move(value));
      value = std::move(outer);
    }
    return value;
  };
  const Value a = deep();
  const Value b = deep();
  EXPECT_EQ(a.depth(), 1'000'000U);
  EXPECT_EQ(compare(a, b), 0);
  EXPECT_EQ(to_json(a).size(), 2'000'001U);
}

TEST(Value, WeighsWhatItWouldBeWrittenOutInFull) {
  Value value = json(R"({"a":[1,2,3],"b":{"c":null}})");
  const std::uint64_t whole = value.weight();
  EXPECT_GE(whole, to_json(value).size());
  value.set("x", std::string(1000, 'x'));
  EXPECT_GT(value.weight(), whole + 1000);
  value.erase("x");
  EXPECT_EQ(value.weight(), whole);
  const Value member = value.take("a");
  EXPECT_EQ(value.weight() + member.weight(), whole + Value().weight());
  value.set("a", member);
  EXPECT_EQ(value.weight(), whole);
  EXPECT_EQ(value.weight(), json(to_json(value)).weight());
  Value doubled(1);
  for (int i = 0; i < 200; ++i) doubled = Value::array({doubled, doubled});
  EXPECT_GT(doubled.weight(), UINT64_C(1) << 60U);  // and it took 200 small arrays to make
}

// Copies once took room for half as much again as the original's room, whatever its size.
TEST(Value, CopiesOfACopyDoNotGrow) {
  const std::int64_t before = thread_value_bytes();
  Value value = json("[1,2,3]");
  for (int i = 0; i < 60; ++i) {
    const Value shared = value;
    value.push_back(i);
  }
  EXPECT_LT(thread_value_bytes() - before, 8192);
}

TEST(Value, AccountsForItsMemoryByThread) {
  const std::int64_t before = thread_value_bytes();
  {
    const Value text(std::string(10'000, 'x'));
    EXPECT_GE(thread_value_bytes() - before, 10'000);
  }
  EXPECT_EQ(thread_value_bytes(), before);
}

TEST(Value, MayBeReadFromManyThreads) {
  const Value shared = json(R"({"a":[1,2,{"b":"c"}]})");
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([shared] {
      for (int i = 0; i < 10'000; ++i) {
        Value mine = shared;
        mine.set("n", i);
        ASSERT_EQ(mine.get("a").at(2).get("b").as_string(), "c");
      }
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace stepwell
