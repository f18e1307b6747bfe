// What is done to many instances: asked for before, where somebody sits at a terminal, and made
// page by page until there is no more. Used by one thread; perform_in_bulk() blocks.
#pragma once

#include "base/value.h"
#include "daemon/admin_call.h"
#include "daemon/api_client.h"
#include "daemon/command_context.h"
#include "daemon/output.h"

namespace stepwell::daemon {

// Makes the call of a bulk operation, goes on where its answer says that there is more, and prints
// what came of all of it. Exit code 1 where one of the instances was not taken, or nobody agreed.
// A call with `dry_run` only shows which instances it would be done to.
void perform_in_bulk(CommandContext& context, OutputFormat format, Backend& backend,
                     const AdminCall& call);

}  // namespace stepwell::daemon
