// `stepwell instances`: starts, lists, watches and changes instances in a running daemon.
#include <charconv>
#include <string>
#include <vector>

#include "daemon/admin_commands.h"
#include "daemon/command_group.h"
#include "daemon/instance_filters.h"
#include "daemon/watch.h"

namespace stepwell::daemon {

namespace {

constexpr const char* kInstances = "/api/v1/instances";

struct InstanceOptions {
  std::string id, step, workflow, input, output, changes;
  std::string name, wait, priority, deadline, run_as, once;
  std::vector<std::string> tags;
  std::vector<std::string> ids;
  InstanceFilters filters;
  PageOptions page;
  bool all = false, dry_run = false, yes = false, stop = false;
  WatchOptions watch;
};
using SharedInstanceOptions = std::shared_ptr<InstanceOptions>;

bool not_faulted(const Value& instance) { return !(instance.get("status") == Value("faulted")); }

// What a client says of an instance, of its own accord.
void set_facts(const InstanceOptions& options, Value& body) {
  set_if_given(body, "name", options.name);
  if (!options.tags.empty()) body.set("tags", text_array(options.tags));
  set_if_given(body, "priority", options.priority);
  set_if_given(body, "deadline", options.deadline);
}

Result<AdminCall> start_instance(CommandContext& context, const InstanceOptions& options) {
  Value body = Value::object({{"workflow", options.workflow}});
  if (!options.input.empty()) {
    Result<Value> input = read_json_option(context, "--input", options.input);
    if (!input) return fail(std::move(input).error());
    body.set("input", *std::move(input));
  }
  set_facts(options, body);
  set_if_given(body, "runAs", options.run_as);
  AdminCall call = post(kInstances + Query().add("wait", options.wait).text(), std::move(body));
  call.judge = not_faulted;
  call.once = options.once;
  return call;
}

void show_instance(CommandContext& context, const CommonOptions& common, const std::string& id) {
  const OutputFormat format = common.format();
  const Result<std::unique_ptr<Backend>> backend = open_backend(context, common);
  if (!backend) return report_problem(context, format, backend.error());
  const std::string path = path_to(kInstances, id);
  Result<Value> instance = (*backend)->call("GET", path, {});
  if (!instance) return report_problem(context, format, instance.error());
  // Who may see the instance may see its steps; of an old one there may be none any more.
  if (const Result<Value> steps = (*backend)->call("GET", path + "/steps", {}); steps)
    instance->set("steps", steps->get("items"));
  print_answer(context, format, *instance);
}

Result<AdminCall> complete_step(CommandContext& context, const InstanceOptions& options) {
  Value body = Value::object({{"step", options.step}});
  if (!options.output.empty()) {
    Result<Value> output = read_json_option(context, "--value", options.output);
    if (!output) return fail(std::move(output).error());
    body.set("output", *std::move(output));
  }
  AdminCall call = post(path_to(kInstances, options.id, "/complete-step"), std::move(body));
  call.once = options.once;
  return call;
}

Result<AdminCall> patch_step(CommandContext& context, const InstanceOptions& options) {
  Result<Value> changes = read_json_option(context, "changes", options.changes);
  if (!changes) return fail(std::move(changes).error());
  return patch(path_to(path_to(kInstances, options.id, "/steps"), options.step),
               *std::move(changes));
}

Result<Value> ids_of(const std::vector<std::string>& texts) {
  Value ids = Value::array();
  for (const std::string& text : texts) {
    std::int64_t id = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, id);
    if (parsed.ec != std::errc() || parsed.ptr != end || id <= 0)
      return fail(usage_problem("\"" + text + "\" is no id of an instance"));
    ids.push_back(id);
  }
  return ids;
}

// One is asked for by its own path, so that its problem is the answer.
AdminCall operate_on_one(const InstanceOptions& options, const std::string& verb) {
  const std::string& id = options.ids.front();
  if (verb != "delete") return post(path_to(kInstances, id, "/" + verb));
  return remove(path_to(kInstances, id) + Query().flag("stop", options.stop).text());
}

Result<AdminCall> operate(const InstanceOptions& options, const std::string& verb) {
  const bool narrowed = options.filters.any();
  if (!options.ids.empty() && (narrowed || options.all))
    return fail(usage_problem("give either ids or what the instances have in common"));
  Value body = Value::object();
  if (!options.ids.empty()) {
    Result<Value> ids = ids_of(options.ids);
    if (!ids) return fail(std::move(ids).error());
    if (ids->size() == 1 && !options.dry_run) return operate_on_one(options, verb);
    body.set("ids", *std::move(ids));
  } else if (!narrowed && !options.all) {
    return fail(
        usage_problem("say which instances: by their ids, by what they have in common (--workflow, "
                      "--status, …), or --all"));
  }
  options.filters.set(body);
  if (options.all) body.set("all", true);
  if (options.stop) body.set("stop", true);
  AdminCall call = post(std::string(kInstances) + "/bulk/" + verb, std::move(body));
  call.bulk = true;
  call.verb = verb;
  call.dry_run = options.dry_run;
  call.confirmed = options.yes;
  return call;
}

// Something that is done to one, several or many.
Command add_operation(Group& group, const SharedInstanceOptions& options, const std::string& verb,
                      const std::string& about, const std::string& footer) {
  Command command =
      group.add(verb, about, [options, verb](CommandContext&) { return operate(*options, verb); });
  command.texts("id", options->ids, "One id, or several").kind("INSTANCE");
  add_instance_filters(command, options->filters);
  command.flag("--all", options->all, "All that it can be done to, where no filter is given");
  command.flag("--dry-run", options->dry_run, "Only show which ones it would be done to");
  command.flag("-y,--yes", options->yes,
               "Do not ask; where no terminal is there nobody is asked anyway");
  return command.footer(footer);
}

void add_operations(Group& group, const SharedInstanceOptions& options) {
  add_operation(group, options, "stop", "Cancel what instances do, and end them",
                "Exits 1 where one of them was not stopped.\n"
                "Examples:\n  stepwell instances stop 7318349394477056\n"
                "  stepwell instances stop --workflow sales/sync --status waiting --dry-run");
  add_operation(group, options, "suspend", "Let instances begin nothing until they are resumed",
                "What is in flight comes to its end, and its result is kept.\n"
                "Example:\n  stepwell instances suspend --workflow sales/sync");
  add_operation(group, options, "resume", "Let suspended instances go on",
                "Example:\n  stepwell instances resume --all");
  add_operation(group, options, "retry", "Let faulted instances go on from the step that failed",
                "What was done before is kept and is not done again. Exits 1 where one of them was "
                "not taken.\n"
                "Examples:\n  stepwell instances retry 7318349394477056\n"
                "  stepwell instances retry --workflow sales/sync --since 2027-01-31T12:00:00Z");
  add_operation(
      group, options, "delete", "Delete instances that have ended, with their files",
      "Nothing is left of them but what the audit log says.\n"
      "Examples:\n  stepwell instances delete 7318349394477056\n"
      "  stepwell instances delete --status completed --ended-before 2027-01-31 --dry-run")
      .flag("--stop", options->stop, "Those that have not ended are stopped before");
}

void add_facts(Command command, InstanceOptions& options) {
  command.text("--name", options.name, "A name for people").kind("NAME");
  command.texts("--tag", options.tags, "A tag; may be repeated").kind("TAG");
  command.text("--priority", options.priority, "regular, H (high) or V (very high)")
      .one_of({"regular", "H", "V"});
  command.text("--deadline", options.deadline, "When it should have ended; for people and lists")
      .kind("TIME");
}

void add_start(Group& group, const SharedInstanceOptions& options) {
  Command start = group.add("start", "Start an instance", [options](CommandContext& context) {
    return start_instance(context, *options);
  });
  start.text("workflow", options->workflow, "NAMESPACE/NAME, or NAMESPACE/NAME:VERSION")
      .required()
      .kind("WORKFLOW");
  start.text("--input", options->input, "JSON text, @FILE, or - for standard input").kind("JSON");
  add_facts(start, *options);
  start.text("--run-as", options->run_as, "The API key that it runs under (default: yours)")
      .kind("KEY");
  add_once(start, options->once);
  start.text("--wait", options->wait, "Wait so long for its end, e.g. 30s; at most 5m")
      .kind("DURATION");
  start.footer(
      "Exits 1 where the instance has faulted.\n"
      "Example:\n  stepwell instances start sales/sync --input '{\"id\": 7}' --wait 30s");
}

void add_reading(Group& group, const SharedInstanceOptions& options) {
  Command list = group.add("list", "Show instances", [options](CommandContext&) {
    return options->page.list(kInstances, options->filters.query(),
                              {"id", "name", "workflow", "status", "startedTime", "lastUpdatedTime",
                               "activeSteps", "error"});
  });
  add_instance_filters(list, options->filters);
  add_pages(list, options->page,
            "id, startedTime, lastUpdatedTime, completedTime, priority, name, deadline or status");
  list.footer("Example:\n  stepwell instances list --workflow sales/sync --status faulted");
  Command show = group.add_own("show", "Show one instance, with its steps",
                               [options](CommandContext& context, const CommonOptions& common) {
                                 show_instance(context, common, options->id);
                               });
  show.text("id", options->id, "Of the instance").required().kind("INSTANCE");
  show.footer("Example:\n  stepwell instances show 7318349394477056");
  Command watch =
      group.add_own("watch", "Show what an instance does, or what becomes of all, as it happens",
                    [options](CommandContext& context, const CommonOptions& common) {
                      options->watch.filter = options->filters.query();
                      watch_instances(context, common, options->id, options->watch);
                    });
  watch.text("id", options->id, "Of the instance; without it all are meant").kind("INSTANCE");
  add_lasting_filters(watch, options->filters);
  watch.text("--after", options->watch.after, "Behind the event with this id").kind("EVENT");
  watch.footer(
      "One instance from its beginning, until it has ended; exits 1 where it has faulted. Without "
      "an\n"
      "id all that --workflow, --status and the like pick, from now on, until it is interrupted: "
      "a\n"
      "line for each other status, and on a terminal below them how many are how. With -o json "
      "one\n"
      "line for each event. Goes on by itself where the connection is lost.\n"
      "Examples:\n  stepwell instances watch 7318349394477056\n"
      "  stepwell instances watch --workflow sales/sync --status faulted -o json");
}

void add_changes(Group& group, const SharedInstanceOptions& options) {
  const auto with_id = [&options](Command command) {
    command.text("id", options->id, "Of the instance").required().kind("INSTANCE");
    return command;
  };
  const auto with_step = [&options](Command command) {
    command.text("step", options->step, "The step that waits for it").required().kind("STEP");
    return command;
  };
  Command change = with_id(
      group.add("change", "Change name, tags, priority and deadline", [options](CommandContext&) {
        Value body = Value::object();
        set_facts(*options, body);
        return patch(path_to(kInstances, options->id), std::move(body));
      }));
  add_facts(change, *options);
  change.footer("Example:\n  stepwell instances change 7318349394477056 --priority H");
  Command complete = with_step(with_id(
      group.add("complete-step", "Complete a step that waits for a person",
                [options](CommandContext& context) { return complete_step(context, *options); })));
  complete
      .text("--value", options->output,
            "What the step gives: JSON text, @FILE, or - for standard input")
      .kind("JSON");
  add_once(complete, options->once);
  complete.footer(
      "Only its assignee, an operator or an admin may.\n"
      "Example:\n  stepwell instances complete-step 7318349394477056 approveOrder \\\n"
      "      --value '{\"decision\": \"approve\"}'");
  Command patch = with_step(with_id(
      group.add("patch", "Change a step that waits: an email's recipients, a drop-down",
                [options](CommandContext& context) { return patch_step(context, *options); })));
  patch
      .text("changes", options->changes,
            "What becomes different: a JSON object, @FILE, or - for standard input")
      .required()
      .kind("JSON");
  patch.footer(
      "Example:\n  stepwell instances patch 7318349394477056 notify '{\"subject\": \"Order 7\"}'");
}

}  // namespace

void add_instances_commands(CLI::App& app, CommandContext& context) {
  Group group(app, context, "instances", "Instances of workflows in the running daemon",
              Group::Reach::offline_too);
  const auto options = std::make_shared<InstanceOptions>();
  add_start(group, options);
  add_reading(group, options);
  add_operations(group, options);
  add_changes(group, options);
  group.command().footer("Example:\n  stepwell instances list --open");
}

}  // namespace stepwell::daemon
