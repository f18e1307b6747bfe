// From a `run` task's evaluated arguments to the process that it means: program, arguments,
// environment, input. Nothing that was evaluated becomes part of a command line or an option; it
// stays an argument of its own.
// Pure functions but for container_request(), which looks at the paths of volumes; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "config/definition.h"
#include "steps/process_runner.h"

namespace stepwell::steps {

struct ProcessPrograms {
  std::string shell = "/bin/sh";
  std::string python = "/usr/bin/python3";
  std::string node = "/usr/bin/node";
  std::string container = "/usr/bin/docker";
  std::vector<std::string> container_options;  // of its `run`, before those of the task
  std::vector<std::string> container_volumes;  // directories that a container may be given
  std::vector<std::string> environment;        // NAME=VALUE of every process
  // The same of the container program, which keeps its state where the user's is: HOME and such.
  std::vector<std::string> container_environment;
};

// `code` of a script is what it runs, wherever it came from.
// Errors: validation/`process-invalid`.
Result<ProcessRequest> shell_request(const Value& arguments, const ProcessPrograms& programs);
Result<ProcessRequest> script_request(const Value& arguments, const ProcessPrograms& programs);

struct ContainerRequest {
  ProcessRequest run;
  std::optional<ProcessRequest> removal;  // once it has ended, after a time; lacks the id
};
// `default_name`: where the task gives it none. Errors: the same, and authorization/
// `volume-not-allowed`.
Result<ContainerRequest> container_request(const Value& arguments, const ProcessPrograms& programs,
                                           const std::string& default_name);

// What the standard recommends: {workflow}-{unique}.{namespace}-{task}, fit for a container.
std::string container_name(const config::Definition& definition, const std::string& task,
                           const std::string& unique);

}  // namespace stepwell::steps
