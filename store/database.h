// A SQLite connection and its statements: the only place, with sqlite_vfs.h, that knows SQLite's
// types. Write-ahead log, synchronous=FULL (a commit is on disk when it returns), foreign keys on.
// A Database and its statements belong to one thread at a time; each owner guards them by a mutex
// or keeps them to its thread. Several connections to one file may live side by side.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

struct sqlite3;
struct sqlite3_stmt;

namespace stepwell::store {

// Bytes that are bound as a blob, not as text.
struct Blob {
  std::string_view bytes;
};

// Text that stays where it is until the statement is reset: it is not copied.
struct LastingText {
  std::string_view text;
};

// A prepared statement. Usage: bind in order, then step() until it yields false; reset() to use it
// again. Texts are copied when they are bound.
class Statement {
 public:
  Statement& bind(std::string_view text);
  Statement& bind(const char* text) { return bind(std::string_view(text)); }
  Statement& bind(Blob blob);
  Statement& bind(LastingText lasting);
  Statement& bind(std::optional<LastingText> lasting);
  Statement& bind(std::int64_t number);
  Statement& bind(std::optional<std::int64_t> number);

  Result<bool> step();  // true: a row is there; resets where it fails
  Status run();         // steps to the end and resets
  // Of a statement that yields one number at most; resets.
  Result<std::optional<std::int64_t>> one_number();
  void reset();

  std::int64_t number(int column) const;
  std::optional<std::int64_t> optional_number(int column) const;
  std::string text(int column) const;       // text or blob
  std::string_view view(int column) const;  // the same, until the next step() or reset()

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
  bool misbound_ = false;
};

// One step of the schema's history; numbered in order, applied once, each in a transaction. What
// was written before the first one is not read any more.
struct Migration {
  int version;
  const char* sql;
};

class Database {
 public:
  enum class Check : std::uint8_t {
    structure,  // of every page: takes as long as it takes to read the file
    header,     // that it is a database, and as long as it says
  };
  // Creates the file with mode 0600, and then runs `first` on it, before anything else; one that is
  // there is checked first, and left as it is where it is damaged. Whoever may create one has the
  // directory to himself (LockFile). Errors:
  // configuration/`store-unusable`, `store-damaged`.
  static Result<Database> open(const std::string& path, const char* first = nullptr,
                               Check check = Check::structure);
  // Only reads a file that is there, and checks its header; another process may work on it. Errors:
  // as open()'s.
  static Result<Database> open_to_read(const std::string& path);
  static Result<Database> open_in_memory();

  // Brings the schema to the last migration. Errors: configuration/`store-newer` where the file
  // was written by a later release, `store-older` where no migration leads on from it;
  // `store-damaged`.
  Status migrate(std::span<const Migration> migrations);

  // Errors of all of these: runtime/`store-failed`, with `disk-full` where that is the cause.
  Result<Statement> prepare(std::string_view sql);
  Status execute(const std::string& sql);
  Status begin();       // takes the write lock at once
  Status begin_read();  // until commit(), everything is read as it stands at the first statement
  Status commit();      // also runtime/`store-in-doubt`: nobody knows whether it is on the disk
  void rollback() noexcept;
  // Rows that the last INSERT, UPDATE or DELETE that was run changed.
  std::int64_t changes() const;
  // Pages that this connection wrote into the write-ahead log since the last checkpoint that copied
  // all of it, about.
  std::int64_t log_pages();
  // Copies the write-ahead log into the database, as far as no reader needs it; it is begun anew
  // where all of it was copied. SQLite syncs the database only then, and counts what it copied
  // before as copied: after a sync that failed the log must not begin anew.
  // Errors: also runtime/`store-in-doubt`, of a sync.
  Status checkpoint();
  // From now on the file is synced behind so many bytes that are copied into it: whoever syncs
  // another one meanwhile waits for less.
  Status sync_every(Bytes bytes);
  // Syncs the file, e.g. behind a checkpoint of a part. Errors: runtime/`store-in-doubt`.
  Status sync_file();
  // The log stays when the connection is closed: the next one who opens the database copies all of
  // it again.
  void keep_log();

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  explicit Database(sqlite3* connection) : connection_(connection) {}
  static Result<Database> connect(const std::string& path, int flags);
  static Result<Database> open_file(const std::string& path, int flags, std::optional<Check> check,
                                    const char* first);
  static Status make(const std::string& path, const char* first);
  Status check(Check check);
  // Prepares it the first time.
  Status run(std::optional<Statement>& kept, std::string_view sql);
  Result<std::int64_t> schema_version();  // 0 for an empty file
  Status apply(const Migration& migration);

  std::unique_ptr<sqlite3, Close> connection_;
  std::optional<Statement> begin_;
  std::optional<Statement> begin_read_;
  std::optional<Statement> commit_;
  std::optional<Statement> rollback_;
  std::int64_t log_pages_ = 0;
};

}  // namespace stepwell::store
