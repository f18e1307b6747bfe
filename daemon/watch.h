// `stepwell instances watch`: what an instance does, or what becomes of all, as it happens.
// Used by one thread; blocks until the instance has ended, or for as long as there is a daemon.
#pragma once

#include <functional>
#include <string>

#include "daemon/admin_call.h"
#include "daemon/command_context.h"

namespace stepwell::daemon {

struct WatchOptions {
  std::string after;  // the id of an event; empty: from the beginning, or of all from now on
  Query filter = {};  // of all: which are meant
};

// A line for each event. Where the connection is lost it goes on behind the last event. Exit code 1
// where the instance has faulted or was stopped.
// An empty id stands for all.
void watch_instances(CommandContext& context, const CommonOptions& common, const std::string& id,
                     const WatchOptions& options);
// The same with what answers already at hand; `pause` is called before another attempt.
void watch_instance(CommandContext& context, OutputFormat format, Backend& backend,
                    const std::string& id, const WatchOptions& options,
                    const std::function<void()>& pause);
// What becomes of all that the filter picks; ends with the connection, where that cannot be made
// again.
void watch_all(CommandContext& context, OutputFormat format, Backend& backend,
               const WatchOptions& options, const std::function<void()>& pause);

}  // namespace stepwell::daemon
