// What of the settings concerns processes of `run` tasks, and which definitions want some that are
// not switched on. Called on main's thread, and where definitions are loaded.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "config/definition.h"
#include "config/settings.h"
#include "steps/process_runner.h"
#include "steps/process_step.h"

namespace stepwell::daemon {

// NAME=VALUE of the named variables that this process has, with a PATH in any case.
std::vector<std::string> inherited_environment(const std::vector<std::string>& names);

// The same of those by which a container program finds its state and its files: docker, podman.
std::vector<std::string> container_environment();

steps::ProcessRunnerOptions process_runner_options(const config::Settings& settings);
steps::ProcessStepOptions process_step_options(const config::Settings& settings);

// A warning for each task that would answer `step-unavailable`.
void warn_of_processes(const config::Definition& definition,
                       const steps::ProcessStepOptions& options, Log& log);

}  // namespace stepwell::daemon
