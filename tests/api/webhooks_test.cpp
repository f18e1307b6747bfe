// Webhooks from outside: signed, with a key, open; late, wrong and twice.
#include <gtest/gtest.h>

#include "auth/cipher.h"
#include "base/encoding.h"
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

}  // namespace
}  // namespace stepwell::api::test
