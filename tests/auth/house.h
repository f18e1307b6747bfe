// An Authority over a memory store with a clock and randomness that the test owns.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "auth/authority.h"
#include "tests/support/fake_entropy.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_secret_store.h"

namespace stepwell::auth {

inline const Actor kAna{"ana", "127.0.0.1"};
inline constexpr const char* kOrigin = "https://crm.example.com";

inline http::Origin origin_of(std::string_view url) {
  Result<http::Url> parsed = http::parse_url(url);
  EXPECT_TRUE(parsed) << url;
  return parsed ? parsed->origin : http::Origin{};
}

inline CredentialValue value_of(std::string_view secret, std::string username = "") {
  return {std::move(username), Secret(secret), {}};
}

inline NewCredential bearer(std::string name, std::string_view token = "tok-0123456789") {
  NewCredential credential;
  credential.name = std::move(name);
  credential.kind = CredentialKind::bearer;
  credential.origins = {kOrigin};
  credential.value = value_of(token);
  return credential;
}

// A right credential of any kind; each of its secrets has "zzz" in it.
inline NewCredential of_kind(CredentialKind kind, std::string name = "crm-key") {
  NewCredential credential = bearer(std::move(name), "zzz-token-1");
  credential.kind = kind;
  switch (kind) {
    case CredentialKind::bearer:
      break;
    case CredentialKind::basic:
    case CredentialKind::digest:
      credential.value = value_of("zzz pass:word", "ana");
      break;
    case CredentialKind::api_key:
      credential.header = "X-Api-Key";
      break;
    case CredentialKind::oauth2:
      credential.settings = Value::object({{"tokenUrl", "https://login.example.com/token"}});
      credential.value = value_of("zzz-client-secret", "client-1");
      break;
    case CredentialKind::aws_sigv4:
      credential.settings = Value::object({{"region", "eu-central-1"}, {"service", "execute-api"}});
      credential.value = value_of("zzz-secret-access-key", "AKIDEXAMPLE");
      break;
    case CredentialKind::client_certificate:
      credential.value =
          value_of("-----BEGIN PRIVATE KEY-----\nzzzkey\n-----END PRIVATE KEY-----\n");
      credential.value.more.emplace(
          "certificate", Secret(std::string_view(
                             "-----BEGIN CERTIFICATE-----\nzzzcert\n-----END CERTIFICATE-----\n")));
      break;
    case CredentialKind::hmac:
      credential.origins.clear();
      break;
  }
  return credential;
}
inline constexpr CredentialKind kAllKinds[] = {CredentialKind::basic,
                                               CredentialKind::bearer,
                                               CredentialKind::api_key,
                                               CredentialKind::digest,
                                               CredentialKind::oauth2,
                                               CredentialKind::aws_sigv4,
                                               CredentialKind::client_certificate};

inline Rotation rotation_to(std::string_view secret) {
  Rotation rotation;
  rotation.value = value_of(secret);
  return rotation;
}

inline Use use_of(std::string_view name, std::string_view url = kOrigin,
                  std::string_view space = "default") {
  return {name, origin_of(url), space};
}

// The header line as libcurl reads it: up to its NUL.
inline std::string line_of(const Grant& grant) {
  const std::vector<Secret>& lines = grant.guard->secret_headers();
  EXPECT_EQ(lines.size(), 1U);
  EXPECT_TRUE(!lines.empty() && lines[0].reveal().ends_with('\0'));
  return lines.empty() ? "" : lines[0].reveal().data();
}

// The code of a refusal, or "granted".
template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "granted" : result.error().code;
}

// What the guard answers; a permit that it gives is given back.
inline std::string asked(http::SendGuard& guard) {
  const Status permit = guard.acquire();
  if (permit) guard.written();
  return code_of(permit);
}

class House {
 public:
  explicit House(Milliseconds drain_limit = Milliseconds(20)) : drain_limit_(drain_limit) {
    reopen();
  }

  // Everything in memory is lost; the store stays.
  void reopen() {
    authority_.reset();
    metrics = std::make_unique<Metrics>();
    Result<std::unique_ptr<Authority>> opened = try_open();
    ASSERT_TRUE(opened) << opened.error().one_line();
    authority_ = std::move(*opened);
  }
  Result<std::unique_ptr<Authority>> try_open() {
    return Authority::open(master, {store, clock, entropy, *metrics, Log::null()}, {drain_limit_});
  }

  Gate& gate() { return authority_->gate(); }
  Credentials& credentials() { return authority_->credentials(); }
  Keys& keys() { return authority_->keys(); }
  Users& users() { return authority_->users(); }
  Authority& authority() { return *authority_; }

  // The gate's grant for a credential that is there.
  Grant granted(const std::string& name) {
    Result<Grant> grant = gate().authorize(use_of(name));
    EXPECT_TRUE(grant) << grant.error().one_line();
    return grant ? *grant : Grant{};
  }

  // Three refusals in a row, without a success between.
  void reject(const std::string& name) {
    const Grant grant = granted(name);
    for (int i = 0; i < 3; ++i) gate().note_upstream_result(grant, 401);
  }

  test::MemorySecretStore store;
  test::ManualClock clock;
  test::FakeEntropy entropy;
  std::unique_ptr<Metrics> metrics;
  Secret master{std::string_view("0123456789abcdef0123456789abcdef")};

 private:
  const Milliseconds drain_limit_;
  std::unique_ptr<Authority> authority_;
};

}  // namespace stepwell::auth
