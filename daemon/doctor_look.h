// Gathers the facts of a site for `stepwell doctor`, and mends what can be mended.
// Used by one thread; both block. Looking changes nothing but what any start of the daemon would
// (tombstones merged, a rotation of the master key ended), and makes no missing file.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "config/settings.h"
#include "daemon/command_context.h"
#include "daemon/doctor_facts.h"
#include "daemon/doctor_findings.h"

namespace stepwell::daemon {

// Where a daemon holds the data directory, it is asked with the key of STEPWELL_API_KEY.
Facts look_at_site(const CommandContext& context, const Clock& clock);

// The parts; those of the databases want facts.user, paths and the master key.
DatabaseFacts look_at_database(const CommandContext& context, const config::Settings& settings,
                               const Facts& facts);
JournalFacts look_at_journal(const config::Settings& settings, const Facts& facts);
FileFacts look_at_files(const config::Settings& settings, const Facts& facts);
DefinitionFacts look_at_definitions(const std::string& folder);
ListenFacts look_at_listen(const std::string& address, bool bind_it);
LimitFacts look_at_limits(const Holder& holder);
std::optional<bool> look_at_synchronisation();

// Errors: runtime/`mend-failed`; the store's.
Status mend(const CommandContext& context, const Mend& what);

}  // namespace stepwell::daemon
