// Laws of the language, over generated programs and values.
//   STEPWELL_PROPERTY_ROUNDS  how many values or programs each law is tried on
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "expression/program.h"
#include "tests/expression/program_generator.h"

namespace stepwell::expression {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kRounds = 60;
#else
constexpr int kRounds = 1000;
#endif

int rounds() {
  const char* text = std::getenv("STEPWELL_PROPERTY_ROUNDS");  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? kRounds : std::atoi(text);          // NOLINT(cert-err34-c)
}

// What one evaluation gives: all outputs, then the error's message if it failed.
struct Answer {
  std::vector<Value> outputs;
  std::string error;
  bool over_budget = false;
};

std::string print(const Answer& answer) {
  std::string text;
  for (const Value& one : answer.outputs) text += to_json(one) + " ";
  return answer.error.empty() ? text : text + "error: " + answer.error;
}

// By their text, for which NaN is one value.
bool operator==(const Answer& one, const Answer& other) { return print(one) == print(other); }

constexpr std::size_t kMostOutputs = 300;

Budget small_budget() {
  Budget budget;
  budget.memory_bytes = 8LL * 1024 * 1024;
  budget.cpu = std::chrono::milliseconds(60);
  return budget;
}

Answer evaluate(const Program& program, const Value& input, const Budget& budget = small_budget()) {
  Answer answer;
  const Status status =
      program.evaluate_all(input, {}, {.now = {}, .budget = budget}, [&answer](Value value) {
        answer.outputs.push_back(std::move(value));
        return answer.outputs.size() < kMostOutputs;
      });
  if (!status) {
    answer.error = status.error().detail;
    answer.over_budget = status.error().code == "expression-budget";
  }
  return answer;
}

Answer evaluate(const std::string& source, const Value& input) {
  const auto program = Program::compile(source);
  if (!program) return {{}, "does not compile"};
  return evaluate(*program, input);
}

Value random_value(Chance& chance) {
  auto value = parse_json(random_json(chance, 1 + static_cast<int>(chance.below(4))));
  return value ? std::move(*value) : Value();
}

// One that compiles: a few use a value as a name that can be seen to be none.
std::string random_program(Chance& chance) {
  while (true) {
    std::string text =
        ProgramGenerator(chance).program(1 + static_cast<int>(chance.below(4))).print();
    if (Program::compile(text)) return text;
  }
}

struct Law {
  const char* name;
  const char* program;  // must answer "true" wherever it answers
};

void PrintTo(const Law& law, std::ostream* out) { *out << law.program; }

class EveryValue : public testing::TestWithParam<Law> {};

// Each with any JSON value as input.
TEST_P(EveryValue, KeepsTheLaw) {
  const auto program = Program::compile(GetParam().program);
  ASSERT_TRUE(program.has_value()) << program.error().detail;
  Budget patient = small_budget();  // it has to end by itself, also under a sanitizer
  patient.cpu = std::chrono::seconds(20);
  Chance chance(2026);
  int kept = 0;
  for (int i = 0; i < rounds(); ++i) {
    const Value value = random_value(chance);
    const Answer answer = evaluate(*program, value, patient);
    ASSERT_TRUE(answer.error.empty()) << to_json(value) << ": " << answer.error;
    for (const Value& one : answer.outputs) {
      ASSERT_TRUE(one == Value(true)) << to_json(value) << " gives " << to_json(one);
      ++kept;
    }
  }
  EXPECT_GT(kept, rounds() / 20) << "the law was hardly tried";
}

constexpr auto kLaws = std::to_array<Law>({
    {"JsonTextReadsBack", "(tojson | fromjson) == ."},
    {"TextOfTextIsTheText",
     ". == (tostring | if type == \"string\" then . else error end) "
     "or type != \"string\""},
    {"PathsRebuildTheValue",
     ". as $v | reduce paths as $p ($v | if type == \"array\" then [] elif type == \"object\" then "
     "{} else . end; setpath($p; $v | getpath($p) | if type == \"array\" then [] elif type == "
     "\"object\" then {} else . end)) == $v"},
    {"LeavesRebuildTheValue",
     ". as $v | ([paths(type | . != \"array\" and . != \"object\")]) as $leaves | "
     "all($leaves[]; . as $p | $v | getpath($p) | type | . != \"array\" and . != \"object\")"},
    {"StreamRebuildsTheValue", "[fromstream(tostream)] == [.]"},
    {"EntriesRebuildTheObject", "objects | (to_entries | from_entries) == ."},
    {"WithEntriesOfItself", "objects | with_entries(.) == ."},
    {"KeysAreSortedAndAllThere",
     "objects | (keys | . == sort) and ((keys | length) == length) and ((keys_unsorted | sort) == "
     "keys)"},
    {"SortIsIdempotent", "arrays | (sort | sort) == sort"},
    {"SortIsAPermutation",
     "arrays | . as $all | (sort | length) == length and all(.[]; . as $x | ([$all[] | select(. == "
     "$x)] | length) == ([$all | sort | .[] | select(. == $x)] | length))"},
    {"SortIsInOrder", "arrays | sort | . as $s | all(range(1; length); $s[. - 1] <= $s[.])"},
    {"SortByIsStable",
     "arrays | [to_entries[] | {k: (.value | type), i: .key}] | sort_by(.k) | . as $s | "
     "all(range(1; length); $s[. - 1].k != $s[.].k or $s[. - 1].i < $s[.].i)"},
    {"GroupsJoinedAreSorted", "arrays | (group_by(type) | add // []) == sort_by(type)"},
    {"UniqueIsTheFirstOfEachGroup", "arrays | unique_by(type) == (group_by(type) | map(.[0]))"},
    {"LeastAndGreatest", "arrays | select(length > 0) | min == sort[0] and max == sort[-1]"},
    {"ReverseTwice", "arrays | (reverse | reverse) == ."},
    {"SlicesJoin", "arrays | . as $a | all(range(0; length + 1); $a[:.] + $a[.:] == $a)"},
    {"TextSlicesJoin", "strings | . as $a | all(range(0; length + 1); $a[:.] + $a[.:] == $a)"},
    {"CodePointsReadBack", "strings | (explode | implode) == . and (explode | length) == length"},
    {"Base64ReadsBack", "tojson | (@base64 | @base64d) == ."},
    {"Base32ReadsBack", "tojson | (@base32 | @base32d) == ."},
    {"UriReadsBack", "tojson | (@uri | @urid) == ."},
    {"SplitAndJoin", "tojson | (split(\",\") | join(\",\")) == ."},
    {"DeletingNothing", "delpaths([]) == ."},
    {"DeletingAllChildren", "iterables | del(.[]) | length == 0"},
    {"DeletedPathsAreGone",
     "objects | . as $o | all(keys[]; . as $k | $o | del(.[$k]) | has($k) | not)"},
    {"UpdatingByItself", "(.. |= .) == ."},
    {"MappingByItself", "iterables | map_values(.) == ."},
    {"WalkingByItself", "walk(.) == ."},
    {"RecurseCountsThePaths", "([..] | length) == ([paths] | length + 1)"},
    {"EveryPathIsThere", ". as $v | all(paths; . as $p | [$v | getpath($p)] | length == 1)"},
    {"ContainsItself", "contains(.) and inside(.)"},
    {"OrderIsTotal",
     ". as [$a, $b] ?// $a | [$a < $b, $a == $b, $a > $b] | sort == [false, false, "
     "true]"},
    {"FlattenHoldsNoArrays", "arrays | flatten | all(.[]; type != \"array\")"},
    {"TransposeTwice", "arrays | [.[] | [.]] | (transpose | transpose) == ."},
    {"AddIsReduce", "arrays | map(tojson) | add == reduce .[] as $x (null; . + $x)"},
    {"IndexFindsItself",
     "arrays | . as $a | all(range(length); $a[.] as $x | ($a | index([$x])) "
     "<= .)"},
    {"BsearchFindsWhatIsSorted",
     "arrays | sort | . as $s | all(.[]; . as $x | $s[$s | "
     "bsearch($x)] == $x)"},
});

INSTANTIATE_TEST_SUITE_P(Laws, EveryValue, testing::ValuesIn(kLaws),
                         [](const auto& law) { return std::string(law.param.name); });

// Laws about two programs that must say the same; E and F are generated.
struct Pair {
  const char* name;
  const char* one;
  const char* other;
};

void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.one << " and " << pair.other; }

