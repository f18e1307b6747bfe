// Where in a task's way its schemas are looked at, and what comes of it.
#include <gtest/gtest.h>

#include <cctype>

#include "tests/engine/machine_driver.h"

namespace stepwell::engine::test {
namespace {

struct FaultCase {
  const char* name;
  const char* body;
  const char* input;
  const char* where;
  const char* detail;
};

class SchemaFaulted : public testing::TestWithParam<FaultCase> {};

TEST_P(SchemaFaulted, Says) {
  MachineDriver machine(GetParam().body, GetParam().input);
  ASSERT_EQ(machine.status(), InstanceStatus::faulted) << machine.output();
  const Problem& problem = machine.problem();
  EXPECT_EQ(problem.code, "schema-violation");
  EXPECT_EQ(problem.type, error_type_uri(ErrorKind::validation));
  EXPECT_EQ(problem.status, 400);
  EXPECT_FALSE(problem.retryable);
  EXPECT_EQ(problem.where, GetParam().where);
  EXPECT_EQ(problem.detail, GetParam().detail);
}

const FaultCase kFaults[] = {
    {"workflow input",
     "input: {schema: {document: {required: [n]}}, from: '{n: 1}'}\ndo: [{a: {set: {x: 1}}}]", "{}",
     "/input/schema",
     "the workflow's input is not as its schema says: expected the member `\"n\"`, found an object "
     "without it"},
    {"workflow output",
     "do: [{a: {set: {x: 1}}}]\noutput: {as: '{y: .x}', schema: {document: {properties: {y: {type: "
     "string}}}}}",
     "{}", "/output/schema",
     "the workflow's output is not as its schema says: at /y expected text, found a number"},
    {"task input before input.from",
     "do: [{a: {input: {schema: {document: {type: object}}, from: .n}, set: {x: 1}}}, {b: {input: "
     "{schema: {document: {properties: {x: {minimum: 2}}}}, from: '{x: 5}'}, set: {y: 1}}}]",
     R"({"n":1})", "/do/1/b",
     "the task's input is not as its schema says: at /x expected a number from `2` on, found a "
     "smaller one"},
    {"task output after output.as",
     "do: [{a: {set: {x: 1}, output: {as: '{y: .x}', schema: {document: {required: [x]}}}}}]", "{}",
     "/do/0/a",
     "the task's output is not as its schema says: expected the member `\"x\"`, found an object "
     "without it"},
    {"export after export.as",
     "do: [{a: {set: {x: 1}, export: {as: '{kept: .x}', schema: {document: {properties: {kept: "
     "{const: 2}}}}}}}]",
     "{}", "/do/0/a",
     "the exported context is not as its schema says: at /kept expected `2`, found another value"},
    {"the output's schema stands before the export",
     "do: [{a: {set: {x: 1}, output: {schema: {document: false}}, export: {as: '{kept: .x}', "
     "schema: {document: false}}}}]",
     "{}", "/do/0/a",
     "the task's output is not as its schema says: expected nothing here, found an object of 1 "
     "member"},
};

INSTANTIATE_TEST_SUITE_P(All, SchemaFaulted, testing::ValuesIn(kFaults), [](const auto& test) {
  std::string name = test.param.name;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

TEST(Schemas, GoodDataGoesThroughAllOfThem) {
  MachineDriver machine(
      "input: {schema: {document: {required: [n]}}, from: .n}\n"
      "do:\n"
      "- a:\n"
      "    input: {schema: {document: {type: integer}}, from: '{n: .}'}\n"
      "    set: {x: '${ .n }'}\n"
      "    output: {as: '{y: .x}', schema: {document: {required: [y]}}}\n"
      "    export: {as: .y, schema: {document: {type: integer}}}\n"
      "output: {as: '.y + $context', schema: {document: {const: 4}}}\n",
      R"({"n":2})");
  ASSERT_EQ(machine.status(), InstanceStatus::completed) << machine.problem().one_line();
  EXPECT_EQ(machine.output(), "4");
}

// A task that is skipped has no input.
TEST(Schemas, ASkippedTaskIsNotLookedAt) {
  MachineDriver machine(
      "do: [{a: {if: .go, input: {schema: {document: false}}, output: {schema: {document: false}}, "
      "set: {x: 1}}}]",
      R"({"go":false})");
  EXPECT_EQ(machine.status(), InstanceStatus::completed);
}

TEST(Schemas, WithoutInputAnInstanceHasAnEmptyObject) {
  MachineDriver machine(
      "input: {schema: {document: {type: object, maxProperties: 0}}}\ndo: [{a: {set: {x: 1}}}]");
  EXPECT_EQ(machine.status(), InstanceStatus::completed);
}

TEST(Schemas, AViolationIsCaughtByTry) {
  MachineDriver machine(
      "do:\n"
      "- t:\n"
      "    try:\n"
      "    - a:\n"
      "        set: {x: 1}\n"
      "        export: {as: '{seen: true}', schema: {document: {required: [other]}}}\n"
      "    catch:\n"
      "      errors:\n"
      "        with:\n"
      "          type: https://serverlessworkflow.io/spec/1.0.0/errors/validation\n"
      "          status: 400\n"
      "          instance: /do/0/t/try/0/a\n"
      "          reason: schema-violation\n"
      "      retry: {delay: PT1S, limit: {attempt: {count: 3}}}\n"
      "      do:\n"
      "      - b: {set: {context: '${ $context }', first: '${ $error.violations[0] }'}}\n");
  ASSERT_EQ(machine.status(), InstanceStatus::completed) << machine.problem().one_line();
  EXPECT_EQ(machine.output(),
            R"({"context":null,"first":{"at":"","expected":"the member `\"other\"`",)"
            R"("found":"an object without it"}})");
}

TEST(Schemas, EndlessDepthFaultsTheTask) {
  MachineDriver machine(
      "do: [{a: {set: '${ reduce range(800) as $i (1; {a: .}) }', output: {schema: {document: "
      "{properties: {a: {$ref: '#'}}}}}}}]");
  ASSERT_EQ(machine.status(), InstanceStatus::faulted);
  EXPECT_EQ(machine.problem().code, "schema-budget");
  EXPECT_EQ(machine.problem().where, "/do/0/a");
}

TEST(Schemas, OfTheRoundsOfAListenAreHeld) {
  constexpr const char* kNumbers =
      "do: [{l: {listen: {to: {one: {with: {type: t}}}}, foreach: {output: {schema: {document: "
      "{type: number}}}, export: {as: '{seen: .}', schema: {document: {properties: {seen: "
      "{maximum: "
      "9}}}}}}}}]";
  MachineDriver good(kNumbers);
  ASSERT_TRUE(good.publish(R"({"type":"t","data":5})"));
  EXPECT_EQ(good.output(), "[5]");
  for (const char* event : {R"({"type":"t","data":"five"})", R"({"type":"t","data":10})"}) {
    MachineDriver machine(kNumbers);
    ASSERT_TRUE(machine.publish(event));
    ASSERT_EQ(machine.status(), InstanceStatus::faulted) << event;
    EXPECT_EQ(machine.problem().code, "schema-violation");
    EXPECT_EQ(machine.problem().where, "/do/0/l");
  }
}

}  // namespace
}  // namespace stepwell::engine::test
