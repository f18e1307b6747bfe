#include "store/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/files.h"
#include "store/sqlite_vfs.h"

namespace stepwell::store {

namespace {

Problem unusable(std::string code, std::string detail) {
  return make_problem(ErrorKind::configuration, std::move(code), std::move(detail));
}

Problem failed(sqlite3* connection, int code) {
  const std::string words =
      connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return unusable("store-damaged",
                      "the database is damaged (" + words + "); restore it from a backup");
    case SQLITE_FULL: {
      Problem problem = make_problem(ErrorKind::runtime, "disk-full",
                                     "the database cannot grow: the disk is full");
      problem.status = 503;
      return problem;
    }
    default: {
      Problem problem =
          make_problem(ErrorKind::runtime, "store-failed", "the database failed: " + words);
      problem.status = 503;
      return problem;
    }
  }
}

Problem cannot_open(const std::string& path) {
  return unusable("store-unusable", "cannot open the database " + path + ": " +
                                        std::generic_category().message(errno));
}

// A sync that failed leaves open what is on the disk, whatever is read afterwards: the pages count
// as written.
bool is_of_a_sync(int code) { return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC; }

Problem in_doubt(const std::string& what, const Problem& why) {
  Problem problem = make_problem(ErrorKind::runtime, "store-in-doubt", what + ": " + why.detail);
  problem.status = 503;
  return problem;
}

Status copied_as(int code, sqlite3* connection) {
  if (code == SQLITE_OK) return {};
  const Problem why = failed(connection, code);
  if (!is_of_a_sync(code)) return fail(why);
  return fail(in_doubt("what was copied from the write-ahead log may be on the disk or not", why));
}

// SQLite would take it for a new database (the smallest page has 512 bytes).
Status whole(const std::string& path, const struct stat& status) {
  if (!S_ISREG(status.st_mode) || status.st_size >= 512) return {};
  return fail(unusable("store-damaged",
                       "the database " + path +
                           " is empty or cut; restore it from a backup, or remove the file if this "
                           "installation was never used"));
}

// Whether there is one. It is not opened for this: to close it would drop the locks that another
// connection of this process has on it (POSIX, fcntl), so that the next program which looks at the
// database would take its log away.
Result<bool> is_there(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return false;
    return fail(cannot_open(path));
  }
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
    return fail(cannot_open(path));
  if (Status sound = whole(path, status); !sound) return fail(std::move(sound.error()));
  return true;
}

void remove_logs(const std::string& path) {
  for (const char* suffix : {"-wal", "-shm", "-journal"}) ::unlink((path + suffix).c_str());
}

void remove_database(const std::string& path) {
  remove_logs(path);
  ::unlink(path.c_str());
}

// SQLite would give the file the umask's mode; its -wal and -shm copy the mode of this one.
bool create_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return false;
  ::close(file);
  return true;
}

// secure_delete: what is deleted is overwritten, so that no sealed value stays in a free page.
constexpr const char* kSettings =
    "PRAGMA synchronous=FULL;"  // before there is a log: it is written when it is synced
    "PRAGMA journal_mode=WAL;"
    "PRAGMA foreign_keys=ON;"
    "PRAGMA secure_delete=ON;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON;";
constexpr int kBusyMilliseconds = 5'000;

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  misbound_ |= sqlite3_bind_text64(statement_.get(), ++bound_, data, text.size(), SQLITE_TRANSIENT,
                                   SQLITE_UTF8) != SQLITE_OK;
  return *this;
}

Statement& Statement::bind(Blob blob) {
  const char* data = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
  misbound_ |= sqlite3_bind_blob64(statement_.get(), ++bound_, data, blob.bytes.size(),
                                   SQLITE_TRANSIENT) != SQLITE_OK;
  return *this;
}

