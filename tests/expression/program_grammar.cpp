#include "tests/expression/program_grammar.h"

#include <array>

namespace stepwell::expression {

namespace {

constexpr auto kListLeaves =
    std::to_array<std::string_view>({"[]", "[1, 2, 3]", "[3, 1, 2, 1]", R"J(["b", "a", null])J",
                                     "[[1], [2, 3]]", R"J([{"a": 1, "b": 2}, {"a": 1}, {"b": 3}])J",
                                     "[0, [0, 1]]", "[null, true, false]", R"J([[["x"]]])J"});

constexpr auto kLists = std::to_array<std::string_view>(
    {"[%A]",
     "[%A, %a]",
     "[%A, %a, %a]",
     "[limit(6; range(%N))]",
     "[limit(6; range(%N; %N))]",
     "[limit(6; range(%N; %N; %N))]",
     "%l + %l",
     "%l - %l",
     "%l | map(%A)",
     "%l | map(select(%B))",
     "%l | sort",
     "%l | sort_by(%A)",
     "%l | sort_by(%A, %a)",
     "%l | group_by(%A)",
     "%l | unique",
     "%l | unique_by(%A)",
     "%l | [min_by(%A), max_by(%A)]",
     "%l | reverse",
     "%l | flatten",
     "%l | flatten(%i)",
     "%o | to_entries",
     "%l | to_entries",
     "%a | [paths]",
     "%a | [paths(%B)]",
     "%a | [paths(scalars)]",
     "%a | [..]",
     "[path(%P)]",
     "[path(%p?)]",
     "%a | [path(%P)]",
     "%o | keys",
     "%o | keys_unsorted",
     "%l | keys",
     "%t | split(%T)",
     "%t | split(%r; null)",
     "[%t | splits(%r)]",
     "%t / %t",
     "[%t | match(%r; %f)]",
     "[%t | match(%r)]",
     "[%t | match([%r, %f])]",
     "[%t | scan(%r)]",
     "%t | explode",
     "[%l, %l] | transpose",
     "%l | map(arrays) | transpose",
     "[[%l[:3], %l[:2]] | combinations]",
     "[%l[:2] | combinations(2)]",
     "%a | [tostream]",
     "%a | [fromstream(tostream)]",
     "%a | [1 | truncate_stream(%a | tostream)]",
     "[%a | getpath(paths)]",
     "%l[%i:%i]",
     "%l | .[%i:]",
     "%l | map_values([%A])",
     "%l | del(%P)",
     "%a | del(%P, %p)",
     "%a | del(%p?)",
     "%l | delpaths([[%i], [%i, %k], [%k]])",
     "%l | indices(%A)",
     "%t | indices(\"a\"), indices(\"b\")",
     "%l | indices([%A])",
     "[limit(2; %A)]",
     "[first(%A)]",
     "[limit(3; repeat(%A))]",
     "[limit(5; %n | while(. < 5; . + 1))]",
     "[limit(9; %a | recurse(%P))]",
     "[limit(9; %a | recurse(%P; %B))]",
     "%n | frexp, modf, lgamma_r",
     "%n | [gmtime[:6][]]",
     "[%l | .[] | tojson]",
     "[%l | JOIN({\"1\": %a}; tostring)]",
     "[JOIN({\"1\": %a}; %L[]; tostring; .)]",
     "[%A | %p]",
     "[%p?]",
     "[%a?]",
     "[try %a catch (if type == \"string\" then \"words\" else . end | %A)]",
     "[.[]?, %a]",
     "[%o | .[]]",
     "[nth(1; 1, 2, %a)]",
     "[%l | first, last, nth(1)]",
     "%l | (.[0], .[-1])",
     "[splits(%r)?]",
     "%p | arrays",
     "if %B then %L else %L end",
     "[getpath([%k, %i], [%k])?]",
     "[%s]",
     "%s"});

constexpr auto kObjectLeaves =
    std::to_array<std::string_view>({"{}", R"J({"a": 1, "b": [2]})J", R"J({"a": {"b": {"c": 3}}})J",
                                     R"J({"c": null, "é": "x"})J", R"J({"b": false, "a": "t"})J"});

constexpr auto kObjects = std::to_array<std::string_view>(
    {"{a: %a}",
     "{\"b\": %a, c: %a}",
     "{(%T): %a}",
     "{(%A): 1}",
     "{\"k\\(%A)\": %a}",
     "{@base64 \"x\\(%T)\": %a}",
     "{%k: %a, %k: %a}",
     "[{a, b}?] | add",
     "[{\"a\", \"b\": %a}?] | add",
     "{if: %a, then: 1, and: 2}",
     "%o + %o",
     "%o * %o",
     "%o | with_entries(.value |= [%A])",
     "%o | with_entries(select(%B))",
     "%l | map({key: tojson, value: .}) | from_entries",
     "[{name: %t, value: %a}, {key: \"k\", value: 2}] | from_entries",
     "%o | map_values([%A])",
     "%o | del(.a)",
     "%o | del(.[%k], .[%k])",
     "%o | to_entries | from_entries",
     "%l | INDEX(%A)",
     "INDEX(%L[]; tojson)",
     "%t | capture(\"(?<x>[a-z])(?<y>[A-Z])\")",
     "[%t | capture(\"(?<x>[a-z])\"; \"g\")] | add // {}",
     "reduce %l[] as $x ({}; .[$x | tojson] = %a)",
     "%o | tojson | fromjson",
     "%o | .[%k] = %a",
     "[%o, %o] | add",
     "%o | walk(if type == \"number\" then . + 1 else . end)",
     "%p | objects",
     "if %B then %O else %O end",
     "%s"});

constexpr auto kPathLeaves = std::to_array<std::string_view>({".",
                                                              ".",
                                                              ".a",
                                                              ".b",
                                                              ".c?",
                                                              ".\"a\"",
                                                              ".[\"b\"]",
                                                              ".[0]",
                                                              ".[1]",
                                                              ".[-1]",
                                                              ".[]",
                                                              ".[]?",
                                                              ".a?",
                                                              ".[0]?",
                                                              ".[1:]",
                                                              ".[:1]",
                                                              ".a.b",
                                                              ".a[0]",
                                                              ".[0].a",
                                                              ".[1:3]",
                                                              ".[]?.a?",
                                                              "recurse",
                                                              "getpath([\"a\"])",
                                                              ".[]?",
                                                              ".[-2:]?",
                                                              "empty",
                                                              "first",
                                                              "getpath([\"a\", \"b\"])",
                                                              "last",
                                                              ".b[1]?"});

constexpr auto kPaths =
    std::to_array<std::string_view>({"%p | %p",
                                     "%p | %p",
                                     "%p, %p",
                                     "%p // %p",
                                     "if %B then %P else %P end",
                                     "if %P then %P elif %B then %P else . end",
                                     "select(%B)",
                                     "%p | select(%B)",
                                     "first(%P)",
                                     "limit(2; %P)",
                                     ".[%i]",
                                     ".[%i]?",
                                     ".[%i:%i]",
                                     ".[%k]",
                                     ".[%k]?",
                                     ".[%T]?",
                                     ".[%i, %k]?",
                                     ".[%A | if type == \"number\" then floor else . end]?",
                                     "%p.a",
                                     "%p[%i]?",
                                     "%p[]?",
                                     "%p[]",
                                     "%p[%i:]?",
                                     "%p | getpath([%k, %i])",
                                     "getpath([%k], [%i])",
                                     "recurse(.[]?)",
                                     "recurse(.[]?; %B)",
                                     "error(%k)",
                                     "reduce (1, 2) as $x (.; %P)",
                                     "foreach (1, 2) as $x (.; %P)",
                                     "%s"});

constexpr auto kAnyLeaves = std::to_array<std::string_view>(
    {".", ".", ".a", ".[]?", "null", "1", "\"a\"", "[]", "{}", "true", ".[0]?"});

constexpr auto kAnything = std::to_array<std::string_view>(
    {"%N",
     "%N",
     "%T",
     "%T",
     "%L",
     "%L",
     "%L",
     "%O",
     "%O",
     "%B",
     "%P",
     "%P",
     "%P",
     "%s",
     "%s",
     "%s",
     "%s",
     "%a | %a",
     "%a | %a",
     "%a | %p",
     "%a, %a",
     "%p // %a",
     "%a // %a",
     "first(%A) // %a",
     "if %B then %A else %A end",
     "if %A then %A elif %B then %A else %A end",
     "[try %a catch 1][]",
     "[%a?][]",
     "try error(%A | values) catch (if type == \"string\" then \"words\" else . end)",
     "[limit(3; %A)][]",
     "first(%A)",
     "last(null, %a)",
     "%a.a",
     "%a[%i]",
     "%a[]",
     "%a[]?",
     "%a[%i:%i]",
     "%a[%k]?",
     "%a | tojson | fromjson",
     "%t | fromjson",
     "%p = %a",
     "%p = %a",
     "%p |= first(%a, 0)",
     "%p |= [%A]",
     "%p += %a",
     "%p -= %n",
     "%p *= %n",
     "%p /= %n",
     "%p %%= %n",
     "%p //= %a",
     "(%P, %p) |= [.]",
     "(%P | %p) += 1",
     "%a | %p = %a",
     "%a | %p |= [%A]",
     "%l | %p = %a",
     "%o | %p = %a",
     "%o | %p |= (%A, 1)",
     "%a + %a",
     "%a - %a",
     "%a * %a",
     "%a / %a",
     "setpath([%k]; %A)",
     "setpath([%i]; %A)",
     "%a | setpath([%k, %i]; %A)",
     "%a | setpath([%A]; 1)",
     "%a | getpath([%k, %i])",
     "%l | getpath([%i, %k])",
     "delpaths([[%k], [%i]])",
     "to_entries",
     "%l | add",
     "%l | min, max",
     "%a | walk(first(%a, null))",
     "%a | tostream",

     "error(%A | values)",
     "%a | values | error",
     "%a | values, nulls, booleans, scalars, iterables",
     "$__loc__ | .file",
     "%t | ascii_downcase",
     "%n | tojson",
     "%l | combinations | length"});

constexpr auto kIndices =
    std::to_array<std::string_view>({"0", "1", "2", "-1", "-2", "null", "length", "3"});
constexpr auto kKeys =
    std::to_array<std::string_view>({R"J("a")J", R"J("b")J", R"J("c")J", R"J("é")J", R"J("")J"});
constexpr auto kRegexes = std::to_array<std::string_view>(
    {R"J("a")J", R"J("[a-z]+")J", R"J("(?<x>a)(?<y>b)")J", R"J("(a)|(b)")J", R"J("\\d+")J",
     R"J("\\s*,\\s*")J", R"J(".")J", R"J("é")J", R"J("(?<n>x)")J", R"J("A B")J", R"J("[^a]")J",
     R"J("(")J", R"J("(?i)x")J", R"J("\\p{L}")J", R"J("b?x")J"});
constexpr auto kFlags =
    std::to_array<std::string_view>({"null", R"J("g")J", R"J("i")J", R"J("x")J", R"J("gi")J",
                                     R"J("n")J", R"J("s")J", R"J("l")J", R"J("gn")J"});

}  // namespace

std::span<const std::string_view> grammar(char kind, bool leaf) {
  switch (kind) {
    case 'n':
    case 't':
    case 'b':
      return scalar_grammar(kind, leaf);
    case 'l':
      return leaf ? std::span<const std::string_view>(kListLeaves) : kLists;
    case 'o':
      return leaf ? std::span<const std::string_view>(kObjectLeaves) : kObjects;
    case 'p':
      return leaf ? std::span<const std::string_view>(kPathLeaves) : kPaths;
    case 'i':
      return kIndices;
    case 'k':
      return kKeys;
    case 'r':
      return kRegexes;
    case 'f':
      return kFlags;
    default:
      return leaf ? std::span<const std::string_view>(kAnyLeaves) : kAnything;
  }
}

}  // namespace stepwell::expression
