// What a violation says: where, what was expected, what was found, and never the data itself.
#include "tests/config/schemas.h"

namespace stepwell::config {
namespace {

struct MessageCase {
  const char* schema;
  const char* data;
  const char* message;
};

TEST(SchemaMessages, SayWhereWhatWasExpectedAndWhatWasFound) {
  const MessageCase cases[] = {
      {R"({"type":"object"})", "[1]", "expected an object, found a list of 1 element"},
      {R"({"type":["string","null","integer"]})", "{}",
       "expected text, a whole number or null, found an object of 0 members"},
      {R"({"properties":{"order":{"properties":{"a/b~":{"type":"string"}}}}})",
       R"({"order":{"a/b~":5}})", "at /order/a~1b~0 expected text, found a number"},
      {R"({"items":{"type":"integer"}})", R"([1,"secret"])",
       "at /1 expected a whole number, found text of 6 characters"},
      {R"({"required":["id"]})", R"({"name":"x"})",
       "expected the member `\"id\"`, found an object without it"},
      {R"({"properties":{"a":true},"additionalProperties":false})", R"({"b":1})",
       "at /b expected no member of this name, found a number"},
      {R"({"items":[true],"additionalItems":false})", "[1,2]",
       "at /1 expected nothing here, found a number"},
      {R"({"const":"x"})", "\"y\"", "expected `\"x\"`, found another value"},
      {R"({"enum":["a","b",3]})", "null", "expected one of `\"a\"`, `\"b\"`, `3`, found null"},
      {R"({"minimum":5})", "4", "expected a number from `5` on, found a smaller one"},
      {R"({"exclusiveMaximum":5})", "5", "expected a number below `5`, found none below it"},
      {R"({"multipleOf":3})", "4", "expected a multiple of `3`, found another number"},
      {R"({"minLength":3})", "\"é\"",
       "expected text of at least 3 characters, found text of 1 character"},
      {R"({"pattern":"^a"})", "\"secret\"",
       "expected text that matches its `pattern`, found text of 6 characters"},
      {R"({"maxItems":1})", "[1,2]",
       "expected a list of at most 1 element, found a list of 2 elements"},
      {R"({"minProperties":1})", "{}",
       "expected an object of at least 1 member, found an object of 0 members"},
      {R"({"uniqueItems":true})", "[1,2,1]",
       "expected elements that differ, found the same at 0 and 2"},
      {R"({"contains":{"const":1},"minContains":2})", "[1]",
       "expected at least 2 elements as `contains` says, found 1"},
      {R"({"propertyNames":{"maxLength":1}})", R"({"ab":1})",
       "at /ab expected a name as `propertyNames` says, found another one"},
      {R"({"dependentRequired":{"a":["b"]}})", R"({"a":1})",
       "expected the member `\"b\"` beside `\"a\"`, found an object without it"},
      {R"({"not":{"type":"null"}})", "null", "expected anything but what `not` says, found null"},
      {R"({"oneOf":[true,true,false]})", "1",
       "expected just one of the 3 alternatives of `oneOf`, found 2 that hold"},
      {R"({"anyOf":[{"type":"string"},{"properties":{"a":{"type":"string"}},"type":"object"}]})",
       R"({"a":1})", "expected one of the 2 alternatives of `anyOf`, found an object of 1 member"},
      {R"({"required":["a","b","c"]})", "{}",
       "expected the member `\"a\"`, found an object without it (and 2 more)"},
  };
  for (const MessageCase& c : cases)
    EXPECT_EQ(violation(c.schema, c.data), c.message) << c.schema << " of " << c.data;
}

TEST(SchemaMessages, AllViolationsStandInAnExtensionUpToTwenty) {
  const auto schema = compiled(R"({"items":{"type":"string"}})");
  Value data = Value::array();
  for (int i = 0; i < 30; ++i) data.push_back(Value(i));
  const Status status = schema->validate(data, "the task's input");
  ASSERT_FALSE(status);
  const Problem& problem = status.error();
  EXPECT_EQ(problem.code, "schema-violation");
  EXPECT_EQ(problem.type, error_type_uri(ErrorKind::validation));
  EXPECT_EQ(problem.status, 400);
  EXPECT_FALSE(problem.retryable);
  EXPECT_EQ(problem.detail,
            "the task's input is not as its schema says: at /0 expected text, found a number (and "
            "29 more)");
  const Value& all = problem.extensions.get("violations");
  ASSERT_EQ(all.size(), 20U);
  EXPECT_EQ(to_json(all.at(19)), R"({"at":"/19","expected":"text","found":"a number"})");
}

// What was nearest to hold is told beside it.
TEST(SchemaMessages, AnAlternativeThatLedDeeperIsToldToo) {
  const auto schema =
      compiled(R"({"anyOf":[{"type":"string"},{"properties":{"a":{"type":"string"}}}]})");
  const Status status = schema->validate(parse_json(R"({"a":1})").value(), "it");
  ASSERT_FALSE(status);
  const Value& all = status.error().extensions.get("violations");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all.at(1).get("at").as_string(), "/a");
}

TEST(SchemaMessages, NeverHoldTheData) {
  const std::string secret = "hunter2-and-more";
  const Value data = Value::object({{"text", Value(secret)},
                                    {"list", Value::array({Value(secret), Value(secret)})},
                                    {"number", Value(424242)}});
  const char* const schemas[] = {
      R"({"type":"string"})",
      R"({"const":1})",
      R"({"enum":[1,2]})",
      R"({"properties":{"text":{"pattern":"^x","maxLength":2,"const":"y","enum":["z"],"not":{}}}})",
      R"({"properties":{"list":{"uniqueItems":true,"contains":false,"items":{"type":"null"}}}})",
      R"({"properties":{"number":{"maximum":1,"multipleOf":5,"const":5,"type":"string"}}})",
      R"({"oneOf":[{"type":"null"},{"properties":{"text":{"const":1}}}]})",
  };
  for (const char* schema : schemas) {
    const Status status = compiled(schema)->validate(data, "it");
    ASSERT_FALSE(status) << schema;
    const std::string all = to_json(status.error().to_value());
    EXPECT_EQ(all.find(secret), std::string::npos) << all;
    EXPECT_EQ(all.find("424242"), std::string::npos) << all;
  }
}

TEST(SchemaMessages, StayShortForLongNamesAndWays) {
  const auto schema = compiled(R"({"additionalProperties":{"$ref":"#"},"type":"object"})");
  Value data(1);
  for (int i = 0; i < 100; ++i) data = Value::object({{std::string(5000, 'n'), data}});
  const Status status = schema->validate(data, "it");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, "schema-violation");
  EXPECT_LT(to_json(status.error().to_value()).size(), 6000U);
}

}  // namespace
}  // namespace stepwell::config
