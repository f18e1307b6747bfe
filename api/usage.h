// What refers to a credential or API key, and would fail without it: workflows with their tasks,
// instances under way, credentials that hold the key; and when it was last used.
// Owned by the routes; callable from any thread; blocks for moments.
#pragma once

#include <string>

#include "api/message.h"
#include "auth/authority.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/catalog.h"
#include "engine/engine.h"

namespace stepwell::api {

class Usage {
 public:
  // All outlive it. `engine` may be null: offline, when no instance runs.
  Usage(auth::Authority& authority, const engine::Catalog& catalog, const engine::Engine* engine)
      : authority_(authority), catalog_(catalog), engine_(engine) {}

  // {workflows: [{workflow, file, tasks: [reference …]}], instances: {count, ids: [at most 100]},
  // lastUsedAt}
  Value of_credential(const std::string& name) const;
  // The same of workflows that run as the key and instances that were started with it; and
  // {credentials: [name …]} that hold it.
  Value of_key(const std::string& id) const;
  // Would anything fail? lastUsedAt alone does not count.
  static bool in_use(const Value& usage);

 private:
  Value instances(const engine::Engine::Wanted& wanted) const;

  auth::Authority& authority_;
  const engine::Catalog& catalog_;
  const engine::Engine* const engine_;
};

// May `what` be revoked or deleted? Where it is in use, only with `?force=true`. Errors:
// validation/409 `in-use`, with the extension `usage`; 400 `parameter-invalid`.
Status free_to_end(const Request& request, const std::string& what, const Value& usage);

}  // namespace stepwell::api
