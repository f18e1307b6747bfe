// engine::Files on the disk: each content once in DIR/files, named by its hash, and DIR/files.db,
// which says which files there are. A file is there once its row is; contents without one are what
// a crash has left, and are removed when it is opened.
// Owned by daemon/wiring, which holds the directory's LockFile. Any thread; find(), open() and
// list() read what lies in the machine's memory as a rule and wait for no writer.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
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
  Status attach(const std::vector<std::string>& ids, InstanceId instance) override;
  Result<std::vector<engine::FileInfo>> list(std::optional<InstanceId> instance,
                                             const std::string& after, std::size_t most) override;
  Status remove(const std::string& id) override;
  Status remove_of(const std::vector<InstanceId>& instances) override;

  // Removes what no instance took in time; gives how many.
  Result<std::size_t> remove_unused();
  // Removes the files of instances that there are no more, a bite at a time: those above `after`,
  // which is the last one that was looked at then; 0: all have been.
  using Exists = std::function<Result<bool>(InstanceId)>;
  Status remove_orphans(InstanceId& after, const Exists& exists);

 private:
  class Writer;
  FileStore(FileContents contents, FileRows writer, FileRows reader, FileOptions options,
            Secret seed, const Surroundings& surroundings);
  std::string derived(const std::string& once) const;
  Result<engine::FileInfo> finish(FileDraft& draft, engine::FileInfo info);
  Status reserve(std::uint64_t bytes);
  Result<std::size_t> removed(const Result<FileRows::Removed>& rows);
  void renew_gauges();

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
};

}  // namespace stepwell::store
