// What jq 1.8 has beyond 1.6 or has otherwise; only properties and a newer command are tried on it.
#include <array>

#include "tests/expression/program_grammar.h"

namespace stepwell::expression {

namespace {

constexpr auto kNewerNumberLeaves = std::to_array<std::string_view>({"3.0", "1.10", "0.5", "1e2"});
constexpr auto kNewerNumbers = std::to_array<std::string_view>(
    {"%n | abs", "%l | add(.[] | %N)", "last(range(%N; 9))", "%n | todate | fromdate",
     "%t | trim | length", "%a | length", "%a | abs", "%a | tonumber", "-%a",
     "%n | finites | fabs | . %% 100000000 | gmtime | mktime", "[%L] | getpath([0, %i]) // 7",
     "%a | ltrimstr(%T) | length", "if %B then %N end", "%t | index(%T) // 0",
     "%t | rindex(%T) // 0"});

constexpr auto kNewerTexts =
    std::to_array<std::string_view>({"%t | trim, ltrim, rtrim",
                                     "%t | trimstr(%T)",

                                     "%t | @uri | @urid",
                                     "%a | ltrimstr(%A)",
                                     "%a | rtrimstr(%A)",

                                     "%a | @base64d",

                                     "%a | @sh",
                                     "%a | @csv",
                                     "%a | @tsv",
                                     "%l | implode",
                                     "%t * %n",
                                     "%n * %t",
                                     "%l | join(%T)",
                                     "%l | join(%A)",
                                     R"J(%t | gsub(""; "-"))J",
                                     R"J(%t | gsub("^"; %T))J",
                                     R"J(%t | gsub("$"; %T))J",
                                     R"J(%t | [sub("(?<x>[a-z])"; .x, "2")] | tojson)J",
                                     R"J(%t | [gsub("(?<x>[a-z])"; .x, "2")] | tojson)J",
                                     R"J(%t | gsub("(?<x>a)?b"; "<\(.x)>"))J",
                                     "%a | ascii_downcase",
                                     "%a | ascii_upcase",
                                     "%a | tojson",
                                     "%a | error(.)? // \"none\"",
                                     "try %a catch (. | tostring)",
                                     "%a | test(%r)",
                                     "%n | todate",
                                     "%a | strftime(\"%%Y-%%m\")",
                                     "%t | strptime(\"%%Y-%%m-%%d\")",
                                     "if %B then %T end"});

constexpr auto kNewerLists =
    std::to_array<std::string_view>({"[skip(%N; %A)]",
                                     "[limit(%N; %A)]",
                                     "[nth(%N; %A)]",

                                     "[last(%A)]",
                                     "[first(%P)?]",
                                     R"J([%t | match(""; "g")])J",
                                     R"J([%t | match("(a)?b?"; "g")])J",
                                     R"J(%t | [splits("")])J",
                                     R"J(%t | [capture("(?<x>a)?(?<y>b)"; %f)])J",
                                     "%t | indices(%T)",
                                     "%t | [scan(%r; %f)]",
                                     "%l | map_values(%A)",
                                     "%l | map_values(empty)",
                                     "%l[%n]",
                                     "%l[%n:%n]",
                                     "%l | del(.[%n])",
                                     "%l | del(.[%n:%n])",
                                     "[%a | walk(%A)]",
                                     "%a | [paths(%A)]",
                                     "[%a | .. | numbers |= %A]",
                                     "%a | [getpath(%L)]",
                                     "%a | [limit(4; tostream)]",
                                     "[%l | to_entries[]]",
                                     "%a | [splits(%r)]",
                                     "%l | [IN(.[]; %A)]",
                                     "[%a | ltrimstr(%k), trimstr(%k)]",
                                     "%l | bsearch(%A) | [.]",
                                     "%a | keys",
                                     "%a | [min_by(%A)?, max_by(%A)?]",
                                     "%a | flatten",
                                     "%a | sort",
                                     "%a | group_by(%A)",
                                     "%a | reverse",
                                     "%a | explode",
                                     "%a | to_entries",
                                     "%a | transpose",
                                     "%a | [combinations]",
                                     "%a | [fromjson?]",
                                     "[%a | getpath([%A])]",
                                     "%a | unique_by(%A)",
                                     "[%a | any, all]",
                                     "[limit(20; range(%N; %N; %N))]",
                                     "if %B then %L end",
                                     "[range(%A; 3)]",
                                     "[ltrimstr(1), rtrimstr(1), splits(\"a\")?]",
                                     "%a | tojson | [fromjson]",
                                     "$__loc__ | keys",
                                     "[.[]?] as [$a, $b] | [$b, $a]"});

constexpr auto kNewerObjects =
    std::to_array<std::string_view>({"%o | pick(%P)",
                                     "pick(%P)",
                                     "%a | pick(.[%k])",
                                     "%a | pick(first)",
                                     "%o | map_values(empty)",
                                     "%o | map_values(%A)",
                                     "%a | with_entries(%A)",
                                     "%a | from_entries",
                                     "%l | from_entries",
                                     "%a as $k | {$k, b: 1}",
                                     "{a: 1 + %n, b: %b or false}",
                                     "%a as $k | {$k: 1}?",
                                     "{a, b}",
                                     "%o | to_entries[] | [.] | from_entries",
                                     "{\"a\", @json \"b\\(%A)\": %a}",
                                     "%o | .[%k] |= empty",
                                     "%o | has(%A) | {h: .}",
                                     "{(%A, %a): (%A, %a)}",
                                     "if %B then %O end",
                                     "%a | INDEX(%A)",
                                     "{$__loc__} | del(.__loc__.line)"});

constexpr auto kNewerBooleans = std::to_array<std::string_view>(
    {"%l | any(%B)", "%l | all(%B)", "any(%A; %B)", "all(%A; %B)", "%a | toboolean",
     "%t | toboolean", "have_literal_numbers", "%a | contains(%A)", "%a | inside(%A)",
     "%a | has(%A)", "%a | startswith(%A)", "%a | endswith(%A)", "%a | isnan", "%n | isinfinite",
     "isempty(%A, error)", "%a | any, all", "isempty(%P)"});

constexpr auto kNewerPaths = std::to_array<std::string_view>({".[%n]",
                                                              ".[%n:%n]",
                                                              ".[%A]",
                                                              "%p?",
                                                              "try %p catch .",
                                                              "try %p",
                                                              "skip(1; %P)",
                                                              "nth(1; %P)",
                                                              "limit(%N; %P)",
                                                              "getpath(%L)",
                                                              "paths as $q | getpath($q)",
                                                              "%p.[\"b\"]",
                                                              "%p.[%i]?",
                                                              "pick(%P)",
                                                              "%p | first(%P)",
                                                              "..?",
                                                              "to_entries",
                                                              "recurse(%P)?",
                                                              "if %B then %P end",
                                                              "error",
                                                              "%p | error",
                                                              "%p | %p?",
                                                              "select(%P)",
                                                              "label $z | %p, break $z",
                                                              "del(%P)",
                                                              ".. |= %p",
                                                              "%a | %p",
                                                              "$__loc__",
                                                              "first, last",
                                                              "getpath([%A])",
                                                              "error(null)",
                                                              "(%p, %p)[%i]?",
                                                              "%p as [$x] | %p",
                                                              "%p | . as {a: $x} ?// [$x] | %p",
                                                              "map(%P)",
                                                              "add",
                                                              "%p | values"});

constexpr auto kNewerAnything =
    std::to_array<std::string_view>({"try %a catch .",
                                     "try %a",
                                     "%a?",
                                     "%a? | %a",
                                     "try error(%A) catch .",
                                     "error(null)",
                                     "try error catch .",
                                     "%p |= empty",
                                     "%p |= %a",
                                     "%p |= %a?",
                                     "%p? |= %a",
                                     "%p? //= %a",
                                     "%p += %a?",
                                     "(%P | select(%B)) |= empty",
                                     "limit(%N; %A)",
                                     "skip(%N; %A)",
                                     "last(%A)",
                                     "add(%A)",
                                     "%a | pick(%P)",
                                     "%a | del(%P)",
                                     "%a | to_entries",
                                     "%a | paths",
                                     "%a | path(%P)",
                                     "%a | getpath(%A)",
                                     "%a | setpath(%A; %A)",
                                     "%a | delpaths(%A)",
                                     "%a | delpaths([%L])",
                                     "%a | fromjson",
                                     "%t | fromjson",
                                     "%a | add",
                                     "%a | keys_unsorted",
                                     "%a | values | not",
                                     "%a | min, max",
                                     "%a | first, last",
                                     "%a | splits(%A)",
                                     "%a | split(%A)",
                                     "%a | split(%A; %f)",
                                     "%a | sub(%A; %A)",
                                     "%a | test(%A)",
                                     "%a | match(%A)",

                                     "%a | @html",
                                     "%a | implode",
                                     "%a | ltrimstr(%A)",
                                     "%a | trim",
                                     "%a | mktime",
                                     "%a | gmtime",
                                     "%a | todate",
                                     "%a | floor",
                                     "pow(%A; %A)",
                                     "%a | range(%A)",
                                     "%a[%a]",
                                     "%a[%a:%a]",
                                     "%a[%a]?",
                                     "%a.[%a]?",
                                     "%a.\"a\"",
                                     "%a %% %a",
                                     "if %A then %A end",
                                     "if %A then %A else %A end[%i]?",
                                     "reduce %a as [$x] (.; %A)",
                                     "%a // error(%A)",
                                     "first(%A // empty)",
                                     "%a // empty | %a",
                                     "(%A?) // %a",
                                     "%a as [$x, {a: $y}] ?// $x | [$x, $y, %a]",
                                     "%a as [$x] ?// {a: $x} ?// $x | %a | error?",
                                     "getpath([%A, %A])",
                                     "ltrimstr(%A)",
                                     "tojson, tostring",
                                     "%a | debug(%A)",
                                     "@text \"\\(%A)\"",
                                     "%a | walk(%A)",
                                     "%a | tostream",
                                     "fromstream(%A)",
                                     "fromstream(%A | tostream)",
                                     "%n | truncate_stream(%A)",
                                     "%a | limit(3; recurse(%P))",
                                     "%a | getpath([\"a\", 0, \"b\"])?",
                                     "%a | IN(%A)",
                                     "%a | combinations(%N)",
                                     "%a | error(.)",
                                     "%a | until(true; %A)",
                                     "limit(3; %A | repeat(%A))",
                                     "splits(null)?",
                                     "%a and %a",
                                     "%a or %a"});

}  // namespace

std::span<const std::string_view> grammar18(char kind, bool leaf) {
  if (leaf)
    return kind == 'n' ? std::span<const std::string_view>(kNewerNumberLeaves)
                       : std::span<const std::string_view>();
  switch (kind) {
    case 'n':
      return kNewerNumbers;
    case 't':
      return kNewerTexts;
    case 'l':
      return kNewerLists;
    case 'o':
      return kNewerObjects;
    case 'b':
      return kNewerBooleans;
    case 'p':
      return kNewerPaths;
    case 'a':
      return kNewerAnything;
    default:
      return {};
  }
}

}  // namespace stepwell::expression
