// Schemas and data that are meant to hang a thread, to exhaust its stack or to fill the memory.
#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>

#include "tests/config/schemas.h"

namespace stepwell::config {
namespace {

std::string code_of(const Status& status) { return status ? "" : status.error().code; }

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

Value nested(int levels) {
  Value value(1);
  for (int i = 0; i < levels; ++i) value = Value::object({{"a", value}});
  return value;
}

TEST(HostileSchemas, DataThatIsDeepEndsWithAnError) {
  const auto schema = compiled(R"({"properties":{"a":{"$ref":"#"}}})");
  EXPECT_EQ(code_of(schema->validate(nested(200), "it")), "");
  const Status status = schema->validate(nested(900), "the task's output");
  ASSERT_EQ(code_of(status), "schema-budget");
  EXPECT_EQ(status.error().detail,
            "the check of the task's output by its schema was ended: it leads deeper than 500 "
            "levels");
  EXPECT_EQ(status.error().status, 400);
  EXPECT_EQ(code_of(schema->validate(nested(9000), "it")), "schema-budget");
}

TEST(HostileSchemas, DataThatNoSchemaLeadsIntoMayBeDeep) {
  const auto schema = compiled(R"({"properties":{"a":{"type":"object"}}})");
  EXPECT_EQ(code_of(schema->validate(nested(9000), "it")), "");
}

TEST(HostileSchemas, ComparisonOfDeepDataNeedsNoStack) {
  const Value deep = nested(9000);
  std::vector<SchemaFault> faults;
  const auto schema = compiled(R"({"uniqueItems":true,"not":{"const":1}})");
  EXPECT_EQ(code_of(schema->validate(Value::array({deep, nested(9000)}), "it")),
            "schema-violation");
}

// 2^60 ways through 60 definitions.
TEST(HostileSchemas, WaysThatDoubleEndWithAnError) {
  std::string definitions;
  for (int i = 0; i < 60; ++i) {
    const std::string next = R"({"$ref":"#/$defs/d)" + std::to_string(i + 1) + "\"}";
    definitions += "\"d" + std::to_string(i) + R"(":{"allOf":[)" + next + "," + next + "]},";
  }
  const auto schema =
      compiled(R"({"$ref":"#/$defs/d0","$defs":{)" + definitions + R"("d60":{"type":"null"}}})");
  ASSERT_NE(schema, nullptr);
  const double before = cpu_seconds();
  EXPECT_EQ(code_of(schema->validate(Value(), "it")), "schema-budget");
  EXPECT_LT(cpu_seconds() - before, 30);  // under sanitizers too
}

TEST(HostileSchemas, AlternativesWithinAlternativesAreToldOnce) {
  const auto schema = compiled(
      R"({"anyOf":[{"type":"string"},{"type":"object","properties":{"a":{"$ref":"#"}}},
          {"type":"array","items":{"$ref":"#"}}]})");
  const Status status = schema->validate(nested(24), "it");
  ASSERT_EQ(code_of(status), "schema-violation");
}

TEST(HostileSchemas, PatternsThatBacktrackEndWithAnError) {
  const std::string text = std::string(5000, 'a') + "!";
  for (const char* schema :
       {R"({"pattern":"^(a+)+$"})", R"({"pattern":"(a|aa)+$"})", R"({"pattern":"(?>a*)b"})",
        R"({"patternProperties":{"(x+x+)+y":true}})"}) {
    const auto program = compiled(schema);
    ASSERT_NE(program, nullptr);
    const Value data = std::string_view(schema).find("Properties") == std::string_view::npos
                           ? Value(text)
                           : Value::object({{std::string(5000, 'x'), Value(1)}});
    const double before = cpu_seconds();
    const Status status = program->validate(data, "it", std::chrono::milliseconds(50));
    EXPECT_LT(cpu_seconds() - before, 10) << schema;
    if (std::string_view(schema).find("?>") == std::string_view::npos) {
      EXPECT_EQ(code_of(status), "schema-budget") << schema;
    }
  }
}

// Each text by itself stays below the limit.
TEST(HostileSchemas, AllPatternsTogetherHaveOneLimit) {
  const auto schema = compiled(R"({"items":{"pattern":"(?>a*)b"}})");
  Value data = Value::array();
  const Value text(std::string(20'000, 'a'));
  for (int i = 0; i < 2000; ++i) data.push_back(text);
  const double before = cpu_seconds();
  (void)schema->validate(data, "it", std::chrono::milliseconds(100));
  EXPECT_LT(cpu_seconds() - before, 10);
}

TEST(HostileSchemas, LongTextIsSearchedInOneGoodPace) {
  const auto schema = compiled(R"({"pattern":"needle"})");
  std::string text(4'000'000, 'x');
  EXPECT_EQ(code_of(schema->validate(Value(text), "it")), "schema-violation");
  text += "needle";
  EXPECT_EQ(code_of(schema->validate(Value(text), "it")), "");
}

TEST(HostileSchemas, AnEnumIsNotComparedWithoutEnd) {
  Value values = Value::array();
  for (int i = 0; i < 2000; ++i) values.push_back(Value(std::string(500, 'x') + std::to_string(i)));
  std::vector<SchemaFault> faults;
  const auto schema =
      Schema::compile(Value::object({{"items", Value::object({{"enum", values}})}}), faults);
  ASSERT_NE(schema, nullptr);
  Value data = Value::array();
  for (int i = 0; i < 20'000; ++i) data.push_back(Value(std::string(500, 'x') + "y"));
  const double before = cpu_seconds();
  EXPECT_EQ(code_of(schema->validate(data, "it")), "schema-budget");
  EXPECT_LT(cpu_seconds() - before, 30);
}

TEST(HostileSchemas, LargeOnesAreCompiledInGoodTime) {
  Value definitions = Value::object();
  for (int i = 0; i < 20'000; ++i)
    definitions.set(
        "d" + std::to_string(i),
        Value::object(
            {{"properties",
              Value::object(
                  {{"next",
                    Value::object(
                        {{"$ref", Value("#/$defs/d" + std::to_string((i + 1) % 20'000))}})}})}}));
  std::vector<SchemaFault> faults;
  const double before = cpu_seconds();
  const auto schema =
      Schema::compile(Value::object({{"$ref", "#/$defs/d0"}, {"$defs", definitions}}), faults);
  EXPECT_LT(cpu_seconds() - before, 60);
  ASSERT_NE(schema, nullptr) << (faults.empty() ? "" : faults.front().what);
  EXPECT_EQ(code_of(schema->validate(parse_json(R"({"next":{"next":{}}})").value(), "it")), "");
}

TEST(HostileSchemas, DeepOnesAreRefused) {
  Value schema = Value::object({{"type", "string"}});
  for (int i = 0; i < 200; ++i) schema = Value::object({{"not", schema}});
  std::vector<SchemaFault> faults;
  EXPECT_NE(Schema::compile(schema, faults), nullptr);
  for (int i = 0; i < 5000; ++i) schema = Value::object({{"not", schema}});
  EXPECT_EQ(Schema::compile(schema, faults), nullptr);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults.front().what, "the schema is nested deeper than 256 levels");
}

TEST(HostileSchemas, LongWaysOfFaultsAreBounded) {
  Value bad = Value::object();
  for (int i = 0; i < 2000; ++i) bad.set("k" + std::to_string(i), Value(5));
  const Value schema = Value::object(
      {{"properties",
        Value::object({{std::string(100'000, 'k'), Value::object({{"properties", bad}})}})}});
  std::vector<SchemaFault> faults;
  EXPECT_EQ(Schema::compile(schema, faults), nullptr);
  std::size_t bytes = 0;
  for (const SchemaFault& fault : faults) bytes += fault.pointer.size();
  EXPECT_LT(bytes, 2'000'000U);
}

TEST(HostileSchemas, OneSchemaServesManyThreads) {
  const auto schema = compiled(
      R"({"properties":{"id":{"pattern":"^[a-z]+$"},"next":{"$ref":"#"}},"required":["id"]})");
  const Value good = parse_json(R"({"id":"a","next":{"id":"b"}})").value();
  const Value bad = parse_json(R"({"id":"a","next":{"id":"B"}})").value();
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 500; ++round)
        if (schema->validate(good, "it") && !schema->validate(bad, "it")) ++right;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 2000);
}

}  // namespace
}  // namespace stepwell::config
