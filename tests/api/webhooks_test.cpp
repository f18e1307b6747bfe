// Webhooks from outside: signed, with a key, open; late, wrong and twice.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "auth/cipher.h"
#include "base/encoding.h"
#include "config/loader.h"
#include "tests/api/office.h"

namespace stepwell::api::test {
namespace {

constexpr const char* kSecret = "whsec-0123456789";

std::string mac_of(std::string_view message, std::string_view key = kSecret) {
  auth::Mac mac;
  auth::hmac_sha256(key, message, mac);
  return std::string(mac.view());
}

class WebhookCalls : public testing::Test {
 protected:
  WebhookCalls() {
    EXPECT_EQ(
        office
            .call("ana", "POST", "/api/v1/credentials",
                  std::string(R"({"name":"hooks","kind":"hmac","value":")") + kSecret + R"("})")
            .status,
        201);
    add("signed",
        "path: orders, headers: [X-Event], deliveryHeader: X-Delivery, hmac: {credential: hooks, "
        "header: X-Signature, prefix: 'sha256='}");
    add("timed",
        "path: timed, hmac: {credential: hooks, header: X-Signature, encoding: base64, "
        "timestampHeader: X-Time, tolerance: PT5M}");
    add("keyed", "path: keyed");
    add("anyone", "path: anyone, open: true, method: PUT");
  }
  void add(const std::string& name, const std::string& webhook) {
    office.add_workflow(name, "do: [{a: {set: '${ . }'}}]\n",
                        "{stepwell: {webhook: {" + webhook + "}}}");
  }
  Answer send(const std::string& target, const std::string& headers, const std::string& body,
              const char* method = "POST") const {
    Wire wire(office.address());
    wire.send(std::string(method) + " /api/v1/webhooks/" + target + " HTTP/1.1\r\nHost: h\r\n" +
              headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return wire.read();
  }
  std::string signed_by(const std::string& body, std::string_view key = kSecret) const {
    return "X-Signature: sha256=" + to_hex(mac_of(body, key)) + "\r\n";
  }
  std::string timed_by(std::chrono::seconds behind, const std::string& body) const {
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
        office.clock.now().time_since_epoch() - behind);
    const std::string time = std::to_string(now.count());
    return "X-Time: " + time + "\r\nX-Signature: " + to_base64(mac_of(time + "." + body)) + "\r\n";
  }
  Value input_of(const Answer& answer) const {
    while (!office.engine->at_rest()) std::this_thread::yield();
    return office.call("vic", "GET", "/api/v1/instances/" + to_json(answer.json().get("id")))
        .json()
        .get("input");
  }
  Office office;
};

TEST_F(WebhookCalls, StartAnInstanceWithWhatTheyCarry) {
  const std::string body = R"({"order":7})";
  const Answer answer = send("orders?tag=a",
                             signed_by(body) +
                                 "X-Event: paid\r\nCookie: c=1\r\nContent-Type: "
                                 "application/json; charset=utf-8\r\n",
                             body);
  ASSERT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(answer.json().get("workflow"), Value("test/signed:1.0.0"));
  EXPECT_EQ(to_json(input_of(answer)),
            R"({"headers":{"x-event":"paid"},"query":{"tag":"a"},"body":{"order":7}})");
}

TEST_F(WebhookCalls, TakeTextAndBytesAsTheyAre) {
  const auto body_of = [&](const char* type, const std::string& body) {
    return to_json(
        input_of(send("orders", signed_by(body) + "Content-Type: " + type + "\r\n", body))
            .get("body"));
  };
  EXPECT_EQ(body_of("text/plain", "hi"), R"("hi")");
  EXPECT_EQ(body_of("application/x-www-form-urlencoded", "a=1"), R"("a=1")");
  EXPECT_EQ(body_of("image/png", "\x89PNG"), R"("iVBORw==")");
  EXPECT_EQ(body_of("text/plain", ""), "null");
  EXPECT_EQ(send("orders", signed_by("{") + "Content-Type: application/json\r\n", "{").reason(),
            "json-invalid");
}

TEST_F(WebhookCalls, AreRefusedWithoutTheRightSignature) {
  const std::string body = "{}";
  for (const std::string& headers :
       {std::string(), std::string("X-Signature: sha256=\r\n"),
        std::string("X-Signature: sha256=zz\r\n"), signed_by("{} "), signed_by(body, "other-key"),
        "X-Signature: " + to_hex(mac_of(body)) + "\r\n", signed_by(body) + signed_by(body),
        "X-Signature: sha256=" + to_hex(mac_of(body)).substr(2) + "\r\n",
        "Authorization: Api-Key " + office.key("ana") + "\r\n"}) {
    const Answer answer = send("orders", headers, body);
    EXPECT_EQ(answer.status, 401) << headers;
    EXPECT_EQ(answer.reason(), "signature-invalid") << headers;
  }
  office.call("ana", "POST", "/api/v1/credentials/hooks/disable");
  EXPECT_EQ(send("orders", signed_by(body), body).reason(), "signature-invalid");
  EXPECT_EQ(office.engine->open_instances(), 0U);
}

TEST_F(WebhookCalls, OfTheSameDeliveryStartOneInstance) {
  const std::string body = "a";
  const Answer first = send("orders", signed_by(body) + "X-Delivery: 1\r\n", body);
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(send("orders", signed_by(body) + "X-Delivery: 1\r\n", body).json().get("id"),
            first.json().get("id"));
  EXPECT_NE(send("orders", signed_by(body) + "X-Delivery: 2\r\n", body).json().get("id"),
            first.json().get("id"));
}

TEST_F(WebhookCalls, WithATimestampAreTakenInTimeAndOnce) {
  using std::chrono::seconds;
  const std::string body = "a";
  const std::string headers = timed_by(seconds(0), body);
  const Answer first = send("timed", headers, body);
  ASSERT_EQ(first.status, 202) << first.body;
  EXPECT_EQ(send("timed", headers, body).json().get("id"), first.json().get("id"));
  EXPECT_EQ(send("timed", timed_by(seconds(299), body), body).status, 202);
  EXPECT_EQ(send("timed", timed_by(seconds(301), body), body).reason(), "signature-invalid");
  EXPECT_EQ(send("timed", timed_by(seconds(-301), body), body).reason(), "signature-invalid");
  EXPECT_EQ(send("timed", "X-Signature: " + to_base64(mac_of(body)) + "\r\n", body).status, 401);
}

TEST_F(WebhookCalls, ASignedMessageIsNotTakenAsAnotherDelivery) {
  add("both",
      "path: both, deliveryHeader: X-Delivery, hmac: {credential: hooks, header: X-Signature, "
      "encoding: base64, timestampHeader: X-Time}");
  const std::string headers = timed_by(std::chrono::seconds(0), "a");
  EXPECT_EQ(send("both", headers + "X-Delivery: 1\r\n", "a").status, 202);
  EXPECT_EQ(send("both", headers + "X-Delivery: 1\r\n", "a").status, 202);
  EXPECT_EQ(send("both", headers + "X-Delivery: 2\r\n", "a").reason(), "signature-invalid");
}

TEST_F(WebhookCalls, WithoutASignatureNeedAKeyUnlessTheyAreOpen) {
  EXPECT_EQ(send("keyed", "", "").reason(), "key-missing");
  EXPECT_EQ(send("keyed", "Authorization: Api-Key " + office.key("vic") + "\r\n", "").status, 403);
  EXPECT_EQ(send("keyed", "Authorization: Api-Key " + office.key("olga") + "\r\n", "").status, 202);
  EXPECT_EQ(send("anyone", "", "", "PUT").status, 202);
  const Answer wrong = send("anyone", "", "");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("Allow"), "PUT");
  EXPECT_EQ(send("nothing", "", "").reason(), "webhook-unknown");
}

TEST_F(WebhookCalls, StartNothingWhereTheWorkflowIsDisabledOrTheDaemonNotReady) {
  office.call("olga", "POST", "/api/v1/workflows/test/anyone/disable");
  EXPECT_EQ(send("anyone", "", "", "PUT").reason(), "workflow-disabled");
  office.call("olga", "POST", "/api/v1/workflows/test/anyone/enable");
  office.ready_result = fail(make_problem(ErrorKind::runtime, "not-ready", "not yet"));
  EXPECT_EQ(send("anyone", "", "", "PUT").status, 503);
}

TEST_F(WebhookCalls, OfTheSamePathAreAFault) {
  const Status added = office.try_workflow("again", "do: [{a: {set: {b: 1}}}]\n",
                                           "{stepwell: {webhook: {path: orders}}}");
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, "webhook-duplicate");
}

TEST_F(WebhookCalls, WithWrongSignaturesHaveToWait) {
  const std::string wrong = signed_by("{} ");
  for (int i = 0; i < 60; ++i) ASSERT_EQ(send("orders", wrong, "{}").status, 401) << i;
  const Answer refused = send("orders", wrong, "{}");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  // Attempts with API keys from there are counted with them, and what is right passes.
  EXPECT_EQ(send("keyed", "Authorization: Api-Key sw_wrong\r\n", "").status, 429);
  EXPECT_EQ(send("orders", signed_by("{}"), "{}").status, 202);
  EXPECT_EQ(send("keyed", "Authorization: Api-Key " + office.key("olga") + "\r\n", "").status, 202);
  office.clock.advance(Milliseconds(1'000));
  EXPECT_EQ(send("orders", wrong, "{}").status, 401);
}

TEST_F(WebhookCalls, ThatWaitForTheDiskHoldNobodyUp) {
  const std::string instance =
      to_json(office.call("olga", "POST", "/api/v1/instances", R"({"workflow":"test/keyed"})")
                  .json()
                  .get("id"));
  while (!office.engine->at_rest()) std::this_thread::yield();
  std::promise<void> disk;
  office.journal.before_reading([gate = disk.get_future().share()] {
    gate.wait();
    return Status();
  });
  std::vector<std::unique_ptr<Wire>> flood;
  const std::string body = "a";
  for (int i = 0; i < 8; ++i) {
    flood.push_back(std::make_unique<Wire>(office.address()));
    flood.back()->send("POST /api/v1/webhooks/orders HTTP/1.1\r\nHost: h\r\n" + signed_by(body) +
                       "X-Delivery: " + std::to_string(i) + "\r\nContent-Length: 1\r\n\r\n" + body);
  }
  // Nothing of this waits behind them: neither other calls …
  EXPECT_EQ(send("nothing", "", "").reason(), "webhook-unknown");
  EXPECT_EQ(send("anyone", "", "").status, 405);
  EXPECT_EQ(send("orders", signed_by("b"), body).status, 401);
  EXPECT_EQ(send("anyone", "", std::string(1'048'577, 'x'), "PUT").status, 413);
  EXPECT_EQ(send("anyone", "", "", "PUT").status, 202);
  // … nor what needs a thread that may block.
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/tasks").status, 200);
  EXPECT_EQ(office.call("olga", "POST", "/api/v1/instances/" + instance + "/stop").reason(),
            "instance-ended");
  disk.set_value();
  for (const auto& wire : flood) EXPECT_EQ(wire->read().status, 202);
  office.journal.before_reading({});
}

TEST(WebhookLimit, IsOneForEachWebhookOrForItsKey) {
  ServerOptions options;
  options.webhook_limit = {2, Milliseconds(10'000), 2};
  options.rate_limit = {3, Milliseconds(10'000), 3};
  Office office(options);
  for (const char* name : {"one", "two"})
    office.add_workflow(name, "do: [{a: {set: {b: 1}}}]\n",
                        std::string("{stepwell: {webhook: {open: true, path: ") + name + "}}}");
  office.add_workflow("keyed", "do: [{a: {set: {b: 1}}}]\n",
                      "{stepwell: {webhook: {path: keyed}}}");
  const auto call = [&](const std::string& path, std::string_view user = "") {
    return office.call(user, "POST", "/api/v1/webhooks/" + path, "x");
  };
  EXPECT_EQ(call("one").status, 202);
  EXPECT_EQ(call("one").status, 202);
  const Answer refused = call("one");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.reason(), "rate-limited");
  EXPECT_EQ(refused.header("Retry-After"), "5");
  EXPECT_EQ(call("two").status, 202);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call("keyed", "olga").status, 202);
  EXPECT_EQ(call("keyed", "olga").status, 429);
  EXPECT_EQ(office.call("olga", "GET", "/api/v1/workflows").status, 429);  // they are its requests
  EXPECT_EQ(call("keyed", "ana").status, 202);
  office.clock.advance(Milliseconds(5'000));
  EXPECT_EQ(call("one").status, 202);
  EXPECT_EQ(call("one").status, 429);
}

// What a reload puts in their place holds for each call as a whole.
TEST_F(WebhookCalls, AreAddedChangedAndRemovedWhileTheyAreCalled) {
  add("calls", "path: calls, open: true");
  const std::vector<engine::Catalog::Entry> all = office.catalog.list();
  add("extra", "path: extra, open: true");
  const std::vector<engine::Catalog::Entry> more = office.catalog.list();
  const auto by_put = config::load_definition(
      "document: {dsl: '1.0.0', namespace: test, name: calls, version: '1.0.1', metadata: "
      "{stepwell: {webhook: {path: calls, open: true, method: PUT}}}}\ndo: [{a: {set: {b: 1}}}]\n",
      "calls.yaml");
  ASSERT_TRUE(by_put.definition);
  std::vector<engine::Catalog::Entry> changed = all;
  changed.push_back({by_put.definition, office.engine->prepare(by_put.definition)});
  std::atomic<bool> over{false};
  std::thread reloads([&] {
    while (!over)
      for (const auto* set : {&more, &std::as_const(changed), &all})
        EXPECT_TRUE(office.catalog.replace(*set));
  });
  std::map<int, int> posts;
  std::map<int, int> extras;
  Wire wire(office.address());
  for (int i = 0; i < 300; ++i) {
    for (const char* path : {"calls", "extra"}) {
      wire.send(std::string("POST /api/v1/webhooks/") + path +
                " HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
      ++(std::string(path) == "calls" ? posts : extras)[wire.read().status];
    }
  }
  over = true;
  reloads.join();
  EXPECT_EQ(posts[202] + posts[405], 300);
  EXPECT_EQ(extras[202] + extras[404], 300);
  ASSERT_TRUE(office.catalog.replace(changed));
  EXPECT_EQ(send("calls", "", "x").status, 405);
  EXPECT_EQ(send("calls", "", "x", "PUT").json().get("workflow"), Value("test/calls:1.0.1"));
  EXPECT_EQ(send("extra", "", "x").reason(), "webhook-unknown");
  ASSERT_TRUE(office.catalog.replace(more));
  EXPECT_EQ(send("calls", "", "x").status, 202);
  EXPECT_EQ(send("extra", "", "x").status, 202);
}

}  // namespace
}  // namespace stepwell::api::test
