#include "daemon/command_group.h"

#include <utility>

namespace stepwell::daemon {

Group::Group(CLI::App& app, CommandContext& context, const std::string& name,
             const std::string& about, Reach reach)
    : group_(add_command(app, name, about).needs_subcommand()), context_(context) {
  Connection& connection = options_->connection;
  add_config(group_, options_->config);
  Argument server = group_.text("--server", connection.server,
                                "The daemon's URL, where there is no settings file that tells");
  server.environment("STEPWELL_SERVER").kind("URL");
  group_
      .text("--cacert", connection.ca_file,
            "Certificates to trust, PEM (as curl); the connection is TLS")
      .environment("STEPWELL_CACERT")
      .kind("FILE");
  group_
      .text("--cert", connection.certificate_file,
            "The certificate to show to a daemon that asks for one, PEM (as curl)")
      .environment("STEPWELL_CERT")
      .kind("FILE");
  group_
      .text("--key", connection.certificate_key_file,
            "The key of that certificate, PEM; it may also stand in its file")
      .environment("STEPWELL_CERT_KEY")
      .kind("FILE");
  add_output(group_, options_->output);
  if (reach == Reach::offline_too)
    group_.flag("--offline", connection.offline,
                "Work on the data directory itself; only while no daemon runs on it");
}

Command Group::add(const std::string& name, const std::string& about,
                   std::function<Result<AdminCall>(CommandContext&)> action) {
  return add_own(
      name, about,
      [action = std::move(action)](CommandContext& context, const CommonOptions& options) {
        perform(context, options, action(context));
      });
}

Command Group::add_own(const std::string& name, const std::string& about,
                       std::function<void(CommandContext&, const CommonOptions&)> action) {
  return group_.subcommand(name, about)
      .runs([&context = context_, options = options_, action = std::move(action)] {
        action(context, *options);
      });
}

void add_expiry(Command command, ExpiryOptions& options) {
  command
      .text("--expires", options.expires,
            "Date and time after which it is refused, e.g. 2027-01-31T12:00:00Z")
      .kind("TIME");
}

void add_expiry_change(Command command, ExpiryOptions& options) {
  const Argument never = command.flag("--never", options.never, "It never expires");
  command.text("--expires", options.expires, "The new date and time").excludes(never).kind("TIME");
}

Result<AdminCall> patch_expiry(const std::string& target, const ExpiryOptions& options) {
  if (!options.given())
    return fail(usage_problem("give the new expiry by --expires TIME, or --never"));
  return patch(target, Value::object({{"expiresAt", options.value()}}));
}

void add_force(Command command, bool& force) {
  command.flag("--force", force,
               "Although workflows, instances or credentials use it; the answer names them");
}

void add_once(Command command, std::string& key) {
  command
      .text("--idempotency-key", key,
            "A text of your own: sent again with the same one, it has its effect once")
      .kind("TEXT");
}

AdminCall PageOptions::list(const std::string& resource, Query query,
                            std::vector<std::string> columns) const {
  for (const auto& [name, text] : filters) query.add(name, text);
  query.add("ordering", ordering).add("limit", limit).add("cursor", cursor);
  AdminCall call = get(resource + query.text(), std::move(columns));
  call.every_page = all;
  return call;
}

void add_pages(Command command, PageOptions& options, const std::string& orderings) {
  command.text("--limit", options.limit, "At most so many (default 100, at most 500)")
      .kind("NUMBER");
  command.text("--cursor", options.cursor, "Go on behind the last page");
  command.flag("--every-page", options.all, "All pages");
  if (!orderings.empty())
    command.text("--ordering", options.ordering, orderings + "; -FIELD: descending").kind("FIELD");
}

}  // namespace stepwell::daemon
