// `stepwell audit` and `stepwell master-key`: what the store keeps about itself.
#include <filesystem>
#include <string>

#include "daemon/admin_commands.h"
#include "daemon/command_group.h"

namespace stepwell::daemon {

namespace {

constexpr const char* kAudit = "/api/v1/audit";

struct AuditOptions {
  std::string first, user, action, target;
  PageOptions page;
};

}  // namespace

void add_audit_commands(CLI::App& app, CommandContext& context) {
  Group group(app, context, "audit", "Who did what to which key, credential, user or instance",
              Group::Reach::offline_too);
  const auto options = std::make_shared<AuditOptions>();
  Command list = group.add("list", "Show records, the oldest first", [options](CommandContext&) {
    Query query;
    query.add("first", options->first).add("user", options->user);
    query.add("action", options->action).add("target", options->target);
    return options->page.list(
        kAudit, query, {"number", "time", "user", "from", "action", "target", "result", "detail"});
  });
  list.text("--first", options->first, "Number of the first record").kind("NUMBER");
  list.text("--user", options->user, "By this user").kind("USER");
  list.text("--action", options->action, "Beginning with this, e.g. credential.");
  list.text("--target", options->target, "On this key, credential, user, instance, …");
  options->page.filter(list, "--result", "result", "With this result, e.g. done");
  options->page.filter(list, "--after", "timeAfter", "Then or later").kind("TIME");
  options->page.filter(list, "--before", "timeBefore", "Before then").kind("TIME");
  add_pages(list, options->page, "number, or -number for the newest first");
  list.footer("Example:\n  stepwell audit list --action credential.revoke");
  group
      .add("verify", "Check that no record was changed or taken out",
           [](CommandContext&) { return get(std::string(kAudit) + "/verify"); })
      .footer("Example:\n  stepwell audit verify");
  group.command().footer("Example:\n  stepwell audit list --action credential.revoke");
}

void add_master_key_commands(CLI::App& app, CommandContext& context) {
  Group group(app, context, "master-key", "The key that encrypts what is stored",
              Group::Reach::offline_too);
  const auto new_file = std::make_shared<std::string>();
  Command rotate =
      group.add("rotate", "Encrypt everything under a new key", [new_file](CommandContext&) {
        Value body;
        // As the shell sees it, whatever directory the daemon is in.
        if (!new_file->empty())
          body = Value::object({{"newFile", std::filesystem::absolute(*new_file).string()}});
        AdminCall call = post("/api/v1/master-key/rotate", std::move(body));
        call.judge = [](const Value& answer) { return answer.get("rotated") == Value(true); };
        return call;
      });
  rotate
      .text("--new-file", *new_file,
            "Where the new key is left, if the settings take it from a command or a systemd "
            "credential")
      .kind("FILE");
  rotate.footer(
      "Can be interrupted at any moment: the next start, or another rotate, goes on. With\n"
      "--new-file, put the file in place after a cut-off. Exits 1 where the store is under that\n"
      "key already. Keep the old key as long as backups that need it.\n"
      "Example:\n  stepwell master-key rotate");
  group.command().footer("Example:\n  stepwell master-key rotate");
}

}  // namespace stepwell::daemon
