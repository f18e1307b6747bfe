// The administrative subcommands, a function for each group. CLI11 lies behind this header.
// For main, which owns both arguments; they outlive the parsing.
#pragma once

#include "daemon/command_context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace stepwell::daemon {

// Each subcommand runs when the app has been parsed, and leaves its exit code in the context.
void add_init_command(CLI::App& app, CommandContext& context);
void add_doctor_command(CLI::App& app, CommandContext& context);
void add_keys_commands(CLI::App& app, CommandContext& context);
void add_credentials_commands(CLI::App& app, CommandContext& context);
void add_users_commands(CLI::App& app, CommandContext& context);
void add_audit_commands(CLI::App& app, CommandContext& context);
void add_master_key_commands(CLI::App& app, CommandContext& context);
void add_workflows_commands(CLI::App& app, CommandContext& context);
void add_schedules_commands(CLI::App& app, CommandContext& context);
void add_instances_commands(CLI::App& app, CommandContext& context);
void add_tasks_commands(CLI::App& app, CommandContext& context);
void add_files_commands(CLI::App& app, CommandContext& context);
void add_events_commands(CLI::App& app, CommandContext& context);

// All of them.
void add_admin_commands(CLI::App& app, CommandContext& context);

}  // namespace stepwell::daemon
