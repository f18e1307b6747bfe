#include "store/schema.h"

#include <array>

namespace stepwell::store {

namespace {

// Times are milliseconds since 1970 (UTC).
constexpr const char* kSecrets = R"(
CREATE TABLE wrapped_keys (
  id INTEGER PRIMARY KEY,
  purpose TEXT NOT NULL,
  master TEXT NOT NULL,
  wrapped BLOB NOT NULL
) STRICT;

CREATE TABLE credentials (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  kind TEXT NOT NULL,
  prefix TEXT NOT NULL,
  header TEXT NOT NULL,
  settings TEXT NOT NULL,
  origins TEXT NOT NULL,
  namespaces TEXT NOT NULL,
  expires_at INTEGER,
  on_revoke TEXT NOT NULL,
  linked_key TEXT NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX credentials_by_name ON credentials (name) WHERE state <> 'deleted';

CREATE TABLE credential_values (
  credential_id TEXT NOT NULL REFERENCES credentials (id),
  version INTEGER NOT NULL,
  field TEXT NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (credential_id, version, field)
) STRICT;

CREATE TABLE users (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  active INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  user TEXT NOT NULL REFERENCES users (name),
  hash BLOB NOT NULL,
  scopes TEXT NOT NULL,
  expires_at INTEGER,
  state TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tombstones (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  what TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  at INTEGER NOT NULL,
  number INTEGER NOT NULL,
  mac TEXT NOT NULL,
  PRIMARY KEY (kind, id, what)
) STRICT;

CREATE TABLE audit (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  origin TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  result TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TABLE clock_mark (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE last_uses (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT;

CREATE TABLE state_seal (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  digest TEXT NOT NULL
) STRICT;
)";

// Last uses and marks of requests that must have their effect once are not covered by the seal.
constexpr const char* kSwitches = R"(
CREATE TABLE workflow_switches (
  workflow TEXT PRIMARY KEY,
  disabled INTEGER NOT NULL,
  paused INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE once_marks (
  once TEXT PRIMARY KEY,
  asked TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX once_marks_by_time ON once_marks (at);
)";

// A key's own rate limit; all three or none.
constexpr const char* kRates = R"(
ALTER TABLE api_keys ADD COLUMN rate_requests INTEGER;
ALTER TABLE api_keys ADD COLUMN rate_per INTEGER;
ALTER TABLE api_keys ADD COLUMN rate_burst INTEGER;
)";

// Version 1 was never released; what it wrote has no seal over its state.
constexpr std::array kMigrations = {Migration{2, kSecrets}, Migration{3, kSwitches},
                                    Migration{4, kRates}};

}  // namespace

std::span<const Migration> schema_migrations() { return kMigrations; }

}  // namespace stepwell::store
