// Client certificates: given to every connection of their pool and to no other one, and a permit
// that is asked before a connection is opened, since the handshake proves possession of the key.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "tests/http/client_certificates.h"
#include "tests/http/fixture.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::http::test {
namespace {

using stepwell::test::MisbehavingServer;
using stepwell::test::NginxOptions;
using stepwell::test::NginxServer;
using stepwell::test::ok_answer;
using Connection = MisbehavingServer::Connection;

void wait_for(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::yield();
}

std::shared_ptr<RecordingGuard> guard_with(TlsIdentity identity) {
  auto guard = std::make_shared<RecordingGuard>();
  guard->tls = std::move(identity);
  return guard;
}

Request guarded(Request request, const std::shared_ptr<RecordingGuard>& guard,
                std::string pool = "crm-key/1") {
  request.guard = guard;
  request.pool = std::move(pool);
  return request;
}

class ClientCertificate : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    authority_ = std::make_unique<ClientCertificates>();
    ana_ = authority_->issue("ana");
    ben_ = authority_->issue("ben", "open sesame");
    stranger_ = ClientCertificates().issue("stranger");
    ASSERT_TRUE(authority_->ok());
    NginxOptions options;
    options.server =
        "ssl_verify_client on;\nssl_client_certificate " + authority_->ca_file() +
        ";\nssl_session_cache shared:all:1m;\ndefault_type text/plain;\n"
        "location / { return 200 '$ssl_client_s_dn $connection $ssl_session_reused'; }\n"
        "location /once { keepalive_timeout 0; return 200 '$ssl_session_reused'; }\n";
    nginx_ = std::make_unique<NginxServer>(options);
    ASSERT_TRUE(nginx_->running()) << nginx_->failure();
  }
  static void TearDownTestSuite() {
    nginx_.reset();
    authority_.reset();
  }

  static TlsIdentity copy(const TlsIdentity& identity) {
    return {identity.certificate.duplicate(), identity.key.duplicate(),
            identity.passphrase.duplicate()};
  }
  static std::vector<std::string> urls(const char* path = "/") {
    return {nginx_->https_url(path), nginx_->https1_url(path)};
  }
  static ReactorOptions trusting() {
    ReactorOptions options = open_to_loopback();
    options.ca_file = nginx_->ca_file();
    return options;
  }

  static std::unique_ptr<ClientCertificates> authority_;
  static std::unique_ptr<NginxServer> nginx_;
  static TlsIdentity ana_;
  static TlsIdentity ben_;
  static TlsIdentity stranger_;
};

std::unique_ptr<ClientCertificates> ClientCertificate::authority_;
std::unique_ptr<NginxServer> ClientCertificate::nginx_;
TlsIdentity ClientCertificate::ana_;
TlsIdentity ClientCertificate::ben_;
TlsIdentity ClientCertificate::stranger_;

TEST_F(ClientCertificate, IsPresentedAndItsAbsenceNoticed) {
  for (const std::string& url : urls()) {
    Client client(trusting());
    const auto guard = guard_with(copy(ana_));
    for (int i = 0; i < 2; ++i) {
      const Outcome outcome = client.call(guarded(get(url), guard));
      ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
      EXPECT_EQ(outcome.response->status, 200);
      EXPECT_EQ(outcome.response->body.substr(0, 7), "CN=ana ");
    }
    EXPECT_EQ(guard->granted, 3) << "to connect, and for each request";
    EXPECT_EQ(guard->given_back, 3);
    const Outcome without = client.call(get(url));
    ASSERT_EQ(result_of(without), "ok");
    EXPECT_EQ(without.response->status, 400);
  }
}

TEST_F(ClientCertificate, OfOnePoolIsNeverUsedByAnother) {
  for (const std::string& url : urls()) {
    Client client(trusting());
    const std::map<std::string, std::shared_ptr<RecordingGuard>> guards = {
        {"CN=ana", guard_with(copy(ana_))}, {"CN=ben", guard_with(copy(ben_))}};
    std::map<std::string, std::set<std::string>> connections;
    for (int round = 0; round < 5; ++round) {
      for (const auto& [name, guard] : guards) {
        const Outcome outcome = client.call(guarded(get(url), guard, name));
        ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
        const std::string& seen = outcome.response->body;
        EXPECT_EQ(seen.substr(0, 7), name + " ");
        EXPECT_EQ(seen.back(), '.') << "a session was resumed";
        connections[name].insert(seen);
      }
    }
    EXPECT_EQ(connections["CN=ana"].size(), 1U);
    EXPECT_EQ(connections["CN=ben"].size(), 1U);
  }
}

