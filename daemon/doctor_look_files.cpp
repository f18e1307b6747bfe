// The files that clients handed in as `stepwell doctor` looks at them, beside a daemon that runs or
// without one.

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "daemon/backup_folder.h"
#include "daemon/doctor_look.h"
#include "store/file_rows.h"

namespace stepwell::daemon {

namespace {

constexpr std::size_t kPage = 1'000;

// Is the content there, as long as it should be?
bool is_whole(const std::string& data, const engine::FileInfo& info) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(
      data + "/" + std::string(kFilesFolder) + "/" + info.sha256.substr(0, 2) + "/" + info.sha256,
      error);
  return !error && size == info.size;
}

Status look_at_each(store::FileRows& rows, const std::string& data, FileFacts& facts) {
  std::string after;
  for (;;) {
    const auto page = rows.list({}, after, kPage);
    if (!page) return fail(page.error());
    for (const engine::FileInfo& info : *page) {
      after = info.id;
      ++facts.files;
      facts.bytes += info.size;
      if (is_whole(data, info)) continue;
      // One that was removed meanwhile is not lost.
      const auto now = rows.find(info.id);
      if (!now) return fail(now.error());
      if (*now) facts.without_content.push_back(info.id);
    }
    if (page->size() < kPage) return {};
  }
}

}  // namespace

FileFacts look_at_files(const config::Settings& settings, const Facts& facts) {
  FileFacts files;
  const std::string path = settings.data + "/" + std::string(kFilesDatabase);
  const auto entry =
      std::find_if(facts.paths.begin(), facts.paths.end(), [&](const PathFact& fact) {
        return fact.path == path && fact.kind != PathFact::Kind::missing;
      });
  if (entry == facts.paths.end()) return files;
  files.there = true;
  // What another user makes beside it, the daemon could not open.
  if (entry->owner != facts.user) {
    files.left_out = "they belong to another user";
    return files;
  }
  Result<store::FileRows> rows = store::FileRows::open_again(path);
  const Status looked = rows ? look_at_each(*rows, settings.data, files) : fail(rows.error());
  if (!looked) files.fault = looked.error();
  return files;
}

}  // namespace stepwell::daemon