Statement& Statement::bind(LastingText lasting) {
  const char* data = lasting.text.data() == nullptr ? "" : lasting.text.data();
  misbound_ |= sqlite3_bind_text64(statement_.get(), ++bound_, data, lasting.text.size(),
                                   SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK;
  return *this;
}

Statement& Statement::bind(std::optional<LastingText> lasting) {
  if (lasting) return bind(*lasting);
  return bind(std::optional<std::int64_t>());
}

Statement& Statement::bind(std::int64_t number) {
  misbound_ |= sqlite3_bind_int64(statement_.get(), ++bound_, number) != SQLITE_OK;
  return *this;
}

Statement& Statement::bind(std::optional<std::int64_t> number) {
  if (number) return bind(*number);
  misbound_ |= sqlite3_bind_null(statement_.get(), ++bound_) != SQLITE_OK;
  return *this;
}

Result<bool> Statement::step() {
  sqlite3* connection = sqlite3_db_handle(statement_.get());
  const int code = misbound_ ? SQLITE_MISUSE : sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Problem problem = failed(connection, code);
  reset();  // it may be used again, and is bound from the beginning then
  return fail(std::move(problem));
}

Status Statement::run() {
  for (;;) {
    Result<bool> row = step();
    if (!row) return fail(std::move(row.error()));
    if (!*row) break;
  }
  reset();
  return {};
}

Result<std::optional<std::int64_t>> Statement::one_number() {
  std::optional<std::int64_t> number;
  for (;;) {
    const Result<bool> row = step();
    if (!row) return fail(row.error());
    if (!*row) break;
    number = this->number(0);
  }
  reset();
  return number;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bound_ = 0;
  misbound_ = false;
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::optional<std::int64_t> Statement::optional_number(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  return number(column);
}

std::string Statement::text(int column) const { return std::string(view(column)); }

std::string_view Statement::view(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr || size <= 0) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

void Database::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

Result<Database> Database::open(const std::string& path, const char* first, Check check) {
  const Result<bool> there = is_there(path);
  if (!there) return fail(there.error());
  if (!*there)
    if (Status made = make(path, first); !made) return fail(std::move(made.error()));
  return open_file(path, SQLITE_OPEN_READWRITE, *there ? std::optional(check) : std::nullopt,
                   nullptr);
}

// Under another name until its first page is on the disk: whoever is killed here leaves nothing
// that would pass for a damaged one.
Status Database::make(const std::string& path, const char* first) {
  const std::string draft = path + ".new";
  remove_database(draft);
  if (!create_private(draft)) return fail(cannot_open(draft));
  Status made;
  if (Result<Database> fresh = open_file(draft, SQLITE_OPEN_READWRITE, std::nullopt, first); !fresh)
    made = fail(std::move(fresh.error()));
  if (made) {
    remove_logs(path);  // what a database has left that is gone belongs to no other one
    if (!move_new(draft, path) || !sync_directory_of(path)) made = fail(cannot_open(path));
  }
  if (!made) remove_database(draft);
  return made;
}

Result<Database> Database::open_to_read(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (Status sound = whole(path, status); !sound) return fail(std::move(sound.error()));
  }
  Result<Database> database = connect(path, SQLITE_OPEN_READONLY);
  if (!database) return database;
  Status set = database->execute("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;");
  if (set) set = database->check(Check::header);
  if (!set) return fail(std::move(set.error()));
  return database;
}

Result<Database> Database::open_in_memory() {
  return open_file(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, std::nullopt, nullptr);
}

Result<Database> Database::connect(const std::string& path, int flags) {
  // Counting each allocation under a lock costs a twentieth of a commit, and nobody asks for it. It
  // has an effect before the first connection only.
  [[maybe_unused]] static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  const char* vfs = (flags & SQLITE_OPEN_READWRITE) != 0 ? sqlite_vfs() : nullptr;
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &connection,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
  Database database(connection);
  if (code != SQLITE_OK)
    return fail(unusable("store-unusable",
                         "cannot open the database " + path + ": " + sqlite3_errstr(code)));
  sqlite3_busy_timeout(connection, kBusyMilliseconds);
  return database;
}

Result<Database> Database::open_file(const std::string& path, int flags, std::optional<Check> check,
                                     const char* first) {
  Result<Database> database = connect(path, flags);
  if (!database) return database;
  // Before anything that writes.
  Status sound = check ? database->check(*check) : Status();
  if (sound && first != nullptr) sound = database->execute(first);
  if (sound) sound = database->execute(kSettings);
  if (!sound) return fail(std::move(sound.error()));
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) return fail(failed(connection_.get(), code));
  return Statement(statement);
}

Status Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(failed(connection_.get(), code));
  return {};
}

