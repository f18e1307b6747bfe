// `stepwell keys`: API keys, which clients of this daemon present.
#include <string>
#include <vector>

#include "daemon/admin_commands.h"
#include "daemon/command_group.h"

namespace stepwell::daemon {

namespace {

constexpr const char* kKeys = "/api/v1/keys";
constexpr const char* kScopeHelp =
    "Narrows the key to this permission, e.g. start-instances; may be repeated";

struct KeyOptions {
  std::string key;  // its id; of a new one its name
  std::string user;
  std::vector<std::string> scopes;
  bool all_scopes = false, force = false;
  ExpiryOptions expiry;
  PageOptions page;
};
using SharedKeyOptions = std::shared_ptr<KeyOptions>;

AdminCall create_key(const KeyOptions& options) {
  Value body = Value::object({{"name", options.key}, {"user", options.user}});
  set_if_given(body, "expiresAt", options.expiry.expires);
  if (!options.scopes.empty()) body.set("scopes", text_array(options.scopes));
  return post(kKeys, std::move(body));
}

AdminCall change_key(const KeyOptions& options) {
  Value body = Value::object();
  set_if_given(body, "user", options.user);
  if (!options.scopes.empty() || options.all_scopes) body.set("scopes", text_array(options.scopes));
  if (options.expiry.given()) body.set("expiresAt", options.expiry.value());
  return patch(path_to(kKeys, options.key), std::move(body));
}

std::string forced(const std::string& target, const KeyOptions& options) {
  return target + Query().flag("force", options.force).text();
}

void add_key_changes(Group& keys, const SharedKeyOptions& options) {
  const auto with_key = [&options](Command command) {
    command.text("key", options->key, "Its id").required().kind("KEY");
    return command;
  };
  Command change = with_key(keys.add("change", "Change user, scopes and expiry in one step",
                                     [options](CommandContext&) { return change_key(*options); }));
  change.text("--user", options->user, "The new user").kind("USER");
  const Argument scope = change.texts("--scope", options->scopes, kScopeHelp);
  change.flag("--all-scopes", options->all_scopes, "All that its user's role allows")
      .excludes(scope);
  add_expiry_change(change, options->expiry);
  change.footer("Example:\n  stepwell keys change sw_k3v9abcdefgh --scope start-instances");
  Command expiry =
      with_key(keys.add("set-expiry", "Change when a key expires; an expired one works again",
                        [options](CommandContext&) {
                          return patch_expiry(path_to(kKeys, options->key), options->expiry);
                        }));
  add_expiry_change(expiry, options->expiry);
  expiry.footer("Example:\n  stepwell keys set-expiry sw_k3v9abcdefgh --expires 2027-06-30");
  Command assign =
      with_key(keys.add("assign", "Give a key to another user", [options](CommandContext&) {
        return patch(path_to(kKeys, options->key), Value::object({{"user", options->user}}));
      }));
  assign.text("--user", options->user, "The new user").required().kind("USER");
  assign.footer("Example:\n  stepwell keys assign sw_k3v9abcdefgh --user deploy");
  Command revoke =
      with_key(keys.add("revoke", "Refuse a key from now on; final", [options](CommandContext&) {
        return post(forced(path_to(kKeys, options->key, "/revoke"), *options));
      }));
  add_force(revoke, options->force);
  revoke.footer("Example:\n  stepwell keys revoke sw_k3v9abcdefgh");
  Command deletion =
      with_key(keys.add("delete", "Refuse a key from now on and take it off the list; final",
                        [options](CommandContext&) {
                          return remove(forced(path_to(kKeys, options->key), *options));
                        }));
  add_force(deletion, options->force);
  deletion.footer("Example:\n  stepwell keys delete sw_k3v9abcdefgh");
}

}  // namespace

void add_keys_commands(CLI::App& app, CommandContext& context) {
  Group keys(app, context, "keys", "API keys, which clients of this daemon present",
             Group::Reach::offline_too);
  const auto options = std::make_shared<KeyOptions>();
  Command create = keys.add("create", "Issue a key and print it, once",
                            [options](CommandContext&) { return create_key(*options); });
  create.text("name", options->key, "For people").required().kind("NAME");
  create.text("--user", options->user, "The user whose role it has").required().kind("USER");
  add_expiry(create, options->expiry);
  create.texts("--scope", options->scopes, kScopeHelp).kind("PERMISSION");
  create.footer("Example:\n  stepwell keys create ci --user deploy --expires 2027-01-31");
  Command list = keys.add("list", "Show all keys", [options](CommandContext&) {
    return options->page.list(kKeys, {},
                              {"id", "name", "user", "state", "scopes", "expiresAt", "lastUsedAt"});
  });
  options->page.filter(list, "--user", "user", "Of this user").kind("USER");
  options->page.filter(list, "--key-name", "name", "A part of their names");
  options->page.filter(list, "--state", "state", "In this state")
      .kind("active|expired|revoked|deleted");
  options->page.filter(list, "--expires-before", "expiresBefore", "That expire before then")
      .kind("TIME");
  add_pages(list, options->page, "name, user, createdAt, expiresAt, lastUsedAt or the like");
  list.footer("Example:\n  stepwell keys list --user deploy -o yaml");
  Command show = keys.add("show", "Show one key",
                          [options](CommandContext&) { return get(path_to(kKeys, options->key)); });
  show.text("key", options->key, "Its id").required().kind("KEY");
  show.footer("Example:\n  stepwell keys show sw_k3v9abcdefgh");
  Command usage =
      keys.add("usage", "What refers to a key, runs under it or holds it",
               [options](CommandContext&) { return get(path_to(kKeys, options->key, "/usage")); });
  usage.text("key", options->key, "Its id").required().kind("KEY");
  usage.footer("Example:\n  stepwell keys usage sw_k3v9abcdefgh");
  add_key_changes(keys, options);
  keys.command().footer("Example:\n  stepwell keys revoke sw_k3v9abcdefgh");
}

}  // namespace stepwell::daemon
