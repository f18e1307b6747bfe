// `stepwell workflows`, `schedules`, `tasks` and `events`: what can start, when it does, what waits
// for people, and what comes in from elsewhere.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "daemon/admin_commands.h"
#include "daemon/command_group.h"

namespace stepwell::daemon {

namespace {

constexpr const char* kWorkflows = "/api/v1/workflows";
constexpr const char* kSchedules = "/api/v1/schedules";

struct WorkflowOptions {
  std::string workflow, file, event, input, once;
  PageOptions page;
};
using SharedWorkflowOptions = std::shared_ptr<WorkflowOptions>;

// NAMESPACE/NAME[:VERSION] as the API's path has it.
Result<std::string> workflow_path(const std::string& root, const std::string& workflow,
                                  const std::string& verb) {
  const std::size_t slash = workflow.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == workflow.size())
    return fail(usage_problem("\"" + workflow + "\" is no NAMESPACE/NAME"));
  const std::size_t colon = std::min(workflow.find(':', slash), workflow.size());
  std::string path = path_to(path_to(root, workflow.substr(0, slash)),
                             workflow.substr(slash + 1, colon - slash - 1));
  if (colon == workflow.size()) return path + verb;
  if (!verb.empty()) return fail(usage_problem("all versions are meant; leave the version out"));
  return path_to(path, workflow.substr(colon + 1));
}

using Action = std::function<Result<AdminCall>(CommandContext&)>;

Action on_workflow(const SharedWorkflowOptions& options, const char* root, const char* method,
                   const char* verb) {
  return [options, root, method, verb](CommandContext&) -> Result<AdminCall> {
    Result<std::string> path = workflow_path(root, options->workflow, verb);
    if (!path) return fail(std::move(path).error());
    return AdminCall{method, *std::move(path), {}, {}};
  };
}

Result<AdminCall> validate_definition(CommandContext& context, const WorkflowOptions& options) {
  Result<std::string> text = read_source(context, options.file);
  if (!text) return fail(std::move(text).error());
  AdminCall call = post(std::string(kWorkflows) + "/validate", Value::object({{"source", *text}}));
  call.judge = [](const Value& answer) { return answer.get("valid") == Value(true); };
  return call;
}

}  // namespace

void add_workflows_commands(CLI::App& app, CommandContext& context) {
  Group group(app, context, "workflows", "Workflows that the daemon serves",
              Group::Reach::offline_too);
  const auto options = std::make_shared<WorkflowOptions>();
  const auto named = [&options](Command command) {
    command.text("workflow", options->workflow, "NAMESPACE/NAME, or NAMESPACE/NAME:VERSION")
        .required()
        .kind("WORKFLOW");
    return command;
  };
  Command list = group.add("list", "Show all workflows", [options](CommandContext&) {
    return options->page.list(kWorkflows, {},
                              {"namespace", "name", "version", "title", "enabled", "credentials"});
  });
  add_pages(list, options->page, "What they are ordered by");
  list.footer("Example:\n  stepwell workflows list");
  named(group.add("show", "Show one; with a version, its source too",
                  on_workflow(options, kWorkflows, "GET", "")))
      .footer("Example:\n  stepwell workflows show sales/sync:1.0.0");
  named(group.add("enable", "Let it be started again",
                  on_workflow(options, kWorkflows, "POST", "/enable")))
      .footer("Example:\n  stepwell workflows enable sales/sync");
  named(group.add("disable", "Start no more of it; what runs goes on",
                  on_workflow(options, kWorkflows, "POST", "/disable")))
      .footer("Example:\n  stepwell workflows disable sales/sync");
  Command validate =
      group.add("validate", "Check a definition as the daemon would",
                [options](CommandContext& c) { return validate_definition(c, *options); });
  validate.text("file", options->file, "The definition, or - for standard input")
      .required()
      .kind("FILE");
  validate.footer(
      "With the daemon's credentials and catalog; exits 1 where it has faults. Without a daemon:\n"
      "stepwell validate.\n"
      "Example:\n  stepwell workflows validate sync.yaml");
  group.command().footer("Example:\n  stepwell workflows list");
}