Status Database::check(Check check) {
  // SQLite compares the header with the file when it begins to read.
  if (check == Check::header) return execute("SELECT 1 FROM sqlite_schema LIMIT 1");
  Result<Statement> statement = prepare("PRAGMA quick_check(1)");
  if (!statement) return fail(std::move(statement.error()));
  Result<bool> row = statement->step();
  if (!row) return fail(std::move(row.error()));
  const std::string answer = *row ? statement->text(0) : "no answer";
  if (answer == "ok") return {};
  return fail(unusable("store-damaged",
                       "the database is damaged (" + answer + "); restore it from a backup"));
}

Status Database::begin() { return run(begin_, "BEGIN IMMEDIATE"); }

Status Database::begin_read() { return run(begin_read_, "BEGIN"); }

Status Database::commit() {
  Status done = run(commit_, "COMMIT");
  if (!done && is_of_a_sync(sqlite3_extended_errcode(connection_.get())))
    return fail(in_doubt("a commit failed and may be on the disk or not", done.error()));
  return done;
}

Status Database::run(std::optional<Statement>& kept, std::string_view sql) {
  if (!kept) {
    Result<Statement> prepared = prepare(sql);
    if (!prepared) return fail(std::move(prepared.error()));
    kept = std::move(*prepared);
  }
  return kept->run();
}

void Database::rollback() noexcept {
  if (sqlite3_get_autocommit(connection_.get()) == 0) (void)run(rollback_, "ROLLBACK");
}

std::int64_t Database::changes() const { return sqlite3_changes64(connection_.get()); }

std::int64_t Database::log_pages() {
  int written = 0;
  int ignored = 0;
  sqlite3_db_status(connection_.get(), SQLITE_DBSTATUS_CACHE_WRITE, &written, &ignored, 1);
  log_pages_ += written;
  return log_pages_;
}

Status Database::checkpoint() {
  (void)log_pages();
  int in_log = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             &in_log, &copied);
  log_pages_ = code == SQLITE_OK ? in_log - copied : 0;  // after a failure: not at once again
  return copied_as(code, connection_.get());
}

Status Database::sync_every(Bytes bytes) {
  auto every = static_cast<std::int64_t>(bytes.count);
  const int code = sqlite3_file_control(connection_.get(), nullptr, kSyncEvery, &every);
  if (code != SQLITE_OK) return fail(failed(nullptr, code));
  return {};
}

Status Database::sync_file() {
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(connection_.get(), nullptr, SQLITE_FCNTL_FILE_POINTER,
                                  static_cast<void*>(&file));
  if (code == SQLITE_OK && file != nullptr && file->pMethods != nullptr)
    code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  return copied_as(code, nullptr);  // the connection does not know of it
}

void Database::keep_log() {
  sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Result<std::int64_t> Database::schema_version() {
  Result<Statement> table =
      prepare("SELECT count(*) FROM sqlite_schema WHERE type='table' AND name='schema_version'");
  if (!table) return fail(std::move(table.error()));
  Result<bool> row = table->step();
  if (!row) return fail(std::move(row.error()));
  if (table->number(0) == 0) return 0;
  Result<Statement> version = prepare("SELECT coalesce(max(version), 0) FROM schema_version");
  if (!version) return fail(std::move(version.error()));
  row = version->step();
  if (!row) return fail(std::move(row.error()));
  return version->number(0);
}

Status Database::migrate(std::span<const Migration> migrations) {
  Result<std::int64_t> current = schema_version();
  if (!current) return fail(std::move(current.error()));
  const std::int64_t newest = migrations.empty() ? 0 : migrations.back().version;
  if (*current > newest)
    return fail(unusable("store-newer", "the database has version " + std::to_string(*current) +
                                            ", this release knows " + std::to_string(newest) +
                                            "; use the release that wrote it, or a later one"));
  const std::int64_t oldest = migrations.empty() ? 0 : migrations.front().version;
  if (*current != 0 && *current < oldest)
    return fail(unusable("store-older", "the database has version " + std::to_string(*current) +
                                            ", this release reads none before " +
                                            std::to_string(oldest) +
                                            "; make a new installation with stepwell init"));
  for (const Migration& migration : migrations) {
    if (migration.version <= *current) continue;
    Status done = apply(migration);
    if (!done) return done;
  }
  return {};
}

Status Database::apply(const Migration& migration) {
  Status done = begin();
  if (done)
    done =
        execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT");
  if (done) done = execute(migration.sql);
  if (done)
    done = execute("INSERT INTO schema_version VALUES (" + std::to_string(migration.version) + ")");
  if (done) done = commit();
  if (!done) rollback();
  return done;
}

}  // namespace stepwell::store
