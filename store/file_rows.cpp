#include "store/file_rows.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stepwell::store {

namespace {

using engine::FileInfo;

// Times are milliseconds since 1970 (UTC).
constexpr const char* kFiles = R"(
CREATE TABLE files (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  user TEXT NOT NULL,
  instance INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE seed (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  text TEXT NOT NULL
) STRICT;
CREATE INDEX files_by_content ON files (sha256);
CREATE INDEX files_by_instance ON files (instance, id) WHERE instance IS NOT NULL;
CREATE INDEX files_unused ON files (created_at) WHERE instance IS NULL;
)";

// claimed: 1 for those whose instance had not been admitted when they were taken for it.
constexpr const char* kClaims = R"(
ALTER TABLE files ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX files_claimed ON files (id) WHERE claimed = 1;
)";

constexpr std::array kFileMigrations = {Migration{1, kFiles}, Migration{2, kClaims}};

constexpr const char* kColumns = "id, name, media_type, size, sha256, created_at, user, instance";

std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }
std::uint64_t unsigned_of(std::int64_t number) { return static_cast<std::uint64_t>(number); }

FileInfo info_of(const Statement& row) {
  FileInfo info;
  info.id = row.text(0);
  info.name = row.text(1);
  info.media_type = row.text(2);
  info.size = unsigned_of(row.number(3));
  info.sha256 = row.text(4);
  info.created = WallTime(Milliseconds(row.number(5)));
  info.user = row.text(6);
  if (const auto instance = row.optional_number(7))
    info.instance = InstanceId{unsigned_of(*instance)};
  return info;
}

}  // namespace

Problem file_unknown() { return client_error(404, "file-unknown", "there is no such file"); }

Problem file_in_use(const std::string& id) {
  return client_error(409, "file-in-use",
                      "the file " + id + " belongs to another instance; upload it again");
}

Result<FileRows> FileRows::open(const std::string& path) {
  Result<Database> database = Database::open(path, nullptr, Database::Check::header);
  if (!database) return fail(std::move(database).error());
  if (Status migrated = database->migrate(kFileMigrations); !migrated)
    return fail(std::move(migrated).error());
  return FileRows(*std::move(database));
}

Result<FileRows> FileRows::open_again(const std::string& path) {
  Result<Database> database = Database::open(path, nullptr, Database::Check::header);
  if (!database) return fail(std::move(database).error());
  return FileRows(*std::move(database));
}

Result<std::string> FileRows::seed(const std::string& fresh) {
  Result<Statement> insert = database_.prepare("INSERT OR IGNORE INTO seed VALUES (1, ?)");
  if (!insert) return fail(std::move(insert).error());
  if (Status done = insert->bind(fresh).run(); !done) return fail(std::move(done).error());
  Result<Statement> select = database_.prepare("SELECT text FROM seed");
  if (!select) return fail(std::move(select).error());
  if (const Result<bool> row = select->step(); !row) return fail(row.error());
  return select->text(0);
}

template <class Work>
Status FileRows::in_transaction(const Work& work) {
  Status done = database_.begin();
  if (done) done = work();
  if (done) done = database_.commit();
  if (!done) database_.rollback();
  return done;
}