void add_schedules_commands(CLI::App& app, CommandContext& context) {
  Group group(app, context, "schedules", "Workflows that start by themselves, and when");
  const auto options = std::make_shared<WorkflowOptions>();
  Command list = group.add("list", "Show all schedules", [options](CommandContext&) {
    return options->page.list(kSchedules, {},
                              {"workflow", "kind", "rule", "paused", "nextTime", "lastTime",
                               "started", "refused", "error"});
  });
  options->page.filter(list, "--namespace", "namespace", "Of this namespace");
  options->page.filter(list, "--kind", "kind", "Of this kind").kind("every|cron|after|on");
  options->page.filter(list, "--paused", "paused", "Whether they are paused").kind("true|false");
  add_pages(list, options->page, "workflow, kind, nextTime or lastTime");
  list.footer("Example:\n  stepwell schedules list");
  const auto named = [&options](Command command) {
    command.text("workflow", options->workflow, "NAMESPACE/NAME").required().kind("SCHEDULE");
    return command;
  };
  named(group.add("show", "Show one", on_workflow(options, kSchedules, "GET", "")))
      .footer("Example:\n  stepwell schedules show sales/nightly");
  named(group.add("pause", "Start nothing by it until it is resumed",
                  on_workflow(options, kSchedules, "POST", "/pause")))
      .footer("Example:\n  stepwell schedules pause sales/nightly");
  named(group.add("resume", "Let it start instances again",
                  on_workflow(options, kSchedules, "POST", "/resume")))
      .footer("Example:\n  stepwell schedules resume sales/nightly");
  Command trigger = named(group.add("trigger", "Start one now, as if its time had come",
                                    [options](CommandContext& c) -> Result<AdminCall> {
                                      Result<std::string> path =
                                          workflow_path(kSchedules, options->workflow, "/trigger");
                                      if (!path) return fail(std::move(path).error());
                                      AdminCall call = post(*std::move(path));
                                      call.once = options->once;
                                      if (options->input.empty()) return call;
                                      Result<Value> input =
                                          read_json_option(c, "--input", options->input);
                                      if (!input) return fail(std::move(input).error());
                                      call.body = Value::object({{"input", *std::move(input)}});
                                      return call;
                                    }));
  trigger.text("--input", options->input, "JSON text, @FILE, or - for standard input").kind("JSON");
  add_once(trigger, options->once);
  trigger.footer("Example:\n  stepwell schedules trigger sales/nightly");
  group.command().footer("Example:\n  stepwell schedules list");
}

void add_tasks_commands(CLI::App& app, CommandContext& context) {
  Group group(app, context, "tasks", "Steps that wait for people");
  const auto options = std::make_shared<WorkflowOptions>();
  Command list = group.add("list", "Show them", [options](CommandContext&) {
    return options->page.list(
        "/api/v1/tasks", {},
        {"instance", "step", "kind", "assignee", "due", "overdue", "startedTime", "workflow"});
  });
  options->page.filter(list, "--assignee", "assignee", "Those of this user; me: yours")
      .kind("USER");
  options->page.filter(list, "--kind", "kind", "Of this kind").kind("decision|form|upload|email");
  options->page.filter(list, "--overdue", "overdue", "Whether they are past their time")
      .kind("true|false");
  options->page.filter(list, "--workflow", "workflow", "Of this workflow").kind("WORKFLOW");
  add_pages(list, options->page);
  list.footer("Example:\n  stepwell tasks list --assignee ana");
  group.command().footer("Example:\n  stepwell tasks list");
}

void add_events_commands(CLI::App& app, CommandContext& context) {
  Group group(app, context, "events", "Events that workflows listen for");
  const auto options = std::make_shared<WorkflowOptions>();
  Command send =
      group.add("send", "Hand in a CloudEvent", [options](CommandContext& c) -> Result<AdminCall> {
        Result<Value> event = read_json_option(c, "event", options->event);
        if (!event) return fail(std::move(event).error());
        return post("/api/v1/events", *std::move(event));
      });
  send.text("event", options->event, "JSON text, @FILE, or - for standard input")
      .required()
      .kind("JSON");
  send.footer(
      "Example:\n"
      "  stepwell events send '{\"specversion\": \"1.0\", \"id\": \"1\", \"source\": \"/shop\",\n"
      "      \"type\": \"com.example.order\", \"data\": {\"order\": 7}}'");
  group.command().footer("Example:\n  stepwell events send @event.json");
}

}  // namespace stepwell::daemon
