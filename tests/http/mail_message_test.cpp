#include "http/mail_message.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/json.h"
#include "http/mail_text.h"

namespace stepwell::http {
namespace {

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

TEST(MailAddress, IsReadAsPeopleWriteIt) {
  struct Case {
    std::string_view text;
    MailAddress expected;
  };
  const std::vector<Case> cases{
      {"ana@example.com", {"", "ana@example.com"}},
      {"  ana@example.com ", {"", "ana@example.com"}},
      {"<ana@example.com>", {"", "ana@example.com"}},
      {"Ana Ortiz <ana@example.com>", {"Ana Ortiz", "ana@example.com"}},
      {"\"Ortiz, Ana\" <ana@example.com>", {"Ortiz, Ana", "ana@example.com"}},
      {"\"say \\\"hi\\\"\" <ana@example.com>", {"say \"hi\"", "ana@example.com"}},
      {"Jörg <j.o+x@sub.example.co>", {"Jörg", "j.o+x@sub.example.co"}},
      {"root@localhost", {"", "root@localhost"}},
      {"root@[127.0.0.1]", {"", "root@[127.0.0.1]"}}};
  for (const Case& one : cases) {
    const auto read = parse_mail_address(one.text);
    ASSERT_TRUE(read) << one.text << ": " << read.error().detail;
    EXPECT_EQ(*read, one.expected) << one.text;
  }
}

TEST(MailAddress, WhatCouldBecomeSomethingElseIsRefused) {
  for (const std::string_view text : {"",
                                      "ana",
                                      "@example.com",
                                      "ana@",
                                      "a@b@c",
                                      "ana@example.com\r\nBcc: eve@example.com",
                                      "ana@example.com\n",
                                      "Ana\r\nBcc: eve@example.com <ana@example.com>",
                                      "ana@example.com> RCPT TO:<eve@example.com",
                                      "ana @example.com",
                                      "ana@exa mple.com",
                                      "a..b@example.com",
                                      ".a@example.com",
                                      "a.@example.com",
                                      "ana@-example.com",
                                      "ana@example..com",
                                      "ana@example.com.",
                                      "\"a b\"@example.com",
                                      "jörg@example.com",
                                      "ana@münchen.example",
                                      "<ana@example.com",
                                      "ana@example.com>",
                                      "\"Ana <ana@example.com>",
                                      "ana@example.com,eve@example.com",
                                      "ana@[1.2.3.4> x]",
                                      "ana@example.com SIZE=1"}) {
    const auto read = parse_mail_address(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, "mail-invalid");
    EXPECT_EQ(read.error().detail.find_first_of("\r\n"), std::string::npos);
  }
  std::string accents = "a";
  for (int i = 0; i < 60; ++i) accents += "é";
  const auto refused = parse_mail_address(accents + "@x.org");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(is_valid_utf8(refused.error().detail)) << "cut between two characters";
  EXPECT_FALSE(parse_mail_address(std::string(65, 'a') + "@example.com"));
  EXPECT_FALSE(parse_mail_address("a@" + std::string(64, 'b') + ".com"));
}

TEST(MailAddress, AListIsSplitAtItsOwnCommasOnly) {
  const auto list =
      parse_mail_addresses("a@example.com, \"Ortiz, Ana\" <b@example.com>,C <c@example.com>");
  ASSERT_TRUE(list) << list.error().detail;
  ASSERT_EQ(list->size(), 3U);
  EXPECT_EQ((*list)[1], (MailAddress{"Ortiz, Ana", "b@example.com"}));
  EXPECT_EQ((*list)[2].address, "c@example.com");
  EXPECT_FALSE(parse_mail_addresses("a@example.com,"));
  EXPECT_FALSE(parse_mail_addresses("a@example.com,,b@example.com"));
}

TEST(MailHeader, IsPlainWhereItCanBeAndEncodedWhereNot) {
  EXPECT_EQ(mail_header("Subject", "Order 17"), "Subject: Order 17\r\n");
  EXPECT_EQ(mail_header("Subject", ""), "Subject: \r\n");
  EXPECT_EQ(mail_header("Subject", "Grüße"), "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n");
  // What looks like an encoded word, and spaces that would be lost.
  EXPECT_EQ(mail_header("Subject", "=?x?="), "Subject: =?UTF-8?B?PT94Pz0=?=\r\n");
  EXPECT_EQ(mail_header("Subject", " x"), "Subject: =?UTF-8?B?IHg=?=\r\n");
}

TEST(MailHeader, NoLineIsLongerThanItMayBeAndNoCharacterIsCut) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "ü€😀 ";
  text += "end";
  for (const std::string& subject :
       {text, std::string(3000, 'x'), std::string(500, 'a') + " " + std::string(500, 'b'),
        "word " + std::string(400, ' ') + "word"}) {
    std::string header = mail_header("Subject", subject);
    ASSERT_TRUE(header.ends_with("\r\n"));
    header.resize(header.size() - 2);
    while (!header.empty()) {
      const std::size_t end = std::min(header.find("\r\n"), header.size());
      EXPECT_LE(end, 998U);
      EXPECT_NE(header.substr(0, end).find_first_not_of(' '), std::string::npos);
      header.erase(0, end + 2);
      EXPECT_TRUE(header.empty() || header.front() == ' ');
    }
  }
}

TEST(MailHeader, NamesOfPeopleAreQuotedOrEncoded) {
  EXPECT_EQ(mail_header("To", {{"Ana Ortiz", "ana@example.com"}}),
            "To: Ana Ortiz <ana@example.com>\r\n");
  EXPECT_EQ(mail_header("To", {{"Ortiz, Ana \"A\"", "ana@example.com"}, {"", "b@example.com"}}),
            "To: \"Ortiz, Ana \\\"A\\\"\" <ana@example.com>,\r\n b@example.com\r\n");
  EXPECT_EQ(mail_header("To", {{"Jörg", "j@example.com"}}),
            "To: =?UTF-8?B?SsO2cmc=?= <j@example.com>\r\n");
}

TEST(MailText, GoesAsItIsOrQuotedPrintable) {
  struct Case {
    std::string text;
    std::string_view encoding;
    std::string body;
  };
  const std::vector<Case> cases{
      {"Hello,\nworld", "7bit", "Hello,\r\nworld\r\n"},
      {"a\r\nb\rc\n", "7bit", "a\r\nb\r\nc\r\n"},
      {"", "7bit", "\r\n"},
      {"Grüße = x \n.\n", "quoted-printable", "Gr=C3=BC=C3=9Fe =3D x=20\r\n.\r\n"},
      // Like a boundary of ours.
      {"--=_abc", "quoted-printable", "--=3D_abc\r\n"},
      {std::string("a\0b", 3), "quoted-printable", "a=00b\r\n"},
      {std::string(200, '=') + "\x01", "quoted-printable", ""}};
  for (const Case& one : cases) {
    const MailText text = mail_text(one.text);
    EXPECT_EQ(text.transfer_encoding, one.encoding) << one.text;
    EXPECT_TRUE(one.body.empty() || text.body == one.body) << text.body;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text.body.find("\r\n", begin)) != std::string::npos;
         begin = end + 2)
      EXPECT_LE(end - begin, one.encoding == "7bit" ? 998U : 76U);
  }
  EXPECT_EQ(mail_text(std::string(999, 'x')).transfer_encoding, "quoted-printable");
  EXPECT_EQ(mail_text(std::string(998, 'x')).transfer_encoding, "7bit");
}

