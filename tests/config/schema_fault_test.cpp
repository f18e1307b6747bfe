// Faults of schemas, as authors see them: the whole text with line and column.
#include "tests/config/definitions.h"
#include "tests/config/schemas.h"

namespace stepwell::config {
namespace {

std::string task_schema_faults(std::string_view schema) {
  return body_faults(
      "do:\n"
      "  - t:\n"
      "      set: {x: 1}\n"
      "      input:\n"
      "        schema:\n" +
      std::string(schema));
}

std::string document_faults(std::string_view document) {
  return task_schema_faults("          document:\n" + std::string(document));
}

constexpr std::string_view kAt = "";

TEST(SchemaFaults, TheSchemaItself) {
  expect_faults(
      task_schema_faults,
      {
          {"          document: {type: object}\n", kAt},
          {"          format: json\n"
           "          document: true\n",
           kAt},
          {"          format: json:2020-12\n"
           "          document: {}\n",
           kAt},
          {"          {}\n",
           "f.yaml:10:9: error: the keyword `document` is missing (at /do/0/t/input/schema)\n"},
          {"          format: avro\n"
           "          document: {}\n",
           "f.yaml:11:19: error: `avro` is not supported by this version; expected `json` (JSON "
           "Schema; a draft may follow, as in `json:2020-12`) (at /do/0/t/input/schema/format)\n"},
          {"          format: json:draft-04\n"
           "          document: {}\n",
           "f.yaml:11:19: error: `json:draft-04` is not supported by this version; expected `json` "
           "(JSON Schema; a draft may follow, as in `json:2020-12`) (at "
           "/do/0/t/input/schema/format)\n"},
          {"          documnt: {}\n",
           "f.yaml:11:11: error: unknown keyword `documnt`, did you mean `document`? (at "
           "/do/0/t/input/schema/documnt)\n"},
          {"          resource: {endpoint: https://example.com/s.json}\n",
           "f.yaml:11:32: error: the schema cannot be fetched from `https://example.com/s.json`: "
           "nothing is fetched here (at /do/0/t/input/schema/resource/endpoint)\n"},
          {"          resource: {name: s}\n",
           "f.yaml:11:11: error: the keyword `endpoint` is missing (at "
           "/do/0/t/input/schema/resource)\n"},
          {"          resource: {endpoint: schemas/s.json}\n",
           "f.yaml:11:32: error: expected an absolute URI of http, https or file, found "
           "`schemas/s.json` (at /do/0/t/input/schema/resource/endpoint)\n"},
          {"          resource: {endpoint: https://example.com/s.json}\n"
           "          document: {}\n",
           "f.yaml:12:11: error: either `document` or `resource`, not both (at "
           "/do/0/t/input/schema/document)\n"},
      });
}

TEST(SchemaFaults, ValuesOfKeywords) {
  expect_faults(
      document_faults,
      {
          {"            5\n",
           "f.yaml:12:13: error: expected a schema (a mapping, true or false), found a number (at "
           "/do/0/t/input/schema/document)\n"},
          {"            type: strng\n",
           "f.yaml:12:19: error: `strng` is no type, did you mean `string`? (at "
           "/do/0/t/input/schema/document/type)\n"},
          {"            type: [string, date]\n",
           "f.yaml:12:28: error: `date` is no type; expected `null`, `boolean`, `integer`, "
           "`number`, `string`, `array` or `object` (at /do/0/t/input/schema/document/type/1)\n"},
          {"            properties:\n"
           "              a: {minLength: -1, maxLength: x}\n"
           "              b: 7\n",
           "f.yaml:13:30: error: expected a whole number from 0 on (at "
           "/do/0/t/input/schema/document/properties/a/minLength)\n"
           "f.yaml:13:45: error: expected a whole number from 0 on, found text (at "
           "/do/0/t/input/schema/document/properties/a/maxLength)\n"
           "f.yaml:14:18: error: expected a schema (a mapping, true or false), found a number (at "
           "/do/0/t/input/schema/document/properties/b)\n"},
          {"            required: true\n",
           "f.yaml:12:23: error: expected a list of names, found true or false (at "
           "/do/0/t/input/schema/document/required)\n"},
          {"            required: [a, 5, a]\n",
           "f.yaml:12:27: error: expected text, found a number (at "
           "/do/0/t/input/schema/document/required/1)\n"
           "f.yaml:12:30: error: `a` stands here twice (at "
           "/do/0/t/input/schema/document/required/2)\n"},
          {"            minimum: 1\n"
           "            exclusiveMinimum: true\n",
           "f.yaml:13:31: error: expected a number (true and false are of draft 4; write the bound "
           "itself here), found true or false (at "
           "/do/0/t/input/schema/document/exclusiveMinimum)\n"},
          {"            multipleOf: 0\n",
           "f.yaml:12:25: error: expected a number above 0 (at "
           "/do/0/t/input/schema/document/multipleOf)\n"},
          {"            enum: []\n"
           "            allOf: []\n",
           "f.yaml:12:19: error: expected a list of at least one value, found an empty list (at "
           "/do/0/t/input/schema/document/enum)\n"
           "f.yaml:13:20: error: expected a list of at least one schema, found an empty list (at "
           "/do/0/t/input/schema/document/allOf)\n"},
          {"            prefixItems: [true]\n"
           "            items: [true]\n",
           "f.yaml:13:20: error: expected a schema beside `prefixItems`, found a list (at "
           "/do/0/t/input/schema/document/items)\n"},
          {"            pattern: '(a'\n"
           "            patternProperties: {'[': true, 'ok': true}\n",
           "f.yaml:12:22: error: `(a` is no regular expression: end pattern with unmatched "
           "parenthesis (at /do/0/t/input/schema/document/pattern)\n"
           "f.yaml:13:33: error: `[` is no regular expression: premature end of char-class (at "
           "/do/0/t/input/schema/document/patternProperties/[)\n"},
          {"            anyOf: [{type: string}, {items: [{const: 1, uniqueItems: yes}]}]\n",
           "f.yaml:12:70: error: expected true or false, found text (at "
           "/do/0/t/input/schema/document/anyOf/1/items/0/uniqueItems)\n"},
          {"            $defs: {unused: {type: nothing}}\n",
           "f.yaml:12:36: error: `nothing` is no type; expected `null`, `boolean`, `integer`, "
           "`number`, `string`, `array` or `object` (at "
           "/do/0/t/input/schema/document/$defs/unused/type)\n"},
      });
}

TEST(SchemaFaults, References) {
  expect_faults(
      document_faults,
      {
          {"            $ref: https://example.com/other.json#/a\n",
           "f.yaml:12:19: error: `https://example.com/other.json#/a` lies outside of the schema; "
           "references lead only to places within it (`#/…`) (at "
           "/do/0/t/input/schema/document/$ref)\n"},
          {"            $ref: other.yaml\n",
           "f.yaml:12:19: error: `other.yaml` lies outside of the schema; references lead only to "
           "places within it (`#/…`) (at /do/0/t/input/schema/document/$ref)\n"},
          {"            properties: {a: {$ref: '#/$defs/persn'}}\n"
           "            $defs: {person: true}\n",
           "f.yaml:12:36: error: `#/$defs/persn` leads nowhere: there is no `persn`, did you mean "
           "`person`? (at /do/0/t/input/schema/document/properties/a/$ref)\n"},
          {"            $ref: '#here'\n",
           "f.yaml:12:19: error: no `$anchor` has the name `here` (at "
           "/do/0/t/input/schema/document/$ref)\n"},
          {"            $ref: '#/title'\n"
           "            title: text\n",
           "f.yaml:12:19: error: `#/title` leads to text, not to a schema (at "
           "/do/0/t/input/schema/document/$ref)\n"},
          {"            $ref: '#'\n",
           "f.yaml:12:19: error: the reference leads back to itself without going down into the "
           "data, so that it would never end (at /do/0/t/input/schema/document/$ref)\n"},
          {"            $defs:\n"
           "              a: {anyOf: [{type: string}, {$ref: '#/$defs/b'}]}\n"
           "              b: {not: {$ref: '#/$defs/a'}}\n"
           "            properties: {x: {$ref: '#/$defs/a'}}\n",
           "f.yaml:13:50: error: the reference leads back to itself without going down into the "
           "data, so that it would never end (at "
           "/do/0/t/input/schema/document/$defs/a/anyOf/1/$ref)\n"},
          {"            x-parts: {a: {type: 5}}\n"
           "            $ref: '#/x-parts/a'\n",
           "f.yaml:12:33: error: expected the name of a type, found a number (at "
           "/do/0/t/input/schema/document/x-parts/a/type)\n"},
      });
}

TEST(SchemaFaults, WhatHasNoEffectIsAWarning) {
  expect_faults(
      document_faults,
      {
          {"            propertes: {a: true}\n",
           "f.yaml:12:13: warning: unknown keyword `propertes`, did you mean `properties`? (at "
           "/do/0/t/input/schema/document/propertes)\n"},
          {"            nullable: true\n"
           "            x-own: 1\n",
           "f.yaml:12:13: warning: unknown keyword `nullable`; it has no effect (at "
           "/do/0/t/input/schema/document/nullable)\n"},
          {"            unevaluatedProperties: false\n"
           "            items: {$dynamicRef: '#a'}\n",
           "f.yaml:12:13: warning: `unevaluatedProperties` is not supported by this version: it "
           "has no effect (at /do/0/t/input/schema/document/unevaluatedProperties)\n"
           "f.yaml:13:21: warning: `$dynamicRef` is not supported by this version: it has no "
           "effect (at /do/0/t/input/schema/document/items/$dynamicRef)\n"},
          {"            $schema: http://json-schema.org/draft-04/schema#\n",
           "f.yaml:12:13: warning: `http://json-schema.org/draft-04/schema#` is none of the drafts "
           "6, 7, 2019-09 and 2020-12, as which it is read (at "
           "/do/0/t/input/schema/document/$schema)\n"},
          {"            $schema: https://json-schema.org/draft/2020-12/schema\n"
           "            $id: https://example.com/s\n",
           ""},
          {"            then: {}\n"
           "            minContains: 1\n"
           "            additionalItems: false\n",
           "f.yaml:12:13: warning: `then` has no effect without `if` (at "
           "/do/0/t/input/schema/document/then)\n"
           "f.yaml:13:13: warning: `minContains` has no effect without `contains` (at "
           "/do/0/t/input/schema/document/minContains)\n"
           "f.yaml:14:13: warning: `additionalItems` has an effect only beside a list of schemas "
           "in `items` (at /do/0/t/input/schema/document/additionalItems)\n"},
      });
}

TEST(SchemaFaults, AreFoundWhereverASchemaStands) {
  expect_faults(
      body_faults,
      {
          {"input: {schema: {document: {type: a}}}\n"
           "output: {schema: {document: {type: b}}}\n"
           "do:\n"
           "  - t:\n"
           "      set: {x: 1}\n"
           "      output: {schema: {document: {type: c}}, as: .x}\n"
           "      export: {schema: {document: {type: string}}}\n",
           "f.yaml:6:35: error: `a` is no type; expected `null`, `boolean`, `integer`, `number`, "
           "`string`, `array` or `object` (at /input/schema/document/type)\n"
           "f.yaml:7:36: error: `b` is no type; expected `null`, `boolean`, `integer`, `number`, "
           "`string`, `array` or `object` (at /output/schema/document/type)\n"
           "f.yaml:11:42: error: `c` is no type; expected `null`, `boolean`, `integer`, `number`, "
           "`string`, `array` or `object` (at /do/0/t/output/schema/document/type)\n"
           "f.yaml:12:24: warning: it has no effect without `as`, which makes the context (at "
           "/do/0/t/export/schema)\n"},
      });
}

TEST(SchemaFaults, AnAliasStandsForItsSchema) {
  EXPECT_EQ(body_faults("input: {schema: &s {document: {type: object}}}\n"
                        "output: {schema: *s}\n"
                        "do:\n"
                        "  - t: {set: {x: 1}}\n"),
            "");
}

}  // namespace
}  // namespace stepwell::config
