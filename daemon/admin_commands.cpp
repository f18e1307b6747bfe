#include "daemon/admin_commands.h"

namespace stepwell::daemon {

void add_admin_commands(CLI::App& app, CommandContext& context) {
  add_init_command(app, context);
  add_doctor_command(app, context);
  add_keys_commands(app, context);
  add_credentials_commands(app, context);
  add_users_commands(app, context);
  add_audit_commands(app, context);
  add_master_key_commands(app, context);
  add_workflows_commands(app, context);
  add_schedules_commands(app, context);
  add_instances_commands(app, context);
  add_tasks_commands(app, context);
  add_files_commands(app, context);
  add_events_commands(app, context);
}

}  // namespace stepwell::daemon
