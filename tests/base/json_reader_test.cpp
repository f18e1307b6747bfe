#include "base/json_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stepwell {
namespace {

// Hands out the chunks one by one, and counts how often it was asked.
struct Chunks {
  std::vector<std::string> chunks;
  std::size_t asked = 0;

  JsonReader::Source source() {
    return [this](char* into, std::size_t most) -> std::size_t {
      if (asked++ >= chunks.size()) return 0;
      const std::string& chunk = chunks[asked - 1];
      EXPECT_LE(chunk.size(), most);
      chunk.copy(into, chunk.size());
      return chunk.size();
    };
  }
};

// What is read, a line each; then the fault.
std::string read_all(std::vector<std::string> chunks, const JsonLimits& limits = {}) {
  Chunks from{std::move(chunks)};
  JsonReader reader(from.source(), limits);
  std::string out;
  while (true) {
    const auto value = reader.next();
    if (!value) return out + "! " + value.error().detail;
    if (!*value) return out;
    out += to_json(**value) + "\n";
  }
}

TEST(JsonReader, ReadsOneTextAfterTheOther) {
  EXPECT_EQ(read_all({}), "");
  EXPECT_EQ(read_all({" \n\t\r "}), "");
  EXPECT_EQ(read_all({"1 -2.5\nnull\ttrue false\"a\"[1][{}]{\"b\":[]}"}),
            "1\n-2.5\nnull\ntrue\nfalse\n\"a\"\n[1]\n[{}]\n{\"b\":[]}\n");
  EXPECT_EQ(read_all({"12345678901234567890123"}), "12345678901234567890123\n");
  EXPECT_EQ(read_all({"\xEF\xBB\xBF[1]"}), "[1]\n");
}

TEST(JsonReader, ChunksMayEndAnywhere) {
  const std::string text = "{\"é\": [1.5, \"a\\u00e9\\n\"]} nul";
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  bytes.insert(bytes.end(), {"l", "\n7", "8"});
  EXPECT_EQ(read_all(bytes), "{\"é\":[1.5,\"aé\\n\"]}\nnull\n78\n");
}

TEST(JsonReader, TakesNumbersAsJqDoes) {
  EXPECT_EQ(read_all({"[nan,NaN,-nan,Infinity,-inf]"}),
            "[null,null,null,1.7976931348623157e+308,-1.7976931348623157e+308]\n");
  EXPECT_EQ(read_all({"+1 .5 5. 007 -01 {\"a\":-.25e2}"}), "1\n0.5\n5\n7\n-1\n{\"a\":-25}\n");
  const std::string huge(400, '9');
  EXPECT_EQ(read_all({huge + " [" + huge.substr(0, 200), huge.substr(200) + "]"}),
            huge + "\n[" + huge + "]\n");
  EXPECT_FALSE(read_all({"1e1000"}).starts_with("!"));
  EXPECT_EQ(read_all({"{\"-1\": \"2 \\\"nan\", \"n\": 3}"}), "{\"-1\":\"2 \\\"nan\",\"n\":3}\n");
  for (const char* word :
       {"nanx", "NaN1", "1e", "-", ".", "+", "1.2.3", "1-2", "[1-2]", "-x", "nul"})
    EXPECT_TRUE(read_all({word}).starts_with("! invalid JSON")) << word << read_all({word});
}

TEST(JsonReader, AsksForNoMoreThanTheValueNeeds) {
  Chunks from{{"{\"a\":", "1}", "\"b\"", "3", " "}};
  JsonReader reader(from.source());
  EXPECT_EQ(to_json(**reader.next()), R"({"a":1})");
  EXPECT_EQ(from.asked, 2U);
  EXPECT_EQ(to_json(**reader.next()), R"("b")");
  EXPECT_EQ(from.asked, 3U);
  EXPECT_EQ(to_json(**reader.next()), "3");  // the end of a number is what follows it
  EXPECT_EQ(from.asked, 5U);
}

TEST(JsonReader, MendsWhatIsNoUtf8) {
  EXPECT_EQ(read_all({"\"a\xff\", {\"\xC3\": 1}"}).substr(0, 6), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(read_all({"{\"\xC3\": \"\xF0\x9F\"}"}), "{\"\xEF\xBF\xBD\":\"\xEF\xBF\xBD\"}\n");
}

TEST(JsonReader, KnowsTheLineInWhichAValueEnded) {
  Chunks from{{"1\n\n[2,\n3]\n4"}};
  JsonReader reader(from.source());
  for (const std::size_t line : {1U, 4U, 5U}) {
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.line(), line);
  }
}

TEST(JsonReader, SaysLineAndColumnOfAFault) {
  struct Case {
    std::string text;
    std::string expected;
  };
  const std::vector<Case> cases{
      {"[1,}", "! invalid JSON: Invalid value. (line 1, column 4)"},
      {"1\n\"é\" [é]", "1\n\"é\"\n! invalid JSON: Invalid value. (line 2, column 6)"},
      {"[1,\n 2", "! invalid JSON: it ends within a value (line 2, column 3)"},
      {"\"abc", "! invalid JSON: it ends within a value (line 1, column 5)"},
      {"{\"é\" 1}",
       "! invalid JSON: Missing a colon after a name of object member. (line 1, column 6)"},
      {"{\"a\": 1,\n \"ü\": \"\\x\"}",
       "! invalid JSON: Invalid escape character in string. (line 2, column 8)"},
      {"nulltrue", "! invalid JSON: Invalid value. (line 1, column 5)"},
      {"1x", "! invalid JSON: Invalid value. (line 1, column 2)"},
      {"1 ,", "1\n! invalid JSON: Invalid value. (line 1, column 3)"},
      {"]", "! invalid JSON: Invalid value. (line 1, column 1)"},
  };
  for (const Case& c : cases) EXPECT_EQ(read_all({c.text}), c.expected) << c.text;
  EXPECT_EQ(read_all({std::string("1 \0 2", 5)}).substr(0, 18), "1\n! invalid JSON: ");
}

TEST(JsonReader, BoundsTheNesting) {
  JsonLimits limits;
  limits.max_depth = 3;
  EXPECT_EQ(read_all({"[[{}]]"}, limits), "[[{}]]\n");
  EXPECT_EQ(read_all({"[[[{}]]]"}, limits),
            "! invalid JSON: nested deeper than 3 levels (line 1, column 4)");
  limits.max_depth = 100'000;
  const std::string deep(50'000, '[');
  EXPECT_EQ(read_all({deep + std::string(10'000, ']')}, limits).substr(0, 15), "! invalid JSON:");
}

}  // namespace
}  // namespace stepwell