std::string with(const char* pattern, const std::string& e, const std::string& f) {
  std::string text;
  for (const char* at = pattern; *at != '\0'; ++at) {
    if (*at == 'E')
      text += "(" + e + "\n)";
    else if (*at == 'F')
      text += "(" + f + "\n)";
    else
      text.push_back(*at);
  }
  return text;
}

class EveryProgram : public testing::TestWithParam<Pair> {};

TEST_P(EveryProgram, MeansTheSameBothWays) {
  Chance chance(1201);
  int said = 0;
  for (int i = 0; i < rounds() / 3; ++i) {
    const std::string e = random_program(chance);
    const std::string f = random_program(chance);
    const Value input = random_value(chance);
    const Answer one = evaluate(with(GetParam().one, e, f), input);
    const Answer other = evaluate(with(GetParam().other, e, f), input);
    if (one.over_budget || other.over_budget) continue;
    ASSERT_TRUE(one == other) << "E: " << e << "\nF: " << f << "\ninput: " << to_json(input) << "\n"
                              << print(one) << "\n"
                              << print(other);
    said += one.outputs.empty() ? 0 : 1;
  }
  EXPECT_GT(said, rounds() / 100) << "the law was hardly tried";
}

constexpr auto kPairs = std::to_array<Pair>({
    {"BindingTheInput", "E", ". as $same | E"},
    {"NamingTheProgram", "E", "def named: E; named"},
    {"PassingTheProgram", "E", "def apply(g): g; apply(E)"},
    {"PassingThroughTwo", "E | F", "def apply(g; h): g | h; apply(E; F)"},
    {"CollectingAndSpreading", "[E]", "[[E][]]"},
    {"PipingIsReducing", "[E | F]", "reduce (E | F) as $x ([]; . + [$x])"},
    {"ForeachIsReduceStepByStep", "[foreach E as $x (null; $x)]", "[E]"},
    {"FirstIsLimitOne", "first(E)", "limit(1; E)"},
    {"FirstIsTheFirst", "[first(E)]", "[limit(1; E)][0:1]"},
    {"SkippingNothing", "[skip(0; E)]", "[E]"},
    {"LimitAndSkip", "[limit(2; E)] + [skip(2; E)]", "[E]"},
    {"LastIsTheLast", "[last(E)]", "[E][-1:]"},
    {"CommaIsInOrder", "[E, F]", "[E] as $e | $e + [F]"},
    {"TheRightOperandIsTheOuterLoop", "[E + F]", "[F as $f | E as $e | $e + $f]"},
    {"NeverTaken", "[E]", "[if false then F else E end]"},
    {"Unreached", "[first(E, F, 0)]", "[first(E, F, 0, error(1))]"},
    {"LabelUnused", "E", "label $out | E"},
    {"OptionalIsTry", "[E?]", "[try E]"},
    {"SelectIsIf", "[E | select(. == 1)]", "[E | if . == 1 then . else empty end]"},
    {"AlternativeOfEmpty", "[empty // E]", "[E]"},
    {"LeftVariesSlowest", "[[E, 1][:3], [F, 2][:3]] | [combinations]",
     "[([E, 1][:3][]) as $a | ([F, 2][:3][]) as $b | [$a, $b]]"},
});

