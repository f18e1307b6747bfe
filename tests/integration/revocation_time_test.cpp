// How long a revocation takes, at idle and under load. The figures are printed where
// STEPWELL_REVOCATION_TRIALS is set; else there are just a few, to see that it works.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "store/sqlite_secret_store.h"
#include "tests/integration/trial_node.h"
#include "tests/integration/trial_settings.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/memory_secret_store.h"
#include "tests/support/trial_judge.h"

namespace stepwell::integration {
namespace {

using stepwell::test::JudgeProtocol;
using stepwell::test::MemorySecretStore;
using stepwell::test::TrialJudge;

constexpr int kInFlight = 64;
constexpr int kFew = 5;

int how_many(int measured) { return measuring() ? measured : kFew; }

double timed_revoke(TrialNode& node, const std::string& name) {
  const auto before = std::chrono::steady_clock::now();
  const auto revoked = node.credentials().revoke(kAna, name);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - before;
  EXPECT_TRUE(revoked) << revoked.error().detail;
  return took.count();
}

void print(const std::string& name, const std::vector<double>& ms) {
  std::printf("revoke %-34s %5zu times: p50 %.3f ms, p99 %.3f ms, max %.3f ms\n", name.c_str(),
              ms.size(), quantile(ms, 0.5), quantile(ms, 0.99), quantile(ms, 1.0));
}

void measure_idle(const std::string& name, auth::SecretStore& store, int count) {
  TrialNode node(store, {});
  std::vector<double> ms;
  for (int i = 0; i < count; ++i) {
    const std::string credential = "crm-" + std::to_string(i);
    node.add_bearer(credential, "canary-0123456789", "https://crm.example.com");
    ms.push_back(timed_revoke(node, credential));
  }
  print(name, ms);
}

TEST(RevocationTime, AtIdleWithAStoreInMemory) {
  MemorySecretStore store;
  measure_idle("at idle, store in memory", store, how_many(1'000));
}

TEST(RevocationTime, AtIdleWithAStoreOnDisk) {
  const store::ScratchDirectory scratch;
  const auto store = store::SqliteSecretStore::open(scratch / "data");
  ASSERT_TRUE(store) << store.error().detail;
  measure_idle("at idle, SQLite with fsync", **store, how_many(300));
}

void measure_load(const std::string& name, auth::SecretStore& store, JudgeProtocol protocol,
                  int count) {
  TrialJudge judge(protocol);
  std::vector<double> ms;
  std::vector<std::unique_ptr<TrialLoad>> loads;
  TrialNodeOptions options;
  options.ca_file = judge.ca_file();
  {
    TrialNode node(store, options);
    for (int i = 0; i < count; ++i) {
      const std::string credential = "crm-" + std::to_string(i);
      const std::string key = "canary-0123456789-" + std::to_string(i) + "-";
      node.add_bearer(credential, key, judge.origin());
      judge.begin({key, static_cast<std::uint64_t>(i)});
      loads.push_back(std::make_unique<TrialLoad>(
          node.prepare("do: [{a: {call: http, with: {method: get, endpoint: {uri: '" +
                       judge.origin() + "/ok', authentication: {use: " + credential + "}}}}}]\n"),
          Value()));
      loads.back()->start(node, kInFlight, 1'000'000);
      // A few rounds, so that the connections are there and all are in different phases.
      ASSERT_TRUE(judge.wait_for_requests(5UL * kInFlight, kPatience));
      ms.push_back(timed_revoke(node, credential));
      judge.fence();
      loads.back()->stop();
      ASSERT_TRUE(loads.back()->wait());
    }
  }
  ASSERT_TRUE(judge.wait_until_closed(kPatience));
  EXPECT_EQ(judge.verdict().late_bytes, 0U);
  print(name, ms);
}

TEST(RevocationTime, UnderLoad) {
  for (const auto& [name, protocol] : {std::pair{"HTTP/1.1", JudgeProtocol::http1},
                                       std::pair{"HTTP/2", JudgeProtocol::http2_tls}}) {
    const std::string load = std::string("64 in flight, ") + name;
    MemorySecretStore memory;
    measure_load(load + ", memory", memory, protocol, how_many(200));
    const store::ScratchDirectory scratch;
    const auto store = store::SqliteSecretStore::open(scratch / "data");
    ASSERT_TRUE(store) << store.error().detail;
    measure_load(load + ", SQLite", **store, protocol, how_many(200));
  }
}

}  // namespace
}  // namespace stepwell::integration
