#include "daemon/validate_command.h"

#include <algorithm>
#include <filesystem>
#include <ostream>

#include "auth/redactor.h"
#include "base/json.h"
#include "config/loader.h"
#include "daemon/definitions.h"
#include "daemon/exit_code.h"
#include "daemon/wiring.h"

namespace stepwell::daemon {

Result<std::vector<std::string>> definition_files(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    const bool definition = extension == ".yaml" || extension == ".yml" || extension == ".json";
    std::error_code unknown;
    if (definition && entry->is_regular_file(unknown)) files.push_back(entry->path().string());
  }
  if (error) {
    return fail(make_problem(ErrorKind::configuration, "file-unreadable",
                             "the folder " + path + " cannot be read: " + error.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

namespace {

Value fault_value(const config::Fault& fault) {
  const bool error = fault.severity == config::Fault::Severity::error;
  Value value = Value::object({{"file", fault.file},
                               {"line", fault.position.line},
                               {"column", fault.position.column},
                               {"severity", error ? "error" : "warning"},
                               {"message", fault.what},
                               {"reference", fault.reference}});
  if (!fault.advice().empty()) value.set("hint", fault.advice());
  return value;
}

// Where the faults go, in the form that was asked for.
class FaultReport {
 public:
  FaultReport(ValidateOutput output, CommandContext& context)
      : output_(output), context_(context) {}

  void add(const config::Loaded& loaded, const std::string& file) {
    for (const config::Fault& fault : loaded.faults) add(fault);
    if (loaded.definition && output_ == ValidateOutput::text)
      context_.out << file << ": ok (" << loaded.definition->id() << ")\n";
  }

  void add_unreadable(const std::string& path, const Problem& problem) {
    if (output_ == ValidateOutput::text) {
      context_.err << problem.one_line() << '\n';
      return;
    }
    config::Fault fault;
    fault.file = path;
    fault.what = problem.detail;
    add(fault);
  }

  void finish() {
    if (output_ == ValidateOutput::json) context_.out << to_json(faults_, {.indent = 2}) << '\n';
  }

 private:
  void add(const config::Fault& fault) {
    if (output_ == ValidateOutput::text)
      context_.err << fault.text() << '\n';
    else
      faults_.push_back(fault_value(fault));
  }

  ValidateOutput output_;
  CommandContext& context_;
  Value faults_ = Value::array();
};

// A command has no node; one is made, in memory, once there is something to fetch.
class FetchWithoutNode {
 public:
  explicit FetchWithoutNode(http::ReactorOptions transport) {
    options_.reactor = std::move(transport);
    options_.log_level = LogLevel::error;
  }

  Result<std::string> operator()(const config::ResourceRequest& request, Milliseconds longest) {
    if (!node_) {
      auto opened = Node::open(options_);
      if (!opened) return fail(std::move(opened.error()));
      node_ = std::move(*opened);
    }
    return node_->fetcher().fetch(request, longest);
  }

 private:
  NodeOptions options_;
  std::unique_ptr<Node> node_;
};

}  // namespace

int validate(const ValidateOptions& options, const http::ReactorOptions& transport,
             CommandContext& context) {
  int exit_code = kDone;
  const auth::Redactor keys;  // knows API keys by their form
  const auto holds_key = [&keys](std::string_view text) { return keys.knows_part_of(text); };
  FetchWithoutNode fetch(transport);
  DefinitionResources resources([&fetch](const config::ResourceRequest& request,
                                         Milliseconds longest) { return fetch(request, longest); },
                                options.catalog, holds_key);
  FaultReport findings(options.output, context);
  for (const std::string& path : options.paths) {
    const auto files = definition_files(path);
    if (!files) {
      findings.add_unreadable(path, files.error());
      exit_code = kUsage;
      continue;
    }
    for (const std::string& file : *files) {
      const config::Loaded loaded =
          load_file(file, holds_key, options.offline ? nullptr : &resources);
      findings.add(loaded, file);
      if (!loaded.definition) exit_code = kUsage;
    }
  }
  findings.finish();
  return exit_code;
}

}  // namespace stepwell::daemon
