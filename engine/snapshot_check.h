// Does what was read from a snapshot fit the program and itself, so that any event can be applied
// to it? Internal to engine/; pure.
#pragma once

#include <string>

#include "engine/program.h"
#include "engine/replay.h"

namespace stepwell::engine::detail {

// What contradicts what, for a message; empty where all is well.
std::string contradiction(const Program& program, const Replayed& replayed);

}  // namespace stepwell::engine::detail
