// Compares with the jq command, where there is one, over many programs and inputs. It starts once
// for each input: the programs become one, each in its own try, which costs far less than a start
// for each.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/expression/cases.h"

namespace stepwell::expression {
namespace {

// What Debian 12 has. Where jq 1.8 differs from it by design, the program is not in the lists
// below; the differences are: implode of invalid code points, @base32d and @urid, ltrimstr of other
// kinds, `abs`, `toarray`, `pick`, `have_literal_numbers`, `trim`, `splits` with null, error(null),
// `if` without else, indices with overlapping text and in code points, `"x" * 0`, error texts with
// "...", `last(empty)`, whole numbers above 2^53, nth of negative numbers, `tojson` of numbers,
// gsub of empty matches, `ascii`, `getpath` in `paths(f)`, `@text` of numbers with exponents,
// `join` of nested values, sub with several outputs, any and all of a condition with several
// outputs, |= with no output, and "?" and
// try, which in 1.6 also catch what fails behind them.
const std::vector<std::string> kAtoms{".",
                                      ".a",
                                      ".b",
                                      ".a.b",
                                      ".[0]",
                                      ".[1]",
                                      ".[]",
                                      ".[]?",
                                      ".a?",
                                      ".[0]?",
                                      "1",
                                      "\"x\"",
                                      "null",
                                      "[]",
                                      "{}",
                                      "true",
                                      "length",
                                      "keys",
                                      "type",
                                      "not",
                                      "..",
                                      "add",
                                      "sort",
                                      "reverse",
                                      "to_entries",
                                      "tostring",
                                      "unique",
                                      "first",
                                      "last",
                                      "min",
                                      "max",
                                      "map(.)",
                                      "empty",
                                      "error(1)",
                                      "[.[]]",
                                      "{a: .}",
                                      "{a, b}",
                                      "flatten",
                                      "any",
                                      "all",
                                      "values",
                                      "range(3)",
                                      "path(..)",
                                      "[paths]",
                                      "tojson",
                                      "ascii_downcase",
                                      "explode",
                                      "@json",
                                      "@html",
                                      "floor",
                                      "map_values(.)",
                                      "recurse",
                                      "[tostream]",
                                      "transpose",
                                      "keys_unsorted",
                                      "utf8bytelength",
                                      "scalars",
                                      "numbers",
                                      "strings",
                                      "group_by(.)",
                                      "tonumber",
                                      ".[1:]",
                                      ".[:1]",
                                      "-(1)",
                                      "[limit(2; .[])]",
                                      "first(.[])",
                                      "select(.a)",
                                      "with_entries(.)",
                                      "del(.a)",
                                      "del(.[0])",
                                      "[..]",
                                      "@base64",
                                      "@text",
                                      "infinite"};

const std::vector<std::string> kJoints{"(A) | (B)",
                                       "(A), (B)",
                                       "(A) + (B)",
                                       "(A) - (B)",
                                       "(A) * 2",
                                       "(A) / (B)",
                                       "(A) == (B)",
                                       "(A) < (B)",
                                       "(A) >= (B)",
                                       "(A) and (B)",
                                       "(A) or (B)",
                                       "(A) // (B)",
                                       "[(A), (B)]",
                                       "{a: (A), b: (B)}",
                                       "try (A) catch (B)",
                                       "(A) as $x | (B), $x",
                                       "if (A) then (B) else . end",
                                       "reduce (A) as $x (0; [., $x]) | (B)",
                                       "[foreach (A) as $x (0; [$x]; (B))]",
                                       "first((A), (B))",
                                       "label $l | (A), break $l, (B)",
                                       "def f(g): g | g; f(A) | (B)",
                                       "[(A)] | map(B)",
                                       "(A)? | (B)?",
                                       "\"\\(A)-\\(B)\"",
                                       "[path((A) | (B))]",
                                       "(A) |= [(B)]",
                                       "(A) = (B)",
                                       "[.[(A)]?, (B)]",
                                       "(A) as [$p, $q] | [$p, (B)]",
                                       "(A) as {a: $p} ?// [$p] | [$p, (B)]",
                                       "[limit(2; (A), (B))]",
                                       "isempty(A) | (B)",
                                       "any(A; true)",
                                       "(A) += (B)",
                                       "[while((A) == 1; B)] | length",
                                       "[.[]? | (A) | (B)]"};

const std::vector<std::string> kInputs{
    "null",       "3", "\"aXb\"", "[3,1,2]", R"({"a":{"b":2},"b":[1]})", R"([{"a":1},{"a":null}])",
    "[[1,2],[3]]"};

std::string replaced(std::string text, const std::string& a, const std::string& b) {
  std::string out;
  for (const char c : text) {
    if (c == 'A')
      out += a;
    else if (c == 'B')
      out += b;
    else
      out.push_back(c);
  }
  return out;
}

// A fixed sequence, so that a failure is the same each time.
class Sequence {
 public:
  const std::string& pick(const std::vector<std::string>& from) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return from[(state_ >> 33U) % from.size()];
  }

