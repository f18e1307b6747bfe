// Values as YAML: how they look, and that they read back as what they were.
#include "config/yaml_print.h"

#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "config/yaml_node.h"

namespace stepwell::config {
namespace {

Value printed_value(std::string_view json) {
  const Result<Value> value = parse_json(json);
  EXPECT_TRUE(value) << json;
  return value ? *value : Value();
}

std::string read_back(const std::string& yaml) {
  FaultList faults("f.yaml");
  const NodePtr root = parse_yaml(yaml, faults);
  const std::vector<Fault> found = faults.take();
  if (!found.empty()) return found[0].text();
  return root ? to_json(root->value) : "nothing";
}

TEST(YamlText, LooksAsAPersonWouldWriteIt) {
  const Value value = printed_value(
      R"({"name":"nightly sync","on":true,"items":[{"id":7,"tags":["a","b"]},{"id":8,"tags":[]}],)"
      R"("source":"do:\n  - a: {}\n","at":"2027-01-31","none":null,"empty":{}})");
  EXPECT_EQ(to_yaml(value),
            "name: nightly sync\n"
            "\"on\": true\n"
            "items:\n"
            "  - id: 7\n"
            "    tags:\n"
            "      - a\n"
            "      - b\n"
            "  - id: 8\n"
            "    tags: []\n"
            "source: |\n"
            "  do:\n"
            "    - a: {}\n"
            "at: \"2027-01-31\"\n"
            "none: null\n"
            "empty: {}\n");
}

TEST(YamlText, ReadsBackAsWhatItWas) {
  for (const char* json : {R"("yes")",
                           R"("No")",
                           R"("null")",
                           R"("~")",
                           R"("1e5")",
                           R"("0x1f")",
                           R"("")",
                           R"(" a")",
                           R"("a ")",
                           R"("- a")",
                           R"("a: b")",
                           R"("a #b")",
                           R"("---")",
                           R"("\n")",
                           R"("a\n\nb")",
                           R"("a\n\n")",
                           R"("\na")",
                           R"(" a\nb")",
                           R"("a\n b\n")",
                           R"("a\tb")",
                           R"("a\r\nb")",
                           "\"\xc2\x85\"",
                           "\"\xe2\x80\xa8x\\ny\"",
                           "\"\xef\xbb\xbf\"",
                           "\"\xf0\x9f\x98\x80\"",
                           R"("\u0000\u001b\u007f")",
                           R"({"a b":{"c":[[1,[2,[]]],{}]},"":1,"x: y":"z"})",
                           "[]",
                           "{}",
                           "-1.5e300",
                           "9007199254740993",
                           "[[],[[]]]",
                           R"([{"a":{"b":"c"}},["d"]])",
                           R"("%a")",
                           R"("@a")",
                           R"("a\nb\n# c\n--- d")"})
    EXPECT_EQ(read_back(to_yaml(printed_value(json))), to_json(printed_value(json))) << json;
}

TEST(YamlText, OfAnyTextReadsBack) {
  std::mt19937 random(
      7);  // NOLINT(bugprone-random-generator-seed,cert-msc51-cpp): the same each time
  constexpr std::string_view kSigns = "ab 0-:#?{}[]&*!|>'\"%@`,.\\\n\t~=";
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t length = random() % 8; length > 0; --length)
      text += kSigns[random() % kSigns.size()];
    const Value value = Value::object({{text, Value::array({text})}});
    ASSERT_EQ(read_back(to_yaml(value)), to_json(value)) << to_yaml(value);
  }
}

}  // namespace
}  // namespace stepwell::config
