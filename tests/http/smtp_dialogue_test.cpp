#include "http/smtp_dialogue.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace stepwell::http {
namespace {

// Of a fixed size.
class Sized final : public BodySource {
 public:
  std::uint64_t size() const override { return 120; }
  Result<std::size_t> read(char* /*into*/, std::size_t /*most*/) override { return 0; }
  Status rewind() override { return {}; }
};

Mail mail_to(std::vector<std::string> recipients) {
  Mail mail;
  mail.sender = "s@example.com";
  mail.recipients = std::move(recipients);
  mail.content = std::make_shared<Sized>();
  return mail;
}

struct Played {
  std::vector<std::string> said;  // "…" lines without CRLF; "<content>"
  MailAnswer answer;
  std::string problem;
};

// The server's replies in their order, until there is none or the dialogue is over.
Played play(const Mail& mail, const std::string& capabilities, const std::string& authorization,
            const std::vector<SmtpReply>& replies) {
  const SmtpReply greeting{250, capabilities};
  SmtpDialogue dialogue(mail, greeting, "mail.example.com:587", authorization);
  Played played;
  auto say = dialogue.begin();
  std::size_t next = 0;
  while (say.kind != SmtpDialogue::Say::Kind::nothing) {
    if (say.kind == SmtpDialogue::Say::Kind::content) {
      played.said.emplace_back("<content>");
    } else {
      std::string line(say.line.reveal());
      EXPECT_TRUE(line.ends_with("\r\n"));
      line.resize(line.size() - 2);
      EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos);
      played.said.push_back(std::move(line));
    }
    if (next == replies.size()) break;
    say = dialogue.take(replies[next++]);
  }
  played.answer = dialogue.answer();
  if (dialogue.problem() != nullptr) played.problem = dialogue.problem()->code;
  return played;
}

const SmtpReply kOk{250, "fine"};
const SmtpReply kGo{354, "go"};
const std::string kBasic = "Authorization: Basic " + to_base64("user:pa:ss");

TEST(SmtpReader, MakesRepliesOfBytes) {
  SmtpReader reader;
  ASSERT_TRUE(reader.take("220 one\r\n250-a\r\n25"));
  EXPECT_EQ(reader.next()->text, "one");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.in_the_middle());
  ASSERT_TRUE(reader.take("0-b\n250 c\r\n354\r\n"));
  const auto many = reader.next();
  EXPECT_EQ(many->code, 250);
  EXPECT_EQ(many->text, "a\nb\nc");
  EXPECT_EQ(reader.next()->code, 354);
  EXPECT_FALSE(reader.in_the_middle());
}

TEST(SmtpReader, TextsAreUtf8WhateverTheServerWrites) {
  SmtpReader reader;
  ASSERT_TRUE(reader.take("550-Empf\xe4nger\r\n550 f\xc3\xbcr\r\n"));
  EXPECT_EQ(reader.next()->text, "Empf\xEF\xBF\xBDnger\nf\xc3\xbcr");
}

TEST(SmtpReader, WhatIsNoReplyIsRefused) {
  for (const std::string& text :
       {std::string("HTTP/1.1 400 Bad\r\n"), std::string("\r\n"), std::string("25\r\n"),
        std::string("2500 x\r\n"), std::string("100 x\r\n"), std::string("600 x\r\n"),
        std::string("250-a\r\n251 b\r\n"), std::string(5000, 'x'), std::string("-50 x\r\n")}) {
    SmtpReader reader;
    EXPECT_FALSE(reader.take(text)) << text.substr(0, 40);
  }
  SmtpReader endless;
  bool taken = true;
  for (int i = 0; i < 100 && taken; ++i)
    taken = endless.take("250-" + std::string(3000, 'x') + "\n");
  EXPECT_FALSE(taken);
}

TEST(SmtpDialogue, AMailIsSentStepByStep) {
  const Played played = play(mail_to({"a@x.org", "b@x.org"}), "mx\nSIZE 1000\nPIPELINING", "",
                             {kOk, kOk, kOk, kGo, {250, "queued as 7"}});
  EXPECT_EQ(played.said,
            (std::vector<std::string>{"MAIL FROM:<s@example.com> SIZE=120", "RCPT TO:<a@x.org>",
                                      "RCPT TO:<b@x.org>", "DATA", "<content>"}));
  EXPECT_TRUE(played.answer.accepted());
  EXPECT_EQ(played.answer.text, "queued as 7");
}

