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

// What people say of instances, and what else lists select and order by. Most instances have no row
// of these, so that they cost them nothing.
constexpr const char* kLabels = R"(
CREATE TABLE labels (
  id INTEGER PRIMARY KEY,
  name TEXT,
  tags TEXT,
  priority INTEGER NOT NULL,
  deadline INTEGER,
  parent INTEGER,
  changed TEXT
) STRICT;
CREATE TABLE tags (
  tag TEXT NOT NULL,
  instance INTEGER NOT NULL,
  PRIMARY KEY (tag, instance)
) STRICT, WITHOUT ROWID;
CREATE TABLE credential_uses (
  credential TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (credential, digest)
) STRICT, WITHOUT ROWID;

INSERT INTO labels
  SELECT id, head ->> '$[7].name', head -> '$[7].tags', 0, NULL, head ->> '$[7].parent.id', NULL
  FROM instances
  WHERE (instr(head, '"name":') > 0 OR instr(head, '"tags":') > 0 OR instr(head, '"parent":') > 0)
    AND json_valid(head)
    AND (json_type(head, '$[7].name') = 'text' OR json_type(head, '$[7].tags') = 'array'
      OR json_type(head, '$[7].parent.id') = 'integer');
INSERT OR IGNORE INTO tags
  SELECT value, labels.id FROM labels, json_each(labels.tags)
  WHERE labels.tags IS NOT NULL AND json_each.type = 'text';
UPDATE instances SET started_at = coalesce(
    (SELECT value ->> 2 FROM json_each('[' || replace(life, char(10), ',') || ']')
     WHERE value ->> 1 = 2 LIMIT 1), started_at)
  WHERE substr(head, 1, 5) = '[1,1,' AND json_valid('[' || replace(life, char(10), ',') || ']');

CREATE INDEX labels_name ON labels (name) WHERE name IS NOT NULL;
CREATE INDEX labels_priority ON labels (priority) WHERE priority > 0;
CREATE INDEX labels_deadline ON labels (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX labels_parent ON labels (parent) WHERE parent IS NOT NULL;
CREATE INDEX instances_started ON instances (started_at) WHERE status IS NOT NULL;
CREATE INDEX instances_stopped ON instances (id) WHERE status = 3;
)";

// What a workflow's own retention takes away, and its newest ones, are found without the others.
constexpr const char* kWorkflowEnds = R"(
DROP INDEX instances_of;
CREATE INDEX instances_of ON instances (workflow, ended_at);
)";

constexpr std::array kJournalMigrations = {Migration{1, kJournal}, Migration{2, kLabels},
                                           Migration{3, kWorkflowEnds}};

}  // namespace

std::span<const Migration> journal_migrations() { return kJournalMigrations; }

}  // namespace stepwell::store
