#include "daemon/resources.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/encoding.h"
#include "daemon/text_source.h"

namespace stepwell::daemon {

namespace {

namespace fs = std::filesystem;

constexpr Milliseconds kLongest{60'000};     // for all that one load fetches
constexpr Milliseconds kLongestOne{15'000};  // for one of them
constexpr std::uintmax_t kMost = 1024UL * 1024;

Problem unreadable(std::string detail) {
  return make_problem(ErrorKind::configuration, "file-unreadable", std::move(detail));
}

// RFC 8089: file:///path, file:/path; and file:path, which is relative. Empty: another machine's.
std::string path_of(std::string_view uri) {
  std::string_view path = uri.substr(5);
  if (path.starts_with("//")) {
    path.remove_prefix(2);
    if (path.starts_with("localhost/")) path.remove_prefix(9);
    if (!path.starts_with('/')) return {};
  }
  return percent_decode(path);
}

bool is_within(const fs::path& path, const std::string& folder) {
  if (folder.empty()) return false;
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) return false;
  return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

}  // namespace

std::string location_uri(const std::string& location) {
  const bool uri = location.starts_with("http://") || location.starts_with("https://") ||
                   location.starts_with("file:");
  if (uri || location.empty()) return location;
  std::error_code error;
  std::string out = "file:";
  for (const fs::path& part : fs::absolute(location, error).lexically_normal())
    if (part != "/" && !part.empty()) out += "/" + percent_encode(part.string());
  return out;
}

DefinitionResources::DefinitionResources(Fetch fetch, const std::string& catalog,
                                         std::function<bool(std::string_view)> holds_secret)
    : fetch_(std::move(fetch)),
      holds_secret_(std::move(holds_secret)),
      deadline_(Deadline::after(clock_, kLongest)),
      catalog_(location_uri(catalog)) {
  if (catalog_.starts_with("file:")) catalog_folder_ = path_of(catalog_);
}

Result<std::string> DefinitionResources::read(const config::ResourceRequest& request,
                                              const std::string& folder) {
  Result<std::string> text =
      request.uri.starts_with("file:") ? read_local(request.uri, folder) : fetch(request);
  if (text && holds_secret_(*text))
    return fail(unreadable("it holds a secret that is stored here, or an API key"));
  return text;
}

Result<std::string> DefinitionResources::read_local(const std::string& uri,
                                                    const std::string& folder) const {
  const std::string path = path_of(uri);
  std::error_code error;
  const fs::path file = fs::canonical(fs::path(folder) / path, error);
  if (path.empty() || error) return fail(unreadable("there is no such file"));
  if (!is_within(file, folder) && !is_within(file, catalog_folder_))
    return fail(
        unreadable("files are read from the definition's own folder and below it, and from "
                   "the catalog of the settings"));
  if (!fs::is_regular_file(file, error)) return fail(unreadable("it is no regular file"));
  if (fs::file_size(file, error) > kMost || error)
    return fail(unreadable("it has more than " + std::to_string(kMost) + " bytes"));
  return read_file(file.string());
}

Result<std::string> DefinitionResources::fetch(const config::ResourceRequest& request) {
  const std::string key = request.namespace_ + "\n" + request.credential + "\n" + request.uri;
  const std::scoped_lock lock(mutex_);
  if (const auto known = fetched_.find(key); known != fetched_.end()) return known->second;
  const auto left = std::chrono::duration_cast<Milliseconds>(deadline_.at() - clock_.steady_now());
  if (left.count() <= 0)
    return fail(
        unreadable("all that is fetched when definitions are loaded has to come within a "
                   "minute, which has passed"));
  return fetched_.emplace(key, fetch_(request, std::min(left, kLongestOne))).first->second;
}

FileResources::FileResources(DefinitionResources& all, const std::string& path)
    : all_(all), folder_(fs::path(path).parent_path().string()) {
  if (folder_.empty()) folder_ = ".";
}

}  // namespace stepwell::daemon
