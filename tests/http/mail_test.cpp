// Mails through the reactor, to a mail server that goes wrong at every stage.
#include "http/mail.h"

#include <gtest/gtest.h>

#include "http/mail_message.h"
#include "tests/http/fixture.h"
#include "tests/support/smtp_script.h"

namespace stepwell::http::test {
namespace {

using stepwell::test::kHangUp;
using stepwell::test::kResets;
using stepwell::test::kSaysNothing;
using stepwell::test::MisbehavingServer;
using stepwell::test::smtp_server;
using stepwell::test::SmtpAnswers;
using namespace std::chrono_literals;

// More than the socket buffers of both ends take in.
constexpr std::size_t kLarge = 12UL * 1024 * 1024;

// A content that is large and quickly made.
class Lines final : public BodySource {
 public:
  explicit Lines(std::size_t size) : size_(size) {}
  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(char* into, std::size_t most) override {
    const std::size_t count = std::min(most / 64 * 64, size_ - at_);
    for (std::size_t line = 0; line + 64 <= count; line += 64) kLine.copy(into + line, 64);
    at_ += count;
    return count;
  }
  Status rewind() override { return {}; }

 private:
  const std::string kLine = std::string(62, 'x') + "\r\n";
  const std::size_t size_;
  std::size_t at_ = 0;
};

// The size is a multiple of 64; 0: a mail of a few words.
std::shared_ptr<BodySource> content(std::size_t size) {
  if (size > 0) return std::make_shared<Lines>(size);
  MailMessage message;
  message.from = {"", "s@example.com"};
  message.to = {{"", "a@example.com"}};
  message.subject = "Order 17";
  message.text = ".one\n..two\n.\n";
  message.message_id = "k@example.com";
  return *compose_mail(message, "b");
}

Request mail_to(const MisbehavingServer& server, std::size_t size = 0) {
  Request request;
  request.url = "smtp://127.0.0.1:" + std::to_string(server.port());
  auto mail = std::make_shared<Mail>();
  mail->sender = "s@example.com";
  mail->recipients = {"a@example.com", "b@example.com"};
  mail->content = content(size);
  request.mail = std::move(mail);
  return request;
}

Request guarded(Request request, const std::shared_ptr<RecordingGuard>& guard) {
  request.guard = guard;
  request.pool = "cred/mail/1";
  return request;
}

// user:pass
std::shared_ptr<RecordingGuard> login() {
  return std::make_shared<RecordingGuard>(
      std::vector<std::string>{"Authorization: Basic dXNlcjpwYXNz"});
}
constexpr const char* kPlain = "AUTH PLAIN AHVzZXIAcGFzcw==";

// The machine's clocks, of which the steady one can be put forward.
class ClockAhead final : public Clock {
 public:
  WallTime now() const override { return machine_.now(); }
  SteadyTime steady_now() const override { return machine_.steady_now() + ahead_.load(); }
  void put_forward(Milliseconds by) { ahead_ = by; }

