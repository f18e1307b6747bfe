#include "daemon/restore_staging.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "daemon/backup_folder.h"
#include "daemon/text_source.h"
#include "store/private_directory.h"

namespace stepwell::daemon {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAside = "aside";  // a file with the name of the folder

std::string ready_of(const std::string& data) { return data + "/restore.ready"; }

Problem failed(const std::string& doing, int error) {
  return make_problem(ErrorKind::runtime, error == ENOSPC ? "disk-full" : "restore-failed",
                      "cannot " + doing + ": " + std::generic_category().message(error));
}

// Never "no" where that is not known: what is not there counts as done.
Result<bool> is_there(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT) return false;
  return fail(failed("look at " + path, errno));
}

Status put(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return fail(failed("move " + from + " to " + to, errno));
}

// `from` and `to` are folders. The file is in its place once it is gone from `from`.
Status put_database(const std::string& ready, const std::string& data, const std::string& aside,
                    std::string_view name) {
  const std::string fresh = ready + "/" + std::string(name);
  const auto left = is_there(fresh);
  if (!left) return fail(left.error());
  if (!*left) return {};
  // The log first: without its database it does not matter, with another one it would.
  for (const std::string_view suffix : {"-wal", "-shm", ""}) {
    std::string file("/");
    file += name;
    file += suffix;
    const std::string old = data + file;
    const auto there = is_there(old);
    if (!there) return fail(there.error());
    if (!*there) continue;
    if (Status moved = put(old, aside + file); !moved) return moved;
  }
  return put(fresh, data + "/" + std::string(name));
}

// Never without the file: the new one holds what the old one does.
Status put_tombstones(const std::string& ready, const std::string& data, const std::string& aside) {
  const std::string name(kTombstoneFile);
  const auto left = is_there(ready + "/" + name);
  if (!left) return fail(left.error());
  if (!*left) return {};
  const int linked = ::link((data + "/" + name).c_str(), (aside + "/" + name).c_str());
  if (linked != 0 && errno != ENOENT && errno != EEXIST)
    return fail(failed("keep " + data + "/" + name, errno));
  return put(ready + "/" + name, data + "/" + name);
}

// The contents of files, as one.
Status put_folder(const std::string& ready, const std::string& data, const std::string& aside) {
  const std::string name = "/" + std::string(kFilesFolder);
  const auto left = is_there(ready + name);
  if (!left) return fail(left.error());
  if (!*left) return {};
  const auto there = is_there(data + name);
  if (!there) return fail(there.error());
  if (*there)
    if (Status moved = put(data + name, aside + name); !moved) return moved;
  return put(ready + name, data + name);
}

Status sync_entries(const std::string& folder) {
  if (sync_directory_of(folder + "/.")) return {};
  return fail(failed("write " + folder, errno));
}

// The file is whole without its log where the last connection could copy all of that into it. The
// log is not moved with it.
Status fold_log(const std::string& file) {
  struct stat status {};
  const std::string log = file + "-wal";
  if (::lstat(log.c_str(), &status) == 0) {
    if (status.st_size > 0)
      return fail(make_problem(ErrorKind::runtime, "restore-failed",
                               "what was changed in " + file + " could not be written out"));
  } else if (errno != ENOENT) {
    return fail(failed("look at " + log, errno));
  }
  for (const char* suffix : {"-wal", "-shm"})
    if (::unlink((file + suffix).c_str()) != 0 && errno != ENOENT)
      return fail(failed("remove " + file + suffix, errno));
  return {};
}

// The name of the folder in the note. Nothing: there is no note, since all is in its place.
Result<std::optional<std::string>> aside_of(const std::string& ready) {
  const std::string note = ready + "/" + std::string(kAside);
  const auto there = is_there(note);
  if (!there) return fail(there.error());
  if (!*there) return std::optional<std::string>();
  const auto text = read_file(note);
  std::string name = text ? fs::path(*text).filename().string() : std::string();
  if (!name.empty()) return std::optional(std::move(name));
  return fail(make_problem(ErrorKind::runtime, "restore-failed",
                           text ? note + " is empty" : text.error().detail));
}

Status put_all(const std::string& ready, const std::string& data, const std::string& aside) {
  Status done = store::ensure_private_directory(aside);
  if (done) done = put_tombstones(ready, data, aside);
  if (done) done = put_database(ready, data, aside, kStoreFile);
  if (done) done = put_database(ready, data, aside, kJournalFile);
  if (done) done = put_database(ready, data, aside, kFilesDatabase);
  if (done) done = put_folder(ready, data, aside);
  if (done) done = sync_entries(aside);
  if (done) done = sync_entries(data);
  return done;
}

}  // namespace

std::string staging_of(const std::string& data) { return data + "/restore.new"; }

Status make_ready(const std::string& data, const std::string& aside) {
  for (const std::string_view name : {kStoreFile, kJournalFile, kFilesDatabase})
    if (Status folded = fold_log(staging_of(data) + "/" + std::string(name)); !folded)
      return folded;
  const std::string note = staging_of(data) + "/" + std::string(kAside);
  const int file = ::open(note.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = file >= 0 && write_all(file, aside) && ::fsync(file) == 0;
  const int why = errno;
  if (file >= 0) ::close(file);
  if (!written) return fail(failed("write " + note, why));
  Status done = sync_entries(staging_of(data));
  if (done) done = put(staging_of(data), ready_of(data));
  if (done) done = sync_entries(data);
  return done;
}

Status finish_restore(const std::string& data) {
  const std::string ready = ready_of(data);
  const auto pending = is_there(ready);
  if (!pending) return fail(pending.error());
  if (!*pending) return {};
  const auto aside = aside_of(ready);
  if (!aside) return fail(aside.error());
  if (*aside)
    if (Status done = put_all(ready, data, data + "/" + **aside); !done) return done;
  for (const std::string_view name :
       {kTombstoneFile, kStoreFile, kJournalFile, kFilesDatabase, kFilesFolder}) {
    const std::string file = ready + "/" + std::string(name);
    const auto left = is_there(file);
    if (!left) return fail(left.error());
    if (*left)
      return fail(make_problem(ErrorKind::runtime, "restore-failed",
                               file + " is there without the note that belongs to it"));
  }
  std::error_code error;
  fs::remove_all(ready, error);
  if (error) return fail(failed("remove " + ready, error.value()));
  return sync_entries(data);
}

Status no_restore_is_pending(const std::string& data) {
  const auto pending = is_there(ready_of(data));
  if (!pending) return fail(pending.error());
  if (!*pending) return {};
  return fail(make_problem(ErrorKind::configuration, "restore-unfinished",
                           "a restore of " + data +
                               " was cut off; the next start of the daemon, or stepwell doctor, "
                               "ends it"));
}

}  // namespace stepwell::daemon
