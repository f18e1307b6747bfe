// The open instances of a journal that was restored.
// Used by one thread; blocks.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace stepwell::daemon {

enum class OpenInstances : std::uint8_t { stay, suspend };

struct OpenCount {
  std::uint64_t open = 0;
  std::uint64_t suspended = 0;  // now; those that were suspended before are among them
};

// Makes the journal where it is missing. Errors: the journal's.
Result<OpenCount> look_at_open_instances(const std::string& journal, const Clock& clock,
                                         OpenInstances what);

}  // namespace stepwell::daemon
