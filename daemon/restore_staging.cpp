#include "daemon/restore_staging.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

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

bool is_there(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

Status put(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return fail(failed("move " + from + " to " + to, errno));
}

// `from` and `to` are folders. The file is in its place once it is gone from `from`.
Status put_database(const std::string& ready, const std::string& data, const std::string& aside,
                    std::string_view name) {
  const std::string fresh = ready + "/" + std::string(name);
  if (!is_there(fresh)) return {};
  // The log first: without its database it does not matter, with another one it would.
  for (const std::string_view suffix : {"-wal", "-shm", ""}) {
    std::string file("/");
    file += name;
    file += suffix;
    const std::string old = data + file;
    if (!is_there(old)) continue;
    if (Status moved = put(old, aside + file); !moved) return moved;
  }
  return put(fresh, data + "/" + std::string(name));
}

// Never without the file: the new one holds what the old one does.
Status put_tombstones(const std::string& ready, const std::string& data, const std::string& aside) {
  const std::string name(kTombstoneFile);
  if (!is_there(ready + "/" + name)) return {};
  if (is_there(data + "/" + name) && !is_there(aside + "/" + name)) {
    if (::link((data + "/" + name).c_str(), (aside + "/" + name).c_str()) != 0)
      return fail(failed("keep " + data + "/" + name, errno));
  }
  return put(ready + "/" + name, data + "/" + name);
}

Status sync_entries(const std::string& folder) {
  if (sync_directory_of(folder + "/.")) return {};
  return fail(failed("write " + folder, errno));
}

}  // namespace

std::string staging_of(const std::string& data) { return data + "/restore.new"; }

Status make_ready(const std::string& data, const std::string& aside) {
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
  if (!is_there(ready)) return {};
  if (const auto name = read_file(ready + "/" + std::string(kAside))) {
    const std::string aside = data + "/" + fs::path(*name).filename().string();
    Status done = store::ensure_private_directory(aside);
    if (done) done = put_tombstones(ready, data, aside);
    if (done) done = put_database(ready, data, aside, kStoreFile);
    if (done) done = put_database(ready, data, aside, kJournalFile);
    if (done) done = sync_entries(aside);
    if (done) done = sync_entries(data);
    if (!done) return done;
  }
  // Without the note everything is in its place, and only the empty folder is left.
  std::error_code error;
  fs::remove(ready + "/" + std::string(kAside), error);
  if (::rmdir(ready.c_str()) != 0) return fail(failed("remove " + ready, errno));
  return sync_entries(data);
}

Status no_restore_is_pending(const std::string& data) {
  if (!is_there(ready_of(data))) return {};
  return fail(make_problem(ErrorKind::configuration, "restore-unfinished",
                           "a restore of " + data +
                               " was cut off; the next start of the daemon, or stepwell doctor, "
                               "ends it"));
}

}  // namespace stepwell::daemon
