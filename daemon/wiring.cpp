#include "daemon/wiring.h"

#include <utility>

#include "config/loader.h"
#include "daemon/backup_folder.h"
#include "daemon/child_workflows.h"
#include "daemon/file_care.h"
#include "daemon/restore_staging.h"
#include "engine/memory_journal.h"
#include "steps/openapi_step.h"
#include "steps/reactor_timers.h"
#include "steps/steps.h"
#include "steps/workflow_step.h"
#include "store/lock.h"
#include "store/sqlite_secret_store.h"

namespace stepwell::daemon {

// In the order of construction; taken down from the last to the first.
struct Node::Parts {
  explicit Parts(const NodeOptions& options)
      : clock(options.substitutes.clock != nullptr ? *options.substitutes.clock : machine_clock),
        entropy(options.substitutes.entropy != nullptr ? *options.substitutes.entropy
                                                       : machine_entropy),
        log(options.log_level, options.log_format) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    if (file_care) file_care->stop();
    schedules.reset();
    engine.reset();
    journal_care.reset();
    journal.reset();  // once everything that waits is on the disk
    if (openapi_step) openapi_step->stop();
    event_sink.reset();
    reactor.reset();                       // which may still bring a script
    process_runner.reset();                // no thread of ours runs, or logs, after this
    if (authority) authority->maintain();  // what the last answers brought
    log.set_redactor({});
  }

  SystemClock machine_clock;
  SystemEntropy machine_entropy;
  const Clock& clock;
  Entropy& entropy;
  Log log;
  Metrics metrics;
  std::optional<store::LockFile> lock;
  std::unique_ptr<store::SqliteSecretStore> store;
  std::unique_ptr<store::FileStore> files;  // null: none are taken
  std::unique_ptr<auth::Authority> authority;
  std::unique_ptr<http::Reactor> reactor;
  std::unique_ptr<steps::EventSink> event_sink;  // null: none
  std::unique_ptr<steps::ReactorTimers> reactor_timers;
  std::unique_ptr<TextFetcher> fetcher;
  std::unique_ptr<steps::HttpStep> http_step;
  std::unique_ptr<steps::EmailStep> email_step;
  std::unique_ptr<steps::OpenApiStep> openapi_step;
  engine::Catalog catalog;
  ChildWorkflows children{catalog};
  std::unique_ptr<steps::WorkflowStep> workflow_step;
  std::unique_ptr<steps::ProcessRunner> process_runner;  // null: processes are switched off
  std::unique_ptr<steps::ProcessStep> process_step;
  std::unique_ptr<steps::Steps> steps;
  std::unique_ptr<engine::StepRunner> around_steps;  // null: nothing stands before them
  engine::MemoryJournal memory;
  std::unique_ptr<store::SqliteJournal> journal;  // null: `memory` takes its place
  std::unique_ptr<FileCare> file_care;            // null: there are no files
  std::unique_ptr<JournalCare> journal_care;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<engine::Schedules> schedules;
};

Status Node::connect_sink(Parts& parts, const NodeOptions& options) {
  if (options.event_sink.url.empty()) return {};
  auth::Authority& authority = *parts.authority;
  auto sink = steps::EventSink::make(
      options.event_sink, {*parts.reactor, authority.gate(), authority.keys(), authority.redactor(),
                           parts.clock, parts.metrics, parts.log});
  if (!sink) return fail(std::move(sink.error()));
  parts.event_sink = std::move(*sink);
  parts.engine->events().watch(
      options.event_sink_types,
      [sink = parts.event_sink.get()](const Value& event) { sink->take(event); });
  return {};
}

Status Node::open_journal(Parts& parts, const NodeOptions& options) {
  if (options.data_directory.empty()) return {};
  const std::string path = options.data_directory + "/" + std::string(kJournalFile);
  auto journal = store::SqliteJournal::open(path, options.journal, parts.metrics, parts.log);
  if (!journal) return fail(std::move(journal).error());
  parts.journal = std::move(*journal);
  parts.journal_care =
      std::make_unique<JournalCare>(*parts.journal, path, parts.catalog, options.retention,
                                    parts.clock, parts.metrics, parts.log);
  parts.file_care =
      std::make_unique<FileCare>(*parts.files, *parts.journal, parts.clock, parts.log);
  parts.journal->on_removed([files = parts.files.get(),
                             &log = parts.log](const std::vector<InstanceId>& instances) {
    // What is left is found by FileCare.
    if (const Status removed = files->remove_of(instances); !removed)
      log.warn("files of deleted instances are left", {{"problem", removed.error().one_line()}});
  });
  parts.journal->on_removing([files = parts.files.get()](const std::vector<InstanceId>& instances) {
    return files->settle_of(instances);
  });
  parts.journal_care->also([care = parts.file_care.get()] { care->look(); });
  return {};
}