Status FileRows::add(const FileInfo& info) {
  Result<Statement> insert = database_.prepare(std::string("INSERT INTO files (") + kColumns +
                                               ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  if (!insert) return fail(std::move(insert).error());
  std::optional<std::int64_t> instance;
  if (info.instance) instance = signed_of(info.instance->number);
  insert->bind(info.id).bind(info.name).bind(info.media_type).bind(signed_of(info.size));
  insert->bind(info.sha256).bind(info.created.time_since_epoch().count()).bind(info.user);
  insert->bind(instance);
  return in_transaction([&] { return insert->run(); });
}

Result<std::optional<FileInfo>> FileRows::find(const std::string& id) {
  Result<Statement> select =
      database_.prepare(std::string("SELECT ") + kColumns + " FROM files WHERE id = ?");
  if (!select) return fail(std::move(select).error());
  const Result<bool> row = select->bind(id).step();
  if (!row) return fail(row.error());
  if (!*row) return std::optional<FileInfo>();
  return std::optional(info_of(*select));
}

Result<std::vector<FileInfo>> FileRows::list(std::optional<InstanceId> instance,
                                             const std::string& after, std::size_t most) {
  std::string sql = std::string("SELECT ") + kColumns + " FROM files WHERE id > ?";
  if (instance) sql += " AND instance = ?";
  Result<Statement> select = database_.prepare(sql + " ORDER BY id LIMIT ?");
  if (!select) return fail(std::move(select).error());
  select->bind(after);
  if (instance) select->bind(signed_of(instance->number));
  select->bind(signed_of(most));
  std::vector<FileInfo> found;
  for (;;) {
    const Result<bool> row = select->step();
    if (!row) return fail(row.error());
    if (!*row) return found;
    found.push_back(info_of(*select));
  }
}

Result<std::vector<std::string>> FileRows::claim(const std::vector<std::string>& ids,
                                                 InstanceId instance) {
  Result<Statement> update =
      database_.prepare("UPDATE files SET instance = ?, claimed = 1 WHERE id = ?");
  if (!update) return fail(std::move(update).error());
  std::vector<std::string> free;
  Status all = in_transaction([&]() -> Status {
    for (const std::string& id : ids) {
      const Result<std::optional<FileInfo>> info = find(id);
      if (!info) return fail(info.error());
      if (!*info) return fail(file_unknown());
      const std::optional<InstanceId>& taken = (**info).instance;
      if (taken && taken->number != instance.number) return fail(file_in_use(id));
      if (taken) continue;
      if (Status done = update->bind(signed_of(instance.number)).bind(id).run(); !done) return done;
      free.push_back(id);
    }
    return {};
  });
  if (!all) return fail(std::move(all).error());
  return free;
}

Status FileRows::settle(const std::vector<std::string>& kept,
                        const std::vector<std::string>& freed) {
  Result<Statement> keep = database_.prepare("UPDATE files SET claimed = 0 WHERE id = ?");
  if (!keep) return fail(std::move(keep).error());
  Result<Statement> free =
      database_.prepare("UPDATE files SET claimed = 0, instance = NULL WHERE id = ?");
  if (!free) return fail(std::move(free).error());
  return in_transaction([&]() -> Status {
    for (const std::string& id : kept)
      if (Status done = keep->bind(id).run(); !done) return done;
    for (const std::string& id : freed)
      if (Status done = free->bind(id).run(); !done) return done;
    return {};
  });
}

Result<std::vector<FileRows::Claimed>> FileRows::claimed(const std::string& after,
                                                         std::size_t most) {
  Result<Statement> select = database_.prepare(
      "SELECT id, instance FROM files WHERE claimed = 1 AND id > ? ORDER BY id LIMIT ?");
  if (!select) return fail(std::move(select).error());
  select->bind(after).bind(signed_of(most));
  std::vector<Claimed> found;
  for (;;) {
    const Result<bool> row = select->step();
    if (!row) return fail(row.error());
    if (!*row) return found;
    found.push_back({select->text(0), InstanceId{unsigned_of(select->number(1))}});
  }
}

Status FileRows::settle_of(const std::vector<InstanceId>& instances) {
  Result<Statement> keep =
      database_.prepare("UPDATE files SET claimed = 0 WHERE instance = ? AND claimed = 1");
  if (!keep) return fail(std::move(keep).error());
  return in_transaction([&]() -> Status {
    for (const InstanceId instance : instances)
      if (Status done = keep->bind(signed_of(instance.number)).run(); !done) return done;
    return {};
  });
}

template <class Parameter>
Status FileRows::take(const char* select, const Parameter& parameter, Removed& removed) {
  Result<Statement> rows = database_.prepare(select);
  if (!rows) return fail(std::move(rows).error());
  rows->bind(parameter);
  std::vector<std::string> ids;
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) break;
    ids.push_back(rows->text(0));
    removed.contents.push_back({rows->text(1), unsigned_of(rows->number(2))});
  }
  rows->reset();
  Result<Statement> erase = database_.prepare("DELETE FROM files WHERE id = ?");
  if (!erase) return fail(std::move(erase).error());
  for (const std::string& id : ids)
    if (Status done = erase->bind(id).run(); !done) return done;
  removed.files += ids.size();
  return {};
}

