// Lists in pages, with filters and orderings; and requests that are sent twice.
#include <gtest/gtest.h>

#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

class Pages : public testing::Test {
 protected:
  // One member of each item, over all pages.
  std::string all(const std::string& target, const char* member) const {
    std::string found;
    std::string cursor;
    for (;;) {
      const Answer answer =
          office.call("ana", "GET", target + (cursor.empty() ? "" : "&cursor=" + cursor));
      EXPECT_EQ(answer.status, 200) << answer.body;
      const Value page = answer.json();
      for (const Value& item : page.get("items").elements())
        found += (item.get(member).is_string() ? std::string(item.get(member).as_string())
                                               : to_json(item.get(member))) +
                 " ";
      if (!page.contains("next")) return found;
      cursor = std::string(page.get("next").as_string());
    }
  }
  Answer post(const char* target, const std::string& body, const std::string& once,
              const char* user = "ana") const {
    Wire wire(office.address());
    wire.send(std::string("POST ") + target + " HTTP/1.1\r\nHost: h\r\nAuthorization: Api-Key " +
              office.key(user) + "\r\nIdempotency-Key: " + once +
              "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return wire.read();
  }
  Office office;
};

TEST_F(Pages, GoOnWhereTheOneBeforeEnded) {
  EXPECT_EQ(all("/api/v1/users?limit=1", "name"), "ana olga vic ");
  EXPECT_EQ(all("/api/v1/users?limit=2&ordering=-name", "name"), "vic olga ana ");
  EXPECT_EQ(all("/api/v1/users?limit=1&ordering=role", "name"), "ana olga vic ");
  EXPECT_EQ(all("/api/v1/users?role=viewer", "name"), "vic ");
  EXPECT_EQ(all("/api/v1/users?active=true&name=l", "name"), "olga ");
  EXPECT_EQ(all("/api/v1/users?active=false", "name"), "");
}

TEST_F(Pages, AreNotMovedByWhatGoesMeanwhile) {
  office.call("ana", "POST", "/api/v1/users", R"({"name":"bob","role":"viewer"})");
  const Value first = office.call("ana", "GET", "/api/v1/users?limit=2").json();
  office.call("ana", "POST", "/api/v1/users", R"({"name":"aaa","role":"viewer"})");
  EXPECT_EQ(
      all("/api/v1/users?limit=2&cursor=" + std::string(first.get("next").as_string()), "name"),
      "olga vic ");
}

TEST_F(Pages, RefuseWhatTheyDoNotKnow) {
  const Value first = office.call("ana", "GET", "/api/v1/users?limit=1").json();
  const std::string next(first.get("next").as_string());
  for (const std::string& query :
       {std::string("limit=0"), std::string("limit=x"), std::string("cursor=zz"),
        std::string("cursor=12"), "ordering=-name&cursor=" + next, std::string("ordering=hash"),
        std::string("role=king"), std::string("active=1")}) {
    const Answer answer = office.call("ana", "GET", "/api/v1/users?" + query);
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_EQ(answer.reason(), "parameter-invalid") << query;
  }
}

TEST_F(Pages, OfKeysAndCredentialsAreFiltered) {
  office.call("ana", "POST", "/api/v1/keys",
              R"({"name":"short","user":"vic","expiresAt":"2026-01-01T00:00:00Z"})");
  EXPECT_EQ(all("/api/v1/keys?user=vic&ordering=name", "name"), "short vic ");
  EXPECT_EQ(all("/api/v1/keys?expiresBefore=2026-02-01T00:00:00Z", "name"), "short ");
  EXPECT_EQ(all("/api/v1/keys?expiresAfter=2026-02-01T00:00:00Z", "name"), "");
  EXPECT_EQ(all("/api/v1/keys?state=revoked", "name"), "");
  EXPECT_EQ(all("/api/v1/keys?ordering=name&limit=1", "name"), "ana olga short vic ");
  for (const char* body :
       {R"({"name":"crm","kind":"bearer","value":"tttttttttt","origins":["https://a.test"]})",
        R"({"name":"hooks","kind":"hmac","value":"kkkkkkkkkkkk","namespaces":["shop"]})"})
    EXPECT_EQ(office.call("ana", "POST", "/api/v1/credentials", body).status, 201) << body;
  EXPECT_EQ(all("/api/v1/credentials?kind=hmac", "name"), "hooks ");
  EXPECT_EQ(all("/api/v1/credentials?namespace=shop", "name"), "crm hooks ");
  EXPECT_EQ(all("/api/v1/credentials?namespace=other", "name"), "crm ");
  office.call("ana", "POST", "/api/v1/credentials/crm/disable");
  EXPECT_EQ(all("/api/v1/credentials?state=disabled", "name"), "crm ");
}

TEST_F(Pages, OfTheAuditLogGoBothWays) {
  const std::string forth = all("/api/v1/audit?limit=2", "number");
  EXPECT_EQ(forth, "1 2 3 4 5 6 ");
  EXPECT_EQ(all("/api/v1/audit?limit=2&ordering=-number", "number"), "6 5 4 3 2 1 ");
  EXPECT_EQ(all("/api/v1/audit?first=4&limit=1", "number"), "4 5 6 ");
  EXPECT_EQ(all("/api/v1/audit?action=key.&ordering=-number", "number"), "6 4 2 ");
  EXPECT_EQ(all("/api/v1/audit?result=nothing", "number"), "");
  office.clock.advance(std::chrono::hours(1));
  office.call("ana", "POST", "/api/v1/users", R"({"name":"ana","role":"viewer"})");
  const std::string now = format_time(office.clock.now());
  EXPECT_EQ(all("/api/v1/audit?timeAfter=" + now, "result"), "user-exists ");
  EXPECT_EQ(all("/api/v1/audit?timeBefore=" + now + "&ordering=-number&limit=5", "number"),
            "6 5 4 3 2 1 ");
}

TEST_F(Pages, AKeyIsCreatedOnceAndShownOnce) {
  const std::string body = R"({"name":"bot","user":"olga"})";
  const Answer first = post("/api/v1/keys", body, "k1");
  ASSERT_EQ(first.status, 201);
  const Answer again = post("/api/v1/keys", body, "k1");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.reason(), "key-already-created");
  EXPECT_EQ(again.json().get("key"), first.json().get("id"));
  EXPECT_EQ(post("/api/v1/keys", R"({"name":"other","user":"olga"})", "k1").reason(),
            "idempotency-key-reused");
  EXPECT_EQ(post("/api/v1/keys", body, "k2").status, 201);
  EXPECT_EQ(post("/api/v1/keys", body, std::string(256, 'x')).status, 400);
}

