// Files made to hurt: each is refused with a clear fault, in bounded time and memory.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

constexpr std::size_t kMebibyte = 1024UL * 1024;

std::string repeated(std::string_view text, std::size_t bytes = kMebibyte) {
  std::string out;
  while (out.size() + text.size() <= bytes) out += text;
  return out;
}

// The first fault; fails where it took long. Generous, since sanitizers and a busy machine slow it
// down: what is quadratic in a mebibyte takes minutes.
std::string first_fault(const std::string& text) {
  const auto start = std::chrono::steady_clock::now();
  const Loaded loaded = load_definition(text, "f.yaml");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_FALSE(loaded.definition);
  return loaded.faults.empty() ? "none" : loaded.faults[0].text();
}

TEST(HostileInput, NestingIsBounded) {
  EXPECT_EQ(first_fault(repeated("- ")), "f.yaml:1:129: error: nested more than 64 levels deep");
  EXPECT_EQ(first_fault(repeated("[", 500'000) + repeated("]", 500'000)),
            "f.yaml:1:65: error: nested more than 64 levels deep");
  for (const std::string_view text : {"[", "{", "[a: ", "{a: ", "{\"a\":", "? ", "[? "}) {
    const std::string fault = first_fault(repeated(text));
    EXPECT_NE(fault.find("nested more than 64 levels deep"), std::string::npos) << fault;
  }
}

// What looked for the second half of an escape went behind the end of the file.
TEST(HostileInput, AJsonFileMayEndShortlyBehindABackslash) {
  for (const std::string_view end :
       {"\\\"\"}", "\\n\"}", "\\\\\"}", "\\u00e4\"}", "\\ud83d\"}", "\\"})
    EXPECT_FALSE(load_definition("{\"a\": \"" + std::string(end), "f.json").definition) << end;
}

TEST(HostileInput, ABombOfAliasesIsCountedNotExpanded) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j > 0 ? ", " : "") + before;
    text += "]\n";
  }
  EXPECT_EQ(first_fault(text),
            "f.yaml:5:45: error: more than 100000 values (aliases count as what they stand for)");
}

TEST(HostileInput, ABombOfTextIsCountedToo) {
  const std::string text =
      "a: &a " + repeated("x", 500'000) + "\nb: [" + repeated("*a, ", 400'000) + "]\n";
  EXPECT_NE(
      first_fault(text).find("more than 16 MiB of text (aliases count as what they stand for)"),
      std::string::npos);
}

TEST(HostileInput, LargeFilesAreRefused) {
  EXPECT_EQ(first_fault(repeated("a", kMebibyte + 1)),
            "f.yaml:1:1: error: the file is larger than 1024 KiB");
  EXPECT_NE(first_fault("[" + repeated("1,", 900'000) + "]").find("more than 100000 values"),
            std::string::npos);
}

TEST(HostileInput, GarbageOfManyKindsEndsQuickly) {
  for (const std::string_view text :
       {"\"",  "'",  "a",  "#",         "|",     "%",     "&a ",      "*a ",   "!a ",
        "a: ", ": ", " :", "-",         "---\n", "`",     "\t",       "- a\n", "a:\n",
        "]",   "}",  ",",  "a: &b c\n", "{}",    "a\n\n", "<<: *a\n", "? - ",  "\xC3\xA9"}) {
    const std::string fault = first_fault(repeated(text));
    EXPECT_NE(fault, "none") << text;
    EXPECT_LT(fault.size(), 500U) << text;
  }
}

TEST(HostileInput, ManyFaultsAreCutOff) {
  std::string body = "do:\n";
  for (int i = 0; i < 5000; ++i) body += "  - t" + std::to_string(i) + ": {wait: soon, then: tx}\n";
  const Loaded loaded = load_definition(definition_text(body), "f.yaml");
  ASSERT_EQ(loaded.faults.size(), 1001U);
  EXPECT_EQ(loaded.faults.back().what, "there are more faults; the first 1000 are shown");
}

// Each call may be asked for any of them; a copy for each would take tens of gigabytes.
TEST(HostileInput, ManyOpenApiCallsShareManyAuthentications) {
  constexpr int kEach = 5000;
  std::string body = "use:\n  authentications:\n";
  for (int i = 0; i < kEach; ++i) body += "    p" + std::to_string(i) + ": {bearer: {token: x}}\n";
  body += "do:\n";
  for (int i = 0; i < kEach; ++i)
    body += "  - t" + std::to_string(i) +
            ": {call: openapi, with: {document: {endpoint: 'http://h/'}, operationId: o}}\n";
  const auto start = std::chrono::steady_clock::now();
  const Loaded loaded = load_definition(definition_text(body), "f.yaml");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  ASSERT_TRUE(loaded.definition) << loaded.faults[0].text();
  const auto named = [&](std::size_t task) {
    return std::get<OpenApiCallBody>(loaded.definition->tasks[task].body).named;
  };
  ASSERT_NE(named(0), nullptr);
  EXPECT_EQ(named(0)->size(), kEach);
  EXPECT_EQ(named(0), named(kEach - 1));
}

TEST(HostileInput, LongNamesDoNotMakeLongMessages) {
  const std::string key = repeated("k", 900'000);
  for (const Fault& fault :
       load_definition(definition_text("do: []\n" + key + ": 1\n"), "f").faults)
    EXPECT_LT(fault.text().size(), 500U);
  EXPECT_EQ(first_fault(definition_text("do:\n  - ? " + key + "\n    : {wait: PT1S}\n")),
            "f.yaml:7:7: error: a task's name has at most 255 bytes (at /do/0/" +
                repeated("k", 80) + "…)");
}

}  // namespace
}  // namespace stepwell::config
