// What is known of files besides their bytes: a table in a SQLite database of its own
// (DIR/files.db, 0600), apart from the journal's, whose writer it would hold up. Owned by
// FileStore, which guards the writing and the reading one by a mutex each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/files.h"
#include "store/database.h"

namespace stepwell::store {

class FileRows {
 public:
  // Makes the database where it is missing. Errors: as Database::open() and migrate().
  static Result<FileRows> open(const std::string& path);
  // A further connection to it.
  static Result<FileRows> open_again(const std::string& path);

  struct Content {
    std::string sha256;
    std::uint64_t size = 0;
  };
  struct Removed {
    std::size_t files = 0;
    std::vector<Content> contents;  // that no row needs any more
  };

  // What was given the first time, whatever is given later.
  Result<std::string> seed(const std::string& fresh);

  // All of these: runtime/`store-failed`, `store-in-doubt`, `disk-full`.
  Status add(const engine::FileInfo& info);
  Result<std::optional<engine::FileInfo>> find(const std::string& id);
  Result<std::vector<engine::FileInfo>> list(std::optional<InstanceId> instance,
                                             const std::string& after, std::size_t most);
  // Those that were free before are marked as claimed; gives them. Also validation/404
  // `file-unknown`, 409 `file-in-use`.
  Result<std::vector<std::string>> claim(const std::vector<std::string>& ids, InstanceId instance);
  // Takes the mark away: from `kept`, which stay with their instance, and from `freed`.
  Status settle(const std::vector<std::string>& kept, const std::vector<std::string>& freed);
  struct Claimed {
    std::string id;
    InstanceId instance;
  };
  // Those with the mark, by id, above `after`, at most so many.
  Result<std::vector<Claimed>> claimed(const std::string& after, std::size_t most);
  // Takes the mark from the files of these.
  Status settle_of(const std::vector<InstanceId>& instances);
  Result<Removed> remove(const std::string& id);
  Result<Removed> remove_of(const std::vector<InstanceId>& instances);
  // Those that no instance has taken and that came before; at most so many.
  Result<Removed> remove_unused(WallTime before, std::size_t most);
  // That have files without the mark, above this one.
  Result<std::vector<InstanceId>> instances(InstanceId after, std::size_t most);
  Result<bool> has_content(const std::string& sha256);
  struct Sums {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;  // of contents, each once
  };
  Result<Sums> sums();

 private:
  explicit FileRows(Database database) : database_(std::move(database)) {}
  template <class Work>
  Status in_transaction(const Work& work);
  // Takes away the rows that `select` finds, whose one parameter is bound.
  template <class Parameter>
  Status take(const char* select, const Parameter& parameter, Removed& removed);
  Status leave_needed(Removed& removed);

  Database database_;
};

Problem file_unknown();
Problem file_in_use(const std::string& id);

}  // namespace stepwell::store
