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
#include "daemon/doctor.h"
#include "daemon/init.h"
#include "daemon/instance_actions.h"
#include "daemon/output.h"

namespace stepwell::daemon {

namespace {

// The options of one group of subcommands; shared by their callbacks, which outlive the building.
using Shared = std::shared_ptr<AdminOptions>;

std::string table_or_json(const std::string& text) {
  return text == "table" || text == "json" ? std::string() : "must be table or json";
}

class Group {
 public:
  Group(CLI::App& app, CommandContext& context, const std::string& name, const std::string& about)
      : group_(app.add_subcommand(name, about)),
        context_(context),
        options_(std::make_shared<AdminOptions>()) {
    group_->require_subcommand(1);
    group_->fallthrough();
    // A string of its own: the environment would else overwrite what another group was given.
    group_->add_option("--config", options_->config, "The settings file")
        ->envname("STEPWELL_CONFIG");
    group_->add_option("-o,--output", options_->output, "table or json")->check(&table_or_json);
    group_->add_flag("--offline", options_->offline,
                     "Work on the data directory itself; only while no daemon runs on it");
  }

  // A subcommand that does `action`.
  CLI::App* add(const std::string& name, const std::string& about, AdminAction action) {
    CLI::App* command = group_->add_subcommand(name, about);
    command->fallthrough();
    command->callback([&context = context_, options = options_, action] {
      if (!options->config.empty()) context.config_file = options->config;
      perform(context, *options, action);
    });
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
  command->add_option("--username", options.username,
                      "basic, digest: the user name; oauth2: the client's id; awsSigV4: the access "
                      "key's id");
  command->add_option("--refresh-token-file", options.refresh_token_file,
                      "oauth2, grant refresh_token");
  command->add_option("--subject-token-file", options.subject_token_file,
                      "oauth2, grant token_exchange");
  command->add_option("--actor-token-file", options.actor_token_file,
                      "oauth2, grant token_exchange; optional");
  command->add_option("--session-token-file", options.session_token_file,
                      "awsSigV4: of a temporary access key");
  command->add_option("--certificate-file", options.certificate_file,
                      "clientCertificate: the certificate and its chain (PEM); the private key is "
                      "the value");
  command->add_option("--passphrase-file", options.passphrase_file,
                      "clientCertificate: of the private key; optional");
  command->add_option("--token-url", options.token_url, "oauth2: where tokens come from");
  command->add_option("--grant", options.grant,
                      "oauth2: client_credentials (default), refresh_token or token_exchange");
  command->add_option("--client-authentication", options.client_authentication,
                      "oauth2: basic (default), post or none");
  command->add_option("--scope", options.oauth_scopes, "oauth2; may be repeated");
  command->add_option("--audience", options.audience, "oauth2; optional");
  command->add_option("--resource", options.resource, "oauth2 (RFC 8707); optional");
  command->add_option("--region", options.region, "awsSigV4, e.g. eu-central-1");
  command->add_option("--service", options.service, "awsSigV4, e.g. execute-api");
}

void add_force(CLI::App* command, AdminOptions& options) {
  command->add_flag("--force", options.force,
                    "Although workflows, instances or credentials use it; the answer names them");
}

void add_on_revoke(CLI::App* command, AdminOptions& options) {
  command->add_option("--on-revoke", options.on_revoke,
                      "finish (default): requests that are fully sent when it is revoked may end; "
                      "abort: they are cut off");
}

void add_keys(CLI::App& app, CommandContext& context) {
  Group keys(app, context, "keys", "API keys, which clients of this daemon present");
  AdminOptions& options = keys.options();
  CLI::App* create =
      keys.add("create", "Issue a key and print it, once", actions::create_key, "name");
  create->add_option("--user", options.user, "The user whose role it has")->required();
  add_expiry(create, options);
  const char* scope_help =
      "Narrows the key to this permission, e.g. start-instances; may be repeated";
  create->add_option("--scope", options.scopes, scope_help);
  create->footer("Example:\n  stepwell keys create ci --user deploy --expires 2027-01-31");
  keys.add("list", "Show all keys", actions::list_keys);
  keys.add("show", "Show one key", actions::show_key, "key");
  keys.add("usage", "What refers to a key, runs under it or holds it", actions::key_usage, "key");
  add_force(keys.add("revoke", "Refuse a key from now on; final", actions::revoke_key, "key"),
            options);
  add_force(keys.add("delete", "Refuse a key from now on and take it off the list; final",
                     actions::delete_key, "key"),
            options);
  CLI::App* change =
      keys.add("change", "Change user, scopes and expiry in one step", actions::change_key, "key");
  change->add_option("--user", options.user, "The new user");
  auto* scope = change->add_option("--scope", options.scopes, scope_help);
  change->add_flag("--all-scopes", options.all_scopes, "All that its user's role allows")
      ->excludes(scope);
  add_expiry_change(change, options);
  CLI::App* expiry = keys.add("set-expiry", "Change when a key expires; an expired one works again",
                              actions::set_key_expiry, "key");
  add_expiry_change(expiry, options);
  keys.add("assign", "Give a key to another user", actions::assign_key, "key")
      ->add_option("--user", options.user, "The new user")
      ->required();
  keys.app()->footer("Example:\n  stepwell keys revoke sw_k3v9abcdefgh");
}

void add_credentials(CLI::App& app, CommandContext& context) {
  Group group(app, context, "credentials", "Credentials that steps present to other systems");
  AdminOptions& options = group.options();
  CLI::App* add = group.add("add", "Store a credential", actions::add_credential, "name");
  add->add_option("--kind", options.kind,
                  "basic, bearer, apiKey, digest, oauth2, awsSigV4 or clientCertificate")
      ->required();
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
  add_on_revoke(add, options);
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
  add_force(group.add("revoke", "Stop all use at once; final", actions::revoke_credential, "name"),
            options);
  group.add("usage", "What refers to it, and when it was last used", actions::credential_usage,
            "name");
  CLI::App* test = group.add("test", "Send one request with it, and see whether it is accepted",
                             actions::test_credential, "name");
  test->add_option("--url", options.url, "At an allowed origin (default: the first one's /)");
  test->footer("Exits 1 where it is not.");
  CLI::App* change = group.add("change", "Change description, origins, namespaces, expiry",
                               actions::change_credential, "name");
  change->add_option("--description", options.description, "For people");
  change->add_option("--origin", options.origins, "Takes the place of all; may be repeated");
  auto* spaces = change->add_option("--namespace", options.namespaces,
                                    "Takes the place of all; may be repeated");
  change->add_flag("--all-namespaces", options.all_namespaces, "Workflows of every namespace")
      ->excludes(spaces);
  add_on_revoke(change, options);
  add_expiry_change(change, options);
  group.add("enable", "Allow use again after disable or a rejection", actions::enable_credential,
            "name");
  group.add("disable", "Forbid use until enable", actions::disable_credential, "name");
  add_force(group.add("delete", "Stop all use, erase the value and free the name; final",
                      actions::delete_credential, "name"),
            options);
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

void add_instance_filters(CLI::App* command, AdminOptions& options) {
  command->add_option("--workflow", options.workflow,
                      "Of this workflow: NAMESPACE/NAME, or NAMESPACE/NAME:VERSION");
  command->add_option("--status", options.status,
                      "pending, running, waiting, suspended, completed, faulted or stopped");
  command->add_option("--started-after,--since", options.started_after,
                      "Started then or later, e.g. 2027-01-31T12:00:00Z");
  command->add_option("--started-before,--until", options.started_before, "Started before then");
  command->add_option("--ended-before", options.ended_before, "Ended before then");
}

// Something that is done to one, several or many.
void add_operation(Group& group, const std::string& name, const std::string& about,
                   AdminAction action, const std::string& footer) {
  AdminOptions& options = group.options();
  CLI::App* command = group.add(name, about, action);
  command->add_option("id", options.subjects, "One id, or several");
  add_instance_filters(command, options);
  command->add_flag("--all", options.all, "All that it can be done to, where no filter is given");
  command->footer(footer);
}

void add_operations(Group& group) {
  add_operation(group, "stop", "Cancel what instances do, and end them", actions::stop_instances,
                "Exits 1 where one of them was not stopped.\n"
                "Example:\n  stepwell instances stop --workflow sales/sync --status waiting");
  add_operation(group, "suspend", "Let instances begin nothing until they are resumed",
                actions::suspend_instances,
                "What is in flight comes to its end, and its result is kept.\n"
                "Example:\n  stepwell instances suspend --workflow sales/sync");
  add_operation(group, "resume", "Let suspended instances go on", actions::resume_instances,
                "Example:\n  stepwell instances resume --all");
  add_operation(group, "retry", "Let faulted instances go on from the step that failed",
                actions::retry_instances,
                "What was done before is kept and is not done again. Exits 1 where one of them was "
                "not taken.\n"
                "Examples:\n  stepwell instances retry 7318349394477056\n"
                "  stepwell instances retry --workflow sales/sync --since 2027-01-31T12:00:00Z");
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
  CLI::App* list = group.add("list", "Show instances", actions::list_instances);
  add_instance_filters(list, options);
  list->add_flag("--open", options.open, "Those that have not ended");
  list->add_option("--limit", options.limit, "At most so many (default 100, at most 500)");
  list->add_option("--cursor", options.cursor, "Go on behind the last page");
  list->footer("Example:\n  stepwell instances list --workflow sales/sync --status faulted");
  add_operations(group);
}

void add_audit(CLI::App& app, CommandContext& context) {
  Group group(app, context, "audit", "Who did what to which key, credential, user or instance");
  AdminOptions& options = group.options();
  CLI::App* list = group.add("list", "Show records, the oldest first", actions::list_audit);
  list->add_option("--first", options.first, "Number of the first record");
  list->add_option("--limit", options.limit, "At most so many (default 100, at most 500)");
  list->add_option("--user", options.by, "By this user");
  list->add_option("--action", options.audit_action, "Beginning with this, e.g. credential.");
  list->add_option("--target", options.target, "On this key, credential or user");
  group.add("verify", "Check that no record was changed or taken out", actions::verify_audit);
  group.app()->footer("Example:\n  stepwell audit list --action credential.revoke");
}

void add_master_key(CLI::App& app, CommandContext& context) {
  Group group(app, context, "master-key", "The key that encrypts what is stored");
  CLI::App* rotate =
      group.add("rotate", "Encrypt everything under a new key", actions::rotate_master_key);
  rotate->add_option("--new-file", group.options().new_file,
                     "Where the new key is left, if the settings take it from a command or a "
                     "systemd credential");
  rotate->footer(
      "Can be interrupted at any moment: the next start, or another rotate, goes on. With\n"
      "--new-file, put the file in place after a cut-off. Exits 1 where the store is under that\n"
      "key already. Keep the old key as long as backups that need it.\n"
      "Example:\n  stepwell master-key rotate");
}

void add_init(CLI::App& app, CommandContext& context) {
  auto directory = std::make_shared<std::string>();
  auto data = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>("table");
  CLI::App* init = app.add_subcommand("init", "Set up a new site in a directory");
  init->add_option("directory", *directory, "Made if missing; nothing in it is touched")
      ->required();
  init->add_option("--data", *data,
                   "The data folder, if it is to lie elsewhere; if it is there, it must be empty");
  init->add_option("-o,--output", *output, "table or json")->check(&table_or_json);
  init->footer(
      "Prints the first API key, of the user admin; it is shown this once.\n"
      "Example:\n  stepwell init site && stepwell serve --config site/stepwell.yaml");
  init->callback([&context, directory, data, output] {
    const bool json = *output == "json";
    const OutputFormat format = json ? OutputFormat::json : OutputFormat::table;
    const Result<Value> made = init_site(*directory, *data);
    if (!made) return report_problem(context, format, made.error());
    print_answer(context.out, format, *made, {});
  });
}

void add_doctor(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command =
      app.add_subcommand("doctor", "Check a site, and say what to do about each fault");
  // Of its own: the other groups' options write the environment's to the one they share.
  auto config = std::make_shared<std::string>();
  command->add_option("--config", *config, "The settings file")->envname("STEPWELL_CONFIG");
  command->add_option("-o,--output", options->output, "table or json")->check(&table_or_json);
  command->add_flag("--fix", options->fix,
                    "Mend what can be mended without loss: modes of files, a tombstone file that "
                    "lacks what the database has");
  command->footer(
      "Exit codes: 0 no errors (there may be warnings), 1 errors, 2 the settings cannot be read.\n"
      "Example:\n  stepwell doctor --config site/stepwell.yaml");
  command->callback([&context, options, config] {
    if (!config->empty()) context.config_file = *config;
    doctor(context, *options);
  });
}

}  // namespace

void add_admin_commands(CLI::App& app, CommandContext& context) {
  add_init(app, context);
  add_doctor(app, context);
  add_keys(app, context);
  add_credentials(app, context);
  add_users(app, context);
  add_audit(app, context);
  add_master_key(app, context);
  add_instances(app, context);
}

}  // namespace stepwell::daemon
