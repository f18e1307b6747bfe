#include "daemon/admin_commands.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "daemon/admin_actions.h"
#include "daemon/init.h"
#include "daemon/output.h"

namespace stepwell::daemon {

namespace {

// The options of one group of subcommands; shared by their callbacks, which outlive the building.
using Shared = std::shared_ptr<AdminOptions>;

class Group {
 public:
  Group(CLI::App& app, CommandContext& context, const std::string& name, const std::string& about)
      : group_(app.add_subcommand(name, about)),
        context_(context),
        options_(std::make_shared<AdminOptions>()) {
    group_->require_subcommand(1);
    group_->fallthrough();
    group_->add_option("--config", context.config_file, "The settings file")
        ->envname("STEPWELL_CONFIG");
    group_->add_option("-o,--output", options_->output, "table or json")
        ->check([](const std::string& text) {
          return text == "table" || text == "json" ? std::string() : "must be table or json";
        });
    group_->add_flag("--offline", options_->offline,
                     "Work on the data directory itself; only while no daemon runs on it");
  }

  // A subcommand that does `action`.
  CLI::App* add(const std::string& name, const std::string& about, AdminAction action) {
    CLI::App* command = group_->add_subcommand(name, about);
    command->fallthrough();
    command->callback(
        [&context = context_, options = options_, action] { perform(context, *options, action); });
    return command;
  }
  // The same with one word that says what it is done to.
  CLI::App* add(const std::string& name, const std::string& about, AdminAction action,
                const std::string& what) {
    CLI::App* command = add(name, about, action);
    command->add_option(what, options_->subject)->required();
    return command;
  }
  CLI::App* app() const { return group_; }
  AdminOptions& options() const { return *options_; }