TEST(SmtpDialogue, ARefusalAtEachStageEndsIt) {
  struct Case {
    std::vector<SmtpReply> replies;
    MailAnswer::Stage stage;
    int code;
  };
  const std::vector<Case> cases{
      {{{550, "no"}}, MailAnswer::Stage::sender, 550},
      {{kOk, {550, "no"}}, MailAnswer::Stage::recipient, 550},
      {{kOk, {451, "later"}}, MailAnswer::Stage::recipient, 451},
      {{kOk, kOk, {554, "no"}}, MailAnswer::Stage::content, 554},
      {{kOk, kOk, {250, "what?"}}, MailAnswer::Stage::content, 554},
      {{kOk, kOk, kGo, {552, "too much"}}, MailAnswer::Stage::content, 552},
      {{{421, "bye"}}, MailAnswer::Stage::sender, 421}};
  for (const Case& one : cases) {
    const Played played = play(mail_to({"a@x.org"}), "mx", "", one.replies);
    EXPECT_FALSE(played.answer.accepted());
    EXPECT_EQ(played.answer.stage, one.stage) << one.code;
    EXPECT_EQ(played.answer.code, one.code);
    EXPECT_EQ(played.problem, "");
  }
}

TEST(SmtpDialogue, ToAllOrToNobodyUnlessToldOtherwise) {
  Mail mail = mail_to({"a@x.org", "b@x.org", "c@x.org"});
  const std::vector<SmtpReply> replies{kOk, kOk, {450, "later"}, {550, "who?"}, kGo, kOk};
  const Played nobody = play(mail, "mx", "", replies);
  EXPECT_EQ(nobody.said.back(), "RCPT TO:<c@x.org>");
  EXPECT_EQ(nobody.answer.code, 550);  // a later attempt would not help
  ASSERT_EQ(nobody.answer.refused.size(), 2U);
  EXPECT_EQ(nobody.answer.refused[0].recipient, "b@x.org");
  mail.partial = true;
  const Played some = play(mail, "mx", "", replies);
  EXPECT_EQ(some.said.back(), "<content>");
  EXPECT_TRUE(some.answer.accepted());
  EXPECT_EQ(some.answer.refused.size(), 2U);
  EXPECT_EQ(play(mail, "mx", "", {kOk, {550, ""}, {550, ""}, {550, ""}}).answer.stage,
            MailAnswer::Stage::recipient);
}

TEST(SmtpDialogue, AMailThatTheServerSaysIsTooLargeIsNotBegun) {
  const Played played = play(mail_to({"a@x.org"}), "mx\nSIZE 100", "", {});
  EXPECT_TRUE(played.said.empty());
  EXPECT_EQ(played.answer.code, 552);
}

TEST(SmtpDialogue, LogsInAsTheServerCan) {
  struct Case {
    std::string capabilities;
    std::string authorization;
    std::vector<std::string> said;
  };
  using namespace std::string_literals;
  const std::string plain = to_base64("\0user\0pa:ss"s);
  const std::vector<Case> cases{
      {"mx\nAUTH LOGIN PLAIN", kBasic, {"AUTH PLAIN " + plain}},
      {"mx\nauth plain", kBasic + "\0"s, {"AUTH PLAIN " + plain}},
      {"mx\nAUTH=LOGIN", kBasic, {"AUTH LOGIN", to_base64("user"), to_base64("pa:ss")}},
      {"mx\nAUTH XOAUTH2 PLAIN",
       "Authorization: Bearer tok",
       {"AUTH XOAUTH2 " + to_base64("user=s@example.com\x01"
                                    "auth=Bearer tok\x01\x01")}},
      {"mx\nAUTH XOAUTH2 OAUTHBEARER",
       "Authorization: Bearer tok",
       {"AUTH OAUTHBEARER " + to_base64("n,a=s@example.com,\x01host=mail.example.com\x01port=587"
                                        "\x01"
                                        "auth=Bearer tok\x01\x01")}}};
  for (const Case& one : cases) {
    std::vector<SmtpReply> replies(one.said.size() - 1, SmtpReply{334, ""});
    replies.push_back({235, "welcome"});
    const Played played = play(mail_to({"a@x.org"}), one.capabilities, one.authorization, replies);
    std::vector<std::string> expected = one.said;
    expected.emplace_back("MAIL FROM:<s@example.com>");
    EXPECT_EQ(played.said, expected) << one.capabilities;
    EXPECT_TRUE(played.answer.logged_in);
  }
}

