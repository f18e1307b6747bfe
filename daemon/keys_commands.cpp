// `stepwell keys`: API keys, which clients of this daemon present.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
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
  std::string rate_limit;  // as the command line has it; empty: not given
  bool all_scopes = false, force = false;
  ExpiryOptions expiry;
  PageOptions page;
};
using SharedKeyOptions = std::shared_ptr<KeyOptions>;

// REQUESTS[/TIME[/BURST]], "none" or "default".
Result<Value> rate_of(const std::string& text) {
  if (text == "default") return Value();
  if (text == "none") return Value::object({{"requests", 0}});
  Value rate = Value::object();
  std::size_t at = 0;
  for (const char* name : {"requests", "per", "burst"}) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    const std::string part = text.substr(at, end - at);
    const bool time = std::string_view(name) == "per";
    std::int64_t number = 0;
    const char* const last = part.data() + part.size();
    const auto [stopped_at, error] = std::from_chars(part.data(), last, number);
    if (part.empty() || (!time && (error != std::errc() || stopped_at != last)))
      return fail(usage_problem(
          "--rate-limit must be REQUESTS, REQUESTS/TIME or REQUESTS/TIME/BURST, such as "
          "100/1s or 600/1m/50; none, or default"));
    rate.set(name, time ? Value(part) : Value(number));
    if (end == text.size()) return rate;
    at = end + 1;
  }
  return fail(usage_problem("--rate-limit has more parts than REQUESTS/TIME/BURST"));
}

Status set_rate(const KeyOptions& options, Value& body) {
  if (options.rate_limit.empty()) return {};
  Result<Value> rate = rate_of(options.rate_limit);
  if (!rate) return fail(std::move(rate).error());
  body.set("rateLimit", *std::move(rate));
  return {};
}

Result<AdminCall> create_key(const KeyOptions& options) {
  Value body = Value::object({{"name", options.key}, {"user", options.user}});
  set_if_given(body, "expiresAt", options.expiry.expires);
  if (!options.scopes.empty()) body.set("scopes", text_array(options.scopes));
  if (Status set = set_rate(options, body); !set) return fail(std::move(set).error());
  return post(kKeys, std::move(body));
}

Result<AdminCall> change_key(const KeyOptions& options) {
  Value body = Value::object();
  set_if_given(body, "user", options.user);
  if (!options.scopes.empty() || options.all_scopes) body.set("scopes", text_array(options.scopes));
  if (options.expiry.given()) body.set("expiresAt", options.expiry.value());
  if (Status set = set_rate(options, body); !set) return fail(std::move(set).error());
  return patch(path_to(kKeys, options.key), std::move(body));
}

void add_rate(Command command, KeyOptions& options) {
  command
      .text(
          "--rate-limit", options.rate_limit,
          "Requests that may be made with it, e.g. 100/1s or 600/1m/50 (at most 50 at once); none: "
          "as many as it likes; default: as http.rateLimit in the settings says")
      .kind("REQUESTS[/TIME[/BURST]]|none|default");
}

std::string forced(const std::string& target, const KeyOptions& options) {
  return target + Query().flag("force", options.force).text();
}

void add_key_changes(Group& keys, const SharedKeyOptions& options) {
  const auto with_key = [&options](Command command) {
    command.text("key", options->key, "Its id").required().kind("KEY");
    return command;
  };
  Command change =
      with_key(keys.add("change", "Change user, scopes, expiry and rate limit in one step",
                        [options](CommandContext&) { return change_key(*options); }));
  change.text("--user", options->user, "The new user").kind("USER");
  const Argument scope = change.texts("--scope", options->scopes, kScopeHelp);
  change.flag("--all-scopes", options->all_scopes, "All that its user's role allows")
      .excludes(scope);
  add_expiry_change(change, options->expiry);
  add_rate(change, *options);
  change.footer(
      "Examples:\n  stepwell keys change sw_k3v9abcdefgh --scope start-instances\n"
      "  stepwell keys change sw_k3v9abcdefgh --rate-limit 600/1m");
  Command expiry =
      with_key(keys.add("set-expiry", "Change when a key expires; an expired one works again",
                        [options](CommandContext&) {
                          return patch_expiry(path_to(kKeys, options->key), options->expiry);
                        }));
  add_expiry_change(expiry, options->expiry);
  expiry.footer("Example:\n  stepwell keys set-expiry sw_k3v9abcdefgh --expires 2031-06-30");
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
  add_rate(create, *options);
  create.footer(
      "Examples:\n  stepwell keys create ci --user deploy --expires 2031-01-31\n"
      "  stepwell keys create import --user deploy --rate-limit 50/1s/200");
  Command list = keys.add("list", "Show all keys", [options](CommandContext&) {
    return options->page.list(kKeys, {},
                              {"id", "name", "user", "state", "scopes", "expiresAt", "lastUsedAt"});
  });
  options->page.filter(list, "--user", "user", "Of this user").kind("USER");
  options->page.filter(list, "--key-name", "name", "A part of their names");
  options->page.filter(list, "--state", "state", "In this state").kind("active|expired|revoked");
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
