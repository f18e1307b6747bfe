// The promise itself, in many small trials: a credential is revoked at a random moment, and a judge
// that sees every byte counts those of requests with its key which come after `revoke` returned.
// Trials take turns over protocols, fresh and warmed-up connections, and kinds of load.
//
// STEPWELL_REVOCATION_TRIALS: how many (and the figures are printed); STEPWELL_REVOCATION_SEED: of
// all random choices; each trial's are drawn from it and the trial's number alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "base/json.h"
#include "tests/integration/trial_node.h"
#include "tests/integration/trial_settings.h"
#include "tests/support/memory_secret_store.h"
#include "tests/support/trial_judge.h"

namespace stepwell::integration {
namespace {

using stepwell::test::JudgeProtocol;
using stepwell::test::JudgeScript;
using stepwell::test::MemorySecretStore;
using stepwell::test::Reading;
using stepwell::test::TrialJudge;
using stepwell::test::Verdict;

// Without the environment: eight a cell, or two where a sanitizer makes everything slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kTrials = 72;
#else
constexpr int kTrials = 288;
#endif
constexpr std::size_t kUpload = 256UL * 1024;
constexpr std::size_t kLargeUpload = 4096UL * 1024;  // more than the kernel takes in at once
// Short, so that requests which an upstream reads slowly are cut off in many trials.
constexpr Milliseconds kDrainLimit{10};
constexpr int kStartedAfterwards = 2;

constexpr std::array kProtocols{JudgeProtocol::http1, JudgeProtocol::http2_tls,
                                JudgeProtocol::http1_tls};
constexpr std::array kProtocolNames{"HTTP/1.1", "HTTP/2 TLS", "HTTP/1.1 TLS"};
enum class Kind { plain, upload, retry, redirect, wait, queued };
constexpr std::array kKinds{Kind::plain,    Kind::upload, Kind::retry,
                            Kind::redirect, Kind::wait,   Kind::queued};
constexpr std::array kKindNames{"plain", "upload", "retry", "redirect", "wait", "queued"};
// Each protocol over fresh and over warmed-up connections, with each kind.
constexpr std::uint64_t kCells = kProtocols.size() * 2 * kKinds.size();

struct Cell {
  std::size_t protocol = 0;
  bool reused = false;
  Kind kind = Kind::plain;
  std::string text() const {
    return std::string(kProtocolNames[protocol]) + (reused ? ", reused, " : ", fresh, ") +
           kKindNames[static_cast<std::size_t>(kind)];
  }
};

// What the random source decides of one trial.
struct Plan {
  int parallel = 1;
  // The revocation: when so many requests have begun to arrive, and then so much later.
  int requests = 0;
  std::chrono::microseconds moment{0};
  int wait_ms = 1;
  bool post_redirect = false;
  std::size_t body = 1;
  JudgeScript script;
};

struct Tally {
  int trials = 0;
  int both_sides = 0;  // requests before the revocation, and attempts after it
  int cut = 0;         // trials in which a request was cut off half-way
  Verdict sum;
  std::map<std::string, int> endings;
  std::vector<double> revoke_ms;
};

Plan make_plan(const Cell& cell, std::uint64_t seed, std::uint64_t number) {
  std::seed_seq source{seed, seed >> 32U, number};
  std::mt19937_64 random(source);
  const auto below = [&random](std::uint64_t limit) { return random() % limit; };
  Plan plan;
  plan.parallel = 1 + static_cast<int>(below(below(2) == 0 ? 8 : 64));
  if (cell.kind == Kind::upload) plan.parallel = 1 + plan.parallel / 4;
  if (cell.kind == Kind::queued) plan.parallel += 16;
  // Up to 5 ms after the start, which may be before anything was sent; or in the midst of it, as
  // the first of each cell.
  if (below(3) == 0 && number >= kCells) {
    plan.moment = std::chrono::microseconds(below(5'000));
  } else {
    plan.requests = 1 + static_cast<int>(below(static_cast<std::uint64_t>(plan.parallel)));
    plan.moment = std::chrono::microseconds(below(2'000));
  }
  plan.wait_ms = 1 + static_cast<int>(below(4));
  plan.post_redirect = below(2) == 0;
  plan.script.key = "canary-" + std::to_string(number) + "-" + std::to_string(random());
  plan.script.seed = random();
  if (cell.kind == Kind::upload) {
    const std::uint64_t reading = below(16);
    plan.script.reading = reading == 0    ? Reading::stalled
                          : reading <= 12 ? Reading::slowly
                                          : Reading::at_once;
    if (plan.script.reading == Reading::stalled) plan.requests = 1;  // no others are read
    plan.body = kUpload;
    if (below(8) == 0) {
      plan.body = kLargeUpload;
      plan.parallel = std::min(plan.parallel, 3);
      plan.requests = std::min(plan.requests, plan.parallel);
    }
  }
  return plan;
}

std::string get(const std::string& origin, const std::string& path) {
  return "{call: http, with: {method: get, endpoint: {uri: '" + origin + path +
         "', authentication: {use: crm}}, redirect: true}}";
}

std::string post(const std::string& origin, const std::string& path) {
  return "{call: http, with: {method: post, endpoint: {uri: '" + origin + path +
         "', authentication: {use: crm}}, body: '${ . }', redirect: true}}";
}

std::string definition(const Cell& cell, const Plan& plan, const std::string& origin) {
  switch (cell.kind) {
    case Kind::upload:
      return "do: [{a: " + post(origin, "/ok") + "}]\n";
    case Kind::retry:
      return "do: [{t: {try: [{a: " + get(origin, "/flaky") +
             "}], catch: {retry: {delay: {milliseconds: 1}, limit: {attempt: {count: 8}}}}}}]\n";
    case Kind::redirect:
      return "do: [{a: " +
             (plan.post_redirect ? post(origin, "/redirect/307/ok")
                                 : get(origin, "/redirect/302/redirect/302/ok")) +
             "}]\n";
    case Kind::wait:
      return "do: [{a: " + get(origin, "/ok") +
             "}, {w: {wait: {milliseconds: " + std::to_string(plan.wait_ms) +
             "}}}, {b: " + get(origin, "/ok") + "}]\n";
    case Kind::plain:
    case Kind::queued:
      break;
  }
  return "do: [{a: " + get(origin, "/ok") + "}]\n";
}

// How an instance may end whose credential is revoked, besides completing: refused; a request that
// was cut off and may have been executed (the sibling of one on the same HTTP/2 connection); a 503
// when the retries are used up.
bool may_end_so(const Cell& cell, const std::string& ending) {
  if (ending == "completed" || ending == "credential-revoked") return true;
  if (ending == "http-status") return cell.kind == Kind::retry;
  return ending == "outcome-unknown" && (cell.kind == Kind::upload || cell.kind == Kind::redirect);
}

void run_trial(const Cell& cell, const Plan& plan, TrialJudge& judge, Tally& tally) {
  const std::string origin = judge.origin();
  MemorySecretStore store;
  std::unique_ptr<TrialLoad> warming;
  std::unique_ptr<TrialLoad> load;
  {
    TrialNodeOptions options;
    options.ca_file = judge.ca_file();
    options.drain_limit = kDrainLimit;
    if (cell.kind == Kind::queued) options.host_limit = 2;
    TrialNode node(store, options);
    node.add_bearer("crm", plan.script.key, origin);
    JudgeScript calm = plan.script;
    calm.reading = Reading::at_once;
    judge.begin(calm);
    if (cell.reused) {
      warming = std::make_unique<TrialLoad>(node.prepare("do: [{a: " + get(origin, "/ok") + "}]\n"),
                                            Value());
      const int warm = std::min(plan.parallel, 16);
      warming->start(node, warm, warm);
      ASSERT_TRUE(warming->wait());
      ASSERT_EQ(warming->endings()["completed"], warm);
    }
    load = std::make_unique<TrialLoad>(node.prepare(definition(cell, plan, origin)),
                                       Value::object({{"data", std::string(plan.body, 'x')}}));
    judge.begin(plan.script);
    load->start(node, plan.parallel, 3 * plan.parallel);
    // One at least, however slow this machine is; the others where they come at all.
    ASSERT_TRUE(judge.wait_for_requests(std::min(plan.requests, 1), kPatience));
    judge.wait_for_requests(static_cast<std::uint64_t>(plan.requests), std::chrono::seconds(1));
    std::this_thread::sleep_for(plan.moment);
    const auto before = std::chrono::steady_clock::now();
    const auto revoked = node.credentials().revoke(kAna, "crm");
    const std::chrono::duration<double, std::milli> took =
        std::chrono::steady_clock::now() - before;
    judge.fence();
    ASSERT_TRUE(revoked) << revoked.error().detail;
    load->start(node, kStartedAfterwards, kStartedAfterwards);
    ASSERT_TRUE(load->wait()) << "an instance hangs";
    tally.revoke_ms.push_back(took.count());
  }
  // The node is gone, and with it all that it had.
  ASSERT_TRUE(judge.wait_until_closed(kPatience));
  const Verdict verdict = judge.verdict();
  EXPECT_EQ(verdict.late_bytes, 0U);
  EXPECT_EQ(verdict.late_requests, 0U);
  const auto endings = load->endings();
  for (const auto& [ending, count] : endings) {
    EXPECT_TRUE(may_end_so(cell, ending)) << count << " ended with " << ending;
    tally.endings[ending] += count;
  }
  const auto refused = endings.find("credential-revoked");
  EXPECT_TRUE(refused != endings.end() && refused->second >= kStartedAfterwards);
  ++tally.trials;
  // More than those which were begun only after the revocation.
  if (verdict.before > 0 && refused != endings.end() && refused->second > kStartedAfterwards)
    ++tally.both_sides;
  if (verdict.unfinished > 0) ++tally.cut;
  tally.sum.before += verdict.before;
  tally.sum.unfinished += verdict.unfinished;
  tally.sum.late_requests += verdict.late_requests;
  tally.sum.late_bytes += verdict.late_bytes;
  tally.sum.connections += verdict.connections;
  tally.sum.reset += verdict.reset;
}

void print(const std::string& name, const Tally& tally) {
  std::string endings;
  for (const auto& [ending, count] : tally.endings)
    endings += " " + ending + " " + std::to_string(count);
  std::printf(
      "%-24s %5d trials (%d with requests on both sides, %d with one cut off), %llu requests with "
      "the key before, after %llu (%llu bytes); %llu connections, %llu reset; revoke p50 %.2f p99 "
      "%.2f max %.2f ms; ended:%s\n",
      name.c_str(), tally.trials, tally.both_sides, tally.cut,
      static_cast<unsigned long long>(tally.sum.before),
      static_cast<unsigned long long>(tally.sum.late_requests),
      static_cast<unsigned long long>(tally.sum.late_bytes),
      static_cast<unsigned long long>(tally.sum.connections),
      static_cast<unsigned long long>(tally.sum.reset), quantile(tally.revoke_ms, 0.5),
      quantile(tally.revoke_ms, 0.99), quantile(tally.revoke_ms, 1.0), endings.c_str());
}

void add(Tally& to, const Tally& from) {
  to.trials += from.trials;
  to.both_sides += from.both_sides;
  to.cut += from.cut;
  to.sum.before += from.sum.before;
  to.sum.unfinished += from.sum.unfinished;
  to.sum.late_requests += from.sum.late_requests;
  to.sum.late_bytes += from.sum.late_bytes;
  to.sum.connections += from.sum.connections;
  to.sum.reset += from.sum.reset;
  for (const auto& [ending, count] : from.endings) to.endings[ending] += count;
  to.revoke_ms.insert(to.revoke_ms.end(), from.revoke_ms.begin(), from.revoke_ms.end());
}

TEST(RevocationTrials, NoByteWithTheKeyComesAfterRevokeReturned) {
  const std::uint64_t trials = setting(kTrialsVariable, kTrials);
  const std::uint64_t seed = setting(kSeedVariable, std::random_device{}());
  std::printf("STEPWELL_REVOCATION_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::vector<Cell> cells;
  std::vector<std::unique_ptr<TrialJudge>> judges;
  for (std::size_t protocol = 0; protocol < kProtocols.size(); ++protocol) {
    judges.push_back(std::make_unique<TrialJudge>(kProtocols[protocol]));
    for (const bool reused : {false, true})
      for (const Kind kind : kKinds) cells.push_back({protocol, reused, kind});
  }
  std::vector<Tally> tallies(cells.size());
  for (std::uint64_t trial = 0; trial < trials; ++trial) {
    const Cell& cell = cells[trial % cells.size()];
    SCOPED_TRACE("trial " + std::to_string(trial) + ": " + cell.text());
    run_trial(cell, make_plan(cell, seed, trial), *judges[cell.protocol],
              tallies[trial % cells.size()]);
    if (HasFatalFailure()) return;
  }
  Tally all;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (measuring()) print(cells[i].text(), tallies[i]);
    // A cell in which nothing was sent proves nothing.
    if (trials >= 8 * cells.size()) {
      EXPECT_GT(tallies[i].sum.before, 0U) << cells[i].text();
    }
    add(all, tallies[i]);
  }
  EXPECT_GT(all.both_sides, 0);
  print("all", all);
}

}  // namespace
}  // namespace stepwell::integration
