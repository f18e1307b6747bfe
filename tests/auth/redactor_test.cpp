#include "auth/redactor.h"

#include <gtest/gtest.h>

#include "auth/key.h"
#include "base/encoding.h"
#include "tests/support/fake_entropy.h"

namespace stepwell::auth {
namespace {

struct MaskCase {
  const char* text;
  const char* masked;
};

TEST(Redactor, MasksEveryFormOfAValue) {
  Redactor redactor;
  redactor.add("crm", 1, "ana", "s3c/ret+ \"q\" ü");
  const MaskCase cases[] = {
      {"nothing to find here", "nothing to find here"},
      {"", ""},
      {"s3c", "s3c"},
      {"plain s3c/ret+ \"q\" ü end", "plain *** end"},
      {"s3c/ret+ \"q\" üs3c/ret+ \"q\" ü", "******"},
      {R"({"json":"s3c/ret+ \"q\" ü"})", R"({"json":"***"})"},
      {R"({"json":"s3c\/ret+ \"q\" ü"})", R"({"json":"***"})"},
      {R"({"json":"s3c/ret+ \"q\" \u00fc"})", R"({"json":"***"})"},
      {"?q=s3c%2Fret%2B%20%22q%22%20%C3%BC&x=1", "?q=***&x=1"},
      {"?q=s3c%2fret%2b%20%22q%22%20%c3%bc&x=1", "?q=***&x=1"},
      {"?q=s3c%2Fret%2B+%22q%22+%C3%BC&x=1", "?q=***&x=1"},
      {"hex 7333632f7265742b2022712220c3bc", "hex ***"},
      {"hex 7333632F7265742B2022712220C3BC", "hex ***"},
      // base64 of the value, and of ana:VALUE.
      {"b64 czNjL3JldCsgInEiIMO8.", "b64 ***."},
      {"Basic YW5hOnMzYy9yZXQrICJxIiDDvA==", "Basic ***=="},
      {"Basic YW5hOnMzYy9yZXQrICJxIiDDvA", "Basic ***"},
  };
  for (const MaskCase& c : cases) {
    EXPECT_EQ(redactor.mask(c.text), c.masked);
    EXPECT_EQ(redactor.mask_for("crm", 1, c.text), c.masked);
  }
}

TEST(Redactor, KnowsBase64AlsoInTheUrlAlphabet) {
  Redactor redactor;
  redactor.add("crm", 1, "", "\xC3\xBF\xC3\xBE\xC3\xBF?>?");
  std::string text = to_base64("\xC3\xBF\xC3\xBE\xC3\xBF?>?");
  EXPECT_EQ(redactor.mask(text), "***");
  for (char& c : text) c = c == '/' ? '_' : c == '+' ? '-' : c;
  EXPECT_EQ(redactor.mask(text), "***");
}

TEST(Redactor, MasksManyValuesInOneText) {
  Redactor redactor;
  for (int i = 0; i < 500; ++i)
    redactor.add("c" + std::to_string(i), 1, "", "token-number-" + std::to_string(1000 + i));
  std::string text;
  for (int i = 0; i < 500; ++i) text += "<token-number-" + std::to_string(1000 + i) + ">";
  std::string expected;
  for (int i = 0; i < 500; ++i) expected += "<***>";
  EXPECT_EQ(redactor.mask(text), expected);
}

TEST(Redactor, PrefersTheLongerOfTwoValuesAtTheSamePlace) {
  Redactor redactor;
  redactor.add("short", 1, "", "abcdefgh");
  redactor.add("long", 1, "", "abcdefghijk");
  EXPECT_EQ(redactor.mask("xabcdefghijkx"), "x***x");
  EXPECT_EQ(redactor.mask("xabcdefghx"), "x***x");
}

TEST(Redactor, MasksForOneCredentialOnlyItsOwnValue) {
  Redactor redactor;
  redactor.add("crm", 1, "", "first-value");
  redactor.add("crm", 2, "", "second-value");
  EXPECT_EQ(redactor.mask_for("crm", 2, "first-value second-value"), "first-value ***");
  EXPECT_EQ(redactor.mask_for("other", 1, "first-value"), "first-value");
}

TEST(Redactor, ForgetsWhatIsRemoved) {
  Redactor redactor;
  redactor.add("inline", 0, "", "value-one");
  redactor.add("crm", 1, "", "value-two");
  redactor.remove("inline", 0);
  redactor.remove("inline", 0);
  EXPECT_EQ(redactor.mask("value-one value-two"), "value-one ***");
}

