// The journal of instances as `stepwell doctor` looks at it, beside a daemon that runs or without
// one.

#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "daemon/backup_folder.h"
#include "daemon/doctor_look.h"
#include "store/database.h"
#include "store/journal_schema.h"

namespace stepwell::daemon {

namespace {

std::optional<std::uint64_t> free_bytes_of(const std::string& directory) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

std::uint64_t size_of(const std::string& path) {
  std::uint64_t bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path + suffix, error);
    if (!error) bytes += size;
  }
  return bytes;
}

Result<std::int64_t> version_of(store::Database& database) {
  Result<store::Statement> statement =
      database.prepare("SELECT coalesce(max(version), 0) FROM schema_version");
  if (!statement) return fail(std::move(statement).error());
  const Result<bool> row = statement->step();
  if (!row) return fail(row.error());
  return statement->number(0);
}

}  // namespace

JournalFacts look_at_journal(const config::Settings& settings, const Facts& facts) {
  JournalFacts journal;
  journal.free_bytes = free_bytes_of(settings.data);
  const std::string path = settings.data + "/" + std::string(kJournalFile);
  const auto entry =
      std::find_if(facts.paths.begin(), facts.paths.end(), [&](const PathFact& fact) {
        return fact.path == path && fact.kind != PathFact::Kind::missing;
      });
  if (entry == facts.paths.end()) return journal;
  journal.there = true;
  journal.bytes = size_of(path);
  // What another user makes beside it, the daemon could not open.
  if (entry->owner != facts.user) {
    journal.left_out = "it belongs to another user";
    return journal;
  }
  Result<store::Database> database = store::Database::open(path);
  const Result<std::int64_t> version =
      database ? version_of(*database) : Result<std::int64_t>(fail(database.error()));
  if (!version) {
    journal.fault = version.error();
    return journal;
  }
  journal.version = *version;
  if (const std::int64_t newest = store::journal_migrations().back().version; *version > newest)
    journal.fault = make_problem(ErrorKind::configuration, "store-newer",
                                 "the journal has format " + std::to_string(*version) +
                                     ", this release knows " + std::to_string(newest));
  return journal;
}

}  // namespace stepwell::daemon
