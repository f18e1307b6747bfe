#include "store/tombstone_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <system_error>

#include "base/encoding.h"
#include "base/files.h"
#include "base/json.h"

namespace stepwell::store {

using auth::Tombstone;

namespace {

constexpr std::size_t kCheckLength = 8;
// Ends a line that a crash cut short, before the next one is written.
constexpr std::string_view kCut = "#cut";

Problem failed(const std::string& path, int error) {
  Problem problem =
      make_problem(ErrorKind::runtime, error == ENOSPC ? "disk-full" : "store-failed",
                   "cannot append to " + path + ": " + std::generic_category().message(error));
  problem.status = 503;
  return problem;
}

std::string check_of(std::string_view json) {
  std::array<char, kCheckLength + 1> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", crc32(json));
  return digits.data();
}

std::string line_of(const Tombstone& stone) {
  const std::string json = to_json(Value::object({{"kind", stone.kind},
                                                  {"id", stone.id},
                                                  {"what", stone.what},
                                                  {"by", stone.by},
                                                  {"at", format_time(stone.at)},
                                                  {"number", stone.number},
                                                  {"mac", stone.mac}}));
  return check_of(json) + " " + json + "\n";
}

Result<Tombstone> stone_of(std::string_view line) {
  const auto unreadable = [] {
    return fail(make_problem(ErrorKind::configuration, "store-damaged", ""));
  };
  if (line.size() <= kCheckLength + 1 || line[kCheckLength] != ' ') return unreadable();
  const std::string_view json = line.substr(kCheckLength + 1);
  if (check_of(json) != line.substr(0, kCheckLength)) return unreadable();
  Result<Value> object = parse_json(json);
  if (!object) return unreadable();
  const auto text = [&](const char* key) {
    const Value& member = object->get(key);
    return member.is_string() ? std::string(member.as_string()) : std::string();
  };
  Result<WallTime> at = parse_time(text("at"));
  if (!at) return unreadable();
  const std::int64_t number = object->get("number").as_integer().value_or(0);
  return Tombstone{text("kind"), text("id"), text("what"),
                   text("by"),   *at,        static_cast<std::uint64_t>(number),
                   text("mac")};
}

// Nothing where there is no such file; any other failure is an errno, since a file that cannot be
// read may hold revocations.
struct Content {
  std::optional<std::string> text;
  int error = 0;
};

Content content_of(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {std::nullopt, errno == ENOENT ? 0 : errno};
  std::string text;
  std::array<char, 16UL * 1024> piece{};
  for (;;) {
    const ssize_t got = ::read(file, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    const int error = errno;
    if (got <= 0) ::close(file);
    if (got < 0) return {std::nullopt, error};
    if (got == 0) return {std::move(text), 0};
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

// What ends a last line that a crash cut short, so that it does not swallow the next one. Where
// only the line's end is missing, the line counts.
std::string mending(std::string_view content) {
  if (content.empty() || content.ends_with('\n')) return "";
  const std::size_t newline = content.rfind('\n');
  const std::string_view last =
      newline == std::string_view::npos ? content : content.substr(newline + 1);
  return stone_of(last) ? "\n" : std::string(kCut) + "\n";
}

}  // namespace

Result<std::vector<Tombstone>> TombstoneFile::read() const {
  std::vector<Tombstone> stones;
  if (path_.empty()) return stones;
  const Content content = content_of(path_);
  if (content.error != 0)
    return fail(make_problem(
        ErrorKind::configuration, "store-unusable",
        "cannot read " + path_ + ": " + std::generic_category().message(content.error)));
  if (!content.text) return stones;
  const std::string& text = *content.text;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    ++number;
    const std::size_t end = text.find('\n', begin);
    const bool whole = end != std::string::npos;
    const std::string_view line =
        std::string_view(text).substr(begin, whole ? end - begin : std::string::npos);
    begin = whole ? end + 1 : text.size();
    Result<Tombstone> stone = stone_of(line);
    if (stone) {
      stones.push_back(std::move(*stone));
    } else if (whole && !line.empty() && !line.ends_with(kCut)) {
      return fail(make_problem(ErrorKind::configuration, "store-damaged",
                               path_ + ", line " + std::to_string(number) +
                                   ", was changed; restore the file from a backup"));
    }
  }
  return stones;
}

Status TombstoneFile::append(const std::vector<Tombstone>& tombstones) {
  if (path_.empty() || tombstones.empty()) return {};
  const Content before = content_of(path_);
  if (before.error != 0) return fail(failed(path_, before.error));
  const std::string mend = mending(before.text.value_or(""));
  std::string known = "\n" + before.text.value_or("") + mend;
  std::string text = mend;
  for (const Tombstone& stone : tombstones) {
    const std::string line = line_of(stone);
    if (known.find("\n" + line) != std::string::npos) continue;
    text += line;
    known += line;
  }
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return fail(failed(path_, errno));
  // Also where every line is there already: it may never have reached the disk.
  const bool done = write_all(file, text) && ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  if (!done) return fail(failed(path_, error));
  if (!sync_directory_of(path_)) return fail(failed(path_, errno));
  return {};
}

}  // namespace stepwell::store
