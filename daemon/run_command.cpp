#include "daemon/run_command.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <iostream>
#include <utility>

#include "base/json.h"
#include "config/loader.h"
#include "daemon/exit_code.h"
#include "daemon/process_options.h"
#include "daemon/resources.h"
#include "daemon/run_credentials.h"
#include "daemon/text_source.h"
#include "daemon/trace_writer.h"
#include "daemon/validate_command.h"
#include "daemon/wiring.h"

namespace stepwell::daemon {

namespace {

const auth::Actor kActor{"run", "command line"};

int run_usage(const Problem& problem) {
  std::cerr << "stepwell run: " << problem.one_line() << '\n';
  return kUsage;
}

Result<NodeOptions> node_options(const RunOptions& options) {
  NodeOptions node;
  auto transport = transport_options(options);
  if (!transport) return fail(std::move(transport.error()));
  node.reactor = std::move(*transport);
  config::Settings settings;
  settings.run_shell = options.allow_shell;
  settings.run_script = options.allow_script;
  settings.run_container = options.allow_container;
  node.processes = process_runner_options(settings);
  node.process_step = process_step_options(settings);
  node.log_level = LogLevel::warn;
  auto budget = budget_of(options.budget);
  if (!budget) return fail(std::move(budget.error()));
  node.engine.budget = *budget;
  node.engine.people = false;  // nobody could ask this process for anything
  return node;
}

Status add_credentials(Node& node, const RunOptions& options, const Value& document) {
  for (const std::string& text : options.credentials) {
    auto credential = parse_credential_option(text);
    if (!credential) return fail(std::move(credential.error()));
    const std::string prefix = credential->name + "=";
    for (const std::string& origin : options.origins)
      if (origin.starts_with(prefix)) credential->origins.push_back(origin.substr(prefix.size()));
    if (credential->origins.empty()) credential->origins = endpoint_origins(document);
    auto added = node.authority().credentials().add(kActor, std::move(*credential));
    if (!added) return fail(std::move(added.error()));
  }
  return {};
}

config::Loaded load_for_run(const std::string& file, DefinitionResources& resources) {
  FileResources seen(resources, file);
  config::Loaded loaded = config::load_definition_file(file, seen.options());
  for (const config::Fault& fault : loaded.faults) std::cerr << fault.text() << '\n';
  return loaded;
}

// What `run: workflow` finds: the definition itself, and those beside it. Faults of theirs are told
// already.
Status fill_catalog(Node& node, const engine::Catalog::Entry& own,
                    const std::vector<std::string>& paths, DefinitionResources& resources) {
  std::vector<engine::Catalog::Entry> entries{own};
  for (const std::string& path : paths) {
    const auto files = definition_files(path);
    if (!files) return fail(files.error());
    for (const std::string& file : *files) {
      const config::Loaded loaded = load_for_run(file, resources);
      if (!loaded.definition)
        return fail(make_problem(ErrorKind::configuration, "definitions-invalid",
                                 file + " has faults, and nothing was run"));
      // The very file that is run may lie in a folder of what it may run.
      if (loaded.definition->id() == own.definition->id() &&
          loaded.definition->digest == own.definition->digest)
        continue;
      entries.push_back({loaded.definition, node.engine().prepare(loaded.definition)});
    }
  }
  return node.catalog().replace(std::move(entries));
}

Result<Value> read_input(const RunOptions& options) {
  if (options.input.empty()) return Value::object();
  auto text = read_text_source(options.input);
  if (!text) return fail(std::move(text.error()));
  return parse_json(*text);
}

int report(const engine::InstanceView& view) {
  if (view.status == engine::InstanceStatus::completed) {
    std::cout << to_json(view.output, {2, false}) << '\n';
    return kDone;
  }
  if (view.problem) std::cerr << to_json(view.problem->to_value(), {2, false}) << '\n';
  return kFailed;
}

}  // namespace

Result<http::ReactorOptions> transport_options(const RunOptions& options) {
  http::ReactorOptions transport;
  std::vector<http::Network> allowed;
  for (const std::string& text : options.networks) {
    auto network = http::Network::parse(text);
    if (!network) return fail(std::move(network.error()));
    allowed.push_back(*network);
  }
  transport.egress = http::EgressRules(std::move(allowed), {});
  transport.ca_file = options.ca_file;
  transport.connect_to = options.connect_to;
  transport.resolve = options.resolve;
  return transport;
}

int run(const RunOptions& options, const Terminal& terminal) {
  // Without what lies elsewhere at first: the credentials that fetching takes are found in it.
  const config::Loaded outline = config::load_definition_file(options.file, {nullptr, true, {}});
  if (!outline.definition) {
    for (const config::Fault& fault : outline.faults) std::cerr << fault.text() << '\n';
    return kUsage;
  }
  auto input = read_input(options);
  if (!input) return run_usage(input.error());
  const auto node_settings = node_options(options);
  if (!node_settings) return run_usage(node_settings.error());
  auto node = Node::open(*node_settings);
  if (!node) return run_usage(node.error());
  if (auto added = add_credentials(**node, options, outline.definition->document); !added)
    return run_usage(added.error());
  DefinitionResources resources(
      [&node](const config::ResourceRequest& request, Milliseconds longest) {
        return (*node)->fetcher().fetch(request, longest);
      },
      options.catalog, [](std::string_view) { return false; });
  const config::Loaded loaded = load_for_run(options.file, resources);
  if (!loaded.definition) return kUsage;
  std::ofstream trace_file;
  std::ostream* trace = nullptr;
  if (options.trace == "-") {
    trace = &std::cout;
  } else if (!options.trace.empty()) {
    trace_file.open(options.trace);
    if (!trace_file) {
      return run_usage(make_problem(ErrorKind::configuration, "file-unwritable",
                                    options.trace + " cannot be written"));
    }
    trace = &trace_file;
  }
  const SystemClock clock;
  RunProgress progress(std::cerr, trace == &std::cout ? Terminal() : terminal, clock);
  std::promise<Result<engine::InstanceView>> ended;
  std::atomic_flag told;
  const auto tell = [&ended, &told](Result<engine::InstanceView> view) {
    if (!told.test_and_set()) ended.set_value(std::move(view));
  };
  engine::StartRequest request;
  request.workflow = (*node)->engine().prepare(loaded.definition);
  if (auto filled =
          fill_catalog(**node, {loaded.definition, request.workflow}, options.with, resources);
      !filled)
    return run_usage(filled.error());
  request.input = std::move(*input);
  request.observer = std::make_shared<TraceWriter>(
      trace, progress, [&tell](const engine::InstanceView& view) { tell(view); });
  (*node)->engine().start(std::move(request), [&tell](const Result<InstanceId>& id) {
    if (!id) tell(fail(id.error()));  // there is no instance, which could end
  });
  const Result<engine::InstanceView> view = ended.get_future().get();
  progress.finish();
  if (!view) {
    std::cerr << to_json(view.error().to_value(), {2, false}) << '\n';
    return kFailed;
  }
  const int exit_code = report(*view);
  std::cout.flush();
  // What it has started without waiting for it ends as well.
  (void)(*node)->engine().wait_until_idle({});
  return exit_code;
}

}  // namespace stepwell::daemon
