// engine::Files on the disk: each content once in DIR/files, named by its hash, and DIR/files.db,
// which says which files there are. A file is there once its row is; contents without one are what
// a crash has left, and are removed when it is opened.
// Owned by daemon/wiring, which holds the directory's LockFile. Any thread; find(), open() and
// list() read what lies in the machine's memory as a rule and wait for no writer.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "base/units.h"
#include "engine/files.h"
#include "store/file_contents.h"
#include "store/file_rows.h"

namespace stepwell::store {

struct FileOptions {
  Bytes max_total = 10'240_MiB;                       // of all contents
  Milliseconds keep_unused = std::chrono::hours(24);  // of those that no instance has taken
  std::vector<std::string> types;                     // patterns of media types; empty: all
};

class FileStore final : public engine::Files {
 public:
  struct Surroundings {
    const Clock& clock;
    Entropy& entropy;
    Metrics& metrics;
    Log& log;
  };
  // All references outlive it. `directory` exists. Errors: configuration/`store-unusable`,
  // `store-damaged`, `store-newer`, `data-directory-unusable`; runtime/`store-failed`.
  static Result<std::unique_ptr<FileStore>> open(const std::string& directory, FileOptions options,
                                                 const Surroundings& surroundings);
  ~FileStore() override = default;
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;

  // Its writer also: runtime/507 `files-full`. finish() has synced the bytes, the folder and the
  // row.
  Result<std::unique_ptr<engine::FileWriter>> create(engine::FileInfo info, Bytes most) override;
  Result<std::optional<engine::FileInfo>> find(const std::string& id) override;
  // Also configuration/`store-damaged` where the content is gone.
  Result<std::unique_ptr<engine::FileReader>> open(const std::string& id) override;
  Result<engine::FileClaim> claim(const std::vector<std::string>& ids,
                                  InstanceId instance) override;
  void keep(const engine::FileClaim& claim) override;
  Status release(const engine::FileClaim& claim) override;
  Result<std::vector<engine::FileInfo>> list(std::optional<InstanceId> instance,
                                             const std::string& after, std::size_t most) override;
  Status remove(const engine::FileInfo& seen) override;
  Status remove_of(const std::vector<InstanceId>& instances) override;

  using Exists = std::function<Result<bool>(InstanceId)>;
  // Of files that were claimed, and that nobody in this process is about to settle: those of an
  // instance that is there are its own for good, the others are free. Before anything is started,
  // and now and then.
  Status settle_claims(const Exists& exists);
  // Those of instances that are about to be removed are theirs for good: a crash behind that would
  // else leave them free, as if the instances had never come about.
  Status settle_of(const std::vector<InstanceId>& instances);
  // Removes what no instance took in time; gives how many.
  Result<std::size_t> remove_unused();
  // Removes the files of instances that there are no more, a bite at a time: those above `after`,
  // which is the last one that was looked at then; 0: all have been.
  Status remove_orphans(InstanceId& after, const Exists& exists);

 private:
  class Writer;
  // Of one file: how many claims, all for this instance, are not settled; has one been kept?
  struct Claims {
    InstanceId instance;
    std::size_t open = 0;
    bool kept = false;
  };
  FileStore(FileContents contents, FileRows writer, FileRows reader, FileOptions options,
            Secret seed, const Surroundings& surroundings);
  std::string derived(const std::string& once) const;
  Result<engine::FileInfo> finish(FileDraft& draft, engine::FileInfo info);
  Status reserve(std::uint64_t bytes);
  Result<std::size_t> removed(const Result<FileRows::Removed>& rows);
  void renew_gauges();
  std::vector<std::string> settled(const engine::FileClaim& claim, bool kept);
  bool is_claimed(const std::string& id) const;
  bool has_claims(InstanceId instance) const;
  using Instances = std::vector<InstanceId>;
  Instances without_claims(Instances::const_iterator from, Instances::const_iterator end) const;
  Status remove_gone(const std::vector<InstanceId>& instances, const Exists& exists);
  Status settle_bite(std::string& after, const Exists& exists);

  const FileContents contents_;
  const FileOptions options_;
  const Secret seed_;  // of ids that follow from a request
  const Surroundings surroundings_;
  const Gauge files_;
  const Gauge bytes_;
  std::atomic<std::uint64_t> used_{0};  // by contents and drafts, in bytes
  // Written with write_mutex_ held.
  std::uint64_t stored_ = 0;  // by contents alone
  std::uint64_t count_ = 0;   // of files

  std::mutex write_mutex_;
  FileRows writer_;  // guarded by write_mutex_, as are keeping and removing contents
  std::mutex read_mutex_;
  FileRows reader_;  // guarded by read_mutex_
  // Taken last, and for moments only.
  mutable std::mutex claims_mutex_;
  std::map<std::string, Claims> claims_;  // guarded by claims_mutex_; by the file's id
};

}  // namespace stepwell::store
