// The set of workflows that can be started, by namespace, name and version. Replaced as a whole,
// so that a reload is all or nothing.
// Owned by daemon/wiring; all members may be called from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace stepwell::engine {

// Order of semantic versions (semver.org 2.0.0 §11): negative, zero or positive.
int compare_versions(std::string_view a, std::string_view b);

class Catalog {
 public:
  struct Entry {
    std::shared_ptr<const config::Definition> definition;
    std::shared_ptr<const Workflow> workflow;
  };

  // Takes the place of all that was there. Errors: validation/`workflow-duplicate`, naming both
  // files, where two definitions have the same namespace, name and version; `webhook-duplicate`
  // where two workflows have a webhook of the same path. Then nothing changes.
  Status replace(std::vector<Entry> entries);
  // "NAMESPACE/NAME" (the newest version) or "NAMESPACE/NAME:VERSION". Errors: validation/404
  // `workflow-unknown`; validation/400 `workflow-name-invalid`.
  Result<Entry> find(std::string_view name) const;
  // The same to start an instance of. Errors: also validation/409 `workflow-disabled`.
  Result<Entry> find_enabled(std::string_view name) const;
  // What a webhook of that path starts: the newest version of the one workflow that names it.
  std::optional<Entry> webhook(std::string_view path) const;
  std::vector<Entry> list() const;  // by namespace, name and version, the newest first
  // All versions of "NAMESPACE/NAME", the newest first; empty where there is none.
  std::vector<Entry> versions(std::string_view workflow) const;

  // Workflows (NAMESPACE/NAME) that start nothing, whether they are there or not.
  void set_disabled(std::set<std::string> workflows);
  bool is_disabled(const std::string& workflow) const;
  std::size_t size() const;

 private:
  struct NewestFirst {
    bool operator()(const std::string& a, const std::string& b) const {
      return compare_versions(a, b) > 0;
    }
  };
  using Versions = std::map<std::string, Entry, NewestFirst>;
  using Table = std::map<std::string, Versions, std::less<>>;  // by "NAMESPACE/NAME"

  using Webhooks = std::map<std::string, Entry, std::less<>>;  // by path

  static Status add_webhook(Webhooks& webhooks, const Entry& newest);
  std::shared_ptr<const Table> table() const;
  mutable std::mutex mutex_;
  std::shared_ptr<const Table> table_ = std::make_shared<Table>();  // guarded by mutex_
  Webhooks webhooks_;                                               // guarded by mutex_
  std::set<std::string> disabled_;                                  // guarded by mutex_
};

}  // namespace stepwell::engine
