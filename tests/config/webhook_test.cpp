// What a definition may say of its webhook.
#include <gtest/gtest.h>

#include "config/loader.h"

namespace stepwell::config {
namespace {

Loaded load(const std::string& webhook) {
  return load_definition(
      "document:\n  dsl: 1.0.3\n  namespace: n\n  name: w\n  version: 1.0.0\n  metadata:\n    "
      "stepwell:\n      webhook: " +
          webhook + "\ndo: []\n",
      "f.yaml");
}

TEST(WebhookDefinition, TakesAllThatItMaySay) {
  const Loaded loaded = load(
      "{path: a-b, method: PUT, headers: [X-One], deliveryHeader: X-Id, hmac: {credential: hooks, "
      "header: X-Sig, algorithm: sha256, encoding: base64, prefix: v1=, timestampHeader: X-At, "
      "tolerance: PT1M}}");
  ASSERT_TRUE(loaded.definition);
  const Webhook& webhook = *loaded.definition->webhook;
  EXPECT_EQ(webhook.path, "a-b");
  EXPECT_EQ(webhook.method, "PUT");
  EXPECT_EQ(webhook.headers, std::vector<std::string>{"x-one"});
  EXPECT_EQ(webhook.delivery_header, "x-id");
  EXPECT_EQ(webhook.hmac->credential, "hooks");
  EXPECT_EQ(webhook.hmac->header, "x-sig");
  EXPECT_TRUE(webhook.hmac->base64);
  EXPECT_EQ(webhook.hmac->prefix, "v1=");
  EXPECT_EQ(webhook.hmac->timestamp_header, "x-at");
  EXPECT_EQ(webhook.hmac->tolerance, std::chrono::minutes(1));
  EXPECT_EQ(loaded.definition->credentials.at(0).first, "hooks");
}

TEST(WebhookDefinition, AsksForAKeyUnlessItSaysOtherwise) {
  const Loaded loaded = load("{path: a}");
  ASSERT_TRUE(loaded.definition);
  EXPECT_EQ(loaded.definition->webhook->method, "POST");
  EXPECT_FALSE(loaded.definition->webhook->open);
  EXPECT_FALSE(loaded.definition->webhook->hmac);
  EXPECT_TRUE(load("{path: a, open: true}").definition->webhook->open);
  EXPECT_EQ(load("{path: a, hmac: {credential: c, header: H, timestampHeader: T}}")
                .definition->webhook->hmac->tolerance,
            std::chrono::minutes(5));
}

TEST(WebhookDefinition, HasFaultsOfItsOwn) {
  struct Case {
    const char* webhook;
    const char* fault;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"{}", "missing"},
           {"{path: a/b}", "one segment of a path"},
           {"{path: ..}", "one segment of a path"},
           {"{path: a, method: GET}", "GET"},
           {"{path: a, headers: [Authorization]}", "is for the daemon alone"},
           {"{path: a, headers: [COOKIE]}", "is for the daemon alone"},
           {"{path: a, headers: ['a b']}", "the name of a header"},
           {"{path: a, headers: X}", "a list of headers"},
           {"{path: a, hmac: {header: X}}", "credential"},
           {"{path: a, hmac: {credential: c}}", "header"},
           {"{path: a, hmac: {credential: c, header: X, algorithm: md5}}", "md5"},
           {"{path: a, hmac: {credential: c, header: X, encoding: binary}}", "binary"},
           {"{path: a, hmac: {credential: c, header: X, tolerance: PT1M}}", "timestampHeader"},
           {"{path: a, hmac: {credential: c, header: X, timestampHeader: T, tolerance: P2D}}",
            "24 h"},
           {"{path: a, open: true, hmac: {credential: c, header: X}}", "is not `open`"},
           {"{path: a, secret: x}", "secret"}}) {
    const Loaded loaded = load(c.webhook);
    EXPECT_FALSE(loaded.definition) << c.webhook;
    ASSERT_EQ(loaded.faults.size(), 1U) << c.webhook;
    EXPECT_NE(loaded.faults[0].text().find(c.fault), std::string::npos) << loaded.faults[0].text();
  }
}

}  // namespace
}  // namespace stepwell::config
