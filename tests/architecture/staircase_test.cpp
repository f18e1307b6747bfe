// The architecture is a staircase: a folder includes only what stands above it, and each external
// library is met in its own folder alone (docs/architecture.md).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::set<std::string>>& allowed_folders() {
  static const std::map<std::string, std::set<std::string>> kAllowed{
      {"base", {}},
      {"expression", {"base"}},
      {"config", {"base", "expression"}},
      {"http", {"base"}},
      {"auth", {"base", "http"}},
      {"engine", {"base", "expression", "config"}},
      {"steps", {"base", "http", "auth", "config", "engine"}},
      {"store", {"base", "engine", "auth"}},
      {"api", {"base", "expression", "config", "http", "auth", "engine", "steps", "store"}},
      {"daemon",
       {"base", "expression", "config", "http", "auth", "engine", "steps", "store", "api"}}};
  return kAllowed;
}

// Of these folders only the ports may be included by the folders named.
const std::map<std::pair<std::string, std::string>, std::set<std::string>>& allowed_headers() {
  static const std::map<std::pair<std::string, std::string>, std::set<std::string>> kAllowed{
      {{"steps", "engine"}, {"engine/files.h", "engine/ports.h"}},
      {{"store", "engine"}, {"engine/files.h", "engine/ports.h"}},
      {{"store", "auth"}, {"auth/store_port.h"}}};
  return kAllowed;
}

// The beginning of an external header's path → the folders that may include it.
const std::map<std::string, std::set<std::string>>& owners() {
  static const std::map<std::string, std::set<std::string>> kOwners{{"rapidjson/", {"base"}},
                                                                    {"spdlog/", {"base"}},
                                                                    {"fmt/", {"base"}},
                                                                    {"prometheus/", {"base"}},
                                                                    {"tl/", {"base"}},
                                                                    {"oniguruma", {"expression"}},
                                                                    {"valijson/", {"config"}},
                                                                    {"yaml.h", {"config"}},
                                                                    {"curl/", {"http"}},
                                                                    {"openssl/", {"http", "api"}},
                                                                    {"sodium", {"auth", "base"}},
                                                                    {"oneapi/", {"engine"}},
                                                                    {"tbb/", {"engine"}},
                                                                    {"sqlite3", {"store"}},
                                                                    {"boost/", {"api"}},
                                                                    {"CLI/", {"daemon"}},
                                                                    {"systemd/", {"daemon"}},
                                                                    {"jemalloc/", {"daemon"}}};
  return kOwners;
}

struct Include {
  std::string file;
  std::string folder;
  std::string target;
  bool quoted;
};

std::vector<Include> all_includes() {
  std::vector<Include> includes;
  const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  for (const auto& [folder, allowed] : allowed_folders()) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SOURCE_DIR) / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp") continue;
      std::ifstream file(entry.path());
      std::string line;
      std::smatch match;
      while (std::getline(file, line))
        if (std::regex_search(line, match, pattern))
          includes.push_back({entry.path().string(), folder, match[2], match[1] == "\""});
    }
  }
  return includes;
}

TEST(Staircase, EveryFolderIsThere) {
  for (const auto& [folder, allowed] : allowed_folders())
    EXPECT_TRUE(fs::is_directory(fs::path(SOURCE_DIR) / folder)) << folder;
  EXPECT_GT(all_includes().size(), 300U);
}

TEST(Staircase, FoldersIncludeOnlyWhatStandsAboveThem) {
  for (const Include& include : all_includes()) {
    if (!include.quoted) continue;
    const std::string target = include.target.substr(0, include.target.find('/'));
    if (target == include.folder) continue;
    EXPECT_TRUE(allowed_folders().at(include.folder).contains(target))
        << include.file << " includes " << include.target;
    const auto narrowed = allowed_headers().find({include.folder, target});
    if (narrowed != allowed_headers().end()) {
      EXPECT_TRUE(narrowed->second.contains(include.target))
          << include.file << " includes " << include.target << ", which is no port";
    }
  }
}

TEST(Staircase, ExternalLibrariesStayInTheirFolders) {
  for (const Include& include : all_includes()) {
    if (include.quoted) continue;
    for (const auto& [prefix, folders] : owners()) {
      if (include.target.rfind(prefix, 0) != 0) continue;
      EXPECT_TRUE(folders.contains(include.folder))
          << include.file << " includes <" << include.target << ">";
    }
  }
}

// What the sources of one part share, and nobody else sees.
constexpr std::string_view kInner = "_impl.h";

TEST(Staircase, InnerHeadersAreForSourcesOfTheirFolder) {
  for (const Include& include : all_includes()) {
    if (!include.quoted || !include.target.ends_with(kInner)) continue;
    EXPECT_TRUE(include.file.ends_with(".cpp") || include.file.ends_with(kInner))
        << include.file << " includes " << include.target;
    EXPECT_EQ(include.target.substr(0, include.target.find('/')), include.folder) << include.file;
  }
}

TEST(Staircase, HeadersOfOursDoNotShowExternalTypes) {
  for (const Include& include : all_includes()) {
    if (include.quoted || !include.file.ends_with(".h")) continue;
    if (include.file.ends_with(kInner)) continue;
    for (const auto& [prefix, folders] : owners()) {
      if (prefix == "tl/") continue;  // Result is built on it
      EXPECT_NE(include.target.rfind(prefix, 0), 0U)
          << include.file << " includes <" << include.target << ">";
    }
  }
}

}  // namespace
