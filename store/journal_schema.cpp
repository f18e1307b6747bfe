#include "store/journal_schema.h"

#include <array>

namespace stepwell::store {

namespace {

// docs/journal-format.md describes it. Times are milliseconds since 1970 (UTC).
// Most instances' ids grow with time, and so do the keys: new rows go to the end of their trees.
constexpr const char* kJournal = R"(
CREATE TABLE workflows (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  digest TEXT NOT NULL,
  UNIQUE (name, version, digest)
) STRICT;

CREATE TABLE instances (
  id INTEGER PRIMARY KEY,
  workflow INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  status INTEGER,
  ended_at INTEGER,
  last INTEGER NOT NULL,
  reopened INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  head TEXT NOT NULL,
  tail TEXT,
  life TEXT NOT NULL
) STRICT;
CREATE INDEX instances_of ON instances (workflow);
CREATE INDEX instances_open ON instances (id) WHERE status IS NULL;
CREATE INDEX instances_ended ON instances (ended_at) WHERE status IS NOT NULL;
CREATE INDEX instances_faulted ON instances (id) WHERE status = 2;

CREATE TABLE records (
  instance INTEGER NOT NULL,
  first INTEGER NOT NULL,
  records TEXT NOT NULL,
  PRIMARY KEY (instance, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE definitions (
  digest TEXT PRIMARY KEY,
  record TEXT NOT NULL
) STRICT;

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  record TEXT NOT NULL
) STRICT;

CREATE TABLE schedules (
  workflow TEXT PRIMARY KEY,
  record TEXT NOT NULL
) STRICT;

CREATE TABLE log (
  place INTEGER PRIMARY KEY,
  records TEXT NOT NULL
) STRICT;

CREATE TABLE removed (
  id INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE highest (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id INTEGER NOT NULL
) STRICT;
INSERT INTO highest VALUES (1, 0);
)";

constexpr std::array kJournalMigrations = {Migration{1, kJournal}};

}  // namespace

std::span<const Migration> journal_migrations() { return kJournalMigrations; }

}  // namespace stepwell::store