// What another file holds as well stays.
Status FileRows::leave_needed(Removed& removed) {
  std::vector<Content>& contents = removed.contents;
  std::sort(contents.begin(), contents.end(),
            [](const Content& a, const Content& b) { return a.sha256 < b.sha256; });
  contents.erase(
      std::unique(contents.begin(), contents.end(),
                  [](const Content& a, const Content& b) { return a.sha256 == b.sha256; }),
      contents.end());
  std::vector<Content> unneeded;
  for (Content& content : contents) {
    const Result<bool> needed = has_content(content.sha256);
    if (!needed) return fail(needed.error());
    if (!*needed) unneeded.push_back(std::move(content));
  }
  contents = std::move(unneeded);
  return {};
}

Result<FileRows::Removed> FileRows::remove(const std::string& id) {
  Removed removed;
  Status done = in_transaction([&]() -> Status {
    Status taken = take("SELECT id, sha256, size FROM files WHERE id = ?", id, removed);
    if (taken && removed.files == 0) return fail(file_unknown());
    return taken ? leave_needed(removed) : taken;
  });
  if (!done) return fail(std::move(done).error());
  return removed;
}

Result<FileRows::Removed> FileRows::remove_of(const std::vector<InstanceId>& instances) {
  Removed removed;
  Result<Statement> any = database_.prepare("SELECT 1 FROM files WHERE instance = ? LIMIT 1");
  if (!any) return fail(std::move(any).error());
  Status done = in_transaction([&]() -> Status {
    for (const InstanceId instance : instances) {
      const Result<std::optional<std::int64_t>> has =
          any->bind(signed_of(instance.number)).one_number();
      if (!has) return fail(has.error());
      if (!*has) continue;
      Status taken = take("SELECT id, sha256, size FROM files WHERE instance = ?",
                          signed_of(instance.number), removed);
      if (!taken) return taken;
    }
    return leave_needed(removed);
  });
  if (!done) return fail(std::move(done).error());
  return removed;
}

Result<FileRows::Removed> FileRows::remove_unused(WallTime before, std::size_t most) {
  Removed removed;
  const std::string select =
      "SELECT id, sha256, size FROM files WHERE instance IS NULL AND created_at < ? LIMIT " +
      std::to_string(most);
  Status done = in_transaction([&]() -> Status {
    Status taken = take(select.c_str(), before.time_since_epoch().count(), removed);
    return taken ? leave_needed(removed) : taken;
  });
  if (!done) return fail(std::move(done).error());
  return removed;
}

Result<std::vector<InstanceId>> FileRows::instances(InstanceId after, std::size_t most) {
  Result<Statement> select = database_.prepare(
      "SELECT DISTINCT instance FROM files WHERE instance > ? AND claimed = 0 ORDER BY instance "
      "LIMIT ?");
  if (!select) return fail(std::move(select).error());
  select->bind(signed_of(after.number)).bind(signed_of(most));
  std::vector<InstanceId> found;
  for (;;) {
    const Result<bool> row = select->step();
    if (!row) return fail(row.error());
    if (!*row) return found;
    found.push_back(InstanceId{unsigned_of(select->number(0))});
  }
}

Result<bool> FileRows::has_content(const std::string& sha256) {
  Result<Statement> select =
      database_.prepare("SELECT EXISTS (SELECT 1 FROM files WHERE sha256 = ?)");
  if (!select) return fail(std::move(select).error());
  const Result<std::optional<std::int64_t>> there = select->bind(sha256).one_number();
  if (!there) return fail(there.error());
  return there->value_or(0) != 0;
}

Result<FileRows::Sums> FileRows::sums() {
  Sums sums;
  const auto ask = [&](const char* sql, std::uint64_t& into) -> Status {
    Result<Statement> select = database_.prepare(sql);
    if (!select) return fail(std::move(select).error());
    const Result<std::optional<std::int64_t>> number = select->one_number();
    if (!number) return fail(number.error());
    into = unsigned_of(number->value_or(0));
    return {};
  };
  Status done = ask("SELECT count(*) FROM files", sums.files);
  if (done)
    done = ask("SELECT coalesce(sum(size), 0) FROM (SELECT size FROM files GROUP BY sha256)",
               sums.bytes);
  if (!done) return fail(std::move(done).error());
  return sums;
}

}  // namespace stepwell::store
