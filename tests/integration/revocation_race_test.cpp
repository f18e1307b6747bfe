// The promise itself: after `revoke` has returned, no request that carries the key reaches the
// wire. A credential is revoked at a random moment under full load, again and again, and an
// upstream that sees every byte is the judge.
//
// STEPWELL_RACE_REQUESTS (each trial's requests) and STEPWELL_RACE_TRIALS make it longer.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "tests/steps/world.h"
#include "tests/support/wire_judge.h"

namespace stepwell::steps::test {
namespace {

using stepwell::test::WireJudge;

int setting(const char* name, int fallback) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atoi(text) : fallback;
}

// Keeps `parallel` instances of one workflow going until `total` have ended.
class Load {
 public:
  Load(World& world, std::shared_ptr<const engine::Workflow> workflow, int total)
      : world_(world), workflow_(std::move(workflow)), left_(total), open_(0) {}

  void start(int parallel) {
    for (int i = 0; i < parallel; ++i) next();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return left_ <= 0 && open_ == 0; });
  }
  int ended() const { return ended_; }
  int completed = 0;
  int revoked = 0;
  int other = 0;

 private:
  struct Each final : engine::Observer {
    explicit Each(Load& owner) : load(owner) {}
    void on_end(const engine::InstanceView& view) override { load.one_ended(view); }
    Load& load;
  };

  void next() {
    {
      const std::scoped_lock lock(mutex_);
      if (left_ <= 0) return;
      --left_;
      ++open_;
    }
    engine::StartRequest request;
    request.workflow = workflow_;
    request.observer = std::make_shared<Each>(*this);
    world_.engine->start(std::move(request), [](const Result<InstanceId>&) {});
  }

  void one_ended(const engine::InstanceView& view) {
    next();
    const std::scoped_lock lock(mutex_);
    ++ended_;
    if (view.status == engine::InstanceStatus::completed)
      ++completed;
    else if (view.problem->code == "credential-revoked")
      ++revoked;
    else
      ++other;
    --open_;
    if (left_ <= 0 && open_ == 0) done_.notify_all();
  }

  World& world_;
  std::shared_ptr<const engine::Workflow> workflow_;
  std::mutex mutex_;
  std::condition_variable done_;
  int left_;  // guarded by mutex_
  int open_;  // guarded by mutex_
  std::atomic<int> ended_{0};
};

TEST(RevocationRace, NoRequestWithTheKeyReachesTheWireAfterRevokeReturned) {
  const int requests = setting("STEPWELL_RACE_REQUESTS", 3'000);
  const int trials = setting("STEPWELL_RACE_TRIALS", 10);
  std::mt19937 random(20'261'121);
  std::uint64_t seen = 0;
  std::uint64_t late = 0;
  int cut = 0;
  double slowest_ms = 0;
  for (int trial = 0; trial < trials; ++trial) {
    WireJudge judge;
    World world;
    const std::string token = "canary-" + std::to_string(trial) + "-0123456789abcdef";
    world.add_bearer("crm", token, judge.origin());
    judge.watch(token);
    const auto loaded = config::load_definition(
        "document: {dsl: '1.0.3', namespace: test, name: race, version: '1.0.0'}\n" +
            call("get", with_credential(judge.origin() + "/", "crm")),
        "race.yaml");
    ASSERT_TRUE(loaded.definition);
    Load load(world, world.engine->prepare(loaded.definition), requests);
    load.start(64);
    const int moment = static_cast<int>(random() % static_cast<unsigned>(requests));
    while (load.ended() < moment) std::this_thread::yield();
    const auto before = std::chrono::steady_clock::now();
    const auto revoked = world.authority->credentials().revoke(kAna, "crm");
    const std::chrono::duration<double, std::milli> took =
        std::chrono::steady_clock::now() - before;
    judge.fence();
    ASSERT_TRUE(revoked) << revoked.error().detail;
    load.wait();
    judge.fence();  // everything that was sent until now is read
    seen += judge.seen();
    EXPECT_EQ(judge.late(), 0U) << "trial " << trial;
    late += judge.late();
    EXPECT_EQ(load.other, 0) << "trial " << trial;
    EXPECT_EQ(load.completed + load.revoked, requests);
    cut += load.revoked;
    slowest_ms = std::max(slowest_ms, took.count());
  }
  EXPECT_GT(seen, 0U);
  EXPECT_GT(cut, 0);
  std::printf(
      "%d trials of %d requests: %llu carried the key before, %llu after revoke returned; "
      "%d failed cleanly; slowest revoke %.2f ms\n",
      trials, requests, static_cast<unsigned long long>(seen),
      static_cast<unsigned long long>(late), cut, slowest_ms);
}

}  // namespace
}  // namespace stepwell::steps::test
