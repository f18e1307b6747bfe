// A group of subcommands about one resource (`stepwell keys …`), each of which makes a call of the
// API. For the sources that declare the groups.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "daemon/admin_call.h"
#include "daemon/command_context.h"
#include "daemon/command_line.h"

namespace stepwell::daemon {

class Group {
 public:
  enum class Reach { daemon_only, offline_too };

  Group(CLI::App& app, CommandContext& context, const std::string& name, const std::string& about,
        Reach reach = Reach::daemon_only);

  // A subcommand that makes the call that `action` gives.
  Command add(const std::string& name, const std::string& about,
              std::function<Result<AdminCall>(CommandContext&)> action);
  // One that does as it likes.
  Command add_own(const std::string& name, const std::string& about,
                  std::function<void(CommandContext&, const CommonOptions&)> action);
  Command command() const { return group_; }

 private:
  Command group_;
  CommandContext& context_;
  // Of its own: the environment would else overwrite what another group was given.
  std::shared_ptr<CommonOptions> options_ = std::make_shared<CommonOptions>();
};

// --- What several groups have ---

// One that never expires, or when it does.
struct ExpiryOptions {
  std::string expires;  // RFC 3339; empty: not given
  bool never = false;

  bool given() const { return never || !expires.empty(); }
  Value value() const { return never ? Value() : Value(expires); }
};
void add_expiry(Command command, ExpiryOptions& options);
void add_expiry_change(Command command, ExpiryOptions& options);
// Nothing given is wrong usage.
Result<AdminCall> patch_expiry(const std::string& target, const ExpiryOptions& options);

// --force, for what is in use.
void add_force(Command command, bool& force);

// --idempotency-key, for what is to have its effect once.
void add_once(Command command, std::string& key);

// Which part of a list is shown, and in which order.
struct PageOptions {
  std::string limit, cursor, ordering;
  bool all = false;
  std::map<std::string, std::string> filters;  // by the API's name of each

  // An option that narrows the list.
  Argument filter(Command command, const std::string& option, const std::string& parameter,
                  const std::string& about) {
    return command.text(option, filters[parameter], about);
  }
  AdminCall list(const std::string& resource, Query query, std::vector<std::string> columns) const;
};
// `orderings`: what it can be ordered by; empty: nothing.
void add_pages(Command command, PageOptions& options, const std::string& orderings = "");

}  // namespace stepwell::daemon
