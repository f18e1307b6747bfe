#include "store/sqlite_rows.h"

#include "base/json.h"

namespace stepwell::store {

using auth::ApiKey;
using auth::AuditRecord;
using auth::ClockMark;
using auth::Credential;
using auth::EraseValues;
using auth::EraseWrappedKey;
using auth::LastUse;
using auth::SealedValue;
using auth::StateSeal;
using auth::StoredState;
using auth::Tombstone;
using auth::User;
using auth::WrappedKey;

namespace {

std::int64_t ms(WallTime time) { return time.time_since_epoch().count(); }
std::optional<std::int64_t> ms(std::optional<WallTime> time) {
  if (!time) return std::nullopt;
  return ms(*time);
}
WallTime time_of(std::int64_t number) { return WallTime(Milliseconds(number)); }
std::optional<WallTime> time_of(std::optional<std::int64_t> number) {
  if (!number) return std::nullopt;
  return time_of(*number);
}

Problem damaged(const std::string& what) {
  return make_problem(ErrorKind::configuration, "store-damaged",
                      what + " in the database cannot be understood; restore it from a backup");
}

std::string list_text(const std::vector<std::string>& items) {
  Value list = Value::array();
  for (const std::string& item : items) list.push_back(item);
  return to_json(list);
}

Result<std::vector<std::string>> list_of(std::string_view text) {
  Result<Value> list = parse_json(text);
  if (!list) return fail(damaged("a list"));
  std::vector<std::string> items;
  for (const Value& item : list->elements()) {
    if (!item.is_string()) return fail(damaged("a list"));
    items.emplace_back(item.as_string());
  }
  return items;
}

std::string scopes_text(const std::vector<auth::Permission>& scopes) {
  Value list = Value::array();
  for (const auth::Permission scope : scopes) list.push_back(to_string(scope));
  return to_json(list);
}

Result<std::vector<auth::Permission>> scopes_of(std::string_view text) {
  Result<std::vector<std::string>> names = list_of(text);
  if (!names) return fail(std::move(names.error()));
  std::vector<auth::Permission> scopes;
  for (const std::string& name : *names) {
    const std::optional<auth::Permission> scope = auth::parse_permission(name);
    // Passed over, it would leave the key wider than it was.
    if (!scope) return fail(damaged("the scope " + name));
    scopes.push_back(*scope);
  }
  return scopes;
}

std::optional<std::int64_t> rate_column(const ApiKey& key, std::uint64_t auth::KeyRate::*column) {
  if (!key.rate) return std::nullopt;
  return static_cast<std::int64_t>(*key.rate.*column);
}
std::optional<std::int64_t> rate_per(const ApiKey& key) {
  if (!key.rate) return std::nullopt;
  return key.rate->per.count();
}

// One overload for each kind of change; `sql` is prepared anew, since changes are rare.
class Writer {
 public:
  explicit Writer(Database& database) : database_(database) {}

  Status operator()(const WrappedKey& row) {
    return run(
        "INSERT INTO wrapped_keys VALUES (?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
        "purpose=excluded.purpose, master=excluded.master, wrapped=excluded.wrapped",
        std::int64_t{row.id}, row.purpose, row.master, Blob{row.wrapped});
  }

  Status operator()(const Credential& row) {
    std::vector<std::string> origins;
    for (const auth::OriginPattern& origin : row.origins) origins.push_back(origin.text());
    return run(
        "INSERT INTO credentials VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
        "ON CONFLICT (id) DO UPDATE SET name=excluded.name, description=excluded.description, "
        "kind=excluded.kind, prefix=excluded.prefix, header=excluded.header, "
        "settings=excluded.settings, origins=excluded.origins, namespaces=excluded.namespaces, "
        "expires_at=excluded.expires_at, on_revoke=excluded.on_revoke, "
        "linked_key=excluded.linked_key, version=excluded.version, state=excluded.state, "
        "created_by=excluded.created_by, created_at=excluded.created_at, "
        "changed_by=excluded.changed_by, changed_at=excluded.changed_at",
        row.id, row.name, row.description, to_string(row.kind), row.prefix, row.header,
        to_json(row.settings), list_text(origins), list_text(row.namespaces), ms(row.expires_at),
        to_string(row.on_revoke), row.linked_key, std::int64_t{row.version}, to_string(row.state),
        row.created_by, ms(row.created_at), row.changed_by, ms(row.changed_at));
  }

