// The tables of the journal's database (docs/journal-format.md). Plain data, any thread.
#pragma once

#include <span>

#include "store/database.h"

namespace stepwell::store {

std::span<const Migration> journal_migrations();

// For a file that is being made, before anything else is written to it.
constexpr const char* kJournalFirst = "PRAGMA auto_vacuum=INCREMENTAL";

}  // namespace stepwell::store
