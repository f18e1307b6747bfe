// `stepwell users`: to whom API keys belong.
#include <string>

#include "daemon/admin_commands.h"
#include "daemon/command_group.h"

namespace stepwell::daemon {

namespace {

constexpr const char* kUsers = "/api/v1/users";

struct UserOptions {
  std::string name, role;
  PageOptions page;
};

}  // namespace

void add_users_commands(CLI::App& app, CommandContext& context) {
  Group users(app, context, "users", "Users, each with a role, to whom API keys belong",
              Group::Reach::offline_too);
  const auto options = std::make_shared<UserOptions>();
  const auto role = [&options](Command command) {
    command.text("--role", options->role, "What its keys may do")
        .required()
        .one_of({"viewer", "operator", "admin"});
  };
  const auto named = [&options](Command command) {
    command.text("name", options->name, "Of the user").required().kind("USER");
    return command;
  };
  const auto change = [options](std::string_view member, const Value& value) {
    return patch(path_to(kUsers, options->name), Value::object({{member, value}}));
  };
  Command create = users.add("create", "Add a user", [options](CommandContext&) {
    return post(kUsers, Value::object({{"name", options->name}, {"role", options->role}}));
  });
  create.text("name", options->name, "Of the user").required().kind("NAME");
  role(create);
  create.footer("Example:\n  stepwell users create deploy --role operator");
  Command list = users.add("list", "Show all users", [options](CommandContext&) {
    return options->page.list(kUsers, {}, {"name", "role", "active", "createdAt"});
  });
  options->page.filter(list, "--user-name", "name", "A part of their names");
  options->page.filter(list, "--role", "role", "With this role").kind("viewer|operator|admin");
  options->page.filter(list, "--active", "active", "Whether their keys work").kind("true|false");
  add_pages(list, options->page, "name, role or createdAt");
  list.footer("Example:\n  stepwell users list");
  named(users.add("show", "Show one user", [options](CommandContext&) {
    return get(path_to(kUsers, options->name));
  })).footer("Example:\n  stepwell users show deploy");
  Command set_role =
      named(users.add("set-role", "Change a user's role", [options, change](CommandContext&) {
        return change("role", options->role);
      }));
  role(set_role);
  set_role.footer("Example:\n  stepwell users set-role deploy --role viewer");
  named(users.add("deactivate", "Stop all keys of a user at once", [change](CommandContext&) {
    return change("active", false);
  })).footer("Example:\n  stepwell users deactivate deploy");
  named(users.add("activate", "Let a user's keys work again", [change](CommandContext&) {
    return change("active", true);
  })).footer("Example:\n  stepwell users activate deploy");
  users.command().footer("Example:\n  stepwell users create deploy --role operator");
}

}  // namespace stepwell::daemon