  Status operator()(const SealedValue& row) {
    return run(
        "INSERT INTO credential_values VALUES (?,?,?,?) ON CONFLICT (credential_id, version, "
        "field) DO UPDATE SET sealed=excluded.sealed",
        row.credential_id, std::int64_t{row.version}, row.field, Blob{row.sealed});
  }

  Status operator()(const EraseValues& row) {
    return run("DELETE FROM credential_values WHERE credential_id=?", row.credential_id);
  }

  Status operator()(const ApiKey& row) {
    return run(
        "INSERT INTO api_keys VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
        "name=excluded.name, user=excluded.user, hash=excluded.hash, scopes=excluded.scopes, "
        "expires_at=excluded.expires_at, state=excluded.state, created_by=excluded.created_by, "
        "created_at=excluded.created_at, changed_by=excluded.changed_by, "
        "changed_at=excluded.changed_at, rate_requests=excluded.rate_requests, "
        "rate_per=excluded.rate_per, rate_burst=excluded.rate_burst",
        row.id, row.name, row.user, Blob{row.hash}, scopes_text(row.scopes), ms(row.expires_at),
        to_string(row.state), row.created_by, ms(row.created_at), row.changed_by,
        ms(row.changed_at), rate_column(row, &auth::KeyRate::requests), rate_per(row),
        rate_column(row, &auth::KeyRate::burst));
  }

  Status operator()(const User& row) {
    return run(
        "INSERT INTO users VALUES (?,?,?,?,?) ON CONFLICT (name) DO UPDATE SET "
        "role=excluded.role, active=excluded.active, created_by=excluded.created_by, "
        "created_at=excluded.created_at",
        row.name, to_string(row.role), std::int64_t{row.active ? 1 : 0}, row.created_by,
        ms(row.created_at));
  }

  Status operator()(const Tombstone& row) {
    return run("INSERT INTO tombstones VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", row.kind,
               row.id, row.what, row.by, ms(row.at), static_cast<std::int64_t>(row.number),
               row.mac);
  }

  Status operator()(const AuditRecord& row) {
    return run("INSERT INTO audit VALUES (?,?,?,?,?,?,?,?,?)",
               static_cast<std::int64_t>(row.number), ms(row.at), row.actor, row.from, row.action,
               row.target, row.result, row.detail, row.hash);
  }

  Status operator()(const ClockMark& row) {
    return run(
        "INSERT INTO clock_mark VALUES (1,?) ON CONFLICT (only_row) DO UPDATE SET "
        "at=max(at, excluded.at)",
        ms(row.at));
  }

  Status operator()(const LastUse& row) {
    return run(
        "INSERT INTO last_uses VALUES (?,?,?) ON CONFLICT (kind, id) DO UPDATE SET "
        "at=max(at, excluded.at)",
        row.kind, row.id, ms(row.at));
  }

  Status operator()(const StateSeal& row) {
    return run(
        "INSERT INTO state_seal VALUES (1,?) ON CONFLICT (only_row) DO UPDATE SET "
        "digest=excluded.digest",
        row.digest);
  }

  Status operator()(const auth::WorkflowSwitch& row) {
    return run(
        "INSERT INTO workflow_switches VALUES (?,?,?,?,?) ON CONFLICT (workflow) DO UPDATE SET "
        "disabled=excluded.disabled, paused=excluded.paused, by_whom=excluded.by_whom, "
        "at=excluded.at",
        row.workflow, std::int64_t{row.disabled ? 1 : 0}, std::int64_t{row.paused ? 1 : 0}, row.by,
        ms(row.at));
  }

  Status operator()(const auth::OnceMark& row) {
    return run(
        "INSERT INTO once_marks VALUES (?,?,?,?,?) ON CONFLICT (once) DO UPDATE SET "
        "asked=excluded.asked, action=excluded.action, target=excluded.target, at=excluded.at",
        row.once, row.asked, row.action, row.target, ms(row.at));
  }

  Status operator()(const auth::EraseOnceMarks& row) {
    return run("DELETE FROM once_marks WHERE at<?", ms(row.before));
  }

  Status operator()(const EraseWrappedKey& row) {
    return run("DELETE FROM wrapped_keys WHERE id=?", std::int64_t{row.id});
  }

 private:
  template <class... Values>
  Status run(std::string_view sql, const Values&... values) {
    Result<Statement> statement = database_.prepare(sql);
    if (!statement) return fail(std::move(statement.error()));
    (statement->bind(values), ...);
    return statement->run();
  }

