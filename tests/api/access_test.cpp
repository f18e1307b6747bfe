// Who may reach what: every route with every role, and with keys that are none.
#include <gtest/gtest.h>

#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

struct Row {
  const char* method;
  const char* target;
  char least;  // -: open, v: viewer, o: operator, a: admin
};

constexpr Row kRoutes[] = {
    {"GET", "/-/healthy", '-'},
    {"GET", "/-/ready", '-'},
    {"GET", "/metrics", '-'},
    {"POST", "/-/reload", 'o'},
    {"POST", "/api/v1/instances", 'o'},
    {"GET", "/api/v1/instances/1", 'v'},
    {"GET", "/api/v1/instances", 'v'},
    {"POST", "/api/v1/instances/1/stop", 'o'},
    {"POST", "/api/v1/instances/1/suspend", 'o'},
    {"POST", "/api/v1/instances/1/resume", 'o'},
    {"POST", "/api/v1/instances/1/retry", 'o'},
    {"POST", "/api/v1/instances/bulk/stop", 'o'},
    {"POST", "/api/v1/instances/bulk/suspend", 'o'},
    {"POST", "/api/v1/instances/bulk/resume", 'o'},
    {"POST", "/api/v1/instances/bulk/retry", 'o'},
    {"POST", "/api/v1/events", 'o'},
    {"GET", "/api/v1/schedules", 'v'},
    {"GET", "/api/v1/workflows", 'v'},
    {"POST", "/api/v1/credentials", 'a'},
    {"GET", "/api/v1/credentials", 'v'},
    {"GET", "/api/v1/credentials/x", 'v'},
    {"PATCH", "/api/v1/credentials/x", 'a'},
    {"DELETE", "/api/v1/credentials/x", 'a'},
    {"POST", "/api/v1/credentials/x/rotate", 'a'},
    {"POST", "/api/v1/credentials/x/revoke", 'a'},
    {"POST", "/api/v1/credentials/x/enable", 'a'},
    {"POST", "/api/v1/credentials/x/disable", 'a'},
    {"POST", "/api/v1/credentials/x/test", 'a'},
    {"GET", "/api/v1/credentials/x/usage", 'v'},
    {"POST", "/api/v1/keys", 'a'},
    {"GET", "/api/v1/keys", 'a'},
    {"GET", "/api/v1/keys/sw_x", 'a'},
    {"PATCH", "/api/v1/keys/sw_x", 'a'},
    {"DELETE", "/api/v1/keys/sw_x", 'a'},
    {"POST", "/api/v1/keys/sw_x/revoke", 'a'},
    {"GET", "/api/v1/keys/sw_x/usage", 'a'},
    {"POST", "/api/v1/users", 'a'},
    {"GET", "/api/v1/users", 'a'},
    {"GET", "/api/v1/users/nobody", 'a'},
    {"PATCH", "/api/v1/users/nobody", 'a'},
    {"GET", "/api/v1/audit", 'a'},
    {"GET", "/api/v1/audit/verify", 'a'},
    {"POST", "/api/v1/master-key/rotate", 'a'},
};

constexpr std::string_view kRanks = "-voa";

TEST(Access, EachRouteAsksForItsPermission) {
  const Office office;
  for (const Row& row : kRoutes) {
    for (const auto& [user, rank] :
         {std::pair("", '-'), {"vic", 'v'}, {"olga", 'o'}, {"ana", 'a'}}) {
      const Answer answer = office.call(user, row.method, row.target);
      const std::string what = std::string(user) + " " + row.method + " " + row.target;
      const bool allowed = kRanks.find(rank) >= kRanks.find(row.least);
      if (allowed) {
        EXPECT_NE(answer.status, 401) << what;
        EXPECT_NE(answer.status, 403) << what;
        EXPECT_NE(answer.status, 405) << what;
        EXPECT_NE(answer.status, 500) << what;
      } else if (rank == '-') {
        EXPECT_EQ(answer.status, 401) << what;
        EXPECT_EQ(answer.header("WWW-Authenticate"), "Api-Key") << what;
        EXPECT_EQ(answer.reason(), "key-missing") << what;
      } else {
        EXPECT_EQ(answer.status, 403) << what;
        EXPECT_EQ(answer.reason(), "permission-denied") << what;
      }
    }
  }
}

TEST(Access, OtherSpellingsOfAPathOpenNothing) {
  const Office office;
  for (const char* target :
       {"/-/healthy/../../api/v1/keys", "/-/healthy/%2e%2e/%2e%2e/api/v1/keys", "/api/v1/keys/",
        "//api/v1/keys", "/api//v1/keys", "/API/v1/keys", "/api/v1/keys;x=1", "/api/v1/keys%00",
        "/api/v1/keys%2f", "/-/healthy%2f..%2fapi", "/./api/v1/keys"}) {
    const Answer answer = office.call("", "GET", target);
    EXPECT_TRUE(answer.status == 404 || answer.status == 400) << target << " " << answer.status;
  }
  EXPECT_EQ(office.call("", "GET", "/api/v1/%6beys").status, 401);
  EXPECT_EQ(office.call("", "GET", "http://other/api/v1/keys").status, 401);
}

TEST(Access, KeysThatAreNoneAllGetTheSameAnswer) {
  const Office office;
  std::string almost = office.key("ana");
  almost.back() = almost.back() == 'a' ? 'b' : 'a';
  for (const std::string& value :
       {std::string("Api-Key sw_nothing.x"), "Api-Key " + almost, std::string("Bearer zzz"),
        std::string("Basic YTpi"), "Api-Key" + office.key("ana")}) {
    Wire wire(office.address());
    wire.send("GET /api/v1/workflows HTTP/1.1\r\nHost: h\r\nAuthorization: " + value + "\r\n\r\n");
    const Answer answer = wire.read();
    EXPECT_EQ(answer.status, 401) << value;
    EXPECT_EQ(answer.reason(), "key-unknown") << value;
    EXPECT_EQ(answer.body.find(value), std::string::npos);
  }
}

TEST(Access, BearerIsAcceptedToo) {
  const Office office;
  Wire wire(office.address());
  wire.send("GET /api/v1/workflows HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " +
            office.key("vic") + "\r\n\r\n");
  EXPECT_EQ(wire.read().status, 200);
}

TEST(Access, ARevokedKeyStopsAtOnce) {
  const Office office;
  const std::string id = office.key("vic").substr(0, office.key("vic").find('.'));
  EXPECT_EQ(office.call("vic", "GET", "/api/v1/workflows").status, 200);
  EXPECT_EQ(office.call("ana", "POST", "/api/v1/keys/" + id + "/revoke").status, 200);
  const Answer refused = office.call("vic", "GET", "/api/v1/workflows");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.reason(), "key-revoked");
}

TEST(Access, UnknownPathsAndMethodsSaySo) {
  const Office office;
  EXPECT_EQ(office.call("ana", "GET", "/api/v2/keys").reason(), "route-unknown");
  const Answer wrong = office.call("ana", "PUT", "/api/v1/keys");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "POST, GET, HEAD");
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/keys?limit=1").reason(), "parameter-unknown");
}

}  // namespace
}  // namespace stepwell::api::test