TEST(SmtpDialogue, ALoginTooLongForOneLineFollowsItsCommand) {
  const std::string token(600, 't');
  const Played played = play(mail_to({"a@x.org"}), "mx\nAUTH XOAUTH2",
                             "Authorization: Bearer " + token, {{334, ""}, {235, ""}});
  ASSERT_EQ(played.said.size(), 3U);
  EXPECT_EQ(played.said[0], "AUTH XOAUTH2");
}

TEST(SmtpDialogue, WithoutAWayToLogInNothingIsSaid) {
  for (const std::string_view authorization :
       {std::string_view(kBasic), std::string_view("Authorization: Bearer tok")}) {
    const Played played =
        play(mail_to({"a@x.org"}), "mx\nAUTH CRAM-MD5", std::string(authorization), {});
    EXPECT_TRUE(played.said.empty());
    EXPECT_EQ(played.problem, "login-not-offered");
  }
  for (const char* other : {"X-Api-Key: k", "Authorization: Digest x", "Authorization:"}) {
    const Played played = play(mail_to({"a@x.org"}), "mx\nAUTH PLAIN", other, {});
    EXPECT_TRUE(played.said.empty());
    EXPECT_EQ(played.problem, "credential-invalid");
  }
}

TEST(SmtpDialogue, ARefusedLoginTellsWhyAndNeverWhatItWas) {
  using namespace std::string_literals;
  const std::string plain = to_base64("\0user\0pa:ss"s);
  const Played played = play(mail_to({"a@x.org"}), "mx\nAUTH PLAIN", kBasic,
                             {{535, "no such login: " + plain + " (" + plain + ")"}});
  EXPECT_EQ(played.answer.stage, MailAnswer::Stage::login);
  EXPECT_EQ(played.answer.code, 535);
  EXPECT_EQ(played.answer.text, "no such login: *** (***)");
  EXPECT_FALSE(played.answer.logged_in);
  // OAuth 2.0 refuses by a challenge first.
  const Played token = play(mail_to({"a@x.org"}), "mx\nAUTH XOAUTH2", "Authorization: Bearer tok",
                            {{334, to_base64("{\"status\":\"401\"}")}, {535, "expired"}});
  EXPECT_EQ(token.said.back(), "");
  EXPECT_EQ(token.answer.code, 535);
}

TEST(SmtpDialogue, AServerThatAsksForMoreAndMoreGetsNothing) {
  const Played played = play(mail_to({"a@x.org"}), "mx\nAUTH PLAIN", kBasic,
                             std::vector<SmtpReply>(20, SmtpReply{334, "UGFzc3dvcmQ6"}));
  EXPECT_EQ(played.answer.stage, MailAnswer::Stage::login);
  ASSERT_LE(played.said.size(), 4U);
  for (std::size_t i = 1; i < played.said.size(); ++i) EXPECT_EQ(played.said[i], "*");
}

TEST(SmtpDialogue, ASenderWithAnEqualsSignIsEscapedWhereItNamesTheUser) {
  Mail mail = mail_to({"a@x.org"});
  mail.sender = "bounce+ana=example.org@x.org";
  const Played played =
      play(mail, "mx\nAUTH OAUTHBEARER", "Authorization: Bearer tok", {{235, "welcome"}});
  ASSERT_GE(played.said.size(), 1U);
  EXPECT_EQ(played.said[0],
            "AUTH OAUTHBEARER " + to_base64("n,a=bounce+ana=3Dexample.org@x.org,\x01host="
                                            "mail.example.com\x01port=587\x01"
                                            "auth=Bearer tok\x01\x01"));
}

TEST(SmtpDialogue, ManyLongRefusalsAreNotAllKept) {
  constexpr std::size_t kMany = 100;
  std::vector<std::string> recipients;
  std::vector<SmtpReply> replies{kOk};
  for (std::size_t i = 0; i < kMany; ++i) {
    recipients.push_back("a" + std::to_string(i) + "@x.org");
    replies.push_back({550, std::string(20UL * 1024, 'x')});
  }
  const Played played = play(mail_to(recipients), "mx", "", replies);
  ASSERT_EQ(played.answer.refused.size(), kMany);
  std::size_t bytes = 0;
  for (const auto& refused : played.answer.refused) {
    EXPECT_EQ(refused.code, 550);
    bytes += refused.text.size();
  }
  EXPECT_GT(bytes, 20UL * 1024);
  EXPECT_LE(bytes, 64UL * 1024);
}

}  // namespace
}  // namespace stepwell::http
