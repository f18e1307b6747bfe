#include "base/encoding.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace stepwell {
namespace {

TEST(PercentEncode, LeavesOnlyUnreservedBytes) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c?d&e=f%"), "a%20b%2Fc%3Fd%26e%3Df%25");
  EXPECT_EQ(percent_encode("ü"), "%C3%BC");
}

TEST(Base64, EncodesAsRfc4648Shows) {
  const std::vector<std::pair<std::string, std::string>> table{{"", ""},
                                                               {"f", "Zg=="},
                                                               {"fo", "Zm8="},
                                                               {"foo", "Zm9v"},
                                                               {"foob", "Zm9vYg=="},
                                                               {"fooba", "Zm9vYmE="},
                                                               {"foobar", "Zm9vYmFy"},
                                                               {"\xff\xfe", "//4="}};
  for (const auto& [plain, encoded] : table) EXPECT_EQ(to_base64(plain), encoded);
}

TEST(Hex, WritesBothCases) {
  EXPECT_EQ(to_hex("\x01\xab"), "01ab");
  EXPECT_EQ(to_hex("\x01\xab", true), "01AB");
}

TEST(Crc32, GivesTheCheckValueOfTheStandard) { EXPECT_EQ(crc32("123456789"), 0xCBF43926U); }

}  // namespace
}  // namespace stepwell
