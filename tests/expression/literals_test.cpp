// Numbers as they are written: kept to the digit until something is computed, as in jq 1.8.
#include <gtest/gtest.h>

#include "tests/expression/cases.h"

namespace stepwell::expression {
namespace {

TEST(Literals, KeepTheirDigits) {
  expect_all({
      {".", "[1.000, 0.10, 12.50, 100e-2, 1e3, 2E-7, 0.0000001]",
       "[1.000,0.10,12.50,1.00,1E+3,2E-7,1E-7]"},
      {".", "[-0, -0.0, 0.00, 0e5]", "[-0,-0.0,0.00,0E+5]"},
      {".[0], .[1]", "[100000000000000000000000000000007, 0.3000000000000000000001]",
       "100000000000000000000000000000007 0.3000000000000000000001"},
      {"1.50, [1e1000], {a: 7.0}", "null", "1.50 [1E+1000] {\"a\":7.0}"},
      {"tostring, tojson, \"\\(.)\", @text, @json", "2.50",
       "\"2.50\" \"2.50\" \"2.50\" \"2.50\" \"2.50\""},
      {"fromjson", "\"[1.0,1e-3]\"", "[1.0,0.001]"},
      {"tonumber", "\"007.10\"", "7.10"},
      {".a = 1.20 | .b += 0", "{\"b\": 3.0}", "{\"b\":3,\"a\":1.20}"},
  });
}

TEST(Literals, AreDoublesOnceComputedWith) {
  expect_all({
      {".[] | . + 0", "[1.000, 0.10, 1e3, 1e1000]", "1 0.1 1000 1.7976931348623157e+308"},
      {". + 1", "100000000000000000000000000000007", "1e+32"},
      {"[.[] | floor]", "[1.0, 1e2, 2.50]", "[1,100,2]"},
      {"1E1234567890, -1E1234567890", "null", "1.7976931348623157e+308 -1.7976931348623157e+308"},
  });
}

TEST(Literals, ChangeTheirSignAndNothingElse) {
  expect_all({
      {"[.[] | -.]", "[1.10, -1.10, 1e1000, 0.0, -0.0, 0, -0]",
       "[-1.10,1.10,-1E+1000,0.0,0.0,0,0]"},
      {"map(abs)", "[-1.10, 1.10, -100000000000000000000000000000007]",
       "[1.10,1.10,100000000000000000000000000000007]"},
      {"map(length)", "[-1.10, -0]", "[1.10,0]"},
  });
}

TEST(Literals, CompareByAllTheirDigits) {
  expect_all({
      {". == 1, . < 1, . > 1", "1.000", "true false false"},
      {"[.[0] < .[1], .[0] == .[1], .[0] > .[1]]",
       "[100000000000000000000000000000007, 100000000000000000000000000000008]",
       "[true,false,false]"},
      {"sort, unique", "[1e1000, 1E+1000, -1e1000, 1e999]",
       "[-1E+1000,1E+999,1E+1000,1E+1000] [-1E+1000,1E+999,1E+1000]"},
      {"9007199254740993 == 9007199254740993.0, 9007199254740993.0 == 9007199254740992", "null",
       "true false"},
      {"[.[] | . == 1e3]", "[1000, 1000.0, 1001]", "[true,true,false]"},
      {"{(\"1.0\" | tojson): 1} | keys", "null", "[\"\\\"1.0\\\"\"]"},
      {"group_by(.) | length", "[1, 1.0, 1.00, 1e0]", "1"},
      {"indices(1), index(1.0)", "[1.0, 2, 1]", "[0,2] 0"},
  });
}

TEST(Literals, ServeWhereAWholeNumberIsAskedFor) {
  expect_all({
      {".[1.0], .[1e0], .[:2.0]", "[5, 6, 7]", "6 6 [5,6]"},
      {"[limit(2.0; .[])], nth(1.0), has(1.0), flatten(1.0)", "[5, 6, 7]", "[5,6] 6 true [5,6,7]"},
      {"[range(2.0)], \"ab\" * 2.0, ([65.0] | implode)", "null", "[0,1] \"abab\" \"A\""},
      {"7.0 % 4, 6.0 / 2, splits(\"x\")?", "null", "3 3"},
  });
}

// The jq command takes more than JSON, and says in its own words what it does not take.
TEST(Literals, FromJsonReadsAsTheJqCommand) {
  expect_all({
      {"[.[] | fromjson]",
       R"jq(["nan", "[NaN,-nan]", "Infinity", "-inf", "+1", ".5", "5.", "-01", "\ufeff7"])jq",
       "[null,[null,null],1.7976931348623157e+308,-1.7976931348623157e+308,1,0.5,5,-1,7]"},
      {"[.[] | try fromjson catch .]",
       R"jq(["[1,]", "{'a':1}", "nan1", "[1]\n]", "\"a", "1 2", " "])jq",
       R"jq(["Expected another array element at line 1, column 4 (while parsing '[1,]')",)jq"
       R"jq("Invalid string literal; expected \", but got ' at line 1, column 5 (while parsing '{'a':1}')",)jq"
       R"jq("Invalid numeric literal at EOF at line 1, column 4 (while parsing 'nan1')",)jq"
       R"jq("Unmatched ']' at line 2, column 1 (while parsing '[1]\n]')",)jq"
       R"jq("Unfinished string at EOF at line 1, column 2 (while parsing '\"a')",)jq"
       R"jq("Unexpected extra JSON values (while parsing '1 2')",)jq"
       R"jq("Expected JSON value (while parsing ' ')"])jq"},
      {"[.[] | try fromjson catch (. / \" (\")[0]]",
       R"jq(["[1 2]", "{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "[}", "1:2", "[1:2]", "tru",)jq"
       R"jq( "[", "\"\\q\"", "\"\\u12\"", "\"\\ud800\"", "\"\\uzzzz\"", "\"\u0001\""])jq",
       R"jq(["Expected separator between values at line 1, column 5",)jq"
       R"jq("Object keys must be strings at line 1, column 3",)jq"
       R"jq("Objects must consist of key:value pairs at line 1, column 5",)jq"
       R"jq("Unmatched '}' at line 1, column 6",)jq"
       R"jq("Expected another key-value pair at line 1, column 8",)jq"
       R"jq("Expected value before ',' at line 1, column 2",)jq"
       R"jq("Unmatched '}' at line 1, column 2",)jq"
       R"jq("Expected string key before ':' at line 1, column 2",)jq"
       R"jq("':' not as part of an object at line 1, column 3",)jq"
       R"jq("Invalid literal at EOF at line 1, column 3",)jq"
       R"jq("Unfinished JSON term at EOF at line 1, column 1",)jq"
       R"jq("Invalid escape at line 1, column 4","Invalid \\uXXXX escape at line 1, column 6",)jq"
       R"jq("Invalid \\uXXXX\\uXXXX surrogate pair escape at line 1, column 8",)jq"
       R"jq("Invalid characters in \\uXXXX escape at line 1, column 8",)jq"
       R"jq("Invalid string: control characters from U+0000 through U+001F must be escaped)jq"
       R"jq( at line 1, column 3"])jq"},
  });
}

TEST(Literals, ToNumberTakesAWholeWordAndNothingAround) {
  expect_all(
      {{"[.[] | try tonumber catch \"no\"]",
        R"jq(["1e2", "+.5", "nan", "Infinity", " 1", "1 ", "", "-", "0x10", "1_0", "1e", "."])jq",
        R"jq([1E+2,0.5,null,1.7976931348623157e+308,"no","no","no","no","no","no","no","no"])jq"}});
}

}  // namespace
}  // namespace stepwell::expression
