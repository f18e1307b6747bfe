// A backup's folder: copies of what a data directory keeps, and a manifest that tells their sizes
// and hashes, written last; a folder without one is no backup.
// Functions of the file system, for one thread; all of them block.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"

namespace stepwell::daemon {

// What a data directory keeps, in the order in which a backup copies it.
inline constexpr std::string_view kJournalFile = "journal.db";
inline constexpr std::string_view kFilesDatabase = "files.db";
inline constexpr std::string_view kFilesFolder = "files";  // with the contents of what that lists
inline constexpr std::string_view kStoreFile = "stepwell.db";
inline constexpr std::string_view kTombstoneFile = "tombstones";

struct Manifest {
  struct File {
    std::string name;  // with its path in the folder
    std::uint64_t bytes = 0;
    std::string sha256;  // hexadecimal
  };
  std::string version;  // of the release that made it
  WallTime time;        // when it was begun
  std::vector<File> files;
};

Value to_value(const Manifest& manifest);

// Errors: configuration/`backup-damaged` for a folder without a whole manifest.
Result<Manifest> read_manifest(const std::string& folder);
Status write_manifest(const std::string& folder, const Manifest& manifest);

// Is it the name of a file's content: files/ab/HASH?
bool is_content_name(std::string_view name);

// Size and hash of what lies in the folder under this name. Errors: runtime/`backup-failed`.
Result<Manifest::File> measure(const std::string& folder, std::string_view name);
// A copy on disk, with mode 0600, and what it holds; `to` must not exist. Errors:
// runtime/`backup-failed`, `disk-full`.
Result<Manifest::File> copy_file(const std::string& from, const std::string& to);
// What `failed` says of a file, with the error of the system call before it.
Problem file_problem(std::string_view doing, const std::string& path, int error);

}  // namespace stepwell::daemon
