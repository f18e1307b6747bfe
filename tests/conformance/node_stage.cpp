// A node in this process. Its clock stands still but for what the scenario moves, so that all
// durations in a scenario are exact; servers and connections are real.
#include <array>
#include <chrono>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "config/loader.h"
#include "config/resources.h"
#include "daemon/text_fetcher.h"
#include "daemon/wiring.h"
#include "tests/conformance/stage.h"
#include "tests/conformance/virtual_time.h"

namespace stepwell::conformance {

namespace {

const auth::Actor kAda{"ada", "scenario"};
constexpr std::chrono::seconds kPatience{20};  // of the real clock, for nothing to move any more
constexpr int kMostTimers = 20'000;

constexpr std::array kLifecycle{"workflow.started",
                                "workflow.completed",
                                "workflow.faulted",
                                "workflow.cancelled",
                                "workflow.correlation-started",
                                "workflow.correlation-completed",
                                "workflow.status-changed",
                                "task.created",
                                "task.started",
                                "task.completed",
                                "task.faulted",
                                "task.retried",
                                "task.cancelled",
                                "task.status-changed"};

struct Constant final : Entropy {
  void fill(std::span<std::byte> out) override {
    // Ids must differ, so only what is asked for as a number is constant.
    if (byte && out.size() == sizeof(std::uint64_t)) {
      for (std::byte& each : out) each = std::byte{*byte};
    } else {
      machine.fill(out);
    }
  }
  std::optional<std::uint8_t> byte;
  SystemEntropy machine;
};

// What one instance does, as it tells.
class Record final : public engine::Observer {
 public:
  void on_trace(const config::Task& task, const engine::Trace& trace, WallTime) override {
    const std::scoped_lock lock(mutex_);
    outcome_.trace.push_back({std::string(to_string(trace.kind)), task.name, task.reference});
  }
  void on_end(const engine::InstanceView& view) override {
    const std::scoped_lock lock(mutex_);
    outcome_.status = to_string(view.status);
    outcome_.output = view.output;
    if (view.problem) outcome_.problem = view.problem->to_value();
  }
  Outcome outcome() const {
    const std::scoped_lock lock(mutex_);
    return outcome_;
  }
  void refuse(const Problem& problem) {
    const std::scoped_lock lock(mutex_);
    outcome_.status = "refused";
    outcome_.problem = problem.to_value();
  }
  void begin() {
    const std::scoped_lock lock(mutex_);
    outcome_.status = "running";
  }

 private:
  mutable std::mutex mutex_;
  Outcome outcome_;  // guarded by mutex_
};

// What definitions refer to comes from the scenario's servers.
class Fetched final : public config::Resources {
 public:
  explicit Fetched(daemon::Node& node) : node_(node) {}
  Result<std::string> read(const config::ResourceRequest& request) override {
    return node_.fetcher().fetch(request);
  }

 private:
  daemon::Node& node_;
};

class Playing final : public NodeStage {
 public:
  explicit Playing(Hosts& hosts) : hosts_(hosts) {
    options_.reactor.egress = http::EgressRules({http::Network::parse("127.0.0.0/8").value()}, {});
    options_.reactor.ca_file = hosts.ca_file();
    options_.reactor.connect_to = hosts.connect_to();
    options_.process_step.programs.environment = {"PATH=/usr/bin:/bin"};
    options_.log_level = LogLevel::error;
    options_.engine = {2, 10'000, 10'000};
    options_.substitutes = {&clock_, &entropy_, &timers_, [this](engine::StepRunner& inner) {
                              return std::make_unique<CountingSteps>(inner, count_);
                            }};
  }

  void add_workflow(const std::string& definition) override { further_.push_back(definition); }
  void set_time(WallTime time) override { clock_.set_wall(time); }
  void set_chance(std::uint8_t byte) override { entropy_.byte = byte; }
  void set_endless(const std::string& task) override { count_->endless.insert(task); }
  void set_option(const std::string& name, const Value& value) override {
    if (name == "run.shell") {
      options_.process_step.shell = value.truthy();
    } else if (name == "run.script") {
      options_.process_step.script = value.truthy();
    } else if (name == "catalog") {
      catalog_ = value.as_string();
    } else {
      throw std::runtime_error("no setting " + name);
    }
  }
  void watch_events() override {
    const auto keep = [this](const Value& event) {
      const std::scoped_lock lock(events_mutex_);
      events_.push_back(event);
    };
    node().engine().events().subscribe({}, keep);
    std::vector<std::string> types;  // what tells of lives goes to whoever names it
    types.reserve(kLifecycle.size());
    for (const char* type : kLifecycle)
      types.push_back(std::string(engine::EventBus::kLifecyclePrefix) + type + ".v1");
    node().engine().events().subscribe(types, keep);
  }

  Status add_credential(auth::NewCredential credential) override {
    auto added = node().authority().credentials().add(kAda, std::move(credential));
    if (!added) return fail(std::move(added.error()));
    return {};
  }
  Status change_credential(const std::string& name, const std::string& to) override {
    auth::Credentials& all = node().authority().credentials();
    auto changed = to == "revoked"    ? all.revoke(kAda, name)
                   : to == "disabled" ? all.disable(kAda, name)
                   : to == "enabled"  ? all.enable(kAda, name)
                                      : all.remove(kAda, name);
    if (!changed) return fail(std::move(changed.error()));
    return {};
  }
  Status rotate_credential(const std::string& name, const std::string& secret) override {
    auth::Rotation rotation;
    rotation.value.secret = Secret(secret);
    auto rotated = node().authority().credentials().rotate(kAda, name, std::move(rotation));
    if (!rotated) return fail(std::move(rotated.error()));
    return {};
  }

