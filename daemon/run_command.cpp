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
#include "daemon/run_credentials.h"
#include "daemon/text_source.h"
#include "daemon/trace_writer.h"
#include "daemon/wiring.h"

namespace stepwell::daemon {

namespace {

const auth::Actor kActor{"run", "command line"};

int usage(const Problem& problem) {
  std::cerr << "stepwell run: " << problem.one_line() << '\n';
  return kUsage;
}

Result<NodeOptions> node_options(const RunOptions& options) {
  NodeOptions node;
  std::vector<http::Network> allowed;
  for (const std::string& text : options.networks) {
    auto network = http::Network::parse(text);
    if (!network) return fail(std::move(network.error()));
    allowed.push_back(*network);
  }
  node.reactor.egress = http::EgressRules(std::move(allowed), {});
  node.reactor.ca_file = options.ca_file;
  node.reactor.connect_to = options.connect_to;
  node.reactor.resolve = options.resolve;
  node.log_level = LogLevel::warn;
  auto budget = budget_of(options.budget);
  if (!budget) return fail(std::move(budget.error()));
  node.engine.budget = *budget;
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

int run(const RunOptions& options) {
  const config::Loaded loaded = config::load_definition_file(options.file);
  for (const config::Fault& fault : loaded.faults) std::cerr << fault.text() << '\n';
  if (!loaded.definition) return kUsage;
  auto input = read_input(options);
  if (!input) return usage(input.error());
  const auto node_settings = node_options(options);
  if (!node_settings) return usage(node_settings.error());
  auto node = Node::open(*node_settings);
  if (!node) return usage(node.error());
  if (auto added = add_credentials(**node, options, loaded.definition->document); !added)
    return usage(added.error());
  std::ofstream trace_file;
  std::ostream* trace = nullptr;
  if (options.trace == "-") {
    trace = &std::cout;
  } else if (!options.trace.empty()) {
    trace_file.open(options.trace);
    if (!trace_file) {
      return usage(make_problem(ErrorKind::configuration, "file-unwritable",
                                options.trace + " cannot be written"));
    }
    trace = &trace_file;
  }
  std::promise<Result<engine::InstanceView>> ended;
  std::atomic_flag told;
  const auto tell = [&ended, &told](Result<engine::InstanceView> view) {
    if (!told.test_and_set()) ended.set_value(std::move(view));
  };
  engine::StartRequest request;
  request.workflow = (*node)->engine().prepare(loaded.definition);
  request.input = std::move(*input);
  request.observer = std::make_shared<TraceWriter>(
      trace, [&tell](const engine::InstanceView& view) { tell(view); });
  (*node)->engine().start(std::move(request), [&tell](const Result<InstanceId>& id) {
    if (!id) tell(fail(id.error()));  // there is no instance, which could end
  });
  const Result<engine::InstanceView> view = ended.get_future().get();
  if (view) return report(*view);
  std::cerr << to_json(view.error().to_value(), {2, false}) << '\n';
  return kFailed;
}

}  // namespace stepwell::daemon
