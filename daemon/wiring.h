// Where objects meet: builds a node (store, authority, reactor, steps, engine, catalog) from
// options, in the order in which they need each other, and takes it down in the other order.
// Owned by a command, on main's thread; the parts say themselves which thread may call them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/authority.h"
#include "auth/master_key.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/metrics.h"
#include "daemon/journal_care.h"
#include "daemon/text_fetcher.h"
#include "engine/catalog.h"
#include "engine/engine.h"
#include "engine/files.h"
#include "engine/schedules.h"
#include "http/reactor.h"
#include "steps/email_step.h"
#include "steps/event_sink.h"
#include "steps/http_step.h"
#include "steps/openapi_documents.h"
#include "steps/process_step.h"
#include "store/file_store.h"
#include "store/sqlite_journal.h"

namespace stepwell::daemon {

// What a test or a simulation owns instead of the node: where it is given, it outlives the node.
struct Substitutes {
  const Clock* clock = nullptr;
  Entropy* entropy = nullptr;
  engine::Timers* timers = nullptr;
  // Called once with what runs the steps; what it gives stands before it. May be empty.
  std::function<std::unique_ptr<engine::StepRunner>(engine::StepRunner&)> around_steps;
};

struct NodeOptions {
  // Empty: everything in memory, with a random master key, and no instance outlives the process.
  std::string data_directory;
  auth::MasterKeySource master_key;  // not used without a data directory
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::logfmt;
  http::ReactorOptions reactor;
  engine::EngineOptions engine;
  store::JournalOptions journal;  // this and the next not without a data directory
  RetentionOptions retention;
  store::FileOptions files;
  steps::HttpStepOptions http_step;
  steps::EmailStepOptions email_step;
  steps::OpenApiOptions openapi;
  steps::ProcessRunnerOptions processes;
  steps::ProcessStepOptions process_step;  // where it has nothing switched on there is none
  steps::EventSinkOptions event_sink;      // where its url is empty there is none
  std::vector<std::string> event_sink_types;
  Substitutes substitutes;
};

class Node {
 public:
  // Errors: those of the lock, the store, the master key and the authority.
  static Result<std::unique_ptr<Node>> open(const NodeOptions& options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  auth::Authority& authority();
  engine::Engine& engine();
  engine::Catalog& catalog();
  // Nothing is scheduled before replace() is called.
  engine::Schedules& schedules();
  http::Reactor& reactor();
  Metrics& metrics();
  Log& log();
  // Null without a data directory, both of them.
  JournalCare* journal();
  engine::Files* files();
  // Brings back the instances that had not ended, each with the definition that it was started
  // with; they go on with engine().go_on(). Before anything is started. Errors: the journal's.
  Status recover();
  const Clock& clock() const;
  Entropy& entropy();
  // Of texts that definitions refer to, while they are loaded.
  const TextFetcher& fetcher() const;
  // Waits until the event sink has what it was given, or for the deadline; true where it has.
  bool flush_events(Deadline deadline);
  // Tells other processes where this node serves. Errors: the lock file's.
  Status publish(const std::string& address);

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);
  static Status open_journal(Parts& parts, const NodeOptions& options);
  static Status connect_sink(Parts& parts, const NodeOptions& options);
  std::unique_ptr<Parts> parts_;
};

}  // namespace stepwell::daemon