 private:
  const SystemClock machine_;
  std::atomic<Milliseconds> ahead_{Milliseconds(0)};
};

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++found;
  return found;
}

TEST(Mail, GoesOutWithItsEnvelopeAndItsDotsDoubled) {
  MisbehavingServer server(smtp_server({}));
  Client client;
  const Outcome outcome = client.call(mail_to(server));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(outcome.sent, Sent::yes);
  ASSERT_TRUE(outcome.response->mail);
  EXPECT_TRUE(outcome.response->mail->accepted());
  EXPECT_EQ(outcome.response->status, 250);
  client.reactor.reset();
  const std::string wire = server.received()[0];
  EXPECT_NE(wire.find("MAIL FROM:<s@example.com> SIZE="), std::string::npos);
  EXPECT_NE(wire.find("RCPT TO:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nDate: "),
            std::string::npos);
  EXPECT_NE(wire.find("\r\n\r\n..one\r\n...two\r\n..\r\n.\r\n"), std::string::npos) << wire;
}

TEST(Mail, ALargeOneArrivesWhole) {
  MisbehavingServer server(smtp_server({}));
  Client client;
  const Outcome outcome = client.call(mail_to(server, kLarge));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_TRUE(outcome.response->mail->accepted());
  client.reactor.reset();
  EXPECT_EQ(count(server.received()[0], "x\r\n"), kLarge / 64);
}

TEST(Mail, ARefusalIsAnAnswerAndSaysWhere) {
  struct Case {
    SmtpAnswers answers;
    MailAnswer::Stage stage;
    int code;
    Sent sent;
  };
  const std::vector<Case> cases{
      {{{"", "554 go away\r\n"}}, MailAnswer::Stage::greeting, 554, Sent::no},
      {{{"", "421 busy\r\n"}}, MailAnswer::Stage::greeting, 421, Sent::no},
      {{{"EHLO", "550 no\r\n"}, {"HELO", "550 no\r\n"}},
       MailAnswer::Stage::greeting,
       550,
       Sent::no},
      {{{"MAIL", "451-later\r\n451 please\r\n"}}, MailAnswer::Stage::sender, 451, Sent::no},
      {{{"RCPT", "550 who?\r\n"}}, MailAnswer::Stage::recipient, 550, Sent::no},
      {{{"DATA", "452 full\r\n"}}, MailAnswer::Stage::content, 452, Sent::no},
      {{{".", "554 spam\r\n"}}, MailAnswer::Stage::content, 554, Sent::yes},
      {{{".", "451 later\r\n"}}, MailAnswer::Stage::content, 451, Sent::yes},
  };
  for (const Case& one : cases) {
    MisbehavingServer server(smtp_server(one.answers));
    Client client;
    const Outcome outcome = client.call(mail_to(server));
    ASSERT_EQ(result_of(outcome), "ok") << one.code;
    const MailAnswer& answer = *outcome.response->mail;
    EXPECT_FALSE(answer.accepted());
    EXPECT_EQ(answer.stage, one.stage) << one.code;
    EXPECT_EQ(answer.code, one.code);
    EXPECT_EQ(outcome.sent, one.sent) << one.code;
  }
}

// Before the content's end, a mail that did not arrive was not delivered, so it may be sent again.
TEST(Mail, ACutOffTellsWhetherTheMailMayHaveBeenTaken) {
  struct Case {
    SmtpAnswers answers;
    Sent sent;
  };
  std::vector<Case> cases;
  for (const std::string& how : {kHangUp, kResets}) {
    for (const char* stage : {"", "EHLO", "MAIL", "RCPT", "DATA"})
      cases.push_back({{{stage, how}}, Sent::no});
    cases.push_back({{{"content", how}}, Sent::partly});
    cases.push_back({{{".", how}}, Sent::yes});
  }
  for (const Case& one : cases) {
    const auto& [stage, how] = *one.answers.begin();
    MisbehavingServer server(smtp_server(one.answers));
    Client client;
    // So much that not all of it fits into what lies between the two.
    const Outcome outcome = client.call(mail_to(server, stage == "content" ? kLarge : 0));
    ASSERT_FALSE(outcome.response) << stage << how;
    const Problem& problem = outcome.response.error();
    // A connection that is reset at once may be one that was never there.
    const bool at_once = stage.empty() && problem.code == "connect";
    EXPECT_TRUE(at_once || problem.code == "reset") << stage << how << problem.detail;
    EXPECT_EQ(outcome.sent, one.sent) << stage << how;
    EXPECT_EQ(problem.retryable, one.sent != Sent::yes) << stage << how;
  }
}

TEST(Mail, AnAnswerThatDoesNotComeIsNotWaitedForWithoutEnd) {
  struct Case {
    std::string stage;
    std::string code;
    Sent sent;
  };
  const std::vector<Case> cases{
      {"", "connect-timeout", Sent::no},        {"EHLO", "connect-timeout", Sent::no},
      {"MAIL", "first-byte-timeout", Sent::no}, {"RCPT", "first-byte-timeout", Sent::no},
      {"DATA", "first-byte-timeout", Sent::no}, {".", "first-byte-timeout", Sent::yes}};
  for (const Case& one : cases) {
    MisbehavingServer server(smtp_server({{one.stage, kSaysNothing}}));
    ClockAhead clock;
    Client client;
    client.reactor =
        std::make_unique<Reactor>(open_to_loopback(), clock, client.metrics, Log::null());
    auto mail = client.start(mail_to(server));
    // Time passes once it has come to its stage: before, a slow machine is no silent server.
    const std::string last = one.stage == "." ? "\r\n.\r\n" : one.stage;
    while (server.connections() == 0 || server.received()[0].find(last) == std::string::npos)
      std::this_thread::yield();
    clock.put_forward(1h);
    client.reactor->run_at(clock.steady_now(), [] {});  // it looks at the clock
    const Outcome outcome = mail.get();
    EXPECT_EQ(result_of(outcome), one.code) << one.stage;
    EXPECT_EQ(outcome.sent, one.sent) << one.stage;
    EXPECT_EQ(outcome.response.error().retryable, one.sent != Sent::yes) << one.stage;
  }
}

TEST(Mail, AServerThatTakesNoMoreOfItIsTooSlow) {
  MisbehavingServer server(smtp_server({{"content", kSaysNothing}}));
  MisbehavingServer stuck([](MisbehavingServer::Connection& connection) {
    const std::atomic<bool> never{false};
    connection.shrink_receive_buffer();
    connection.send("220 mx\r\n");
    connection.read_some(4096);
    connection.send("250 mx\r\n");
    for (int i = 0; i < 3; ++i) {
      connection.read_some(4096);
      connection.send("250 fine\r\n");
    }
    connection.read_some(4096);
    connection.send("354 go\r\n");
    connection.wait_until(never);
  });
  Client client;
  Request request = mail_to(stuck, kLarge);
  request.limits.low_speed_time = 1s;
  const Outcome outcome = client.call(std::move(request));
  EXPECT_EQ(result_of(outcome), "too-slow");
  EXPECT_EQ(outcome.sent, Sent::partly);
}

// The thread must not wait for a mail server, whatever that leaves undone.
TEST(Mail, NothingThatAMailServerLeavesUndoneHoldsOthersUp) {
  MisbehavingServer web(MisbehavingServer::always(stepwell::test::ok_answer("x")));
  for (const char* stage : {"", "EHLO", "MAIL", ".", "QUIT"}) {
    MisbehavingServer server(smtp_server({{stage, kSaysNothing}}));
    Client client;
    TransferId id;
    auto mail = client.start(mail_to(server), &id);
    // It is over and its goodbye unanswered, or under way.
    const bool over = std::string(stage) == "QUIT";
    if (over) {
      EXPECT_EQ(result_of(mail.get()), "ok");
    }
    for (int i = 0; i < 20; ++i) {
      const auto began = std::chrono::steady_clock::now();
      ASSERT_EQ(result_of(client.call(get(web.url()))), "ok");
      EXPECT_LT(std::chrono::steady_clock::now() - began, 5s) << stage;
    }
    if (over) continue;
    client.reactor->cancel(id);
    EXPECT_EQ(result_of(mail.get()), "cancelled") << stage;
  }
}

TEST(Mail, WhatIsNoMailServerIsSaidToBeNone) {
  for (const char* greeting : {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH\r\n", "\r\n"}) {
    MisbehavingServer server(smtp_server({{"", greeting}}));
    Client client;
    EXPECT_EQ(result_of(client.call(mail_to(server))), "smtp-protocol") << greeting;
  }
  MisbehavingServer later(smtp_server({{"MAIL", "hello\r\n"}}));
  MisbehavingServer early(smtp_server({{"DATA", "354 go\r\n250 taken\r\n"}}));
  Client client;
  EXPECT_EQ(result_of(client.call(mail_to(later))), "smtp-protocol");
  // What it has not got yet it cannot have taken.
  EXPECT_EQ(result_of(client.call(mail_to(early, kLarge))), "smtp-protocol");
}

TEST(Mail, IsNotSentWhereTheEgressRulesDoNotAllowIt) {
  MisbehavingServer server(smtp_server({}));
  Client client(ReactorOptions{});
  const Outcome outcome = client.call(mail_to(server));
  EXPECT_EQ(result_of(outcome), "egress-denied");
  EXPECT_EQ(server.connections(), 0U);
}

TEST(Mail, LogsInUnderAPermitThatLastsUntilItIsWritten) {
  MisbehavingServer server(smtp_server({}));
  Client client;
  const auto guard = login();
  const Outcome outcome = client.call(guarded(mail_to(server), guard));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_TRUE(outcome.response->mail->logged_in);
  EXPECT_EQ(guard->granted, 1);
  EXPECT_EQ(guard->given_back, 1);
  client.reactor.reset();
  EXPECT_NE(server.received()[0].find(kPlain), std::string::npos);
}

TEST(Mail, AGuardThatDeniesEndsItBeforeTheLogin) {
  MisbehavingServer server(smtp_server({}));
  Client client;
  const auto guard = login();
  guard->deny = true;
  const Outcome outcome = client.call(guarded(mail_to(server), guard));
  EXPECT_EQ(result_of(outcome), "credential-revoked");
  EXPECT_EQ(outcome.sent, Sent::no);
  client.reactor.reset();
  EXPECT_EQ(server.received()[0].find("AUTH"), std::string::npos);
  EXPECT_EQ(server.received()[0].find("MAIL"), std::string::npos);
}

TEST(Mail, ALoginThatIsRefusedEndsIt) {
  MisbehavingServer server(smtp_server({{"AUTH", "535 no AHVzZXIAcGFzcw==\r\n"}}));
  Client client;
  const auto guard = login();
  const Outcome outcome = client.call(guarded(mail_to(server), guard));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(outcome.response->mail->stage, MailAnswer::Stage::login);
  EXPECT_EQ(outcome.response->mail->code, 535);
  EXPECT_EQ(outcome.response->mail->text, "no ***");
  EXPECT_EQ(guard->given_back, guard->granted);
}

// What holds a permit is cut off; the mail has not ended, so nobody gets it.
TEST(Mail, IsCutOffWhereItsCredentialEndsMeanwhile) {
  for (const char* stage : {"AUTH", "MAIL", "RCPT", "DATA"}) {
    MisbehavingServer server(smtp_server({{stage, kSaysNothing}}));
    Client client;
    std::promise<void> asked;
    const auto guard = login();
    guard->on_acquire = [&asked, first = true]() mutable {
      if (std::exchange(first, false)) asked.set_value();
    };
    auto mail = client.start(guarded(mail_to(server), guard));
    asked.get_future().wait();
    guard->deny = true;
    client.reactor->abort_sending("cred/mail/1");
    const Outcome outcome = mail.get();
    EXPECT_EQ(result_of(outcome), "credential-revoked") << stage;
    EXPECT_EQ(outcome.sent, Sent::no) << stage;
    EXPECT_EQ(guard->given_back, guard->granted) << stage;
    client.reactor.reset();
    EXPECT_EQ(count(server.received()[0], "\r\n.\r\n"), 0U) << stage;
  }
}

TEST(Mail, AServerElsewhereHasToEncrypt) {
  MisbehavingServer server(smtp_server({}));
  ReactorOptions options = open_to_loopback();
  options.connect_to = {"mail.example.com:25:127.0.0.1:" + std::to_string(server.port())};
  Client client(std::move(options));
  const auto request = [&](StartTls policy) {
    Request mail = mail_to(server);
    auto copy = std::make_shared<Mail>(*mail.mail);
    copy->start_tls = policy;
    mail.mail = std::move(copy);
    mail.url = "smtp://mail.example.com";
    return mail;
  };
  for (const StartTls policy : {StartTls::automatic, StartTls::required}) {
    const Outcome outcome = client.call(request(policy));
    EXPECT_EQ(result_of(outcome), "tls");
    EXPECT_FALSE(outcome.response.error().retryable);
  }
  for (const StartTls policy : {StartTls::optional, StartTls::never}) {
    EXPECT_EQ(result_of(client.call(request(policy))), "ok");
    // A login that everybody could read is not shown, whatever the settings say.
    const auto guard = login();
    EXPECT_EQ(result_of(client.call(guarded(request(policy), guard))), "tls");
    EXPECT_EQ(guard->given_back, guard->granted);
  }
  client.reactor.reset();
  for (const std::string& wire : server.received()) EXPECT_EQ(wire.find("AUTH"), std::string::npos);
}

TEST(Mail, NeedsAnUrlOfAMailServer) {
  Client client;
  for (const char* url : {"http://127.0.0.1/", "smtp://", "smtp://user:pass@127.0.0.1",
                          "smtp://127.0.0.1/path", "smtp://127.0.0.1?x", "ftp://127.0.0.1"}) {
    MisbehavingServer server(smtp_server({}));
    Request request = mail_to(server);
    request.url = url;
    EXPECT_EQ(result_of(client.call(std::move(request))), "url-invalid") << url;
  }
  // … and nothing else takes one.
  EXPECT_EQ(result_of(client.call(get("smtp://127.0.0.1"))), "url-invalid");
}

TEST(Mail, ManyGoToOneServerOverAFewConnectionsAtATime) {
  MisbehavingServer server(smtp_server({}));
  Client client;
  std::vector<std::future<Outcome>> mails;
  for (int i = 0; i < 100; ++i) mails.push_back(client.start(mail_to(server)));
  for (auto& mail : mails) {
    const Outcome outcome = mail.get();
    ASSERT_EQ(result_of(outcome), "ok");
    EXPECT_TRUE(outcome.response->mail->accepted());
  }
}

}  // namespace
}  // namespace stepwell::http::test