TEST(MailText, Base64HasTheSizeThatItWasToldToHave) {
  for (std::size_t size = 0; size < 400; ++size) {
    const std::string bytes(size, 'x');
    EXPECT_EQ(mail_base64(bytes).size(), mail_base64_size(size)) << size;
  }
}

TEST(MailText, Base64IsReadBack) {
  const auto decoded = [](std::string_view text) -> std::string {
    std::string out(text.size(), '?');
    const auto count = decode_base64(text, out.data());
    return count ? out.substr(0, *count) : "(none)";
  };
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(decoded(to_base64(bytes)), bytes) << i;
    EXPECT_EQ(decoded(mail_base64(bytes)), bytes) << i;
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_EQ(decoded("TQ"), "M");
  for (const char* text : {"T", "TQ=", "TQ===", "TQ==TQ==", "T Q?", "-_==", "TWFuT"})
    EXPECT_EQ(decoded(text), "(none)") << text;
}

TEST(MailText, DatesAreInUtc) {
  EXPECT_EQ(mail_date(at(0)), "Thu, 01 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(mail_date(at(1795356125)), "Sun, 22 Nov 2026 14:02:05 +0000");
  EXPECT_EQ(mail_date(at(1709164800)), "Thu, 29 Feb 2024 00:00:00 +0000");
}

MailMessage simple() {
  MailMessage message;
  message.from = {"Stepwell", "stepwell@example.com"};
  message.to = {{"", "ana@example.com"}};
  message.subject = "Order 17";
  message.text = "Hello";
  message.message_id = "k-1@example.com";
  message.date = at(0);
  return message;
}

std::string read_all(BodySource& source, std::size_t piece) {
  std::string all;
  std::string buffer(piece, '\0');
  while (true) {
    const auto count = source.read(buffer.data(), piece);
    if (!count || *count == 0) return all;
    all.append(buffer.data(), *count);
  }
}

TEST(MailMessage, HasTheFieldsThatItNeedsAndNoOthers) {
  const auto content = compose_mail(simple(), "b");
  ASSERT_TRUE(content);
  EXPECT_EQ(read_all(**content, 100),
            "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
            "From: Stepwell <stepwell@example.com>\r\n"
            "To: ana@example.com\r\n"
            "Subject: Order 17\r\n"
            "Message-ID: <k-1@example.com>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 7bit\r\n"
            "\r\n"
            "Hello\r\n");
  MailMessage hidden = simple();
  hidden.to.clear();
  EXPECT_NE(read_all(**compose_mail(hidden, "b"), 100).find("To: undisclosed-recipients:;\r\n"),
            std::string::npos);
}

// Gives its bytes in pieces of awkward sizes.
class Bytes57 final : public BodySource {
 public:
  explicit Bytes57(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Result<std::size_t> read(char* into, std::size_t most) override {
    const std::size_t count = std::min({most, bytes_.size() - at_, std::size_t{1001}});
    bytes_.copy(into, count, at_);
    at_ += count;
    return count;
  }
  Status rewind() override {
    at_ = 0;
    return {};
  }

 private:
  const std::string bytes_;
  std::size_t at_ = 0;
};

TEST(MailMessage, AttachmentsAreEncodedAsTheyAreRead) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 7919 >> 3);
  MailMessage message = simple();
  message.attachments.push_back(
      {"a.bin", "application/octet-stream", "", std::make_shared<Bytes57>(bytes)});
  message.attachments.push_back({"b.txt", "text/plain", "small", nullptr});
  message.attachments.push_back({"c", "message/rfc822", "x", nullptr});
  const auto content = compose_mail(message, "b");
  ASSERT_TRUE(content);
  const std::string whole = read_all(**content, 64);
  EXPECT_EQ(whole.size(), (*content)->size());
  EXPECT_NE(whole.find("\r\n\r\n" + mail_base64(bytes) + "\r\n--=_b\r\n"), std::string::npos);
  EXPECT_NE(whole.find("c21hbGw=\r\n"), std::string::npos);
  EXPECT_EQ(whole.find("message/rfc822"), std::string::npos);  // may not be encoded
  ASSERT_TRUE((*content)->rewind());
  EXPECT_EQ(read_all(**content, 100'000), whole);
}

TEST(MailMessage, NothingOfItBecomesAHeaderField) {
  MailMessage subject = simple();
  subject.subject = "x\r\nBcc: eve@example.com";
  MailMessage name = simple();
  name.attachments.push_back({"x\"\r\nX: y", "text/plain", "", nullptr});
  MailMessage type = simple();
  type.attachments.push_back({"x", "text/plain\r\nX: y", "", nullptr});
  MailMessage no_type = simple();
  no_type.attachments.push_back({"x", "text", "", nullptr});
  for (const MailMessage& message : {subject, name, type, no_type}) {
    const auto content = compose_mail(message, "b");
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, "mail-invalid");
  }
}

}  // namespace
}  // namespace stepwell::http