Result<std::unique_ptr<Node>> Node::open(const NodeOptions& options) {
  auto parts = std::make_unique<Parts>(options);
  if (!options.data_directory.empty()) {
    if (auto usable = auth::check_master_key(options.master_key); !usable)
      return fail(std::move(usable.error()));
    auto lock = store::LockFile::acquire(options.data_directory);
    if (!lock) return fail(std::move(lock.error()));
    parts->lock = std::move(*lock);
    if (auto ended = finish_restore(options.data_directory); !ended)
      return fail(std::move(ended.error()));
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
  if (!options.data_directory.empty()) {
    auto files = store::FileStore::open(options.data_directory, options.files,
                                        {parts->clock, parts->entropy, parts->metrics, parts->log});
    if (!files) return fail(std::move(files.error()));
    parts->files = std::move(*files);
  }
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
  parts->reactor_timers = std::make_unique<steps::ReactorTimers>(reactor);
  const Substitutes& substitutes = options.substitutes;
  engine::Timers& timers =
      substitutes.timers != nullptr ? *substitutes.timers : *parts->reactor_timers;
  const steps::HttpStepSurroundings http_surroundings{
      reactor,
      keys.gate(),
      keys.keys(),
      parts->clock,
      parts->entropy,
      steps::RateLimits::make(parts->clock,
                              [&timers](SteadyTime when, std::function<void()> task) {
                                timers.run_at(when, std::move(task));
                              }),
      parts->files.get()};
  parts->fetcher = std::make_unique<TextFetcher>(http_surroundings);
  parts->http_step = std::make_unique<steps::HttpStep>(http_surroundings, options.http_step);
  parts->email_step = std::make_unique<steps::EmailStep>(http_surroundings, options.email_step);
  parts->openapi_step =
      std::make_unique<steps::OpenApiStep>(http_surroundings, options.http_step, options.openapi);
  parts->workflow_step = std::make_unique<steps::WorkflowStep>(parts->children, keys.keys());
  if (options.process_step.any()) {
    steps::ProcessStepOptions process_options = options.process_step;
    process_options.http = options.http_step;
    parts->process_runner = std::make_unique<steps::ProcessRunner>(options.processes, parts->clock,
                                                                   parts->metrics, parts->log);
    parts->process_step = std::make_unique<steps::ProcessStep>(
        steps::ProcessStepSurroundings{*parts->process_runner, keys.gate(), keys.redactor(),
                                       parts->entropy, parts->log, http_surroundings},
        process_options);
  }
  parts->steps =
      std::make_unique<steps::Steps>(steps::Steps::Runners{.http = parts->http_step.get(),
                                                           .openapi = parts->openapi_step.get(),
                                                           .workflow = parts->workflow_step.get(),
                                                           .process = parts->process_step.get(),
                                                           .email = parts->email_step.get()});
  engine::StepRunner* runner = parts->steps.get();
  if (substitutes.around_steps) {
    parts->around_steps = substitutes.around_steps(*parts->steps);
    runner = parts->around_steps.get();
  }
  if (auto opened = open_journal(*parts, options); !opened) return fail(std::move(opened.error()));
  engine::Journal& journal = parts->journal ? static_cast<engine::Journal&>(*parts->journal)
                                            : static_cast<engine::Journal&>(parts->memory);
  engine::EngineOptions engine_options = options.engine;
  if (!parts->journal) engine_options.sleep_after = {};  // nothing could be read again
  parts->engine =
      std::make_unique<engine::Engine>(engine_options, *runner, journal, timers, parts->clock,
                                       parts->entropy, parts->metrics, parts->log);
  parts->children.connect(*parts->engine);
  parts->schedules = std::make_unique<engine::Schedules>(*parts->engine, journal, timers,
                                                         parts->clock, parts->metrics, parts->log);
  parts->catalog.set_disabled(keys.switches().disabled());
  parts->schedules->hold(keys.switches().paused());
  if (auto connected = connect_sink(*parts, options); !connected)
    return fail(std::move(connected.error()));
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Node::~Node() = default;

auth::Authority& Node::authority() { return *parts_->authority; }
engine::Engine& Node::engine() { return *parts_->engine; }
engine::Catalog& Node::catalog() { return parts_->catalog; }
engine::Schedules& Node::schedules() { return *parts_->schedules; }
http::Reactor& Node::reactor() { return *parts_->reactor; }
Metrics& Node::metrics() { return parts_->metrics; }
Log& Node::log() { return parts_->log; }
const Clock& Node::clock() const { return parts_->clock; }
Entropy& Node::entropy() { return parts_->entropy; }

JournalCare* Node::journal() { return parts_->journal_care.get(); }
engine::Files* Node::files() { return parts_->files.get(); }

Status Node::recover() {
  Status recovered = parts_->engine->recover(config::load_recorded);
  if (recovered && parts_->file_care) recovered = parts_->file_care->recover();
  return recovered ? parts_->schedules->recover() : recovered;
}

const TextFetcher& Node::fetcher() const { return *parts_->fetcher; }

bool Node::flush_events(Deadline deadline) {
  return !parts_->event_sink || parts_->event_sink->flush(deadline);
}

Status Node::publish(const std::string& address) {
  return parts_->lock ? parts_->lock->publish(address) : Status{};
}

}  // namespace stepwell::daemon
