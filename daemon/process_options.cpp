#include "daemon/process_options.h"

#include <algorithm>
#include <cstdlib>
#include <variant>

namespace stepwell::daemon {

namespace {

constexpr const char* kUsualPath = "PATH=/usr/local/bin:/usr/bin:/bin";

void warn_below(const config::TaskList& tasks, const config::Definition& definition,
                const steps::ProcessStepOptions& options, Log& log) {
  for (const config::Task& task : tasks) {
    if (const auto* process = std::get_if<config::RunProcessBody>(&task.body)) {
      if (!options.runs(process->kind))
        log.warn("a definition wants what is not switched on; the task will fail",
                 {{"workflow", definition.id()},
                  {"task", task.reference},
                  {"setting", "run." + steps::process_kind_name(process->kind)}});
    }
    for (const config::TaskList* below : config::child_lists(task.body))
      warn_below(*below, definition, options, log);
  }
}

// NAME=VALUE of those that this process has.
std::vector<std::string> set_variables(const std::vector<std::string>& names) {
  std::vector<std::string> variables;
  for (const std::string& name : names) {
    const char* value = std::getenv(name.c_str());
    if (value != nullptr) variables.push_back(name + "=" + value);
  }
  return variables;
}

}  // namespace

std::vector<std::string> inherited_environment(const std::vector<std::string>& names) {
  std::vector<std::string> variables = set_variables(names);
  const bool has_path =
      std::any_of(variables.begin(), variables.end(),
                  [](const std::string& variable) { return variable.starts_with("PATH="); });
  if (!has_path) variables.emplace_back(kUsualPath);
  return variables;
}

std::vector<std::string> container_environment() {
  return set_variables({"HOME", "XDG_RUNTIME_DIR", "TMPDIR"});
}

steps::ProcessRunnerOptions process_runner_options(const config::Settings& settings) {
  steps::ProcessRunnerOptions options;
  options.most_processes = settings.run_max_processes;
  options.timeout = settings.run_timeout;
  options.grace = settings.run_grace;
  options.most_output = settings.run_max_output;
  options.directory = settings.run_directory;
  return options;
}

steps::ProcessStepOptions process_step_options(const config::Settings& settings) {
  steps::ProcessStepOptions options;
  options.shell = settings.run_shell;
  options.script = settings.run_script;
  options.container = settings.run_container;
  options.programs.python = settings.run_python;
  options.programs.node = settings.run_node;
  options.programs.container = settings.run_container_program;
  options.programs.container_options = settings.run_container_options;
  options.programs.container_volumes = settings.run_container_volumes;
  options.programs.environment = inherited_environment(settings.run_environment);
  options.programs.container_environment = container_environment();
  return options;
}

void warn_of_processes(const config::Definition& definition,
                       const steps::ProcessStepOptions& options, Log& log) {
  for (const config::TaskList* tasks : config::top_lists(definition))
    warn_below(*tasks, definition, options, log);
}

}  // namespace stepwell::daemon
