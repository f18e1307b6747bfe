// Where objects meet: builds a node (store, authority, reactor, steps, engine, catalog) from
// options, in the order in which they need each other, and takes it down in the other order.
// Owned by a command, on main's thread; the parts say themselves which thread may call them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "auth/authority.h"
#include "auth/master_key.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/metrics.h"
#include "engine/catalog.h"
#include "engine/engine.h"
#include "http/reactor.h"
#include "steps/http_step.h"

namespace stepwell::daemon {

struct NodeOptions {
  std::string data_directory;        // empty: everything in memory, with a random master key
  auth::MasterKeySource master_key;  // not used without a data directory
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::logfmt;
  http::ReactorOptions reactor;
  engine::EngineOptions engine;
  steps::HttpStepOptions http_step;
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
  http::Reactor& reactor();
  Metrics& metrics();
  Log& log();
  const Clock& clock() const;
  Entropy& entropy();
  // Tells other processes where this node serves. Errors: the lock file's.
  Status publish(const std::string& address);

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace stepwell::daemon
