// The official examples, where they are present beside the project: each loads, or is refused by
// the one message about the calls that this version does not have.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <regex>

#include "config/loader.h"

namespace stepwell::config {
namespace {

std::filesystem::path conformance_folder() {
  const char* given = std::getenv("STEPWELL_CONFORMANCE");  // NOLINT(concurrency-mt-unsafe)
  if (given != nullptr) return given;
  return std::filesystem::path(STEPWELL_SOURCE_DIR) / ".." / "shared" / "conformance";
}

TEST(Conformance, EveryOfficialExampleLoadsOrCallsWhatIsDeferred) {
  const std::filesystem::path folder = conformance_folder() / "examples";
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << "no official examples at " << folder
                 << "; set STEPWELL_CONFORMANCE to the folder that holds them";
  const std::regex deferred("`call: (grpc|asyncapi|a2a|mcp)` is not supported by this version");
  LoadOptions options;
  options.offline = true;  // functions that lie elsewhere stay there
  std::size_t files = 0;
  std::size_t loaded = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const Loaded result = load_definition_file(entry.path().string(), options);
    if (result.definition) ++loaded;
    for (const Fault& fault : result.faults)
      EXPECT_TRUE(fault.severity == Fault::Severity::warning ||
                  std::regex_match(fault.what, deferred))
          << fault.text();
  }
  EXPECT_EQ(files, 68U);
  EXPECT_EQ(loaded, 61U);
}

}  // namespace
}  // namespace stepwell::config