 private:
  CLI::App* group_;
  CommandContext& context_;
  const Shared options_;
};

void add_expiry(CLI::App* command, AdminOptions& options) {
  command->add_option("--expires", options.expires,
                      "Date and time after which it is refused, e.g. 2027-01-31T12:00:00Z");
}

void add_expiry_change(CLI::App* command, AdminOptions& options) {
  auto* never = command->add_flag("--never", options.never, "It never expires");
  command->add_option("--expires", options.expires, "The new date and time")->excludes(never);
}

void add_value(CLI::App* command, AdminOptions& options) {
  auto* file = command->add_option("--value-file", options.value_file,
                                   "File with the secret; one newline at its end is left out");
  command->add_option("--value", options.value, "-: the secret from standard input")
      ->check([](const std::string& text) {
        return text == "-" ? std::string()
                           : "takes - only: a secret on the command line could be seen by others; "
                             "use --value-file or standard input";
      })
      ->excludes(file);
  command->add_option("--username", options.username, "The user name, for basic");
}

void add_keys(CLI::App& app, CommandContext& context) {
  Group keys(app, context, "keys", "API keys, which clients of this daemon present");
  AdminOptions& options = keys.options();
  CLI::App* create =
      keys.add("create", "Issue a key and print it, once", actions::create_key, "name");
  create->add_option("--user", options.user, "The user whose role it has")->required();
  add_expiry(create, options);
  create->footer("Example:\n  stepwell keys create ci --user deploy --expires 2027-01-31");
  keys.add("list", "Show all keys", actions::list_keys);
  keys.add("show", "Show one key", actions::show_key, "id");
  keys.add("revoke", "Refuse a key from now on; final", actions::revoke_key, "id");
  keys.add("delete", "Refuse a key from now on and take it off the list; final",
           actions::delete_key, "id");
  CLI::App* expiry = keys.add("set-expiry", "Change when a key expires; an expired one works again",
                              actions::set_key_expiry, "id");
  add_expiry_change(expiry, options);
  keys.add("assign", "Give a key to another user", actions::assign_key, "id")
      ->add_option("--user", options.user, "The new user")
      ->required();
  keys.app()->footer("Example:\n  stepwell keys revoke sw_k3v9abcdefgh");
}

void add_credentials(CLI::App& app, CommandContext& context) {
  Group group(app, context, "credentials", "Credentials that steps present to other systems");
  AdminOptions& options = group.options();
  CLI::App* add = group.add("add", "Store a credential", actions::add_credential, "name");
  add->add_option("--kind", options.kind, "basic, bearer or apiKey")->required();
  add->add_option("--origin", options.origins,
                  "SCHEME://HOST[:PORT] that it may be sent to; may be repeated")
      ->required();
  add->add_option("--namespace", options.namespaces,
                  "Namespace whose workflows may use it; may be repeated (default: all)");
  add->add_option("--description", options.description, "For people");
  auto* prefix = add->add_option("--prefix", options.prefix,
                                 "apiKey: sent as \"Authorization: PREFIX TOKEN\"");
  add->add_option("--header", options.header, "apiKey: sent as \"HEADER: TOKEN\"")
      ->excludes(prefix);
  add_expiry(add, options);
  add_value(add, options);
  add->footer(
      "Example:\n"
      "  printf %s \"$TOKEN\" | stepwell credentials add crm --kind bearer \\\n"
      "      --origin https://crm.example.com --expires 2027-01-31T12:00:00Z --value -");
  group.add("list", "Show all credentials, never their values", actions::list_credentials);
  group.add("show", "Show one credential, never its value", actions::show_credential, "name");
  CLI::App* rotate =
      group.add("rotate", "Put a new value into force at once", actions::rotate_credential, "name");
  add_expiry_change(rotate, options);
  add_value(rotate, options);
  rotate->footer("Example:\n  stepwell credentials rotate crm --value-file new-token");
  group.add("revoke", "Stop all use at once; final", actions::revoke_credential, "name");
  group.add("enable", "Allow use again after disable or a rejection", actions::enable_credential,
            "name");
  group.add("disable", "Forbid use until enable", actions::disable_credential, "name");
  group.add("delete", "Stop all use, erase the value and free the name; final",
            actions::delete_credential, "name");
  CLI::App* expiry = group.add("set-expiry", "Change when it expires; an expired one works again",
                               actions::set_credential_expiry, "name");
  add_expiry_change(expiry, options);
  group.app()->footer("Example:\n  stepwell credentials revoke crm");
}

void add_users(CLI::App& app, CommandContext& context) {
  Group users(app, context, "users", "Users, each with a role, to whom API keys belong");
  const char* role_help = "viewer, operator or admin";
  users.add("create", "Add a user", actions::create_user, "name")
      ->add_option("--role", users.options().role, role_help)
      ->required();
  users.add("list", "Show all users", actions::list_users);
  users.add("show", "Show one user", actions::show_user, "name");
  users.add("set-role", "Change a user's role", actions::set_user_role, "name")
      ->add_option("--role", users.options().role, role_help)
      ->required();
  users.add("deactivate", "Stop all keys of a user at once", actions::deactivate_user, "name");
  users.add("activate", "Let a user's keys work again", actions::activate_user, "name");
  users.app()->footer("Example:\n  stepwell users create deploy --role operator");
}

void add_instances(CLI::App& app, CommandContext& context) {
  Group group(app, context, "instances", "Instances of workflows in the running daemon");
  AdminOptions& options = group.options();
  CLI::App* start = group.add("start", "Start an instance", actions::start_instance, "workflow");
  start->add_option("--input", options.input, "JSON text, @FILE, or - for standard input");
  start->add_option("--name", options.name, "A name for people");
  start->add_option("--tag", options.tags, "A tag; may be repeated");
  start->add_option("--wait", options.wait, "Wait so long for its end, e.g. 30s; at most 5m");
  start->footer(
      "Exits 1 where the instance has faulted.\n"
      "Example:\n  stepwell instances start sales/sync --input '{\"id\": 7}' --wait 30s");
  group.add("show", "Show one instance", actions::show_instance, "id");
  group.add("stop", "Cancel what an instance does, and end it", actions::stop_instance, "id");
}

void add_init(CLI::App& app, CommandContext& context) {
  auto directory = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>("table");
  CLI::App* init = app.add_subcommand("init", "Set up a new site in a directory");
  init->add_option("directory", *directory, "Made if missing; nothing in it is touched")
      ->required();
  init->add_option("-o,--output", *output, "table or json");
  init->footer(
      "Prints the first API key, of the user admin; it is shown this once.\n"
      "Example:\n  stepwell init site && stepwell serve --config site/stepwell.yaml");
  init->callback([&context, directory, output] {
    const bool json = *output == "json";
    const OutputFormat format = json ? OutputFormat::json : OutputFormat::table;
    const Result<Value> made = init_site(*directory);
    if (!made) return report_problem(context, format, made.error());
    print_answer(context.out, format, *made, {});
  });
}

}  // namespace

void add_admin_commands(CLI::App& app, CommandContext& context) {
  add_init(app, context);
  add_keys(app, context);
  add_credentials(app, context);
  add_users(app, context);
  add_instances(app, context);
}

}  // namespace stepwell::daemon
