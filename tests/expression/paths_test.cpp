#include <gtest/gtest.h>

#include "tests/expression/cases.h"

namespace stepwell::expression {
namespace {

TEST(Paths, AreFollowedThroughEveryPathExpression) {
  expect_all({
      {"path(.a[0].b)", "null", R"(["a",0,"b"])"},
      {"[path(..)]", "[[1]]", "[[],[0],[0,0]]"},
      {"[paths]", R"({"a":[1,{"b":2}]})", R"([["a"],["a",0],["a",1],["a",1,"b"]])"},
      {"[paths(type == \"number\")]", R"({"a":[1,"x"]})", R"([["a",0]])"},
      {"path(.a | select(.b))", R"({"a":{"b":1}})", R"(["a"])"},
      {"[path(.[1:3])]", "[1,2,3]", R"([[{"start":1,"end":3}]])"},
      {"[path(.a // .b)]", R"({"a":null})", R"([["b"]])"},
      {"[path(if .a then .a else .b end)]", R"({"b":1})", R"([["b"]])"},
      {"[path(first(.a, .b))]", "null", R"([["a"]])"},
      {"[path(limit(1; .a, .b))]", "null", R"([["a"]])"},
      {"[path(getpath([\"a\",\"b\"]))]", "null", R"([["a","b"]])"},
      {"[path(. as $x | .a)]", "null", R"([["a"]])"},
      {"path(def f: .a; f | .b)", "null", R"(["a","b"])"},
      {"path(.a | map(.b))", R"({"a":[]})", "error: Invalid path expression with result []"},
      {"path(1 | .a)", "null",
       "error: Invalid path expression near attempt to access element \"a\" of 1"},
      {"try path([1] | .[]) catch .", "null",
       R"("Invalid path expression near attempt to iterate through [1]")"},
      {"[paths] | length", "[[[1,2],3]]", "5"},
      {"pick(.a.b, .c[1])", R"({"a":{"b":1,"x":2},"c":[3,4,5]})", R"({"a":{"b":1},"c":[null,4]})"},
  });
}

TEST(Paths, AssignInEveryForm) {
  expect_all({
      {".a = 1", "null", R"({"a":1})"},
      {".a.b[1] = 2", "null", R"({"a":{"b":[null,2]}})"},
      {".[] = 1", "[5,6]", "[1,1]"},
      {"(.a, .b) = (1, 2)", "null", R"({"a":1,"b":1} {"a":2,"b":2})"},
      {".a = .b", R"({"b":7})", R"({"b":7,"a":7})"},
      {".a |= . + 1", R"({"a":1})", R"({"a":2})"},
      {".[] |= select(. > 1)", "[1,2,3]", "[2,3]"},
      {".a |= empty", R"({"a":1,"b":2})", R"({"b":2})"},
      {".a |= (5, 6)", "null", R"({"a":5})"},
      {".[0] |= first(empty)", "[1,2]", "[2]"},
      {".a += 1, .a -= 1, .a *= 3, .a /= 2, .a %= 3", R"({"a":4})",
       R"({"a":5} {"a":3} {"a":12} {"a":2} {"a":1})"},
      {".a //= 9, .b //= 9", R"({"a":4})", R"({"a":4} {"a":4,"b":9})"},
      {".[] += .[0]", "[1,2]", "[2,3]"},
      {".a += (1, 2)", R"({"a":1})", R"({"a":2} {"a":3})"},
      {".[1:3] = [9]", "[1,2,3,4]", "[1,9,4]"},
      {".[1:] |= map(. * 2)", "[1,2,3]", "[1,4,6]"},
      {".[-1] = 5", "[1,2]", "[1,5]"},
      {".[-3] = 5", "[1,2]", "error: Out of bounds negative array index"},
      {".. |= (if type == \"number\" then . + 1 else . end)", "[1,[2]]", "[2,[3]]"},
      {"(.a | .b) |= 3", "null", R"({"a":{"b":3}})"},
      {".a[.i] = 1", R"({"i":1})", R"({"i":1,"a":[null,1]})"},
      {".a |= .b", R"({"a":{"b":10}})", R"({"a":10})"},
      {"(.[] | select(. == 2)) = 9", "[1,2,3]", "[1,9,3]"},
      {"map_values(. + 1), map_values(empty)", R"({"a":1})", R"({"a":2} {})"},
      {"with_entries(.value += 1 | .key |= ascii_upcase)", R"({"a":1})", R"({"A":2})"},
      {"1 = 2", "5", "error: Invalid path expression with result 1"},
      {".a = 1", "[]", "error: Cannot index array with string \"a\""},
      {"reduce range(3) as $i ([]; .[$i] = $i)", "null", "[0,1,2]"},
  });
}

TEST(Paths, DeleteTheLastFirst) {
  expect_all({
      {"del(.a)", R"({"a":1,"b":2})", R"({"b":2})"},
      {"del(.[0], .[2])", "[1,2,3,4]", "[2,4]"},
      {"del(.[1:3])", "[1,2,3,4]", "[1,4]"},
      {"del(.[] | select(. % 2 == 0))", "[1,2,3,4]", "[1,3]"},
      {"del(.a.b, .a)", R"({"a":{"b":1},"c":2})", R"({"c":2})"},
      {"del(.x.y)", R"({"a":1})", R"({"a":1})"},
      {"del(.)", "5", "null"},
      {"delpaths([[\"a\",\"b\"],[\"c\"]])", R"({"a":{"b":1,"d":2},"c":3})", R"({"a":{"d":2}})"},
      {"del(.[-1])", "[1,2]", "[1]"},
      {"del(.[0].a)", "[5]", "error: Cannot index number with string \"a\""},
      {"to_entries | del(.[0].key) | .[0]", R"({"a":1})", R"({"value":1})"},
  });
}

TEST(Paths, SetAndGet) {
  expect_all({
      {"getpath([\"a\",\"b\"])", R"({"a":{"b":5}})", "5"},
      {"getpath([\"a\",\"b\"])", "null", "null"},
      {"[getpath([\"a\"],[\"b\"])]", R"({"a":0,"b":1})", "[0,1]"},
      {"getpath([\"a\",\"b\"])", R"({"a":1})", "error: Cannot index number with string \"b\""},
      {"setpath([\"a\",0]; 1)", "null", R"({"a":[1]})"},
      {"setpath([]; 1)", "null", "1"},
      {"setpath(1; 1)", "null", "error: Path must be specified as an array"},
      {"setpath([1]; 1)", "{}", "error: Cannot index object with number"},
      {"[paths(..)]", "[[]]", "[[0]]"},
      {"[tostream]", R"({"a":[1,2]})", R"([[["a",0],1],[["a",1],2],[["a",1]],[["a"]]])"},
      {"fromstream(tostream)", R"({"a":[1,{"b":2}]})", R"({"a":[1,{"b":2}]})"},
      {"[1 | truncate_stream([[0],1],[[1,0],2],[[1,0]],[[1]])]", "null", "[[[0],2],[[0]]]"},
  });
}

// Found by comparing with jq 1.8.1.
TEST(Paths, AreJudgedAsByJq) {
  expect_all({
      {".[[]]", "[1]", "[]"},
      {"try setpath([{\"start\": 1}]; [9]) catch \"no\"", "[1,2]", "\"no\""},
      {"try getpath([null]) catch \"no\"", "null", "\"no\""},
      {"[skip(0.5; 1, 2)]", "null", "[1,2]"},
      {"[nan] | [paths], map_values(1), (.[0] |= 1)", "null", "[[0]] [1] [1]"},
      // A path whose update gave nothing is deleted in the end; until then it is as it was.
      {"try ((., .[0]) |= (if type == \"number\" then error(\"seen\") else empty end)) catch .",
       "[1]", "\"seen\""},
      {"(.[0], .[1]) |= empty", "[1,2,3]", "[3]"},
      {"map_values(empty), map_values(., .)", "{\"a\":1,\"b\":2}", "{} {\"a\":1,\"b\":2}"},
  });
}

}  // namespace
}  // namespace stepwell::expression
