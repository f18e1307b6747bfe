#include "daemon/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <ostream>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "daemon/backup_files.h"
#include "daemon/restore_staging.h"
#include "daemon/site.h"
#include "store/database.h"
#include "store/private_directory.h"

namespace stepwell::daemon {

namespace {

namespace fs = std::filesystem;

bool found(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

Status sync_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return fail(file_problem("open", path, errno));
  const bool synced = ::fsync(file) == 0;
  const int why = errno;
  ::close(file);
  if (!synced) return fail(file_problem("write", path, why));
  return {};
}

// One moment of a database, without the pages that it does not use.
Status copy_database(const std::string& from, const std::string& to) {
  // SQLite writes into an empty file that is there, and would make one with the umask's mode.
  const int file = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return fail(file_problem("make", to, errno));
  ::close(file);
  {
    // What is damaged in it shows in the copy, or cannot be copied.
    Result<store::Database> source = store::Database::open_to_read(from);
    if (!source) return fail(std::move(source).error());
    Result<store::Statement> copy = source->prepare("VACUUM INTO ?");
    if (!copy) return fail(std::move(copy).error());
    copy->bind(to);
    if (Status done = copy->run(); !done) return done;
  }
  // Opening looks through its structure.
  if (Result<store::Database> copy = store::Database::open(to); !copy)
    return fail(std::move(copy).error());
  return sync_file(to);
}

Result<Manifest> fill(const std::string& data, const std::string& folder, const Clock& clock) {
  Manifest manifest{STEPWELL_VERSION, clock.now(), {}};
  const auto note = [&](Result<Manifest::File> file) -> Status {
    if (!file) return fail(std::move(file).error());
    manifest.files.push_back(std::move(*file));
    return {};
  };
  for (const std::string_view name : {kJournalFile, kFilesDatabase, kStoreFile}) {
    const std::string from = data + "/" + std::string(name);
    if (name != kStoreFile && !found(from)) continue;  // no daemon has served here yet
    const std::string to = folder + "/" + std::string(name);
    Status copied = copy_database(from, to);
    if (copied && name == kFilesDatabase) {
      copied = copy_contents(data, folder, note);
      if (copied) copied = sync_file(to);
    }
    if (copied) copied = note(measure(folder, name));
    if (!copied) return fail(std::move(copied).error());
  }
  const std::string stones = data + "/" + std::string(kTombstoneFile);
  if (found(stones)) {
    Status copied = note(copy_file(stones, folder + "/" + std::string(kTombstoneFile)));
    if (!copied) return fail(std::move(copied).error());
  }
  if (Status written = write_manifest(folder, manifest); !written)
    return fail(std::move(written).error());
  if (!sync_directory_of(folder)) return fail(file_problem("write", folder, errno));
  return manifest;
}

}  // namespace

Result<Manifest> make_backup(const config::Settings& settings, const std::string& folder,
                             const Clock& clock) {
  if (Status own = owned_by_us(settings.data); !own) return fail(std::move(own).error());
  if (Status whole = no_restore_is_pending(settings.data); !whole)
    return fail(std::move(whole).error());
  const std::string database = settings.data + "/" + std::string(kStoreFile);
  if (!found(database))
    return fail(make_problem(ErrorKind::configuration, "store-unusable",
                             "there is no database " + database + "; nothing was copied"));
  std::error_code error;
  if (fs::exists(fs::symlink_status(folder, error))) {
    Problem problem =
        make_problem(ErrorKind::configuration, "backup-exists",
                     folder + " exists already; a backup goes into a folder of its own");
    problem.status = 409;
    return fail(std::move(problem));
  }
  fs::path path = fs::absolute(folder, error);
  if (!path.has_filename()) path = path.parent_path();
  if (error || ::mkdir(path.c_str(), 0700) != 0) return fail(file_problem("make", folder, errno));
  Result<Manifest> made = fill(settings.data, path.string(), clock);
  if (!made) fs::remove_all(path, error);
  return made;
}

void backup(CommandContext& context, const std::string& folder, OutputFormat format) {
  const Result<config::Settings> settings = read_settings(context);
  if (!settings) return report_problem(context, format, settings.error());
  const Result<Manifest> made = make_backup(*settings, folder, SystemClock());
  if (!made) return report_problem(context, format, made.error());
  if (format != OutputFormat::table) return print_answer(context, format, to_value(*made));
  std::uint64_t bytes = 0;
  for (const Manifest::File& file : made->files) bytes += file.bytes;
  context.out << folder << ": " << made->files.size() << " files, " << bytes
              << " bytes. The master key is not among them: keep a copy of it elsewhere.\n";
}

}  // namespace stepwell::daemon