TEST_F(ClientCertificate, IsShownAnewOnEveryConnection) {
  Client client(trusting());
  const auto guard = guard_with(copy(ana_));
  for (int i = 0; i < 4; ++i) {
    const Outcome outcome = client.call(guarded(get(nginx_->https1_url("/once")), guard));
    ASSERT_EQ(result_of(outcome), "ok");
    EXPECT_EQ(outcome.response->body, ".") << "no session is resumed";
    EXPECT_FALSE(outcome.response->reused_connection);
  }
  EXPECT_EQ(guard->granted, 8);
  EXPECT_EQ(guard->given_back, 8);
}

TEST_F(ClientCertificate, OutlivesTheRequestThatBroughtIt) {
  Client client(trusting());
  std::weak_ptr<RecordingGuard> first;
  for (int i = 0; i < 3; ++i) {
    auto guard = guard_with(copy(ana_));
    if (i == 0) first = guard;
    const Outcome outcome =
        client.call(guarded(get(nginx_->https1_url("/once")), std::move(guard)));
    ASSERT_EQ(result_of(outcome), "ok") << outcome.response.error().detail;
    EXPECT_EQ(outcome.response->status, 200);
    EXPECT_FALSE(first.expired());
  }
  client.reactor->drop_pool("crm-key/1");
  EXPECT_EQ(result_of(client.call(get(nginx_->http_url()))), "ok");
  client.reactor.reset();
  EXPECT_TRUE(first.expired());
}

TEST_F(ClientCertificate, ThatCannotBeUsedIsSaidSo) {
  const auto with = [](std::string_view certificate, std::string_view key, std::string_view pass) {
    return guard_with({Secret(certificate), Secret(key), Secret(pass)});
  };
  const std::string_view certificate = ana_.certificate.reveal();
  for (const auto& guard :
       {with(certificate, ben_.key.reveal(), ben_.passphrase.reveal()),
        with(ben_.certificate.reveal(), ben_.key.reveal(), "wrong"),
        with(ben_.certificate.reveal(), ben_.key.reveal(), ""), with(certificate, "tops3cret", ""),
        with("tops3cret", ana_.key.reveal(), ""), with(certificate, "", ""),
        with("", ana_.key.reveal(), "")}) {
    Client client(trusting());
    const Outcome outcome = client.call(guarded(get(nginx_->https_url()), guard));
    ASSERT_EQ(result_of(outcome), "tls");
    const Problem& problem = outcome.response.error();
    EXPECT_EQ(problem.status, 500);
    EXPECT_FALSE(problem.retryable);
    EXPECT_NE(problem.detail.find("the client certificate or its key cannot be used"),
              std::string::npos)
        << problem.detail;
    EXPECT_EQ(problem.detail.find("tops3cret"), std::string::npos) << problem.detail;
    EXPECT_EQ(problem.detail.find("BEGIN"), std::string::npos) << problem.detail;
    EXPECT_EQ(outcome.sent, Sent::no);
    EXPECT_EQ(guard->granted, guard->given_back);
  }
}

TEST_F(ClientCertificate, ThatTheServerDoesNotKnowIsItsAnswer) {
  Client client(trusting());
  const Outcome outcome =
      client.call(guarded(get(nginx_->https_url()), guard_with(copy(stranger_))));
  ASSERT_EQ(result_of(outcome), "ok");
  EXPECT_EQ(outcome.response->status, 400);
}