 private:
  std::uint64_t state_ = 20261121;
};

std::vector<std::string> programs() {
  std::vector<std::string> all = kAtoms;
  Sequence sequence;
  for (int i = 0; i < 600; ++i) {
    const std::string& joint = sequence.pick(kJoints);
    const std::string& a = sequence.pick(kAtoms);
    all.push_back(replaced(joint, a, sequence.pick(kAtoms)));
  }
  return all;
}

// Each program's outputs as one line: an array, whose last element is {"error": …} where it failed.
std::string wrapped(const std::string& program) {
  return "[limit(50; try (" + program + ") catch {error: .})]";
}

std::string quoted_path() {
  return (std::filesystem::temp_directory_path() /
          ("stepwell-differential-" + std::to_string(getpid()) + ".jq"))
      .string();
}

std::vector<std::string> lines_of(const std::string& command) {
  std::vector<std::string> lines;
  FILE* pipe = popen(command.c_str(), "r");  // NOLINT(cert-env33-c): a test's own command
  if (pipe == nullptr) return lines;
  std::string line;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe) != nullptr) {
    line += buffer.data();
    if (line.back() != '\n') continue;
    line.pop_back();
    lines.push_back(std::exchange(line, std::string()));
  }
  pclose(pipe);
  return lines;
}

// Errors' words changed between 1.6 and 1.8 in places; that there is one is what counts here.
Value without_words(const Value& outputs) {
  Value list = Value::array();
  for (const Value& one : outputs.elements())
    list.push_back(one.contains("error") ? Value::object({{"error", nullptr}}) : one);
  return list;
}

TEST(Differential, AgreesWithTheJqCommand) {
  const auto version = lines_of("jq --version 2>/dev/null");
  if (version.empty()) GTEST_SKIP() << "there is no jq command here to compare with";
  const std::vector<std::string> all = programs();
  constexpr std::size_t kBatch = 60;
  const std::string path = quoted_path();
  std::size_t compared = 0;
  for (std::size_t begin = 0; begin < all.size(); begin += kBatch) {
    const std::size_t end = std::min(begin + kBatch, all.size());
    std::ofstream file(path);
    for (std::size_t i = begin; i < end; ++i)
      file << (i == begin ? "" : ", ") << "(" << wrapped(all[i]) << ")\n";
    file.close();
    for (const std::string& input : kInputs) {
      const auto lines = lines_of("printf %s '" + input + "' | jq -c -f " + path + " 2>&1");
      ASSERT_EQ(lines.size(), end - begin) << input << (lines.empty() ? "" : lines.back());
      for (std::size_t i = begin; i < end; ++i) {
        const auto theirs = parse_json(lines[i - begin]);
        const auto value = parse_json(input);
        ASSERT_TRUE(theirs.has_value()) << lines[i - begin];
        const auto ours = parse_json(outputs(wrapped(all[i]), *value).front());
        ASSERT_TRUE(ours.has_value()) << all[i] << ": " << outputs(wrapped(all[i]), *value).front();
        EXPECT_EQ(to_json(without_words(*ours), {0, true}),
                  to_json(without_words(*theirs), {0, true}))
            << "program: " << all[i] << "\ninput: " << input;
        ++compared;
      }
    }
  }
  std::filesystem::remove(path);
  EXPECT_GT(compared, 3000U);
}

}  // namespace
}  // namespace stepwell::expression
