// The bytes of files, on the disk: DIR/ab/HASH, named by the SHA-256 of what they hold, which never
// changes. New ones are written beside them under a name of their own and then moved there whole.
// Owned by FileStore; drafts may be written on any thread, one each; the rest is guarded by it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/sha256.h"
#include "engine/files.h"

namespace stepwell::store {

// A file that is being written. Gone with this object, unless it was kept.
class FileDraft {
 public:
  FileDraft(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~FileDraft();
  FileDraft(const FileDraft&) = delete;
  FileDraft& operator=(const FileDraft&) = delete;

  // Errors: runtime/503 `disk-full`, `store-failed`.
  Status write(std::string_view bytes);
  // All of it is on the disk. Gives its hash, in hexadecimal. Once.
  Result<std::string> sync();
  std::uint64_t size() const { return size_; }

 private:
  friend class FileContents;
  int descriptor_;
  std::string path_;  // empty: kept
  std::uint64_t size_ = 0;
  Sha256 hash_;
};

class FileContents {
 public:
  // Makes the folder (0700) where it is missing, and removes drafts that a crash has left. Errors:
  // configuration/`data-directory-unusable`.
  static Result<FileContents> open(const std::string& folder);

  // `name`: no other draft has it. Errors: as write()'s.
  Result<std::unique_ptr<FileDraft>> begin(const std::string& name) const;
  // The draft, which has been synced, is the content with that hash from now on, durably; one that
  // was there is replaced by it. Errors: as write()'s.
  Status keep(FileDraft& draft, const std::string& hash) const;
  // Nothing where there is no such content. Errors: runtime/503 `store-failed`.
  Result<std::unique_ptr<engine::FileReader>> read(const std::string& hash) const;
  // What cannot be removed now is removed at the next start.
  void remove(const std::string& hash) const noexcept;
  // Removes what `known` does not know; gives how many.
  std::size_t remove_unknown(const std::function<bool(const std::string& hash)>& known) const;

 private:
  explicit FileContents(std::string folder) : folder_(std::move(folder)) {}
  std::string path_of(const std::string& hash) const;

  std::string folder_;
};

}  // namespace stepwell::store
