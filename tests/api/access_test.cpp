// Who may reach what: every route with every role, and with keys that are none.
#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <optional>

#include "base/encoding.h"
#include "tests/api/described.h"
#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

// An operation of the description, with values in the place of its path's parameters.
struct Known {
  std::string method;
  std::string target;
  std::optional<auth::Permission> permission;  // none: open
};

// All routes that there are: tests/api/openapi_test.cpp holds the description against them.
std::vector<Known> all_routes(const Office& office) {
  std::vector<Known> routes;
  for (const Value::Member& path : Described::of(office).document().get("paths").members()) {
    std::string target(path.name());
    for (std::size_t at = 0; (at = target.find('{')) != std::string::npos;) {
      const bool key = target.starts_with("/api/v1/keys/");
      target.replace(at, target.find('}') - at + 1, key ? "sw_aaaaaaaaaaaa" : "7");
    }
    for (const Value::Member& operation : path.value.members()) {
      std::string method(operation.name());
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      const Value& permission = operation.value.get("x-permission");
      routes.push_back(
          {method, target,
           permission.is_null() ? std::nullopt : auth::parse_permission(permission.as_string())});
    }
  }
  EXPECT_GT(routes.size(), 40U);
  return routes;
}

Answer ask(Office& office, const std::string& method, const std::string& target,
           const std::string& key) {
  // So many wrong keys from one address would be too many.
  office.clock.advance(std::chrono::seconds(10));
  Wire wire(office.address());
  wire.send(method + " " + target + " HTTP/1.1\r\nHost: h\r\n" +
            (key.empty() ? "" : "Authorization: Api-Key " + key + "\r\n") + "\r\n");
  return wire.read();
}

class Matrix : public testing::Test {
 protected:
  std::string issue(const std::string& user, const std::string& more = "") const {
    const Answer answer = office.call("ana", "POST", "/api/v1/keys",
                                      R"({"name":"x","user":")" + user + "\"" + more + "}");
    EXPECT_EQ(answer.status, 201) << answer.body;
    return std::string(answer.json().get("key").as_string());
  }
  static std::string id_of(const std::string& key) { return key.substr(0, key.find('.')); }
  // Does a key without rights get what it must, and nothing of the route's own?
  void expect_refused(const Known& route, const std::string& key, int status,
                      const std::string& reason) {
    const Answer answer = ask(office, route.method, route.target, key);
    const std::string what = route.method + " " + route.target + " " + reason;
    EXPECT_EQ(answer.status, status) << what;
    EXPECT_EQ(answer.reason(), reason) << what;
    EXPECT_EQ(answer.header("WWW-Authenticate"), status == 401 ? "Api-Key" : "") << what;
  }
  void expect_let_in(const Known& route, const std::string& key) {
    const Answer answer = ask(office, route.method, route.target, key);
    const std::string what = route.method + " " + route.target + " " + answer.body;
    for (const int status : {0, 401, 403, 405, 500}) EXPECT_NE(answer.status, status) << what;
  }
  Office office;
};

TEST_F(Matrix, EachRouteAsksForItsPermission) {
  for (const Known& route : all_routes(office)) {
    if (!route.permission) continue;
    expect_refused(route, "", 401, "key-missing");
    for (const auto& [user, role] : {std::pair("vic", auth::Role::viewer),
                                     {"olga", auth::Role::operator_},
                                     {"ana", auth::Role::admin}}) {
      if (allows(role, *route.permission))
        expect_let_in(route, office.key(user));
      else
        expect_refused(route, office.key(user), 403, "permission-denied");
    }
  }
}

