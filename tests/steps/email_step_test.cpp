// `call: email` to a mail server that goes wrong: what may be sent again, and what not.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "steps/email_message.h"
#include "tests/steps/world.h"
#include "tests/support/smtp_script.h"

namespace stepwell::steps::test {
namespace {

using stepwell::test::kHangUp;
using stepwell::test::kSaysNothing;
using stepwell::test::MisbehavingServer;
using stepwell::test::smtp_server;

std::string mail_server(const MisbehavingServer& server) {
  return "smtp://127.0.0.1:" + std::to_string(server.port());
}

// One `call: email`; `more` holds further members of `with`, each beginning with ", ".
std::string mail(const MisbehavingServer& server, const std::string& more = "") {
  return "{call: email, with: {server: '" + mail_server(server) +
         "', from: s@example.com, to: a@example.com, subject: S, body: B" + more + "}}";
}
std::string only(const std::string& task) { return "do: [{send: " + task + "}]\n"; }

std::string tried(const std::string& task, int attempts) {
  return "do: [{t: {try: [{send: " + task +
         "}], catch: {retry: {delay: {milliseconds: 1}, limit: {attempt: {count: " +
         std::to_string(attempts) + "}}}}}}]\n";
}

std::size_t times(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++found;
  return found;
}

TEST(EmailStep, GivesWhatTheServerSaid) {
  MisbehavingServer server(smtp_server({{".", "250 queued as 7\r\n"}}));
  World world;
  const auto view = world.run(only(mail(server, ", cc: 'B <b@example.com>, a@example.com'")));
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(to_json(view.output.get("accepted")), R"(["a@example.com","b@example.com"])");
  EXPECT_EQ(view.output.get("answer"), Value("250 queued as 7"));
  EXPECT_EQ(to_json(view.output.get("refused")), "[]");
  const std::string id(view.output.get("messageId").as_string());
  EXPECT_TRUE(id.starts_with("<") && id.ends_with("@example.com>")) << id;
  EXPECT_NE(all(server).find("Message-ID: " + id + "\r\n"), std::string::npos);
}

TEST(EmailStep, WhatMayHaveBeenTakenIsNotSentAgain) {
  MisbehavingServer server(smtp_server({{".", kHangUp}}));
  World world;
  const auto view = world.run(tried(mail(server), 5));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "outcome-unknown");
  EXPECT_FALSE(view.problem->retryable);
  EXPECT_EQ(view.problem->to_value().get("sent"), Value("yes"));
  EXPECT_EQ(server.connections(), 1U);
}

TEST(EmailStep, WhatWasNotTakenIsSentAgainWithTheSameMessageId) {
  // Closed before the end of the mail; refused for now, also behind its end; then taken.
  MisbehavingServer server([](MisbehavingServer::Connection& connection) {
    const std::vector<stepwell::test::SmtpAnswers> all_answers{{{"", "421 busy\r\n"}},
                                                               {{"RCPT", kHangUp}},
                                                               {{"DATA", "451 later\r\n"}},
                                                               {{".", "451 later\r\n"}},
                                                               {}};
    smtp_server(all_answers.at(connection.number()))(connection);
  });
  World world;
  const auto view = world.run(tried(mail(server), 9));
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  EXPECT_EQ(server.connections(), 5U);
  const std::string id(view.output.get("messageId").as_string());
  EXPECT_EQ(times(all(server), "Message-ID: " + id), 2U);
}

TEST(EmailStep, ARefusalForGoodIsNotRepeated) {
  MisbehavingServer server(smtp_server({{"RCPT", "550 who is that?\r\n"}}));
  World world;
  const auto view = world.run(tried(mail(server), 5));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  const Value problem = view.problem->to_value();
  EXPECT_EQ(problem.get("reason"), Value("smtp-refused"));
  EXPECT_EQ(problem.get("status"), Value(422));
  EXPECT_EQ(to_json(problem.get("smtp")),
            R"({"stage":"recipient","code":550,"answer":"who is that?"})");
  EXPECT_EQ(server.connections(), 1U);
}

TEST(EmailStep, ATokenIsShownAsOneAndNeverInTheProblem) {
  const std::string shown = to_base64(
      "user=s@example.com\x01"
      "auth=Bearer tok-0123456789\x01\x01");
  MisbehavingServer server(smtp_server({{"EHLO", "250-mx\r\n250 AUTH XOAUTH2\r\n"},
                                        {"AUTH", "535 not " + shown + " nor tok-0123456789\r\n"}}));
  World world;
  world.add_bearer("mail", "tok-0123456789", mail_server(server));
  const auto view = world.run(only(mail(server, ", authentication: {use: mail}")));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "rejected-by-upstream");
  EXPECT_EQ(view.problem->status, 401);
  EXPECT_NE(view.problem->detail.find("535 not *** nor ***"), std::string::npos)
      << view.problem->detail;
  EXPECT_NE(all(server).find("AUTH XOAUTH2 " + shown + "\r\n"), std::string::npos);
}

