// The official examples, where they are present beside the project: each loads, or is refused by
// nothing but what this version does not have yet.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "config/loader.h"

namespace stepwell::config {
namespace {

std::filesystem::path conformance_folder() {
  const char* given = std::getenv("STEPWELL_CONFORMANCE");  // NOLINT(concurrency-mt-unsafe)
  if (given != nullptr) return given;
  return std::filesystem::path(STEPWELL_SOURCE_DIR) / ".." / "shared" / "conformance";
}

TEST(Conformance, EveryOfficialExampleLoadsOrIsNotSupportedYet) {
  const std::filesystem::path folder = conformance_folder() / "examples";
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << "no official examples at " << folder
                 << "; set STEPWELL_CONFORMANCE to the folder that holds them";
  std::size_t files = 0;
  std::size_t loaded = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const Loaded result = load_definition_file(entry.path().string());
    if (result.definition) ++loaded;
    for (const Fault& fault : result.faults) {
      const bool deferred =
          fault.what.find(" is not supported by this version") != std::string::npos;
      EXPECT_TRUE(deferred || fault.severity == Fault::Severity::warning) << fault.text();
    }
  }
  EXPECT_GE(files, 60U);
  EXPECT_GE(loaded, 18U);
}

}  // namespace
}  // namespace stepwell::config
