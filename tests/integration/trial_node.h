// What the trials of revocations run on: a node in process whose transport trusts a judge, and a
// load of instances that keeps it busy while a credential is revoked.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "auth/authority.h"
#include "auth/master_key.h"
#include "config/loader.h"
#include "engine/engine.h"
#include "engine/memory_journal.h"
#include "steps/http_step.h"
#include "steps/reactor_timers.h"

namespace stepwell::integration {

inline const auth::Actor kAna{"ana", "test"};

struct TrialNodeOptions {
  std::string ca_file;
  std::size_t host_limit = 0;  // requests at a time to one host; 0: as a node has it
  Milliseconds drain_limit{2'000};
};

class TrialNode {
 public:
  TrialNode(auth::SecretStore& store, const TrialNodeOptions& options) {
    const Secret master = auth::random_master_key(entropy_);
    auth::Credentials::Options limits;
    limits.drain_limit = options.drain_limit;
    auto opened =
        auth::Authority::open(master, {store, clock_, entropy_, metrics_, Log::null()}, limits);
    if (!opened) throw std::runtime_error(opened.error().detail);
    authority_ = std::move(*opened);
    http::ReactorOptions transport;
    transport.egress = http::EgressRules(
        {http::Network::parse("127.0.0.0/8").value(), http::Network::parse("::1").value()}, {});
    transport.ca_file = options.ca_file;
    if (options.host_limit > 0)
      transport.active_per_host = transport.max_active_per_host = options.host_limit;
    reactor_ = std::make_unique<http::Reactor>(std::move(transport), clock_, metrics_, Log::null());
    auth::Gate::Connections connections;
    connections.abort_sending = [this](const std::string& p) { reactor_->abort_sending(p); };
    connections.drop_pool = [this](const std::string& pool) { reactor_->drop_pool(pool); };
    connections.abort_pool = [this](const std::string& pool, const Problem& why) {
      reactor_->abort_pool(pool, why);
    };
    connections.submit = [this](std::unique_ptr<http::Exchange> exchange) {
      reactor_->submit(std::move(exchange));
    };
    authority_->gate().connect(std::move(connections));
    timers_ = std::make_unique<steps::ReactorTimers>(*reactor_);
    step_ = std::make_unique<steps::HttpStep>(
        steps::HttpStepSurroundings{*reactor_, authority_->gate(), authority_->keys(), clock_,
                                    entropy_},
        steps::HttpStepOptions{});
    engine_ = std::make_unique<engine::Engine>(engine::EngineOptions{2, 100'000, 100'000}, *step_,
                                               journal_, *timers_, clock_, entropy_, metrics_,
                                               Log::null());
  }

  void add_bearer(const std::string& name, const std::string& token, const std::string& origin) {
    auth::NewCredential credential;
    credential.name = name;
    credential.kind = auth::CredentialKind::bearer;
    credential.origins = {origin};
    credential.value.secret = Secret(token);
    const auto added = credentials().add(kAna, std::move(credential));
    if (!added) throw std::runtime_error(added.error().detail);
  }

  std::shared_ptr<const engine::Workflow> prepare(const std::string& body) {
    const auto loaded = config::load_definition(
        "document: {dsl: '1.0.3', namespace: test, name: trial, version: '1.0.0'}\n" + body,
        "trial.yaml");
    if (!loaded.definition)
      throw std::runtime_error(loaded.faults.empty() ? "no definition" : loaded.faults[0].text());
    return engine_->prepare(loaded.definition);
  }

  auth::Credentials& credentials() { return authority_->credentials(); }
  engine::Engine& engine() { return *engine_; }

 private:
  SystemClock clock_;
  SystemEntropy entropy_;
  Metrics metrics_;
  std::unique_ptr<auth::Authority> authority_;
  std::unique_ptr<http::Reactor> reactor_;
  std::unique_ptr<steps::ReactorTimers> timers_;
  std::unique_ptr<steps::HttpStep> step_;
  engine::MemoryJournal journal_;
  std::unique_ptr<engine::Engine> engine_;
};

// Keeps instances of one workflow going: whenever one ends, the next begins, until there were
// enough. Outlives the node that it loads.
class TrialLoad {
 public:
  TrialLoad(std::shared_ptr<const engine::Workflow> workflow, Value input)
      : workflow_(std::move(workflow)), input_(std::move(input)) {}

  // `parallel` at once, `total` altogether; may be called again.
  void start(TrialNode& node, int parallel, int total) {
    {
      const std::scoped_lock lock(mutex_);
      left_ += total;
    }
    for (int i = 0; i < parallel; ++i) next(node);
  }
  // No more are begun.
  void stop() {
    const std::scoped_lock lock(mutex_);
    left_ = 0;
  }
  // False where some have not ended after `patience`.
  bool wait(std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, patience, [this] { return left_ == 0 && open_ == 0; });
  }
  // How many ended how: "completed", or the problem's code.
  std::map<std::string, int> endings() {
    const std::scoped_lock lock(mutex_);
    return endings_;
  }

 private:
  struct Each final : engine::Observer {
    Each(TrialLoad& owner, TrialNode& where) : load(owner), node(where) {}
    void on_end(const engine::InstanceView& view) override { load.one_ended(node, view); }
    TrialLoad& load;
    TrialNode& node;
  };

  void next(TrialNode& node) {
    {
      const std::scoped_lock lock(mutex_);
      if (left_ == 0) return;
      --left_;
      ++open_;
    }
    engine::StartRequest request;
    request.workflow = workflow_;
    request.input = input_;
    request.observer = std::make_shared<Each>(*this, node);
    node.engine().start(std::move(request), [](const Result<InstanceId>&) {});
  }

  void one_ended(TrialNode& node, const engine::InstanceView& view) {
    next(node);
    const std::scoped_lock lock(mutex_);
    ++endings_[view.problem ? view.problem->code : "completed"];
    --open_;
    if (left_ == 0 && open_ == 0) ended_.notify_all();
  }

  const std::shared_ptr<const engine::Workflow> workflow_;
  const Value input_;
  std::mutex mutex_;
  std::condition_variable ended_;
  int left_ = 0;                        // guarded by mutex_
  int open_ = 0;                        // guarded by mutex_
  std::map<std::string, int> endings_;  // guarded by mutex_
};

}  // namespace stepwell::integration