TEST(Redactor, KnowsTheLatestSixteenOfWhatPasses) {
  Redactor redactor;
  redactor.add("crm", 1, "", "lasting-value");
  const auto token = [](int i) { return "access-token-" + std::to_string(100 + i); };
  for (int i = 0; i < 40; ++i) {
    redactor.add_passing("crm", 1, token(i));
    for (int j = 0; j <= i; ++j) {
      const bool known = j > i - 16;
      ASSERT_EQ(redactor.mask(token(j)), known ? "***" : token(j)) << i << ", " << j;
      ASSERT_FALSE(redactor.knows_part_of(token(j))) << "an upstream chose it";
      ASSERT_EQ(redactor.mask_for("crm", 1, token(j)), known ? "***" : token(j));
    }
  }
  EXPECT_EQ(redactor.mask("lasting-value"), "***") << "what lasts is not pushed out";
  // Each owner and version has its own sixteen.
  for (int i = 0; i < 16; ++i) redactor.add_passing("crm", 2, "second-" + token(i));
  EXPECT_EQ(redactor.mask(token(39)), "***");
  redactor.remove("crm", 1);
  EXPECT_EQ(redactor.mask(token(39) + " lasting-value"), token(39) + " lasting-value");
  EXPECT_EQ(redactor.mask("second-" + token(3)), "***");
}

TEST(Redactor, KnowsWhatItWouldMaskAndNothingElse) {
  Redactor redactor;
  redactor.add("crm", 1, "ana", "s3c/ret+ \"q\" ü");
  redactor.add("crm", 1, "", "status");
  test::FakeEntropy entropy;
  const std::string key(generate_key(entropy).reveal());
  const std::string texts[] = {
      "plain s3c/ret+ \"q\" ü end",
      R"({"json":"s3c/ret+ \"q\" ü"})",
      R"({"json":"s3c\/ret+ \"q\" ü"})",
      R"({"json":"s3c/ret+ \"q\" \u00fc"})",
      "?q=s3c%2Fret%2B%20%22q%22%20%C3%BC&x=1",
      "?q=s3c%2fret%2b%20%22q%22%20%c3%bc&x=1",
      "?q=s3c%2Fret%2B+%22q%22+%C3%BC&x=1",
      "hex 7333632f7265742b2022712220c3bc",
      "hex 7333632F7265742B2022712220C3BC",
      "b64 czNjL3JldCsgInEiIMO8.",
      "Basic YW5hOnMzYy9yZXQrICJxIiDDvA==",
      "key=" + key + ", end",
      key + key,
  };
  for (const std::string& text : texts) {
    EXPECT_TRUE(redactor.knows_part_of(text)) << text;
    EXPECT_NE(redactor.mask(text), text);
    // And in the middle of much else.
    const std::string much(10'000, 'x');
    EXPECT_TRUE(redactor.knows_part_of(much + text + much)) << text;
  }
  for (const std::string& text :
       {std::string(), std::string("sw_"), key.substr(0, 15), std::string(R"({"status":"x"})"),
        std::string("s3c/ret"), std::string(10'000, 'x')}) {
    EXPECT_FALSE(redactor.knows_part_of(text)) << text;
    EXPECT_EQ(redactor.mask(text), text);
  }
  EXPECT_FALSE(Redactor().knows_part_of("s3c/ret+ \"q\" ü"));
  EXPECT_TRUE(Redactor().knows_part_of(key)) << "without knowing any value";
}

TEST(Redactor, LeavesTheTextWholeWhereAValueIsTooShortToBeASecret) {
  Redactor redactor;
  redactor.add("crm", 1, "", "abc");
  EXPECT_EQ(redactor.mask("abcabc"), "abcabc");
}

TEST(Redactor, MasksAShortValueOnlyForItsOwnRequests) {
  Redactor redactor;
  redactor.add("crm", 1, "", "status");
  EXPECT_EQ(redactor.mask(R"({"status":"running"})"), R"({"status":"running"})");
  EXPECT_EQ(redactor.mask_for("crm", 1, "echo status"), "echo ***");
  redactor.remove("crm", 1);
  EXPECT_EQ(redactor.mask_for("crm", 1, "echo status"), "echo status");
}

TEST(Redactor, MasksWhatLooksLikeAnApiKeyWithoutKnowingIt) {
  const Redactor redactor;
  test::FakeEntropy entropy;
  const Secret key = generate_key(entropy);
  const std::string text(key.reveal());
  const std::string id = text.substr(0, text.find('.'));
  EXPECT_EQ(redactor.mask("key=" + text + ", end"), "key=" + id + ".***, end");
  EXPECT_EQ(redactor.mask(text + " " + text), id + ".*** " + id + ".***");
  EXPECT_EQ(redactor.mask("sw_ sw_a sw_a. sw_a.b sw_file.txt"),
            "sw_ sw_a sw_a. sw_a.b sw_file.txt");
}

}  // namespace
}  // namespace stepwell::auth
