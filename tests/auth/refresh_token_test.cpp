// A refresh token that the authorization server has replaced is written down, or the credential
// would be lost at the next start.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/json.h"
#include "tests/auth/house.h"

namespace stepwell::auth {
namespace {

using std::chrono::hours;

class RefreshTokenTest : public testing::Test {
 protected:
  RefreshTokenTest() {
    connect();
    EXPECT_TRUE(house.credentials().add(kAna, crm("rt-first-1")));
  }
  ~RefreshTokenTest() override { house.gate().connect({}); }

  static NewCredential crm(const char* refresh_token) {
    NewCredential credential = of_kind(CredentialKind::oauth2);
    credential.settings.set("grant", "refresh_token");
    credential.value.more.emplace("refreshToken", Secret(std::string_view(refresh_token)));
    return credential;
  }
  void connect() {
    Gate::Connections connections;
    connections.submit = [this](std::unique_ptr<http::Exchange> exchange) {
      pending.push_back(std::move(exchange));
    };
    house.gate().connect(std::move(connections));
  }
  void reopen() {
    house.gate().connect({});
    house.reopen();
    connect();
  }

  // The refresh token that the gate presents to get an access token, which it gets with a new one.
  std::string refresh(const std::string& next) {
    house.clock.advance(hours(2));
    Result<Grant> grant = house.gate().authorize(use_of("crm-key"), [](const Status&) {});
    EXPECT_TRUE(grant);
    EXPECT_EQ(pending.size(), 1U);
    if (pending.empty()) return "";
    const std::unique_ptr<http::Exchange> exchange = std::move(pending.front());
    pending.clear();
    const std::string body = exchange->request.body.value_or("");
    Value answer = Value::object(
        {{"access_token", "at-" + next}, {"token_type", "Bearer"}, {"expires_in", 3600}});
    if (!next.empty()) answer.set("refresh_token", next);
    http::Response response;
    response.status = 200;
    response.body = to_json(answer);
    exchange->complete({std::move(response), http::Sent::yes});
    const std::string_view field = "refresh_token=";
    const std::size_t at = body.rfind(field) + field.size();
    return body.substr(at, body.find('&', at) - at);
  }
  std::size_t records() {
    std::size_t count = 0;
    for (const AuditRecord& record : house.store.audit_records())
      if (record.action == "credential.refresh-token") ++count;
    return count;
  }

