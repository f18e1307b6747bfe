// What `stepwell instances` does to instances that are there: lists, and stop, suspend, resume and
// retry of one, several or all that a filter picks.
// Used by one thread; call_in_pages() blocks.
#pragma once

#include "base/result.h"
#include "base/value.h"
#include "daemon/admin_actions.h"
#include "daemon/api_client.h"
#include "daemon/command_context.h"
#include "daemon/output.h"

namespace stepwell::daemon {

namespace actions {
Result<AdminCall> list_instances(CommandContext& context, const AdminOptions& options);
Result<AdminCall> show_instance(CommandContext& context, const AdminOptions& options);
Result<AdminCall> stop_instances(CommandContext& context, const AdminOptions& options);
Result<AdminCall> suspend_instances(CommandContext& context, const AdminOptions& options);
Result<AdminCall> resume_instances(CommandContext& context, const AdminOptions& options);
Result<AdminCall> retry_instances(CommandContext& context, const AdminOptions& options);
}  // namespace actions

// Makes the call of a bulk operation, goes on where its answer says that there is more, and prints
// what came of all of it. Exit code 1 where one of the instances was not taken.
void perform_in_bulk(CommandContext& context, OutputFormat format, Backend& backend,
                     const AdminCall& call);

}  // namespace stepwell::daemon
