// Workflows, their schedules and the faults of their definitions, as the API shows them.
// Pure functions, callable from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "auth/store_port.h"
#include "base/value.h"
#include "config/loader.h"
#include "engine/catalog.h"
#include "engine/schedules.h"

namespace stepwell::api {

std::string workflow_name(const config::Definition& definition);  // NAMESPACE/NAME

// `versions`: all of one workflow, the newest first, at least one.
Value describe_workflow(const std::vector<engine::Catalog::Entry>& versions,
                        const std::optional<auth::WorkflowSwitch>& switches);
// One version of it, with its text.
Value describe_version(const config::Definition& definition);
Value describe_schedule(const engine::ScheduleView& view, bool paused);
Value describe_faults(const config::Loaded& loaded);

}  // namespace stepwell::api
