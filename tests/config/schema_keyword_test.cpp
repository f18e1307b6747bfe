// What each keyword of JSON Schema takes and refuses; the table of docs/definitions.md, "Schemas",
// says no more than this one.
#include "tests/config/schemas.h"

namespace stepwell::config {
namespace {

struct KeywordCase {
  const char* schema;
  std::vector<const char*> good;
  std::vector<const char*> bad;
};

void expect_keywords(const std::vector<KeywordCase>& cases) {
  for (const KeywordCase& c : cases) {
    const auto schema = compiled(c.schema);
    ASSERT_NE(schema, nullptr) << c.schema;
    for (const char* data : c.good)
      EXPECT_EQ(violation(*schema, parse_json(data).value()), "") << c.schema << " of " << data;
    for (const char* data : c.bad)
      EXPECT_NE(violation(*schema, parse_json(data).value()), "") << c.schema << " of " << data;
  }
}

TEST(SchemaKeywords, OfAnyValue) {
  expect_keywords({
      {"true", {"null", "1", "{}"}, {}},
      {"{}", {"null", "1", "{}"}, {}},
      {"false", {}, {"null", "1", "{}"}},
      {R"({"type":"null"})", {"null"}, {"0", "false", "\"\"", "[]", "{}"}},
      {R"({"type":"boolean"})", {"true", "false"}, {"0", "null", "\"true\""}},
      {R"({"type":"integer"})",
       {"1", "-3", "1.0", "1e3", "9223372036854775807", "123456789012345678901234567890"},
       {"1.5", "\"1\"", "null"}},
      {R"({"type":"number"})", {"1", "1.5", "-1e300"}, {"\"1\"", "true"}},
      {R"({"type":"string"})", {"\"\"", "\"x\""}, {"1", "null", "[]"}},
      {R"({"type":"array"})", {"[]", "[1]"}, {"{}", "\"\"", "null"}},
      {R"({"type":"object"})", {"{}", R"({"a":1})"}, {"[]", "\"\"", "null"}},
      {R"({"type":["string","null"]})", {"\"x\"", "null"}, {"1", "{}", "[]"}},
      {R"({"type":["integer","string"]})", {"1", "\"x\""}, {"1.5"}},
      {R"({"const":{"a":[1,2]}})",
       {R"({"a":[1,2]})", R"({"a":[1.0,2]})"},
       {R"({"a":[2,1]})", "{}"}},
      {R"({"const":null})", {"null"}, {"0", "false", "{}"}},
      {R"({"const":false})", {"false"}, {"0", "null", "[]"}},
      {R"({"enum":["a",1,null]})", {"\"a\"", "1", "1.0", "null"}, {"\"b\"", "2", "false"}},
  });
}

TEST(SchemaKeywords, OfNumbers) {
  expect_keywords({
      {R"({"minimum":5})", {"5", "5.5", "\"x\"", "null"}, {"4", "4.999"}},
      {R"({"exclusiveMinimum":5})", {"5.001", "6", "[]"}, {"5", "4"}},
      {R"({"maximum":-1})", {"-1", "-2"}, {"0", "-0.5"}},
      {R"({"exclusiveMaximum":1.5})", {"1.4", "1"}, {"1.5", "2"}},
      {R"({"minimum":9007199254740992})", {"9007199254740993"}, {"9007199254740991"}},
      {R"({"minimum":0,"exclusiveMaximum":1})", {"0", "0.99"}, {"-0.1", "1"}},
      {R"({"multipleOf":3})", {"0", "9", "-6", "3.0", "\"x\""}, {"1", "1.5", "4.5"}},
      {R"({"multipleOf":1})", {"2"}, {"1.5"}},
      {R"({"multipleOf":0.01})", {"19.99", "0.07", "4.35", "1"}, {"0.005", "19.999"}},
      {R"({"multipleOf":0.1})", {"1e300"}, {"0.15"}},
      {R"({"multipleOf":2})", {"9223372036854775806"}, {"9223372036854775807"}},
  });
}

TEST(SchemaKeywords, OfText) {
  expect_keywords({
      {R"({"minLength":2})", {"\"ab\"", "\"äö\"", "1", "\"\\u0000b\""}, {"\"a\"", "\"ö\"", "\"\""}},
      {R"({"maxLength":2})", {"\"äö\"", "\"😀😀\"", "\"\"", "[1,2,3]"}, {"\"abc\"", "\"a\\u0000b\""}},
      {R"({"pattern":"b+"})", {"\"abba\"", "5"}, {"\"aaa\"", "\"\""}},
      {R"({"pattern":"^[0-9]{3}$"})", {"\"123\""}, {"\"1234\"", "\"a123\"", "\"123\\n\""}},
      {R"({"pattern":"^\\d+$"})", {"\"42\""}, {"\"٤٢\"", "\"\""}},
      {R"({"pattern":"^\\u00e9$"})", {"\"é\""}, {"\"e\""}},
      {R"({"format":"email"})", {"\"not an address\"", "1"}, {}},
      {R"({"format":"date-time"})", {"\"yesterday\"", "null"}, {}},
      {R"({"contentMediaType":"application/json","contentEncoding":"base64"})", {"\"{\""}, {}},
  });
}

TEST(SchemaKeywords, OfArrays) {
  expect_keywords({
      {R"({"items":{"type":"integer"}})", {"[]", "[1,2]", "{}"}, {"[1,\"a\"]"}},
      {R"({"items":false})", {"[]"}, {"[1]"}},
      {R"({"items":[{"type":"integer"},{"type":"string"}]})",
       {"[]", "[1]", "[1,\"a\"]", "[1,\"a\",null]"},
       {"[\"a\"]", "[1,2]"}},
      {R"({"items":[{"type":"integer"}],"additionalItems":{"type":"string"}})",
       {"[1]", "[1,\"a\",\"b\"]"},
       {"[1,2]", "[1,\"a\",3]"}},
      {R"({"items":[true],"additionalItems":false})", {"[]", "[1]"}, {"[1,2]"}},
      {R"({"prefixItems":[{"type":"integer"},{"type":"string"}]})",
       {"[]", "[1,\"a\",null]"},
       {"[\"a\"]", "[1,2]"}},
      {R"({"prefixItems":[{"type":"integer"}],"items":{"type":"string"}})",
       {"[1]", "[1,\"a\"]"},
       {"[1,2]"}},
      {R"({"prefixItems":[true],"items":false})", {"[]", "[1]"}, {"[1,2]"}},
      {R"({"minItems":1,"maxItems":2})", {"[1]", "[1,2]", "\"\""}, {"[]", "[1,2,3]"}},
      {R"({"uniqueItems":true})",
       {"[]", "[1,2]", "[1,\"1\"]", "[{\"a\":1},{\"a\":2}]", "[1,true]", "[0,false]"},
       {"[1,1]", "[1,1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "[[],1,[]]"}},
      {R"({"uniqueItems":false})", {"[1,1]"}, {}},
      {R"({"contains":{"type":"integer"}})", {"[\"a\",1]", "{}"}, {"[]", "[\"a\"]"}},
      {R"({"contains":{"const":1},"minContains":2})", {"[1,1]", "[1,2,1,1]"}, {"[1]", "[]"}},
      {R"({"contains":{"const":1},"maxContains":2})", {"[1]", "[1,1]"}, {"[]", "[1,1,1]"}},
      {R"({"contains":{"const":1},"minContains":0})", {"[]", "[2]"}, {}},
      {R"({"contains":{"const":1},"minContains":0,"maxContains":1})", {"[]", "[1]"}, {"[1,1]"}},
  });
}

TEST(SchemaKeywords, OfObjects) {
  expect_keywords({
      {R"({"properties":{"a":{"type":"integer"}}})",
       {"{}", R"({"a":1,"b":"x"})", "[]"},
       {R"({"a":"1"})"}},
      {R"({"properties":{"a":false}})", {"{}"}, {R"({"a":1})"}},
      {R"({"properties":{"a/b":{"properties":{"c":{"type":"string"}}},"a":{"properties":{"b":{"type":"integer"}}}}})",
       {R"({"a/b":{"c":"x"},"a":{"b":1}})"},
       {R"({"a":{"b":"x"}})", R"({"a/b":{"c":1}})"}},
      {R"({"required":["a","b"]})", {R"({"a":null,"b":1})", "[]"}, {R"({"a":1})", "{}"}},
      {R"({"additionalProperties":false})", {"{}"}, {R"({"a":1})"}},
      {R"({"properties":{"a":true},"additionalProperties":false})", {R"({"a":1})"}, {R"({"b":1})"}},
      {R"({"properties":{"a":true},"additionalProperties":{"type":"string"}})",
       {R"({"a":1,"b":"x"})"},
       {R"({"b":1})"}},
      {R"({"patternProperties":{"^x-":{"type":"string"}},"additionalProperties":false})",
       {R"({"x-a":"1"})", "{}"},
       {R"({"x-a":1})", R"({"a":"1"})"}},
      {R"({"properties":{"xa":{"minimum":1}},"patternProperties":{"x":{"maximum":5},"a":{"multipleOf":2}}})",
       {R"({"xa":4})"},
       {R"({"xa":0})", R"({"xa":6})", R"({"xa":3})"}},
      {R"({"propertyNames":{"maxLength":2}})", {R"({"ab":1})", "{}"}, {R"({"abc":1})"}},
      {R"({"minProperties":1,"maxProperties":2})",
       {R"({"a":1})", R"({"a":1,"b":2})"},
       {"{}", R"({"a":1,"b":2,"c":3})"}},
      {R"({"dependencies":{"a":["b"],"c":{"required":["d"]},"e":{"required":["f"]}}})",
       {"{}", R"({"a":1,"b":2})", R"({"c":1,"d":2})", R"({"b":1})"},
       {R"({"a":1})", R"({"c":1})", R"({"e":1,"d":1})"}},
      {R"({"dependentRequired":{"a":["b"]}})", {"{}", R"({"a":1,"b":1})"}, {R"({"a":1})"}},
      {R"({"dependentSchemas":{"a":{"required":["b"]},"c":{"required":["d"]}}})",
       {R"({"a":1,"b":1})", R"({"c":1,"d":1})"},
       {R"({"a":1,"d":1})", R"({"c":1,"b":1})"}},
      {R"({"dependentRequired":{"a":["b"]},"dependentSchemas":{"a":{"required":["c"]}}})",
       {R"({"a":1,"b":1,"c":1})"},
       {R"({"a":1,"b":1})", R"({"a":1,"c":1})"}},
      {R"({"properties":{"id":{"type":"string"},"title":{"type":"integer"},"$ref":{"type":"null"}}})",
       {R"({"id":"a","title":1,"$ref":null})"},
       {R"({"id":1})", R"({"title":"x"})", R"({"$ref":"x"})"}},
  });
}

TEST(SchemaKeywords, ThatCombine) {
  expect_keywords({
      {R"({"allOf":[{"minimum":1},{"maximum":3}]})", {"1", "3"}, {"0", "4"}},
      {R"({"anyOf":[{"type":"string"},{"minimum":5}]})", {"\"x\"", "5", "null"}, {"4"}},
      {R"({"oneOf":[{"multipleOf":2},{"multipleOf":3}]})", {"2", "3"}, {"1", "6"}},
      {R"({"not":{"type":"string"}})", {"1"}, {"\"x\""}},
      {R"({"not":{}})", {}, {"1"}},
      {R"({"if":{"type":"integer"},"then":{"minimum":1},"else":{"type":"string"}})",
       {"1", "\"x\""},
       {"0", "null"}},
      {R"({"if":{"type":"integer"},"then":{"minimum":1}})", {"1", "null"}, {"0"}},
      {R"({"if":{"type":"integer"},"else":{"type":"string"}})", {"0", "\"x\""}, {"null"}},
      {R"({"if":false,"then":false})", {"1"}, {}},
      {R"({"minimum":1,"allOf":[{"maximum":3}],"not":{"const":2}})", {"1", "3"}, {"0", "2", "4"}},
  });
}

TEST(SchemaKeywords, ReferencesLeadToPlacesInTheSchema) {
  expect_keywords({
      {R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"integer"}}})", {"1"}, {"\"x\""}},
      {R"({"$ref":"#/definitions/a","definitions":{"a":{"type":"integer"}}})", {"1"}, {"\"x\""}},
      {R"({"$ref":"#/$defs/a","minimum":3,"$defs":{"a":{"type":"integer"}}})",
       {"3"},
       {"2", "3.5", "\"x\""}},
      {R"({"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"type":"null"}}})",
       {"null"},
       {"1"}},
      {R"({"properties":{"next":{"$ref":"#"},"value":{"type":"integer"}}})",
       {R"({"next":{"next":{"value":1}}})"},
       {R"({"next":{"next":{"value":"x"}}})"}},
      {R"({"properties":{"a":{"type":"integer"},"b":{"$ref":"#/properties/a"}}})",
       {R"({"a":1,"b":2})"},
       {R"({"b":"x"})", R"({"a":"x"})"}},
      {R"({"allOf":[{"type":"integer"},{"$ref":"#/allOf/0"}]})", {"1"}, {"\"x\""}},
      {R"({"$ref":"#/$defs/a~1b~0c%25","$defs":{"a/b~c%":{"type":"integer"}}})", {"1"}, {"\"x\""}},
      {R"({"$ref":"#here","$defs":{"a":{"$anchor":"here","type":"integer"}}})", {"1"}, {"\"x\""}},
      {R"({"$id":"https://example.com/s","$ref":"https://example.com/s#/$defs/a","$defs":{"a":{"type":"integer"}}})",
       {"1"},
       {"\"x\""}},
      {R"({"$ref":"#/components/schemas/Pet","components":{"schemas":{"Pet":{"required":["id"]}}}})",
       {R"({"id":1})"},
       {"{}"}},
      {R"({"$ref":"#/$defs/a","$defs":{"a":true,"b":false}})", {"1"}, {}},
      {R"({"properties":{"x":{"$ref":"#/$defs/b"}},"$defs":{"b":false}})", {"{}"}, {R"({"x":1})"}},
  });
}

// Two references to one schema and one schema within another, each with its own meaning: the
// library's own references took one for the other.
TEST(SchemaKeywords, ReferencesKeepTheirSchemasApart) {
  expect_keywords({
      {R"({"$ref":"#/$defs/tree","$defs":{
           "tree":{"type":"object","properties":{"left":{"$ref":"#/$defs/tree"},
                   "right":{"$ref":"#/$defs/leaf"}},"dependentSchemas":{
                   "left":{"required":["right"]},"right":{"$ref":"#/$defs/named"}}},
           "leaf":{"type":"integer"},"named":{"required":["name"]}}})",
       {"{}", R"({"right":1,"name":"n"})", R"({"left":{},"right":1,"name":"n"})"},
       {R"({"left":{}})", R"({"right":"x","name":"n"})", R"({"right":1})",
        R"({"left":{"right":1},"right":1,"name":"n"})"}},
  });
}

}  // namespace
}  // namespace stepwell::config
