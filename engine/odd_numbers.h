// Doubles that their JSON text does not give back: what is no number there, and whole ones, which
// come back as int64 and count differently. Pure; any thread. Internal to engine/.
#pragma once

#include "base/value.h"

namespace stepwell::engine {

bool is_odd(const Value& number);

// As a journal gives it back: what a state machine is given is the same before and after a restart.
Value as_recorded(Value value);

}  // namespace stepwell::engine
