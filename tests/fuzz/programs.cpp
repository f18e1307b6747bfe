// The bytes as decisions: they write a valid program and its input. What must hold besides the
// budget: evaluation is pure, and a program means the same when it is written another way.
#include <algorithm>
#include <array>

#include "base/json.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/evaluation.h"
#include "tests/fuzz/program_writer.h"

namespace stepwell::fuzz {

namespace {

constexpr std::int64_t kMilliseconds = 20;

// Other ways to write a program P, which stands in the place of each "§".
struct Rewriting {
  std::string_view text;
  bool also_failed = true;  // the same where P ends with an error
};

constexpr auto kRewritings = std::to_array<Rewriting>({
    {"def fuzz: §; fuzz"},
    {"def fuzz(f): f; fuzz(§)"},
    {"def fuzz(f): def inner: f; inner; fuzz(§)"},
    {"(§) | ."},
    {"label $fuzz | (§)"},
    {"try (§) catch error"},
    {". as $fuzz | null | $fuzz | (§)"},
    {"foreach (§) as $fuzz (null; $fuzz)"},
    {"if true then (§) else null end"},
    {"[.] | .[0] | (§)"},
    {"[.][] | (§)"},
    {"{fuzz: .} | .fuzz | (§)"},
    {"limit(1e9; §)"},
    {"skip(0; §)"},
    {"empty, (§)"},
    {"(§), empty"},
    {"[§] | .[]", false},
    {"reduce (§) as $fuzz ([]; . + [$fuzz]) | .[]", false},
    {"reduce (§) as $fuzz ([]; .[length] = $fuzz) | .[]", false},
    {"{fuzz: [§]} | .fuzz[]", false},
});

// Two programs that must give the same, whatever P is.
struct Equation {
  std::string_view left;
  std::string_view right;
  bool of_paths = false;  // only where P cannot catch the error of being no path expression
};

constexpr auto kEquations = std::to_array<Equation>({
    {"first(§)", "label $fuzz | (§) | (., break $fuzz)"},
    {"[limit(2; §)]", "[foreach (§) as $fuzz (0; . + 1; select(. <= 2) | $fuzz)]"},
    {"(§) = 7", "reduce path(§) as $fuzz (.; setpath($fuzz; 7))"},
    {"(§) |= [.]", "reduce path(§) as $fuzz (.; setpath($fuzz; [getpath($fuzz)]))"},
    {"(§) += 1", "reduce path(§) as $fuzz (.; setpath($fuzz; getpath($fuzz) + 1))"},
    {"del(§)", "delpaths([path(§)])"},
    {"[path(§)] | length", "[§] | length", true},
    {"[path(§) as $fuzz | getpath($fuzz)]", "[§]", true},
    {"[paths] | length", "[path(..)] | length - 1"},
    {"to_entries? | from_entries", "to_entries? | map({key, value}) | from_entries"},
});

std::string fill(std::string_view text, const std::string& program) {
  constexpr std::string_view kPlace = "§";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t place = std::min(text.find(kPlace, at), text.size());
    out.append(text.substr(at, place - at));
    if (place < text.size()) out.append(program);
    at = place + kPlace.size();
  }
  return out;
}

std::string both(const std::string& left, const Outcome& a, const std::string& right,
                 const Outcome& b, const std::string& input) {
  return "input: " + input + "\nprogram: " + left + "\n" + a.text() + "\nand: " + right + "\n" +
         b.text();
}

void check_rewriting(const std::string& source, const Outcome& outcome, const Value& input,
                     const std::string& json, const Rewriting& rewriting) {
  if (outcome.failed() && !rewriting.also_failed) return;
  const std::string other = fill(rewriting.text, source);
  const auto program = compile(other);
  if (!program) return;  // nested too deep, now
  const Outcome again = evaluate(*program, input, kMilliseconds);
  check(!again.comparable() || again.text() == outcome.text(),
        "a program means the same, written another way", both(source, outcome, other, again, json));
}

std::string without_signs(std::string text) {
  std::erase(text, '-');
  return text;
}

bool catches_errors(std::string_view source) {
  constexpr std::array<std::string_view, 4> kCatchers{"try", "?", "//", "isvalid"};
  return std::any_of(kCatchers.begin(), kCatchers.end(), [source](std::string_view catcher) {
    return source.find(catcher) != std::string_view::npos;
  });
}

void check_equation(const std::string& source, const Value& input, const std::string& json,
                    const Equation& equation) {
  if (equation.of_paths && catches_errors(source)) return;
  const std::string left = fill(equation.left, source);
  const std::string right = fill(equation.right, source);
  const auto a = compile(left);
  const auto b = compile(right);
  if (!a || !b) return;
  const Outcome one = evaluate(*a, input, kMilliseconds);
  const Outcome two = evaluate(*b, input, kMilliseconds);
  if (one.failed() || two.failed() || one.cut || two.cut) return;
  // (As for a path, the zeros are one number.)
  const bool same = equation.of_paths ? without_signs(one.text()) == without_signs(two.text())
                                      : one.text() == two.text();
  check(same, "two programs mean the same", both(left, one, right, two, json));
}

void run(std::span<const std::uint8_t> bytes) {
  static const std::vector<Builtin> kBuiltins = builtins();
  if (bytes.size() < 4) return;
  const std::size_t json_bytes = std::min<std::size_t>(bytes[0] % 32, bytes.size() - 3);
  const std::uint8_t rewriting = bytes[1];
  Decisions json_decisions(bytes.subspan(2, json_bytes));
  Decisions decisions(bytes.subspan(2 + json_bytes));
  const std::string json = write_json(json_decisions, 3);
  const std::string source = ProgramWriter(decisions, kBuiltins).program();

  const auto program = compile(source);
  if (!program) return;
  const auto parsed = parse_json(json);
  if (!parsed) return;  // half a surrogate pair
  const Value& input = *parsed;
  const std::string before = to_json(input);
  const Outcome outcome = evaluate(*program, input, kMilliseconds);
  check(to_json(input) == before, "an evaluation leaves its input as it was", source);
  if (!outcome.comparable()) return;
  const Outcome again = evaluate(*program, parse_json(json).value(), kMilliseconds);
  check(!again.comparable() || again.text() == outcome.text(), "an evaluation can be repeated",
        both(source, outcome, source, again, json));
  check_rewriting(source, outcome, input, json, kRewritings[rewriting % kRewritings.size()]);
  check_equation(source, input, json, kEquations[rewriting % kEquations.size()]);
  check(to_json(input) == before, "an evaluation leaves its input as it was", source);
}

}  // namespace

}  // namespace stepwell::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kPrepared = (stepwell::fuzz::prepare(), true);
  static_cast<void>(kPrepared);
  stepwell::fuzz::run({data, size});
  return 0;
}
