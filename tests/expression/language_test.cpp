#include <gtest/gtest.h>

#include "tests/expression/cases.h"

namespace stepwell::expression {
namespace {

TEST(Language, ReadsPathsAndSlices) {
  expect_all({
      {".", "[1,2]", "[1,2]"},
      {"", "7", "7"},
      {" # nothing but a comment", "7", "7"},
      {".a", R"({"a":1})", "1"},
      {".a.b.c", R"({"a":{"b":{"c":3}}})", "3"},
      {".a.b.c", "{}", "null"},
      {".a[1].b", R"({"a":[0,{"b":2}]})", "2"},
      {R"(."a b"."c")", R"({"a b":{"c":5}})", "5"},
      {R"(.["a"].["b"])", R"({"a":{"b":6}})", "6"},
      {".[-1], .[1], .[7], .[1.7]", "[1,2,3]", "3 2 null 2"},
      {".[1:3], .[:-1], .[-2:], .[3:1]", "[1,2,3,4]", "[2,3] [1,2,3] [3,4] []"},
      {".[2:4], .[-1:]", R"("aäöüb")", R"("öü" "b")"},
      {".[]", R"([1,"a"])", R"(1 "a")"},
      {".[]", R"({"b":1,"a":2})", "1 2"},
      {"[.[]?, .a?, .[0]?]", "5", "[]"},
      {".a.b?", "[]", "error: Cannot index array with string \"a\""},
      {".a[]", R"({"a":5})", "error: Cannot iterate over number (5)"},
      {".a", "5", "error: Cannot index number with string \"a\""},
      {"[..]", R"([1,[2]])", "[[1,[2]],1,[2],2]"},
      {".[(0,2)]", "[1,2,3]", "1 3"},
      {"[.[0,1:2,3]]", "[1,2,3,4]", "[[1,2],[1,2,3],[2],[2,3]]"},
      {".[[2,3]]", "[1,2,3,2,3]", "[1,3]"},
  });
}

TEST(Language, ComputesWithOperators) {
  expect_all({
      {"1 + 2 * 3 - 4 / 2", "null", "5"},
      {"7 % 4, -7 % 4, 7 % -4, 5.9 % 2.1", "null", "3 -3 3 1"},
      {"9223372036854775807 - 1", "null", "9223372036854775806"},
      {"9223372036854775807 + 1", "null", "9223372036854776000"},
      {"12345678901 * 1000", "null", "12345678901000"},
      {"10 / 4, 10 / 5", "null", "2.5 2"},
      {"-1 * 0, 0 * 1, 0 / -1", "null", "-0 0 -0"},
      {"1 / 0", "null",
       "error: number (1) and number (0) cannot be divided because the divisor is zero"},
      {"null + 1, 1 + null, null + null", "null", "1 1 null"},
      {R"("a" + "b", "ab" * 3, 0 * "ab", "ab" * -1)", "null", R"("ab" "ababab" "" null)"},
      {R"("a,b,c" / ",")", "null", R"(["a","b","c"])"},
      {"[1,2] + [3], [1,2,1] - [1]", "null", "[1,2,3] [2]"},
      {R"({a:1} + {b:2} + {a:3})", "null", R"({"a":3,"b":2})"},
      {R"({a:{b:1,c:2}} * {a:{c:3}})", "null", R"({"a":{"b":1,"c":3}})"},
      {"{} + 1", "null", "error: object ({}) and number (1) cannot be added"},
      {"[] - {}", "null", "error: array ([]) and object ({}) cannot be subtracted"},
      {"[(1,2) + (10,20)]", "null", "[11,12,21,22]"},
      {"-(1), -.a, - .a + 10", R"({"a":3})", "-1 -3 7"},
      {"-.", R"("x")", R"(error: string ("x") cannot be negated)"},
      {"1 < 2, 2 <= 2, 3 > 4, \"a\" >= \"b\", [] < {}, null < false", "null",
       "true true false false true true"},
      {"1 == 1.0, [1] == [1], {a:1} != {a:1}", "null", "true true false"},
      {"(true, false) and (true, false)", "null", "true false false"},
      {"(true, false) or (true, false)", "null", "true true false"},
      {"false and error(1), true or error(1)", "null", "false true"},
      {"1 as $x | 2 as $y | $x - $y", "null", "-1"},
  });
}

TEST(Language, KeepsWholeNumbersAndUntouchedLiteralsExact) {
  expect_all({
      {".", "9007199254740993", "9007199254740993"},
      {". + 1", "9007199254740993", "9007199254740994"},
      {"100000000000000000000000000000001", "null", "100000000000000000000000000000001"},
      {"[., -(.)]", "100000000000000000000000000000001",
       "[100000000000000000000000000000001,-100000000000000000000000000000001]"},
      {". == 9007199254740992", "9007199254740993", "false"},
  });
}

TEST(Language, FallsBackToAlternatives) {
  expect_all({
      {".a // 1", "{}", "1"},
      {".a // 1", R"({"a":false})", "1"},
      {".a // 1", R"({"a":0})", "0"},
      {"[(1,null,2) // (3,4)]", "null", "[1,2]"},
      {"[(null,false) // (3,4)]", "null", "[3,4]"},
      {"empty // 5", "null", "5"},
      {"null // null // 3", "null", "3"},
      {"error(\"x\") // 1", "null", "error: x"},
      {"first(empty) // \"none\"", "null", R"("none")"},
  });
}

TEST(Language, Branches) {
  expect_all({
      {"if . then 1 else 2 end", "null", "2"},
      {"if . then 1 else 2 end", "0", "1"},
      {"if . == 1 then \"a\" elif . == 2 then \"b\" else \"c\" end", "2", R"("b")"},
      {"if . == 1 then \"a\" end", "2", "2"},
      {"[if (true,false,null) then 1,2 else 3 end]", "null", "[1,2,3,3]"},
      {"if empty then 1 else 2 end", "null", ""},
  });
}

TEST(Language, BuildsArraysAndObjects) {
  expect_all({
      {"[]", "null", "[]"},
      {"[.a, .b]", R"({"a":1,"b":2})", "[1,2]"},
      {"[.[] | . * 2]", "[1,2]", "[2,4]"},
      {"{a: 1, \"b c\": 2, (\"d\" + \"e\"): 3}", "null", R"({"a":1,"b c":2,"de":3})"},
      {"{a, \"b\", $__loc__}", R"({"a":1,"b":2})",
       R"({"a":1,"b":2,"__loc__":{"file":"<top-level>","line":1}})"},
      {"1 as $x | {$x, y: $x}", "null", R"({"x":1,"y":1})"},
      {"{(\"a\",\"b\"): (1,2)}", "null", R"({"a":1} {"a":2} {"b":1} {"b":2})"},
      {"{a: (1,2), b: (3,4)}", "null",
       R"({"a":1,"b":3} {"a":1,"b":4} {"a":2,"b":3} {"a":2,"b":4})"},
      {"{a: 1 | 2}", "null", R"({"a":2})"},
      {"{\"a\\(1 + 1)\": 3}", "null", R"({"a2":3})"},
      {"{\"x\\(1)\"}", R"({"x1":9})", R"({"x1":9})"},
      {"{if: 1, and: 2}.if", "null", "1"},
      {"{(.): 2}", "1", "error: Cannot use number (1) as object key"},
      {"{a: {b: {c: 1}}} | .a.b", "null", R"({"c":1})"},
  });
}

TEST(Language, InterpolatesStrings) {
  expect_all({
      {R"j("a\(1 + 1)b")j", "null", R"j("a2b")j"},
      {R"j("\(.)")j", R"j({"a":[1]})j", R"j("{\"a\":[1]}")j"},
      {R"j("\("x" + "\(1)")y")j", "null", R"j("x1y")j"},
      {R"j("\(1,2)-\(3,4)")j", "null", R"j("1-3" "2-3" "1-4" "2-4")j"},
      {R"j("\u00e4\ud83d\ude00\n")j", "null", R"j("ä😀\n")j"},
      {R"j(@base64 "x\("ab")y")j", "null", R"j("xYWI=y")j"},
      {R"j("(\(")"))")j", "null", R"j("())")j"},
  });
}

TEST(Language, CatchesErrors) {
  expect_all({
      {"try error(\"x\") catch .", "null", R"("x")"},
      {"try error({a:1}) catch .a", "null", "1"},
      {"try error(null) catch .", "null", "null"},
      {"[.[] | try if . == 2 then error(\"no\") else . end catch \"c\"]", "[1,2,3]",
       R"([1,"c",3])"},
      {"[.[] | (1 / .)?]", "[1,0,2]", "[1,0.5]"},
      {"try (1, error(\"x\"), 3) catch .", "null", R"(1 "x")"},
      {"(try 1 catch \"inner\") | error(\"outer\")", "null", "error: outer"},
      {"try ((try 1 catch \"inner\") | error(\"outer\")) catch .", "null", R"("outer")"},
      {"[(1,2) | try (., error) catch -.]", "null", "[1,-1,2,-2]"},
      {"error", R"("gone")", "error: gone"},
      {"error({a:1})", "null", "error: {\"a\":1} (not a string)"},
      {"try error(\"\\($__loc__)\") catch .", "null", R"("{\"file\":\"<top-level>\",\"line\":1}")"},
      {".a?.b?", "5", ""},
      {"try (try error(1) catch error(2)) catch .", "null", "2"},
  });
}

TEST(Language, Folds) {
  expect_all({
      {"reduce .[] as $x (0; . + $x)", "[1,2,3]", "6"},
      {"reduce empty as $x (7; 8)", "null", "7"},
      {"reduce range(3) as $x (0; empty)", "null", "null"},
      {"reduce (1,2) as $x (0; . + $x, . * 10)", "null", "0"},
      {"reduce .[] as [$a, $b] ({}; .[$a] = $b)", R"([["x",1],["y",2]])", R"({"x":1,"y":2})"},
      {"[foreach range(4) as $i (0; . + $i)]", "null", "[0,1,3,6]"},
      {"[foreach range(4) as $i (0; . + $i; [$i, .])]", "null", "[[0,0],[1,1],[2,3],[3,6]]"},
      {"[foreach (1,2) as $i (0; . + $i, . * 10)]", "null", "[1,0,2,0]"},
      {"reduce ([1,2],[3,4])[] as $x (0; . + $x)", "null", "10"},
      {"[limit(3; foreach range(10) as $i (0; . + 1))]", "null", "[1,2,3]"},
  });
}

TEST(Language, BindsAndDestructures) {
  expect_all({
      {". as [$a, [$b]] | [$a, $b]", "[1,[2]]", "[1,2]"},
      {". as {a: $x, $b} | [$x, $b]", R"({"a":1,"b":2})", "[1,2]"},
      {". as {$b: [$c]} | [$b, $c]", R"({"b":[5]})", "[[5],5]"},
      {". as {\"a\": $x, (\"b\",\"c\"): $y} | [$x, $y]", R"({"a":1,"b":2,"c":3})", "[1,2] [1,3]"},
      {". as [$a] | $a", "null", "null"},
      {". as [$a] | $a", "{}", "error: Cannot index object with number"},
      {".[] as [$a] ?// $a | [$a]", "[[3],4]", "[3] [4]"},
      {".[] as {a: $a} ?// [$a] | $a", R"([{"a":1},[2]])", "1 2"},
      {"[[3]] | .[] as [$a] ?// [$b] | if $a != null then error(\"e\") else {$a, $b} end", "null",
       R"({"a":null,"b":3})"},
      {"(1,2) as $x | (3,4) as $y | [$x, $y]", "null", "[1,3] [1,4] [2,3] [2,4]"},
      {"1 as $x | [$x, (2 as $x | $x), $x]", "null", "[1,2,1]"},
  });
}

TEST(Language, DefinesFunctions) {
  expect_all({
      {"def f: . + 1; f | f", "1", "3"},
      {"def f(g): [g, g]; f(1, 2)", "null", "[1,2,1,2]"},
      {"def f($a; $b): $a - $b; f(5; 3)", "null", "2"},
      {"def f($a): a + $a; f(2)", "null", "4"},
      {"def f(x): def g: x * 2; g + x; f(.)", "5", "15"},
      {"def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; fac", "10", "3628800"},
      {"def f: def g: 3; g; f", "null", "3"},
      {"def f: 1; def f: 2; f", "null", "2"},
      {"def f: 1; def g: f; def f: 2; [f, g]", "null", "[2,1]"},
      {"def f(x): x; def f: 9; [f, f(8)]", "null", "[9,8]"},
      {"def f($a; g): g as $b | $a + $b; [f((1,2); (10,20))]", "null", "[11,21,12,22]"},
      {"def ack($m; $n): if $m == 0 then $n + 1 elif $n == 0 then ack($m - 1; 1) "
       "else ack($m - 1; ack($m; $n - 1)) end; ack(2; 3)",
       "null", "9"},
      {"def f(g): def r: if . > 3 then . else g | r end; r; f(. + 1)", "0", "4"},
      {"def map(f): \"mine\"; map(.)", "[1]", R"("mine")"},
      {"def f: reduce .[] as $x (0; . + $x); map(f)", "[[1,2],[3]]", "[3,3]"},
      {"def zip(f; g): [f, g] | transpose; zip(.a; .b)", R"({"a":[1,2],"b":[3,4]})",
       "[[1,3],[2,4]]"},
  });
}

TEST(Language, LeavesLabels) {
  expect_all({
      {"label $out | 1, break $out, 2", "null", "1"},
      {"[label $f | range(10) | ., (select(. == 3) | break $f)]", "null", "[0,1,2,3]"},
      {"[range(3) | label $l | ., (if . == 1 then break $l else empty end), 10]", "null",
       "[0,10,1,2,10]"},
      {"label $a | label $b | (1, break $a, 2), 3", "null", "1"},
      {"[first(range(5;10)), first(empty)]", "null", "[5]"},
      {"def f(g): label $x | g | ., break $x; [f(1,2), f(3,4)]", "null", "[1,3]"},
      {"try (label $x | error(\"e\")) catch .", "null", R"("e")"},
      {"label $x | try break $x catch \"caught\"", "null", ""},
  });
}

TEST(Language, BindsOperatorsAsTightlyAsJq) {
  expect_all({
      {"1, 2 | . * 10", "null", "10 20"},
      {"1 as $x | 2, $x", "null", "2 1"},
      {"[1 // 2, 3]", "null", "[1,3]"},
      {"false // false or true", "null", "true"},
      {"true or false and false", "null", "true"},
      {"1 + 1 == 2 and 3 > 2", "null", "true"},
      {"try error(\"x\") // 1", "null", "1"},
      {"def f: 1, 2; [f] | length", "null", "2"},
      {"reduce 1, 2 as $x (0; . + $x)", "null",
       "error: expected \"as\" after the source but found \",\" (line 1, column 9)"},
      {"-1 as $x | $x", "null", "-1"},
      {"[.[] | -.]", "[1,2]", "[-1,-2]"},
      {".a = 1 | .b = 2", "null", R"({"a":1,"b":2})"},
  });
}

}  // namespace
}  // namespace stepwell::expression
