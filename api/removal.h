// Instances that are deleted, with their journal and their files; on demand those that are open are
// stopped first.
// Used by handlers that may block.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/problem.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/files.h"

namespace stepwell::api {

struct Removal {
  std::vector<InstanceId> gone;
  std::vector<std::pair<InstanceId, Problem>>
      refused;                          // 404 `instance-unknown`, 409 `instance-open`
  std::vector<InstanceId> unconfirmed;  // asked to stop, and not stopped in time
};

// `files` may be null. Waits for those that are to stop no longer than `limit`. Errors: the
// journal's; what is gone by then stays so.
Result<Removal> remove_instances(engine::Engine& engine, engine::Files* files,
                                 const std::vector<InstanceId>& ids, bool stop, Milliseconds limit);

Problem instance_open(InstanceId id);  // validation/409

}  // namespace stepwell::api
