#include "store/file_contents.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/files.h"
#include "store/private_directory.h"

namespace stepwell::store {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDraftEnd = ".new";
constexpr std::size_t kHashDigits = 64;
// So much is asked for ahead of a reader, which then finds it in memory.
constexpr std::uint64_t kAhead = 1024UL * 1024;

Problem content_problem(const std::string& doing, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  Problem problem =
      make_problem(ErrorKind::runtime, full ? "disk-full" : "store-failed",
                   full ? "there is no room for the file: the disk is full"
                        : "cannot " + doing + ": " + std::generic_category().message(error));
  problem.status = 503;
  return problem;
}

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

class ContentReader final : public engine::FileReader {
 public:
  explicit ContentReader(int descriptor) : descriptor_(descriptor) { look_ahead(); }
  ~ContentReader() override { ::close(descriptor_); }
  ContentReader(const ContentReader&) = delete;
  ContentReader& operator=(const ContentReader&) = delete;

  Result<std::string> read(std::size_t most) override {
    std::string bytes(most, '\0');
    for (;;) {
      const ssize_t got =
          ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(content_problem("read a file", errno));
      bytes.resize(static_cast<std::size_t>(got));
      offset_ += bytes.size();
      if (offset_ + kAhead / 2 > asked_) look_ahead();
      return bytes;
    }
  }

  Status seek(std::uint64_t offset) override {
    offset_ = offset;
    asked_ = offset;
    look_ahead();
    return {};
  }

 private:
  // The kernel fetches it meanwhile; this does not wait for it.
  void look_ahead() {
    const std::uint64_t from = std::max(asked_, offset_);
    (void)::posix_fadvise(descriptor_, static_cast<off_t>(from), static_cast<off_t>(kAhead),
                          POSIX_FADV_WILLNEED);
    asked_ = from + kAhead;
  }

  const int descriptor_;
  std::uint64_t offset_ = 0;
  std::uint64_t asked_ = 0;
};

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    entries.push_back(entry->path());
  return entries;
}

}  // namespace

FileDraft::~FileDraft() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

Status FileDraft::write(std::string_view bytes) {
  if (!write_all(descriptor_, bytes)) return fail(content_problem("write a file", errno));
  hash_.add(bytes);
  size_ += bytes.size();
  return {};
}

Result<std::string> FileDraft::sync() {
  const int synced = ::fsync(descriptor_);
  const int error = errno;
  ::close(std::exchange(descriptor_, -1));
  if (synced != 0) return fail(content_problem("put a file on the disk", error));
  return to_hex(hash_.finish());
}

Result<FileContents> FileContents::open(const std::string& folder) {
  if (Status made = ensure_private_directory(folder); !made) return fail(std::move(made.error()));
  for (const fs::path& path : entries_of(folder))
    if (path.filename().string().ends_with(kDraftEnd)) ::unlink(path.c_str());
  return FileContents(folder);
}

std::string FileContents::path_of(const std::string& hash) const {
  return folder_ + "/" + hash.substr(0, 2) + "/" + hash;
}

Result<std::unique_ptr<FileDraft>> FileContents::begin(const std::string& name) const {
  std::string path = folder_ + "/" + name + std::string(kDraftEnd);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return fail(content_problem("make a file", errno));
  return std::make_unique<FileDraft>(file, std::move(path));
}

Status FileContents::keep(FileDraft& draft, const std::string& hash) const {
  const std::string path = path_of(hash);
  const std::string folder = path.substr(0, path.rfind('/'));
  if (::mkdir(folder.c_str(), 0700) == 0) {
    if (!sync_directory_of(folder)) return fail(content_problem("put a folder on the disk", errno));
  } else if (errno != EEXIST) {
    return fail(content_problem("make a folder", errno));
  }
  if (::rename(draft.path_.c_str(), path.c_str()) != 0)
    return fail(content_problem("move a file to its place", errno));
  draft.path_.clear();
  if (!sync_directory_of(path)) return fail(content_problem("put a file on the disk", errno));
  return {};
}

Result<std::unique_ptr<engine::FileReader>> FileContents::read(const std::string& hash) const {
  std::unique_ptr<engine::FileReader> reader;
  if (!is_hash(hash)) return reader;
  const int file = ::open(path_of(hash).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file >= 0)
    reader = std::make_unique<ContentReader>(file);
  else if (errno != ENOENT)
    return fail(content_problem("open a file", errno));
  return reader;
}

void FileContents::remove(const std::string& hash) const noexcept {
  if (is_hash(hash)) ::unlink(path_of(hash).c_str());
}

std::size_t FileContents::remove_unknown(
    const std::function<bool(const std::string& hash)>& known) const {
  std::size_t removed = 0;
  for (const fs::path& folder : entries_of(folder_)) {
    const std::string name = folder.filename().string();
    if (name.size() != 2) continue;
    for (const fs::path& path : entries_of(folder)) {
      const std::string hash = path.filename().string();
      if (!is_hash(hash) || known(hash)) continue;
      if (::unlink(path.c_str()) == 0) ++removed;
    }
  }
  return removed;
}

}  // namespace stepwell::store