TEST_F(Matrix, OpenRoutesAreTheFewThatAreMeant) {
  std::string open;
  for (const Known& route : all_routes(office)) {
    if (route.permission) continue;
    open += route.method + " " + route.target + "\n";
    if (route.target.starts_with("/api/v1/webhooks/")) continue;  // each asks for what it says
    expect_let_in(route, "");
  }
  EXPECT_EQ(open,
            "GET /-/healthy\nGET /-/ready\nGET /api/v1/openapi.json\nGET /api/v1/openapi.yaml\n"
            "POST /api/v1/webhooks/7\nPUT /api/v1/webhooks/7\nGET /metrics\n");
}

TEST_F(Matrix, KeysThatDoNotStandOpenNothing) {
  const std::string revoked = issue("ana");
  const std::string expired = issue("ana", R"(,"expiresAt":"2027-01-01T00:00:00Z")");
  EXPECT_EQ(office.call("ana", "POST", "/api/v1/users", R"({"name":"bob","role":"admin"})").status,
            201);
  const std::string idle = issue("bob");
  EXPECT_EQ(office.call("ana", "PATCH", "/api/v1/users/bob", R"({"active":false})").status, 200);
  EXPECT_EQ(office.call("ana", "POST", "/api/v1/keys/" + id_of(revoked) + "/revoke").status, 200);
  office.clock.advance(std::chrono::hours(24 * 800));
  std::string wrong = office.key("ana");
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  for (const Known& route : all_routes(office)) {
    if (!route.permission) continue;
    expect_refused(route, revoked, 401, "key-revoked");
    expect_refused(route, expired, 401, "key-expired");
    expect_refused(route, idle, 401, "user-deactivated");
    expect_refused(route, wrong, 401, "key-unknown");
  }
}

TEST_F(Matrix, NarrowedKeysOpenWhatTheyAreNarrowedTo) {
  const std::string other = issue("ana", R"(,"scopes":["view-metrics"])");
  std::map<auth::Permission, std::string> narrowed;
  for (const Known& route : all_routes(office)) {
    if (!route.permission) continue;
    expect_refused(route, other, 403, "permission-denied");
    std::string& key = narrowed[*route.permission];
    if (key.empty())
      key = issue("ana", R"(,"scopes":[")" + std::string(to_string(*route.permission)) + R"("])");
    // Roles are not given with a narrowed key.
    if (*route.permission == auth::Permission::manage_users && route.method != "GET") continue;
    expect_let_in(route, key);
  }
}

TEST_F(Matrix, OtherSpellingsOfARouteAreNoRoute) {
  for (const Known& route : all_routes(office)) {
    const std::string& path = route.target;
    const std::size_t last = path.rfind('/');
    std::string upper = path;
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    for (const std::string& spelling :
         {path + "/", "/" + path, path.substr(0, last) + "/" + path.substr(last), "/." + path,
          path.substr(0, last) + "/%2e" + path.substr(last), "/x/.." + path,
          "/-/healthy/%2e%2e/%2e%2e" + path, upper, path + ";x=1", path + "%00", path + "%2f",
          path + "\\"}) {
      for (const char* user : {"", "ana"}) {
        const Answer answer =
            ask(office, route.method, spelling, *user == 0 ? "" : office.key(user));
        // In the place of a parameter anything may stand, and is not found there; also where a
        // route of its own is one of these things.
        const bool parameter = path.ends_with("/7") || path.ends_with("/sw_aaaaaaaaaaaa") ||
                               path == "/api/v1/instances/events";
        EXPECT_TRUE(answer.status == 404 || answer.status == 400 || answer.status == 405 ||
                    (parameter && *user == 0 && answer.status == 401))
            << route.method << " " << spelling << " " << answer.status;
      }
    }
    if (!route.permission) continue;
    // An encoded letter is the letter: the same route, and the same question.
    const std::string encoded = "/%" + to_hex(path.substr(1, 1)) + path.substr(2);
    EXPECT_EQ(ask(office, route.method, encoded, "").status, 401) << encoded;
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
  EXPECT_EQ(office.call("ana", "GET", "/api/v1/keys?nothing=1").reason(), "parameter-unknown");
}

}  // namespace
}  // namespace stepwell::api::test