  void start(const std::string& definition, const Value& input) override {
    const std::vector<engine::Catalog::Entry> entries = load(definition);
    if (entries.empty()) return;
    engine::StartRequest request;
    request.workflow = entries.back().workflow;
    request.input = input;
    request.observer = record_;
    record_->begin();
    node().engine().start(std::move(request), [this](const Result<InstanceId>& id) {
      if (!id) record_->refuse(id.error());
      if (id) id_ = *id;
    });
    settle();
  }

  void schedule(const std::string& definition) override {
    const std::vector<engine::Catalog::Entry> entries = load(definition);
    if (entries.empty()) return;
    node().schedules().replace(entries);
    settle();
  }

  void execute(const std::string& definition, const Value& input) override {
    start(definition, input);
    for (int fired = 0; fired < kMostTimers && outcome().status == "running"; ++fired) {
      const auto due = timers_.next_due();
      if (!due) return;
      move_to(*due);
      timers_.fire_next();
      if (!settle()) return;
    }
  }

  void advance(Milliseconds by) override {
    const SteadyTime target = clock_.steady_now() + by;
    for (auto due = timers_.next_due(); due && *due <= target; due = timers_.next_due()) {
      move_to(*due);
      timers_.fire_next();
      settle();
    }
    move_to(target);
    settle();
  }
  void publish(const Value& event) override {
    node().engine().events().publish(event);
    settle();
  }
  void stop() override {
    (void)node().engine().stop(id_);
    settle();
  }

  bool settle() override {
    const auto patience = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < patience) {
      if (nothing_moves()) return true;
      // The workers have no signal for being idle; this is what a look at them costs.
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    return false;
  }

  Milliseconds elapsed() const override {
    return std::chrono::duration_cast<Milliseconds>(clock_.steady_now() - began_);
  }
  std::vector<Value> events() const override {
    const std::scoped_lock lock(events_mutex_);
    return events_;
  }
  std::size_t open_instances() const override { return node_->engine().open_instances(); }
  const Outcome& outcome() override {
    outcome_ = record_->outcome();
    outcome_.faults = faults_;
    return outcome_;
  }

 private:
  // All that the scenario has, into the catalog; the main one comes last. Empty where one is
  // refused.
  std::vector<engine::Catalog::Entry> load(const std::string& definition) {
    std::vector<engine::Catalog::Entry> entries;
    further_.push_back(definition);
    for (const std::string& text : further_) {
      Fetched resources(node());
      const config::Loaded loaded =
          config::load_definition(text, "scenario.yaml", {&resources, false, catalog_});
      for (const config::Fault& fault : loaded.faults) faults_ += fault.text() + '\n';
      if (!loaded.definition) {
        record_->refuse(make_problem(ErrorKind::validation, "definition-invalid", faults_));
        return {};
      }
      entries.push_back({loaded.definition, node().engine().prepare(loaded.definition)});
    }
    if (auto added = node().catalog().replace(entries); !added) {
      record_->refuse(added.error());
      return {};
    }
    began_ = clock_.steady_now();
    return entries;
  }

  daemon::Node& node() {
    if (!node_) {
      auto opened = daemon::Node::open(options_);
      if (!opened) throw std::runtime_error(opened.error().detail);
      node_ = std::move(*opened);
    }
    return *node_;
  }

  // Every step that is under way waits for a server that does not answer, and no worker works.
  bool nothing_moves() {
    const std::uint64_t changes = count_->changes + timers_.ever_set();
    const auto waiting = [this] {
      return count_->cancelling == 0 &&
             count_->under_way == static_cast<std::int64_t>(hosts_.held());
    };
    return waiting() && node().engine().at_rest() && waiting() &&
           changes == count_->changes + timers_.ever_set();
  }

  void move_to(SteadyTime when) {
    const auto ahead = std::chrono::duration_cast<Milliseconds>(when - clock_.steady_now());
    if (ahead.count() <= 0) return;
    clock_.advance(ahead);
    // The reactor looks at the clock when it is woken.
    std::promise<void> seen;
    node().reactor().run_at(clock_.steady_now(), [&seen] { seen.set_value(); });
    seen.get_future().wait();
  }

  Hosts& hosts_;
  test::ManualClock clock_;
  Constant entropy_;
  VirtualTimers timers_;
  std::shared_ptr<StepCount> count_ = std::make_shared<StepCount>();
  std::shared_ptr<Record> record_ = std::make_shared<Record>();
  daemon::NodeOptions options_;
  std::string catalog_;
  std::vector<std::string> further_;
  std::string faults_;
  SteadyTime began_{};
  InstanceId id_{};
  Outcome outcome_;
  mutable std::mutex events_mutex_;
  std::vector<Value> events_;  // guarded by events_mutex_
  std::unique_ptr<daemon::Node> node_;
};

}  // namespace

std::unique_ptr<NodeStage> make_node_stage(Hosts& hosts) {
  return std::make_unique<Playing>(hosts);
}

}  // namespace stepwell::conformance
