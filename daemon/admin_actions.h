// What the administrative subcommands do, apart from how their words are parsed: each action turns
// the options into one call of the API, online or offline.
// Used by one thread; perform() blocks.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "daemon/command_context.h"

namespace stepwell::daemon {

struct AdminOptions {
  std::string config;  // the settings file; empty: the context's
  std::string output = "table";
  bool offline = false;
  std::string subject;  // the name or id that the command is about
  std::string user, role, kind, description, prefix, header, username;
  std::vector<std::string> origins, namespaces;
  std::string expires;  // RFC 3339; empty: not given
  bool never = false;
  std::string value;       // "-" or empty
  std::string value_file;  // empty: not given
  // Files with the further parts of a value; empty: not given.
  std::string refresh_token_file, subject_token_file, actor_token_file, session_token_file;
  std::string certificate_file, passphrase_file;
  // The settings of oauth2 and awsSigV4.
  std::string grant, token_url, client_authentication, audience, resource, region, service;
  std::vector<std::string> oauth_scopes;
  std::string on_revoke, url, new_file;
  std::vector<std::string> scopes;  // of a key
  bool all_scopes = false, all_namespaces = false, force = false;
  // Of the audit log.
  std::string first, limit, by, audit_action, target;
  std::string input, name, wait;
  std::vector<std::string> tags;
  // Of instances: which of them.
  std::vector<std::string> subjects;  // ids
  std::string workflow, status, started_after, started_before, ended_before, cursor;
  bool open = false, all = false;
};

// One call of the API, and how its answer is shown.
struct AdminCall {
  std::string method;
  std::string target;
  Value body;
  std::vector<std::string> columns;  // of a list
  // Says of the answer whether what was asked for came about; else the exit code is 1.
  bool (*judge)(const Value& answer) = nullptr;
  std::string next_option = "--first";  // goes on with a list, where there may be more
  bool bulk = false;                    // see daemon/instance_actions.h
};

using AdminAction = Result<AdminCall> (*)(CommandContext&, const AdminOptions&);

// Builds the call, makes it, prints the answer or the problem, sets the exit code.
void perform(CommandContext& context, const AdminOptions& options, AdminAction action);

namespace actions {
Result<AdminCall> create_key(CommandContext& context, const AdminOptions& options);
Result<AdminCall> list_keys(CommandContext& context, const AdminOptions& options);
Result<AdminCall> show_key(CommandContext& context, const AdminOptions& options);
Result<AdminCall> revoke_key(CommandContext& context, const AdminOptions& options);
Result<AdminCall> delete_key(CommandContext& context, const AdminOptions& options);
Result<AdminCall> set_key_expiry(CommandContext& context, const AdminOptions& options);
Result<AdminCall> assign_key(CommandContext& context, const AdminOptions& options);
Result<AdminCall> change_key(CommandContext& context, const AdminOptions& options);
Result<AdminCall> key_usage(CommandContext& context, const AdminOptions& options);
Result<AdminCall> add_credential(CommandContext& context, const AdminOptions& options);
Result<AdminCall> list_credentials(CommandContext& context, const AdminOptions& options);
Result<AdminCall> show_credential(CommandContext& context, const AdminOptions& options);
Result<AdminCall> rotate_credential(CommandContext& context, const AdminOptions& options);
Result<AdminCall> revoke_credential(CommandContext& context, const AdminOptions& options);
Result<AdminCall> enable_credential(CommandContext& context, const AdminOptions& options);
Result<AdminCall> disable_credential(CommandContext& context, const AdminOptions& options);
Result<AdminCall> delete_credential(CommandContext& context, const AdminOptions& options);
Result<AdminCall> set_credential_expiry(CommandContext& context, const AdminOptions& options);
Result<AdminCall> change_credential(CommandContext& context, const AdminOptions& options);
Result<AdminCall> test_credential(CommandContext& context, const AdminOptions& options);
Result<AdminCall> credential_usage(CommandContext& context, const AdminOptions& options);
Result<AdminCall> list_audit(CommandContext& context, const AdminOptions& options);
Result<AdminCall> verify_audit(CommandContext& context, const AdminOptions& options);
Result<AdminCall> rotate_master_key(CommandContext& context, const AdminOptions& options);
Result<AdminCall> create_user(CommandContext& context, const AdminOptions& options);
Result<AdminCall> list_users(CommandContext& context, const AdminOptions& options);
Result<AdminCall> show_user(CommandContext& context, const AdminOptions& options);
Result<AdminCall> set_user_role(CommandContext& context, const AdminOptions& options);
Result<AdminCall> deactivate_user(CommandContext& context, const AdminOptions& options);
Result<AdminCall> activate_user(CommandContext& context, const AdminOptions& options);
Result<AdminCall> start_instance(CommandContext& context, const AdminOptions& options);
}  // namespace actions

}  // namespace stepwell::daemon
