// metadata.stepwell.tls.credential: a certificate of the store, beside what the task authenticates
// itself by, against a real nginx that asks for it.
#include <gtest/gtest.h>

#include "tests/http/client_certificates.h"
#include "tests/steps/world.h"
#include "tests/support/nginx_server.h"

namespace stepwell::steps::test {
namespace {

using stepwell::test::NginxOptions;
using stepwell::test::NginxServer;

class TlsCredential : public testing::Test {
 protected:
  void SetUp() override {
    http::TlsIdentity ana = authority_.issue("ana");
    ASSERT_TRUE(authority_.ok());
    NginxOptions options;
    options.server =
        "ssl_verify_client optional;\nssl_client_certificate " + authority_.ca_file() +
        ";\ndefault_type application/json;\n"
        "location / { return 200 '[\"$ssl_client_s_dn\", \"$http_authorization\"]'; }\n";
    nginx_ = std::make_unique<NginxServer>(options);
    ASSERT_TRUE(nginx_->running()) << nginx_->failure();
    auth::NewCredential credential;
    credential.name = "mtls";
    credential.kind = auth::CredentialKind::client_certificate;
    credential.origins = {origin()};
    credential.value.secret = ana.key.duplicate();
    credential.value.more.emplace("certificate", ana.certificate.duplicate());
    ASSERT_TRUE(world_.authority->credentials().add(kAna, std::move(credential)));
    world_.add_bearer("crm", "tok-0123456789", origin());
  }

  std::string origin() const {
    std::string url = nginx_->https_url("/");
    url.pop_back();
    return url;
  }
  engine::InstanceView run(const std::string& endpoint, const std::string& credential) {
    return world_.run("do: [{c: {call: http, with: {method: get, endpoint: " + endpoint +
                      "}, metadata: {stepwell: {tls: {caFile: '" + nginx_->ca_file() +
                      "', credential: " + credential + "}}}}}]\n");
  }
  engine::InstanceView run_both() {
    return run(with_credential(nginx_->https_url("/"), "crm"), "mtls");
  }

  http::test::ClientCertificates authority_;
  std::unique_ptr<NginxServer> nginx_;
  World world_;
};

TEST_F(TlsCredential, IsShownBesideAnAuthenticationAndAlone) {
  const auto both = run_both();
  ASSERT_EQ(both.status, engine::InstanceStatus::completed) << both.problem->one_line();
  EXPECT_EQ(to_json(both.output), R"(["CN=ana","Bearer ***"])");
  const auto alone = run("'" + nginx_->https_url("/") + "'", "mtls");
  ASSERT_EQ(alone.status, engine::InstanceStatus::completed) << alone.problem->one_line();
  EXPECT_EQ(to_json(alone.output), R"(["CN=ana",""])");
}

TEST_F(TlsCredential, OfTheTwoEitherRevokedEndsTheStep) {
  ASSERT_EQ(run_both().status, engine::InstanceStatus::completed);
  ASSERT_TRUE(world_.authority->credentials().revoke(kAna, "mtls"));
  const auto without = run_both();
  ASSERT_EQ(without.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(without.problem->code, "credential-revoked");
  EXPECT_EQ(without.problem->extensions.get("credential"), Value("mtls"));
}

TEST_F(TlsCredential, TheOtherOneRevokedEndsItAsWell) {
  ASSERT_EQ(run_both().status, engine::InstanceStatus::completed);
  ASSERT_TRUE(world_.authority->credentials().revoke(kAna, "crm"));
  const auto without = run_both();
  ASSERT_EQ(without.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(without.problem->code, "credential-revoked");
  EXPECT_EQ(without.problem->extensions.get("credential"), Value("crm"));
}

TEST_F(TlsCredential, OfAnotherKindOrUnknownIsAnError) {
  const auto other = run("'" + nginx_->https_url("/") + "'", "crm");
  ASSERT_EQ(other.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(other.problem->code, "credential-invalid");
  const auto unknown = run("'" + nginx_->https_url("/") + "'", "nobody");
  ASSERT_EQ(unknown.status, engine::InstanceStatus::faulted);
  EXPECT_EQ(unknown.problem->code, "credential-unknown");
}

}  // namespace
}  // namespace stepwell::steps::test
