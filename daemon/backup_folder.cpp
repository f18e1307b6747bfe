#include "daemon/backup_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "auth/cipher.h"
#include "base/encoding.h"
#include "base/files.h"
#include "base/json.h"
#include "daemon/text_source.h"

namespace stepwell::daemon {

namespace {

constexpr std::string_view kManifestFile = "manifest.json";
constexpr int kFormat = 1;
constexpr std::size_t kPiece = 256UL * 1024;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

// Reads to the end, and writes to `to` where that is a file.
Result<Manifest::File> pass(const std::string& path, int to, const std::string& to_path) {
  const Descriptor from(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (from.get() < 0) return fail(file_problem("read", path, errno));
  Manifest::File file;
  file.name = std::filesystem::path(path).filename().string();
  auth::Sha256 hash;
  std::string piece(kPiece, '\0');
  for (;;) {
    const ssize_t got = ::read(from.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(file_problem("read", path, errno));
    if (got == 0) break;
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(got));
    hash.add(bytes);
    file.bytes += bytes.size();
    if (to >= 0 && !write_all(to, bytes)) return fail(file_problem("write", to_path, errno));
  }
  file.sha256 = to_hex(hash.finish());
  return file;
}

Problem damaged(std::string detail) {
  return make_problem(ErrorKind::configuration, "backup-damaged", std::move(detail));
}

Result<int> new_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return fail(file_problem("make", path, errno));
  return file;
}

}  // namespace

Problem file_problem(std::string_view doing, const std::string& path, int error) {
  return make_problem(
      ErrorKind::runtime, error == ENOSPC ? "disk-full" : "backup-failed",
      "cannot " + std::string(doing) + " " + path + ": " + std::generic_category().message(error));
}

Value to_value(const Manifest& manifest) {
  Value files = Value::array();
  for (const Manifest::File& file : manifest.files)
    files.push_back(
        Value::object({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}}));
  return Value::object(
      {{"format", kFormat},
       {"version", manifest.version},
       {"time", format_time(manifest.time)},
       {"files", std::move(files)},
       {"notIn",
        "the master key, stepwell.yaml and the definitions folder; keep the master key "
        "apart from this folder"}});
}

bool is_content_name(std::string_view name) {
  constexpr std::size_t kHashDigits = 64;
  constexpr std::size_t kShard = 2;
  if (!name.starts_with(kFilesFolder) || !name.substr(kFilesFolder.size()).starts_with('/'))
    return false;
  name.remove_prefix(kFilesFolder.size() + 1);
  if (name.size() != kShard + 1 + kHashDigits || name[kShard] != '/') return false;
  const std::string_view hash = name.substr(kShard + 1);
  return hash.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
         hash.starts_with(name.substr(0, kShard));
}

Result<Manifest> read_manifest(const std::string& folder) {
  const std::string path = folder + "/" + std::string(kManifestFile);
  const auto text = read_file(path);
  if (!text)
    return fail(damaged(folder + " holds no " + std::string(kManifestFile) +
                        ": it is no backup, or one that did not come to its end"));
  const Result<Value> value = parse_json(*text);
  const auto unreadable = [&] { return fail(damaged(path + " cannot be read")); };
  if (!value || !value->is_object()) return unreadable();
  if (value->get("format") != Value(kFormat))
    return fail(damaged(path + " has a format that this release does not know"));
  Manifest manifest;
  const Value& time = value->get("time");
  const Result<WallTime> at = time.is_string() ? parse_time(time.as_string()) : fail(Problem());
  const Value& files = value->get("files");
  if (!at || !files.is_array() || !value->get("version").is_string()) return unreadable();
  manifest.time = *at;
  manifest.version = value->get("version").as_string();
  for (std::size_t i = 0; i < files.size(); ++i) {
    const Value& file = files.at(i);
    const auto bytes = file.get("bytes").as_integer();
    if (!file.get("name").is_string() || !file.get("sha256").is_string() || !bytes || *bytes < 0)
      return unreadable();
    const std::string name(file.get("name").as_string());
    // Whatever else is named there is not ours, and a path would lead out of the folder.
    if (name != kJournalFile && name != kStoreFile && name != kTombstoneFile &&
        name != kFilesDatabase && !is_content_name(name))
      return unreadable();
    manifest.files.push_back(
        {name, static_cast<std::uint64_t>(*bytes), std::string(file.get("sha256").as_string())});
  }
  return manifest;
}

Status write_manifest(const std::string& folder, const Manifest& manifest) {
  const std::string path = folder + "/" + std::string(kManifestFile);
  const Result<int> made = new_file(path);
  if (!made) return fail(made.error());
  const Descriptor file(*made);
  const std::string text = to_json(to_value(manifest), {2, false}) + "\n";
  if (!write_all(file.get(), text) || ::fsync(file.get()) != 0 || !sync_directory_of(path))
    return fail(file_problem("write", path, errno));
  return {};
}

Result<Manifest::File> measure(const std::string& folder, std::string_view name) {
  return pass(folder + "/" + std::string(name), -1, "");
}

Result<Manifest::File> copy_file(const std::string& from, const std::string& to) {
  const Result<int> made = new_file(to);
  if (!made) return fail(made.error());
  const Descriptor file(*made);
  Result<Manifest::File> copied = pass(from, file.get(), to);
  if (!copied) return copied;
  if (::fsync(file.get()) != 0) return fail(file_problem("write", to, errno));
  return copied;
}

}  // namespace stepwell::daemon