TEST_F(ClientCertificate, OfADeniedCredentialOpensNoConnection) {
  MisbehavingServer server(MisbehavingServer::always(ok_answer("x")));
  Client client(trusting());
  const auto guard = guard_with(copy(ana_));
  guard->deny = true;
  const std::string url = "https://localhost:" + std::to_string(server.port()) + "/";
  const Outcome outcome = client.call(guarded(get(url), guard));
  EXPECT_EQ(result_of(outcome), "credential-revoked");
  EXPECT_EQ(outcome.sent, Sent::no);
  EXPECT_EQ(sent_member(outcome), "no");
  EXPECT_EQ(guard->asked, 1) << "also where the name has several addresses";
  EXPECT_EQ(guard->given_back, 0);
  // A connection that came before this one would have been accepted before it.
  ASSERT_EQ(result_of(client.call(get(server.url()))), "ok");
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(ClientCertificate, DeniedDuringTheHandshakeSendsNoRequest) {
  for (const std::string& url : urls()) {
    Client client(trusting());
    const auto guard = guard_with(copy(ana_));
    guard->on_acquire = [&guard = *guard] { guard.deny = guard.asked > 0; };
    const Outcome outcome = client.call(guarded(post(url, "body"), guard));
    EXPECT_EQ(result_of(outcome), "credential-revoked");
    EXPECT_EQ(outcome.sent, Sent::no);
    EXPECT_EQ(guard->asked, 2);
    EXPECT_EQ(guard->granted, 1);
    EXPECT_EQ(guard->given_back, 1);
  }
}

// Accepts and says nothing: the handshake does not get on.
class StalledHandshake {
 public:
  StalledHandshake() : server_([](Connection& connection) { connection.wait_for_close(); }) {}
  std::string url() const { return "https://127.0.0.1:" + std::to_string(server_.port()) + "/"; }
  void wait_for_hello() const {
    wait_for([&] { return !server_.received().empty() && !server_.received()[0].empty(); });
  }

 private:
  MisbehavingServer server_;
};

TEST_F(ClientCertificate, HoldsAPermitDuringTheHandshakeThatAbortSendingGivesBack) {
  for (const bool denied : {true, false}) {
    const StalledHandshake server;
    Client client(trusting());
    const auto guard = guard_with(copy(ana_));
    auto future = client.start(guarded(post(server.url(), "body"), guard));
    server.wait_for_hello();
    EXPECT_TRUE(guard->held());
    guard->deny = denied;
    client.reactor->abort_sending("another/1");
    EXPECT_TRUE(guard->held());
    client.reactor->abort_sending("crm-key/1");
    EXPECT_FALSE(guard->held());
    const Outcome outcome = future.get();
    EXPECT_EQ(result_of(outcome), denied ? "credential-revoked" : "reset");
    EXPECT_EQ(outcome.sent, Sent::no);
    EXPECT_EQ(guard->granted, guard->given_back);
  }
}

TEST_F(ClientCertificate, GivesThePermitBackWhereTheHandshakeComesToNothing) {
  const StalledHandshake server;
  Client client(trusting());
  const auto guard = guard_with(copy(ana_));
  Request late = guarded(get(server.url()), guard);
  late.timeouts.connect = Milliseconds(20);
  EXPECT_EQ(result_of(client.call(std::move(late))), "connect-timeout");
  EXPECT_EQ(guard->granted, 1);
  EXPECT_EQ(guard->given_back, 1);
  TransferId id;
  auto cancelled = client.start(guarded(get(server.url()), guard), &id);
  wait_for([&] { return guard->held(); });
  client.reactor->cancel(id);
  EXPECT_EQ(result_of(cancelled.get()), "cancelled");
  EXPECT_EQ(guard->given_back, 2);
  EXPECT_EQ(result_of(client.call(guarded(get("https://127.0.0.1:1/"), guard))), "connect");
  EXPECT_EQ(guard->granted, 3);
  EXPECT_EQ(guard->given_back, 3);
}

TEST_F(ClientCertificate, IsNotShownToAConnectionThatReplacesADeadOneOnceTheGuardDenies) {
  Client client(trusting());
  const auto guard = guard_with(copy(ana_));
  ASSERT_EQ(result_of(client.call(guarded(get(nginx_->https1_url()), guard))), "ok");
  client.reactor->abort_pool("crm-key/1", make_problem(ErrorKind::runtime, "gone", ""));
  guard->deny = true;
  const Outcome outcome = client.call(guarded(get(nginx_->https1_url()), guard));
  EXPECT_EQ(result_of(outcome), "credential-revoked");
  EXPECT_EQ(outcome.sent, Sent::no);
  EXPECT_EQ(guard->granted, guard->given_back);
}

}  // namespace
}  // namespace stepwell::http::test
