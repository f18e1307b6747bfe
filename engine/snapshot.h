// An instance as one JSON value, and back: so that a journal need not be replayed from its
// beginning. docs/journal-format.md describes the form. Pure, callable from any thread.
#pragma once

#include "base/result.h"
#include "base/value.h"
#include "engine/program.h"
#include "engine/replay.h"

namespace stepwell::engine {

// Everything that a replay of the records so far would give, in one object {version: 1, …}. Values
// that frames share stand in it once.
Value to_snapshot(const Replayed& replayed);

// The way back; what it gives acts in every way as what the snapshot was made of.
// Errors: configuration/`store-damaged` for another version, and for what contradicts the program
// or itself; whatever is accepted can be given events without harm.
Result<Replayed> read_snapshot(const Program& program, const Value& snapshot);

}  // namespace stepwell::engine