TEST_F(Pages, WhatWasMadeOnceIsAnsweredAgain) {
  const std::string user = R"({"name":"eve","role":"viewer"})";
  EXPECT_EQ(post("/api/v1/users", user, "u1").status, 201);
  EXPECT_EQ(post("/api/v1/users", user, "u1").status, 201);
  EXPECT_EQ(post("/api/v1/users", user, "u2").reason(), "user-exists");
  const std::string credential =
      R"({"name":"crm","kind":"bearer","value":"tttttttttt","origins":["https://a.test"]})";
  EXPECT_EQ(post("/api/v1/credentials", credential, "c1").status, 201);
  EXPECT_EQ(post("/api/v1/credentials", credential, "c1").status, 201);
  // Nothing of the request is kept in clear.
  const auth::StoredState stored = office.store.load().value();
  ASSERT_EQ(stored.once_marks.size(), 2U);
  for (const auth::OnceMark& mark : stored.once_marks) {
    EXPECT_EQ(mark.once.size(), 64U);
    EXPECT_EQ(mark.asked.size(), 64U);
  }
}

TEST_F(Pages, WhatFailedMayBeTriedAgainWithTheSameKey) {
  EXPECT_EQ(post("/api/v1/users", R"({"name":"ana","role":"viewer"})", "x").reason(),
            "user-exists");
  EXPECT_EQ(post("/api/v1/users", R"({"name":"zoe","role":"viewer"})", "x").status, 201);
}

TEST_F(Pages, AMarkLastsADay) {
  const std::string user = R"({"name":"eve","role":"viewer"})";
  EXPECT_EQ(post("/api/v1/users", user, "u1").status, 201);
  office.clock.advance(std::chrono::hours(25));
  EXPECT_EQ(post("/api/v1/users", user, "u1").reason(), "user-exists");
  EXPECT_EQ(post("/api/v1/users", R"({"name":"zoe","role":"viewer"})", "u3").status, 201);
  EXPECT_EQ(office.store.load().value().once_marks.size(), 1U);
}

}  // namespace
}  // namespace stepwell::api::test
