#include "daemon/backup_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "base/files.h"
#include "store/database.h"
#include "store/private_directory.h"

namespace stepwell::daemon {

namespace {

Result<std::vector<std::string>> hashes_of(store::Database& database) {
  Result<store::Statement> select =
      database.prepare("SELECT DISTINCT sha256 FROM files ORDER BY sha256");
  if (!select) return fail(std::move(select).error());
  std::vector<std::string> hashes;
  for (;;) {
    const Result<bool> row = select->step();
    if (!row) return fail(row.error());
    if (!*row) return hashes;
    hashes.push_back(select->text(0));
  }
}

Status leave_out(store::Database& database, const std::string& hash) {
  Result<store::Statement> erase = database.prepare("DELETE FROM files WHERE sha256 = ?");
  if (!erase) return fail(std::move(erase).error());
  return erase->bind(hash).run();
}

std::string within(std::string_view folder, std::string_view name) {
  std::string path(folder);
  path += '/';
  path += name;
  return path;
}

Problem not_what_it_was(const std::string& path) {
  return make_problem(ErrorKind::configuration, "store-damaged",
                      path +
                          " is not what was handed in; remove the files that have it, or "
                          "restore it");
}

Status make_folder(const std::string& path) {
  if (Status made = store::ensure_private_directory(path); !made)
    return fail(file_problem("make", path, errno));
  return {};
}

}  // namespace

Status copy_contents(const std::string& data, const std::string& folder,
                     const std::function<Status(Result<Manifest::File>)>& note) {
  Result<store::Database> database = store::Database::open(within(folder, kFilesDatabase));
  if (!database) return fail(std::move(database).error());
  const Result<std::vector<std::string>> hashes = hashes_of(*database);
  if (!hashes) return fail(hashes.error());
  const std::string all = within(folder, kFilesFolder);
  if (Status made = make_folder(all); !made) return made;
  std::set<std::string> shards;
  for (const std::string& hash : *hashes) {
    const std::string name = within(within(kFilesFolder, hash.substr(0, 2)), hash);
    if (!is_content_name(name))
      return fail(make_problem(ErrorKind::configuration, "store-damaged",
                               "the database of files lists what is no hash"));
    const std::string shard = within(all, hash.substr(0, 2));
    if (shards.insert(shard).second)
      if (Status made = make_folder(shard); !made) return made;
    const std::string from = within(data, name);
    std::error_code error;
    if (!std::filesystem::exists(from, error) && !error) {
      if (Status left = leave_out(*database, hash); !left) return left;
      continue;
    }
    Result<Manifest::File> copied = copy_file(from, within(folder, name));
    if (copied && copied->sha256 != hash) return fail(not_what_it_was(from));
    if (copied) copied->name = name;
    if (Status noted = note(std::move(copied)); !noted) return noted;
  }
  shards.insert(all);
  for (const std::string& shard : shards)
    if (!sync_directory_of(within(shard, "."))) return fail(file_problem("write", shard, errno));
  return {};
}

}  // namespace stepwell::daemon