INSTANTIATE_TEST_SUITE_P(Laws, EveryProgram, testing::ValuesIn(kPairs),
                         [](const auto& law) { return std::string(law.param.name); });

TEST(Properties, APathLeadsToWhatTheExpressionGives) {
  Chance chance(77);
  int followed = 0;
  for (int i = 0; i < rounds(); ++i) {
    const std::string path =
        ProgramGenerator(chance, ProgramGenerator::Language::jq16).path(2).print();
    const Value input = random_value(chance);
    const Answer paths = evaluate("[path(" + path + ")]", input);
    if (!paths.error.empty()) continue;
    const Answer plain = evaluate("[" + path + "]", input);
    const Answer led = evaluate("[path(" + path + ") as $p | getpath($p)]", input);
    if (plain.over_budget || led.over_budget) continue;
    ASSERT_TRUE(plain == led) << path << "\ninput: " << to_json(input) << "\n"
                              << print(plain) << "\n"
                              << print(led);
    ++followed;
  }
  EXPECT_GT(followed, rounds() / 5);
}

TEST(Properties, PipingIsComposingTwoPrograms) {
  Chance chance(78);
  for (int i = 0; i < rounds(); ++i) {
    const std::string first = random_program(chance);
    const std::string second = random_program(chance);
    const auto program = Program::compile(second);
    ASSERT_TRUE(program.has_value()) << second << ": " << program.error().detail;
    // There an error of what follows tries the next pattern.
    if (first.find("?//") != std::string::npos) continue;
    const Value input = random_value(chance);
    const Answer piped = evaluate("(" + first + "\n) | (" + second + "\n)", input);
    const Answer one = evaluate(first, input);
    Answer both;
    for (const Value& value : one.outputs) {
      if (!both.error.empty()) break;
      Answer next = evaluate(*program, value);
      both.over_budget = both.over_budget || next.over_budget;
      both.error = next.error;
      both.outputs.insert(both.outputs.end(), next.outputs.begin(), next.outputs.end());
    }
    if (both.error.empty()) both.error = one.error;
    if (piped.over_budget || one.over_budget || both.over_budget) continue;
    // The sink stops at so many outputs; what an error behind them would be is not asked.
    if (piped.outputs.size() >= kMostOutputs || one.outputs.size() >= kMostOutputs) continue;
    ASSERT_TRUE(piped == both) << first << "\n| " << second << "\ninput: " << to_json(input) << "\n"
                               << print(piped) << "\n"
                               << print(both);
  }
}

