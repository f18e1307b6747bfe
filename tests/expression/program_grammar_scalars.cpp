#include <array>

#include "tests/expression/program_grammar.h"

namespace stepwell::expression {

namespace {

constexpr auto kScalarNumberLeaves = std::to_array<std::string_view>(
    {"0", "1", "2", "3", "-1", "-2", "0.5", "1.5", "10", "1e3", "100000", "4294967296"});

constexpr auto kScalarNumbers = std::to_array<std::string_view>(
    {"%n + %n",
     "%n - %n",
     "%n * %n",
     "%n / %n",
     "%n %% %n",
     "-%n",
     "%t | length",
     "%l | length",
     "%o | length",
     "%n | length",
     "%t | utf8bytelength",
     "%n | floor",
     "%n | ceil, round",
     "%n | sqrt",
     "%n | fabs, trunc",
     "%n | exp, exp2",
     "%n | log, log2, log10",
     "%n | sin, cos, tan",
     "%n | asin, acos, atan",
     "%n | sinh, cosh, tanh",
     "%n | asinh, acosh, atanh",
     "%n | cbrt, expm1, log1p",
     "%n | significand, logb",
     "%n | gamma, lgamma, tgamma",
     "%n | nearbyint, rint",
     "%n | j0, j1, y0, y1",
     "pow(%N; %N)",
     "atan2(%N; %N)",
     "fmin(%N; %N), fmax(%N; %N)",
     "fmod(%N; %N)",
     "fma(%N; %N; %N)",
     "ldexp(%N; 3)",
     "scalb(%N; 2)",
     "hypot(%N; %N)",
     "%t | explode | add // 0",
     "%l | map(%N) | add // 0",
     "[%t | tonumber?] | add // 0",
     "%l | index(%A) // 0",
     "%l | rindex(%A) // 0",
     "%t | index(\"b\") // 0",
     "%n | tostring | tonumber",
     "%n | tonumber",
     "infinite",
     "nan",
     "[%L | .[]? | numbers] | add // 0",
     "[%n, %n] | min, max",
     "[%n, %n, 7] | add / length",
     "%n | finites | fabs | . %% 100000000 | todate | fromdate",
     "%n | finites | fabs | . %% 100000000 | floor | gmtime | mktime",
     "if %B then %N else %N end",
     "%n | [limit(9; recurse(if . < 3 then . + 1 else empty end))] | add",
     "%n | [., 5] | min | until(. >= 3; . + 1)",
     "%l | bsearch(%A)",
     "first(range(%N; 9))",
     "reduce range(4) as $i (%N; . + $i * %n)",
     "%p | numbers",
     "%s"});

constexpr auto kTextLeaves = std::to_array<std::string_view>(
    {R"J("")J", R"J("a")J", R"J("b")J", R"J("ab")J", R"J("aXbxc")J", R"J("x y")J", R"J("é")J",
     R"J("e\u0301")J", R"J("\ud83d\ude00")J", R"J("z😀é")J", R"J("a,b, c")J", R"J("1")J",
     R"J("-2.50")J", R"J("<&'\">")J", R"J("l\n\t\\/")J", R"J("2015-03-05T23:51:47Z")J",
     R"J("YWJj")J", R"J("[1,{\"a\":2}]")J"});

constexpr auto kScalarTexts = std::to_array<std::string_view>(
    {"%t + %t",
     "%t * 2",
     "%t | ascii_upcase",
     "%t | ascii_downcase",
     "%a | tojson",
     "%a | tostring",
     "%a | type",
     "%t | @base64",
     "%t | @base64 | @base64d",
     "%a | @uri",
     "%a | @html",
     "%a | @json",
     "%a | @text",
     "%n | @text",
     "%t | @sh",
     "%l | @sh",
     "[%n, %t, true, null] | @csv, @tsv, @sh",
     "%l | @csv",
     "%l | @tsv",
     "%t | ltrimstr(%T)",
     "%t | rtrimstr(%T)",
     "%t | .[%i:%i]",
     "%t[%i:]",
     "%t[:%i]",
     "%l | map(tostring) | join(%T)",
     "%l | map(numbers, strings, nulls, booleans) | join(%T)",
     R"J("x\(%A)y\(%A)")J",
     R"J(@json "v=\(%A)")J",
     R"J(@html "<i>\(%A)</i>")J",
     R"J(@uri "?q=\(%T)&\(%N)")J",
     R"J(@base64 "\(%A)-")J",
     R"J(@csv "r: \([%N, %T])")J",
     R"J(@sh "echo \(%T) \(%N)")J",
     R"J("a" + "\(%T + "in\(%T)")")J",
     "%t | explode | implode",
     "%t | explode | reverse | implode",
     "%t | sub(%r; first(%t, \"\"))",
     "%t | sub(%r; first(%t, \"\"); %f)",
     "%t | gsub(%r; first(%t, \"\"))",
     R"J(%t | sub("(?<x>[a-z])"; "<\(.x)>"))J",
     R"J(%t | gsub("(?<x>[a-z])"; "<\(.x)>"))J",
     R"J(%t | gsub("(?<x>[a-z])(?<y>[^a-z])?"; .x + "!"))J",
     R"J(%t | split(%T) | join(","))J",
     "%t | tojson | fromjson",
     "%n | finites | . %% 1000000000 | todate",
     R"J(%n | finites | . %% 1000000000 | floor | strftime("%%Y-%%m-%%dT%%H:%%M:%%SZ %%A %%B %%j %%e"))J",
     R"J("2015-03-05T23:51:47Z" | strptime("%%Y-%%m-%%dT%%H:%%M:%%SZ") | mktime | todate)J",
     R"J(%o | keys | join("-"))J",
     "if %B then %T else %T end",
     "%l | map(strings) | add // \"\"",
     "[%t, %t] | min, max",
     "%p | strings",
     "%a | tojson | ascii_upcase",
     "%s"});

constexpr auto kBooleanLeaves = std::to_array<std::string_view>({"true", "false", "(true, false)"});

constexpr auto kScalarBooleans =
    std::to_array<std::string_view>({"%a == %a",
                                     "%a != %a",
                                     "%a < %a",
                                     "%a <= %a",
                                     "%a > %a",
                                     "%a >= %a",
                                     "%n == %n",
                                     "%n < %n",
                                     "%b and %b",
                                     "%b or %b",
                                     "%a and %a",
                                     "%a or %a",
                                     "%b | not",
                                     "%l | any, all",
                                     "%l | any(first(%b, false))",
                                     "%l | all(first(%b, false))",
                                     "any(%A; first(%b, false))",
                                     "all(%A; first(%b, true))",
                                     "isempty(%A)",
                                     "%t | test(%r)",
                                     "%t | test(%r; %f)",
                                     "%t | startswith(%T), endswith(%T)",
                                     "%l | contains(%L)",
                                     "%o | contains(%O)",
                                     "%t | contains(%T)",
                                     "%l | inside(%L)",
                                     "%o | has(%k)",
                                     "%l | has(%N)",
                                     "%k | in(%O)",
                                     "%a | IN(%A)",
                                     "IN(%A; 1, \"a\", null, [])",
                                     "%n | isinfinite, isnan, isnormal",
                                     "%p == %p",
                                     "%p | type == \"array\""});

}  // namespace

std::span<const std::string_view> scalar_grammar(char kind, bool leaf) {
  switch (kind) {
    case 'n':
      return leaf ? std::span<const std::string_view>(kScalarNumberLeaves) : kScalarNumbers;
    case 't':
      return leaf ? std::span<const std::string_view>(kTextLeaves) : kScalarTexts;
    default:
      return leaf ? std::span<const std::string_view>(kBooleanLeaves) : kScalarBooleans;
  }
}

}  // namespace stepwell::expression