TEST(EmailStep, WhatIsWrittenInTheDefinitionLogsInToo) {
  MisbehavingServer server(smtp_server({}));
  World world;
  const auto view =
      world.run(only(mail(server, ", authentication: {basic: {username: u, password: '${ .p }'}}")),
                R"({"p": "secret-pw"})");
  ASSERT_EQ(view.status, engine::InstanceStatus::completed) << view.problem->one_line();
  using namespace std::string_literals;
  EXPECT_NE(all(server).find("AUTH PLAIN " + to_base64("\0u\0secret-pw"s)), std::string::npos);
}

TEST(EmailStep, AStoredValueDoesNotGoOutInAMail) {
  MisbehavingServer server(smtp_server({}));
  World world;
  world.add_bearer("crm", "tok-0123456789", "https://crm.example.com");
  for (const char* more : {", html: tok-0123456789", ", replyTo: tok-0123456789@example.com",
                           ", attachments: {name: x, content: tok-0123456789}",
                           ", attachments: {name: x, content: y, "
                           "mediaType: 'text/plain; x=tok-0123456789'}"}) {
    const auto view = world.run(only(mail(server, more)));
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted) << more;
    EXPECT_EQ(view.problem->code, "secret-in-request") << more;
  }
  EXPECT_EQ(server.connections(), 0U);
}

TEST(EmailStep, ACredentialOfAnotherKindIsNoLogin) {
  MisbehavingServer server(smtp_server({}));
  World world;
  auth::NewCredential digest;
  digest.name = "digest";
  digest.kind = auth::CredentialKind::digest;
  digest.origins = {mail_server(server)};
  digest.value.username = "u";
  digest.value.secret = Secret("passw0rd-x");
  ASSERT_TRUE(world.authority->credentials().add(kAna, std::move(digest)));
  const auto view = world.run(only(mail(server, ", authentication: {use: digest}")));
  ASSERT_EQ(view.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(view.problem->code, "credential-invalid");
  EXPECT_EQ(all(server), "");
}

TEST(EmailStep, IsCancelledWhileItWaitsForTheServer) {
  for (const char* stage : {"", "RCPT", "."}) {
    MisbehavingServer server(smtp_server({{stage, kSaysNothing}}));
    World world;
    const auto view = world.run(
        "do: [{t: {timeout: {after: {milliseconds: 100}}, do: [{send: " + mail(server) + "}]}}]\n");
    ASSERT_EQ(view.status, engine::InstanceStatus::faulted) << stage;
    EXPECT_EQ(view.problem->status, 408) << stage;
  }
}

TEST(EmailMessage, SaysWhatItLacks) {
  const EmailStepOptions none;
  EmailStepOptions some;
  some.server = "smtp://mail.example.com";
  some.from = "Office <o@example.com>";
  const auto made = [](const EmailStepOptions& options, std::string_view arguments) {
    return make_email(parse_json(arguments).value(), {options, nullptr, {}, "k", "b"});
  };
  EXPECT_EQ(made(none, R"({"to": "a@x.org", "subject": "s", "body": "b"})").error().code,
            "mail-invalid");
  const auto defaults = made(some, R"({"to": "a@x.org", "subject": "s", "body": "b"})");
  ASSERT_TRUE(defaults);
  EXPECT_EQ(defaults->url, "smtp://mail.example.com");
  EXPECT_FALSE(defaults->own_server);
  EXPECT_EQ(defaults->mail->sender, "o@example.com");
  EXPECT_EQ(defaults->message_id, "<k@example.com>");
  EXPECT_TRUE(made(some, R"({"server": "smtp://x.org", "to": "a@x.org"})")->own_server);
  for (const char* arguments :
       {R"({"to": []})", R"({"to": 5})", R"({"to": {"name": "A"}})", R"({"to": [["a@x.org"]]})",
        R"({"to": "a@x.org", "from": "a@x.org, b@x.org"})", R"({"to": "a@x.org", "subject": 5})",
        R"({"to": "a@x.org", "attachments": [5]})", R"({"to": "a@x.org", "attachments": [{}]})",
        R"({"to": "a@x.org", "attachments": {"name": "x", "content": "?", "encoding": "base64"}})",
        R"({"to": "a@x.org", "attachments": {"name": "x", "content": "?", "encoding": "hex"}})"}) {
    const auto email = made(some, arguments);
    ASSERT_FALSE(email) << arguments;
    EXPECT_EQ(email.error().code, "mail-invalid") << arguments;
  }
  EXPECT_EQ(made(some, R"({"server": "http://x.org", "to": "a@x.org"})").error().code,
            "url-invalid");
  EXPECT_EQ(made(some, R"({"to": "a@x.org", "attachments": "f_0"})").error().code, "file-unknown");
}

TEST(EmailMessage, EverybodyGetsItOnce) {
  EmailStepOptions options;
  options.server = "smtp://mail.example.com";
  const auto email = make_email(
      parse_json(R"({"from": "s@x.org", "to": ["a@x.org", "A@x.org"], "cc": "a@X.ORG, b@x.org",
                     "bcc": ["b@x.org", {"name": "C", "address": "c@x.org"}], "partial": true})")
          .value(),
      {options, nullptr, {}, "k", "b"});
  ASSERT_TRUE(email) << email.error().detail;
  EXPECT_EQ(email->mail->recipients,
            (std::vector<std::string>{"a@x.org", "A@x.org", "b@x.org", "c@x.org"}));
  EXPECT_TRUE(email->mail->partial);
}

}  // namespace
}  // namespace stepwell::steps::test