// Values are changed in place where nobody else holds them; that must never show.
TEST(Properties, ASharedInputIsNeverChanged) {
  Chance chance(79);
  for (int i = 0; i < rounds(); ++i) {
    const auto program = Program::compile(random_program(chance));
    ASSERT_TRUE(program.has_value());
    const std::string text = to_json(random_value(chance));
    const auto held = parse_json(text);
    const Value whole = Value::array({*held, *held});
    const Answer shared = evaluate(*program, *held);
    const Answer nested = evaluate(*program, whole.at(0));
    const Answer alone = evaluate(*program, *parse_json(text));
    ASSERT_EQ(to_json(*held), text) << program->source();
    ASSERT_EQ(to_json(whole.at(1)), text) << program->source();
    if (shared.over_budget || alone.over_budget || nested.over_budget) continue;
    ASSERT_TRUE(shared == alone) << program->source() << "\n" << text;
    ASSERT_TRUE(nested == alone) << program->source() << "\n" << text;
    // Nor does a second evaluation change what the first one gave.
    const std::string before = print(shared);
    evaluate(*program, whole);
    ASSERT_EQ(print(shared), before) << program->source();
  }
}

TEST(Properties, BudgetsEndWhatTheyMustAndNothingElse) {
  Chance chance(80);
  for (int i = 0; i < rounds(); ++i) {
    const auto program = Program::compile(random_program(chance));
    ASSERT_TRUE(program.has_value());
    const Value input = random_value(chance);
    Budget tight;
    tight.memory_bytes = static_cast<std::int64_t>(chance.below(20'000));
    tight.depth = static_cast<std::uint32_t>(chance.below(6));
    tight.outputs = chance.below(5);
    const Answer whole = evaluate(*program, input);
    const Answer cut = evaluate(*program, input, tight);
    if (whole.over_budget) continue;
    // What comes out before the budget is met is what would have come out.
    // For fromjson the depth is a limit of the text, which is an error like any other.
    if (program->source().find("fromjson") != std::string::npos) continue;
    const std::size_t count = std::min(cut.outputs.size(), whole.outputs.size());
    for (std::size_t k = 0; k < count; ++k)
      ASSERT_TRUE(to_json(cut.outputs[k]) == to_json(whole.outputs[k])) << program->source();
    ASSERT_LE(cut.outputs.size(), whole.outputs.size()) << program->source();
    if (cut.over_budget) continue;
    ASSERT_TRUE(cut == whole) << program->source();
  }
}

TEST(Properties, OneProgramServesTwoThreads) {
  Chance chance(81);
  for (int i = 0; i < rounds() / 5; ++i) {
    const auto program = Program::compile(random_program(chance));
    ASSERT_TRUE(program.has_value());
    const Value input = random_value(chance);
    std::array<Answer, 2> answers;
    std::thread other([&] { answers[1] = evaluate(*program, input); });
    answers[0] = evaluate(*program, input);
    other.join();
    if (answers[0].over_budget || answers[1].over_budget) continue;
    ASSERT_TRUE(answers[0] == answers[1]) << program->source() << "\n" << to_json(input);
  }
}

}  // namespace
}  // namespace stepwell::expression