  Database& database_;
};

// Calls `take` for each row; it answers with a Status.
template <class Take>
Status for_each(Database& database, std::string_view sql, const Take& take) {
  Result<Statement> statement = database.prepare(sql);
  if (!statement) return fail(std::move(statement.error()));
  for (;;) {
    Result<bool> row = statement->step();
    if (!row) return fail(std::move(row.error()));
    if (!*row) return {};
    Status taken = take(*statement);
    if (!taken) return taken;
  }
}

Result<Credential> credential_of(const Statement& row) {
  Credential credential;
  credential.id = row.text(0);
  credential.name = row.text(1);
  credential.description = row.text(2);
  const auto kind = auth::parse_credential_kind(row.text(3));
  Result<Value> settings = parse_json(row.text(6));
  Result<std::vector<std::string>> origins = list_of(row.text(7));
  Result<std::vector<std::string>> namespaces = list_of(row.text(8));
  const auto on_revoke = auth::parse_on_revoke(row.text(10));
  const auto state = auth::parse_credential_state(row.text(13));
  if (!kind || !settings || !origins || !namespaces || !on_revoke || !state)
    return fail(damaged("credential " + credential.name));
  credential.kind = *kind;
  credential.prefix = row.text(4);
  credential.header = row.text(5);
  credential.settings = std::move(*settings);
  for (const std::string& text : *origins) {
    Result<auth::OriginPattern> origin = auth::OriginPattern::parse(text);
    if (!origin) return fail(damaged("an origin of credential " + credential.name));
    credential.origins.push_back(std::move(*origin));
  }
  credential.namespaces = std::move(*namespaces);
  credential.expires_at = time_of(row.optional_number(9));
  credential.on_revoke = *on_revoke;
  credential.linked_key = row.text(11);
  credential.version = static_cast<std::uint32_t>(row.number(12));
  credential.state = *state;
  credential.created_by = row.text(14);
  credential.created_at = time_of(row.number(15));
  credential.changed_by = row.text(16);
  credential.changed_at = time_of(row.number(17));
  return credential;
}

Status read_credentials(Database& database, StoredState& state) {
  Status done = for_each(
      database,
      "SELECT id, name, description, kind, prefix, header, settings, origins, namespaces, "
      "expires_at, on_revoke, linked_key, version, state, created_by, created_at, changed_by, "
      "changed_at FROM credentials",
      [&](const Statement& row) -> Status {
        Result<Credential> credential = credential_of(row);
        if (!credential) return fail(std::move(credential.error()));
        state.credentials.push_back(std::move(*credential));
        return {};
      });
  if (!done) return done;
  return for_each(database, "SELECT credential_id, version, field, sealed FROM credential_values",
                  [&](const Statement& row) -> Status {
                    state.values.push_back({row.text(0), static_cast<std::uint32_t>(row.number(1)),
                                            row.text(2), row.text(3)});
                    return {};
                  });
}

std::optional<auth::KeyRate> rate_of(const Statement& row) {
  const std::optional<std::int64_t> requests = row.optional_number(11);
  if (!requests) return std::nullopt;
  return auth::KeyRate{static_cast<std::uint64_t>(*requests), Milliseconds(row.number(12)),
                       static_cast<std::uint64_t>(row.number(13))};
}

Status read_keys(Database& database, StoredState& state) {
  Status done = for_each(database, "SELECT name, role, active, created_by, created_at FROM users",
                         [&](const Statement& row) -> Status {
                           const auto role = auth::parse_role(row.text(1));
                           if (!role) return fail(damaged("user " + row.text(0)));
                           state.users.push_back({row.text(0), *role, row.number(2) != 0,
                                                  row.text(3), time_of(row.number(4))});
                           return {};
                         });
  if (!done) return done;
  return for_each(
      database,
      "SELECT id, name, user, hash, scopes, expires_at, state, created_by, created_at, changed_by, "
      "changed_at, rate_requests, rate_per, rate_burst FROM api_keys",
      [&](const Statement& row) -> Status {
        const auto key_state = auth::parse_key_state(row.text(6));
        Result<std::vector<auth::Permission>> scopes = scopes_of(row.text(4));
        if (!key_state || !scopes) return fail(damaged("API key " + row.text(0)));
        state.keys.push_back({row.text(0), row.text(1), row.text(2), row.text(3),
                              std::move(*scopes), time_of(row.optional_number(5)), *key_state,
                              row.text(7), time_of(row.number(8)), row.text(9),
                              time_of(row.number(10)), rate_of(row)});
        return {};
      });
}

Status read_switches(Database& database, StoredState& state) {
  Status done =
      for_each(database, "SELECT workflow, disabled, paused, by_whom, at FROM workflow_switches",
               [&](const Statement& row) -> Status {
                 state.switches.push_back({row.text(0), row.number(1) != 0, row.number(2) != 0,
                                           row.text(3), time_of(row.number(4))});
                 return {};
               });
  if (!done) return done;
  return for_each(database, "SELECT once, asked, action, target, at FROM once_marks",
                  [&](const Statement& row) -> Status {
                    state.once_marks.push_back({row.text(0), row.text(1), row.text(2), row.text(3),
                                                time_of(row.number(4))});
                    return {};
                  });
}

Status read_rest(Database& database, StoredState& state) {
  Status done = for_each(database, "SELECT id, purpose, master, wrapped FROM wrapped_keys",
                         [&](const Statement& row) -> Status {
                           state.wrapped_keys.push_back({static_cast<std::uint32_t>(row.number(0)),
                                                         row.text(1), row.text(2), row.text(3)});
                           return {};
                         });
  if (!done) return done;
  done = for_each(database,
                  "SELECT kind, id, what, by_whom, at, number, mac FROM tombstones ORDER BY number",
                  [&](const Statement& row) -> Status {
                    state.tombstones.push_back(
                        {row.text(0), row.text(1), row.text(2), row.text(3), time_of(row.number(4)),
                         static_cast<std::uint64_t>(row.number(5)), row.text(6)});
                    return {};
                  });
  if (!done) return done;
  done =
      for_each(database, "SELECT kind, id, at FROM last_uses", [&](const Statement& row) -> Status {
        state.last_uses.push_back({row.text(0), row.text(1), time_of(row.number(2))});
        return {};
      });
  if (!done) return done;
  done = read_switches(database, state);
  if (!done) return done;
  done = for_each(database, "SELECT digest FROM state_seal", [&](const Statement& row) -> Status {
    state.seal = StateSeal{row.text(0)};
    return {};
  });
  if (!done) return done;
  return for_each(database, "SELECT at FROM clock_mark", [&](const Statement& row) -> Status {
    state.clock_mark = time_of(row.number(0));
    return {};
  });
}

AuditRecord audit_of(const Statement& row) {
  return {static_cast<std::uint64_t>(row.number(0)),
          time_of(row.number(1)),
          row.text(2),
          row.text(3),
          row.text(4),
          row.text(5),
          row.text(6),
          row.text(7),
          row.text(8)};
}

constexpr std::string_view kAuditColumns =
    "SELECT number, at, actor, origin, action, target, result, detail, hash FROM audit ";

}  // namespace

Status write_change(Database& database, const auth::Change& change) {
  return std::visit(Writer(database), change);
}

Result<StoredState> read_state(Database& database) {
  StoredState state;
  for (const auto read : {read_credentials, read_keys, read_rest}) {
    Status done = read(database, state);
    if (!done) return fail(std::move(done.error()));
  }
  Result<std::optional<AuditRecord>> last = read_last_audit(database);
  if (!last) return fail(std::move(last.error()));
  state.last_audit = std::move(*last);
  return state;
}

Result<std::vector<AuditRecord>> read_audit(Database& database, std::uint64_t first,
                                            std::size_t limit) {
  Result<Statement> statement =
      database.prepare(std::string(kAuditColumns) + "WHERE number >= ? ORDER BY number LIMIT ?");
  if (!statement) return fail(std::move(statement.error()));
  statement->bind(static_cast<std::int64_t>(first)).bind(static_cast<std::int64_t>(limit));
  std::vector<AuditRecord> records;
  for (;;) {
    Result<bool> row = statement->step();
    if (!row) return fail(std::move(row.error()));
    if (!*row) return records;
    records.push_back(audit_of(*statement));
  }
}

Result<std::optional<AuditRecord>> read_last_audit(Database& database) {
  std::optional<AuditRecord> last;
  Status done = for_each(database, std::string(kAuditColumns) + "ORDER BY number DESC LIMIT 1",
                         [&](const Statement& row) -> Status {
                           last = audit_of(row);
                           return {};
                         });
  if (!done) return fail(std::move(done.error()));
  return last;
}

}  // namespace stepwell::store