  House house;
  std::vector<std::unique_ptr<http::Exchange>> pending;
};

TEST_F(RefreshTokenTest, IsWrittenSealedAndAudited) {
  EXPECT_EQ(refresh("rt-second-2"), "rt-first-1");
  EXPECT_EQ(records(), 0U);
  house.authority().maintain();
  ASSERT_EQ(records(), 1U);
  const AuditRecord& record = house.store.audit_records().back();
  EXPECT_EQ(record.actor, "upstream");
  EXPECT_EQ(record.target, "crm-key");
  EXPECT_EQ(record.detail.find("rt-second"), std::string::npos);
  for (const SealedValue& value : house.store.state().values)
    EXPECT_EQ(value.sealed.find("rt-second"), std::string::npos);
  house.authority().maintain();
  EXPECT_EQ(records(), 1U) << "once";
  EXPECT_EQ(house.credentials().find("crm-key")->version, 1U);
  reopen();
  EXPECT_EQ(refresh("rt-third-3"), "rt-second-2");
  EXPECT_TRUE(house.authority().audit().verify());
}

TEST_F(RefreshTokenTest, IsMaskedFromTheMomentItIsKnown) {
  refresh("rt-second-2-0123456789");
  EXPECT_EQ(house.authority().redactor().mask(
                "now rt-second-2-0123456789 and at-rt-second-2-0123456789."),
            "now *** and ***.");
}

TEST_F(RefreshTokenTest, StaysWhereTheServerDoesNotReplaceIt) {
  refresh("");
  refresh("rt-first-1");
  house.authority().maintain();
  EXPECT_EQ(records(), 0U);
  EXPECT_EQ(refresh(""), "rt-first-1");
}

TEST_F(RefreshTokenTest, IsWrittenAsTheNewestOfSeveral) {
  EXPECT_EQ(refresh("rt-second-2"), "rt-first-1");
  EXPECT_EQ(refresh("rt-third-3"), "rt-second-2");
  EXPECT_EQ(refresh("rt-fourth-4"), "rt-third-3");
  house.authority().maintain();
  EXPECT_EQ(records(), 1U);
  reopen();
  EXPECT_EQ(refresh(""), "rt-fourth-4");
}

TEST_F(RefreshTokenTest, WaitsForAStoreThatFails) {
  refresh("rt-second-2");
  house.store.set_failing(true);
  for (int i = 0; i < 3; ++i) house.authority().maintain();
  EXPECT_EQ(records(), 0U);
  EXPECT_EQ(refresh("rt-third-3"), "rt-second-2") << "memory has it";
  house.authority().maintain();
  house.store.set_failing(false);
  house.authority().maintain();
  EXPECT_EQ(records(), 1U);
  house.authority().maintain();
  EXPECT_EQ(records(), 1U);
  reopen();
  EXPECT_EQ(refresh(""), "rt-third-3");
}

TEST_F(RefreshTokenTest, OfEachCredentialIsWrittenWhenTheStoreRecovers) {
  NewCredential other = crm("rt-other-1");
  other.name = "other-key";
  ASSERT_TRUE(house.credentials().add(kAna, std::move(other)));
  refresh("rt-second-2");
  ASSERT_TRUE(house.gate().authorize(use_of("other-key"), [](const Status&) {}));
  ASSERT_EQ(pending.size(), 1U);
  http::Response response;
  response.status = 200;
  response.body = R"({"access_token":"at","token_type":"Bearer","refresh_token":"rt-other-2"})";
  pending.front()->complete({std::move(response), http::Sent::yes});
  pending.clear();
  house.store.set_failing(true);
  house.authority().maintain();
  house.store.set_failing(false);
  house.authority().maintain();
  EXPECT_EQ(records(), 2U);
}

TEST_F(RefreshTokenTest, OfWhatHasEndedOrIsRotatedIsDropped) {
  const std::pair<const char*, std::function<void()>> rows[] = {
      {"rotated",
       [this] {
         Rotation rotation;
         rotation.value = crm("rt-rotated-9").value;
         ASSERT_TRUE(house.credentials().rotate(kAna, "crm-key", std::move(rotation)));
       }},
      {"revoked", [this] { ASSERT_TRUE(house.credentials().revoke(kAna, "crm-key")); }},
      {"deleted", [this] { ASSERT_TRUE(house.credentials().remove(kAna, "crm-key")); }},
      {"added anew",
       [this] {
         ASSERT_TRUE(house.credentials().add(kAna, crm("rt-anew-1")));
         refresh("rt-lost-2");
         ASSERT_TRUE(house.credentials().remove(kAna, "crm-key"));
         ASSERT_TRUE(house.credentials().add(kAna, crm("rt-anew-1")));
       }},
  };
  refresh("rt-second-2");
  for (const auto& [what, happens] : rows) {
    happens();
    house.authority().maintain();
    EXPECT_EQ(records(), 0U) << what;
    if (what == std::string_view("rotated")) {
      EXPECT_EQ(refresh("rt-lost-3"), "rt-rotated-9");
    }
  }
  reopen();
  EXPECT_EQ(refresh(""), "rt-anew-1");
}

TEST_F(RefreshTokenTest, OfADisabledOneIsKept) {
  refresh("rt-second-2");
  ASSERT_TRUE(house.credentials().disable(kAna, "crm-key"));
  house.authority().maintain();
  reopen();
  ASSERT_TRUE(house.credentials().enable(kAna, "crm-key"));
  EXPECT_EQ(refresh(""), "rt-second-2");
}

}  // namespace
}  // namespace stepwell::auth
