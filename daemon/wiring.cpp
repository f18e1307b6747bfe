#include "daemon/wiring.h"

#include <utility>

#include "engine/memory_journal.h"
#include "steps/reactor_timers.h"
#include "steps/steps.h"
#include "store/lock.h"
#include "store/sqlite_secret_store.h"

namespace stepwell::daemon {

// In the order of construction; taken down from the last to the first.
struct Node::Parts {
  explicit Parts(const NodeOptions& options) : log(options.log_level, options.log_format) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    engine.reset();
    reactor.reset();                       // no thread of ours runs, or logs, after this
    if (authority) authority->maintain();  // what the last answers brought
    log.set_redactor({});
  }

  SystemClock clock;
  SystemEntropy entropy;
  Log log;
  Metrics metrics;
  std::optional<store::LockFile> lock;
  std::unique_ptr<store::SqliteSecretStore> store;
  std::unique_ptr<auth::Authority> authority;
  std::unique_ptr<http::Reactor> reactor;
  std::unique_ptr<steps::ReactorTimers> timers;
  std::unique_ptr<steps::HttpStep> http_step;
  std::unique_ptr<steps::Steps> steps;
  engine::MemoryJournal journal;
  std::unique_ptr<engine::Engine> engine;
  engine::Catalog catalog;
};

Result<std::unique_ptr<Node>> Node::open(const NodeOptions& options) {
  auto parts = std::make_unique<Parts>(options);
  if (!options.data_directory.empty()) {
    if (auto usable = auth::check_master_key(options.master_key); !usable)
      return fail(std::move(usable.error()));
    auto lock = store::LockFile::acquire(options.data_directory);
    if (!lock) return fail(std::move(lock.error()));
    parts->lock = std::move(*lock);
  }
  auto store = options.data_directory.empty()
                   ? store::SqliteSecretStore::open_in_memory()
                   : store::SqliteSecretStore::open(options.data_directory);
  if (!store) return fail(std::move(store.error()));
  parts->store = std::move(*store);
  const auth::Surroundings surroundings{*parts->store, parts->clock, parts->entropy, parts->metrics,
                                        parts->log};
  auto authority =
      options.data_directory.empty()
          ? auth::Authority::open(auth::random_master_key(parts->entropy), surroundings)
          : auth::Authority::open(options.master_key, surroundings);
  if (!authority) return fail(std::move(authority.error()));
  parts->authority = std::move(*authority);
  auth::Authority& keys = *parts->authority;
  parts->log.set_redactor(
      [&keys](std::string line) { return keys.redactor().mask(std::move(line)); });
  parts->reactor =
      std::make_unique<http::Reactor>(options.reactor, parts->clock, parts->metrics, parts->log);
  http::Reactor& reactor = *parts->reactor;
  keys.gate().connect(
      {[&reactor](const std::string& pool) { reactor.abort_sending(pool); },
       [&reactor](const std::string& pool) { reactor.drop_pool(pool); },
       [&reactor](const std::string& pool, const Problem& why) { reactor.abort_pool(pool, why); },
       [&reactor](std::unique_ptr<http::Exchange> exchange) {
         reactor.submit(std::move(exchange));
       }});
  parts->timers = std::make_unique<steps::ReactorTimers>(reactor);
  parts->http_step = std::make_unique<steps::HttpStep>(
      steps::HttpStepSurroundings{reactor, keys.gate(), keys.keys(), parts->clock, parts->entropy},
      options.http_step);
  parts->steps = std::make_unique<steps::Steps>(steps::Steps::Runners{
      .http = parts->http_step.get(), .openapi = nullptr, .workflow = nullptr, .process = nullptr});
  parts->engine = std::make_unique<engine::Engine>(options.engine, *parts->steps, parts->journal,
                                                   *parts->timers, parts->clock, parts->entropy,
                                                   parts->metrics, parts->log);
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Node::~Node() = default;

auth::Authority& Node::authority() { return *parts_->authority; }
engine::Engine& Node::engine() { return *parts_->engine; }
engine::Catalog& Node::catalog() { return parts_->catalog; }
http::Reactor& Node::reactor() { return *parts_->reactor; }
Metrics& Node::metrics() { return parts_->metrics; }
Log& Node::log() { return parts_->log; }
const Clock& Node::clock() const { return parts_->clock; }
Entropy& Node::entropy() { return parts_->entropy; }

Status Node::publish(const std::string& address) {
  return parts_->lock ? parts_->lock->publish(address) : Status{};
}

}  // namespace stepwell::daemon
