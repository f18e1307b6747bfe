// Runs the official conformance kit, where it is present beside the project, by the real program,
// and the project's own scenarios, in tests/conformance/features, on a node in this process. Each
// scenario is a test of its own: --gtest_filter picks them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>

#include "tests/conformance/kit_hosts.h"
#include "tests/conformance/play.h"

namespace stepwell::conformance {
namespace {

constexpr std::size_t kKitScenarios = 21;
constexpr std::size_t kLeastOwnScenarios = 150;

Hosts& hosts() {
  static Hosts shared;
  return shared;
}

void perform_all(Play& play, const Feature& feature, const Scenario& scenario) {
  for (const Phrase& phrase : scenario.phrases) {
    const Verdict wrong = play.perform(phrase);
    if (wrong.empty()) continue;
    ADD_FAILURE_AT(feature.file.c_str(), phrase.line) << phrase.text << ": " << wrong;
    return;
  }
  EXPECT_TRUE(play.judged()) << feature.file << ": nothing is judged in " << scenario.name;
}

class KitScenario final : public testing::Test {
 public:
  KitScenario(const Feature& feature, const Scenario& scenario)
      : feature_(feature), scenario_(scenario) {}
  void TestBody() override {
    hosts().begin(play_kit_host);
    const auto stage = make_process_stage(STEPWELL_BINARY, hosts());
    Play play(*stage, nullptr, hosts());
    perform_all(play, feature_, scenario_);
  }

 private:
  const Feature& feature_;
  const Scenario& scenario_;
};

class OwnScenario final : public testing::Test {
 public:
  OwnScenario(const Feature& feature, const Scenario& scenario)
      : feature_(feature), scenario_(scenario) {}
  void TestBody() override {
    const auto stage = make_node_stage(hosts());
    Play play(*stage, stage.get(), hosts());
    hosts().begin([&play](const test::PlayedRequest& request) { return play.answer(request); });
    perform_all(play, feature_, scenario_);
    hosts().begin({});
  }

 private:
  const Feature& feature_;
  const Scenario& scenario_;
};

struct Missing final : testing::Test {
  void TestBody() override {
    GTEST_SKIP() << "the official conformance kit is not there; set STEPWELL_CONFORMANCE to the "
                    "folder that holds ctk/";
  }
};

struct Counted final : testing::Test {
  Counted(std::size_t found, std::size_t wanted) : found_(found), wanted_(wanted) {}
  void TestBody() override { EXPECT_GE(found_, wanted_); }
  std::size_t found_;
  std::size_t wanted_;
};

struct Unreadable final : testing::Test {
  explicit Unreadable(std::string why) : why_(std::move(why)) {}
  void TestBody() override { FAIL() << why_; }
  std::string why_;
};

std::string camel_case(std::string_view text) {
  std::string out;
  bool start = true;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter) out += start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    start = !letter;
  }
  return out;
}

// Features live as long as the tests that play them.
std::map<std::string, Feature>& features() {
  static std::map<std::string, Feature> all;
  return all;
}

template <class Test>
std::size_t register_folder(const std::filesystem::path& folder, const std::string& suite) {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".feature") files.insert(entry.path());
  std::size_t count = 0;
  for (const auto& path : files) {
    std::ifstream in(path);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto feature = read_feature(text, path.string());
    const std::string name = suite + camel_case(path.stem().string());
    if (!feature) {
      const std::string why = feature.error().detail;
      testing::RegisterTest(name.c_str(), "IsReadable", nullptr, nullptr, __FILE__, __LINE__,
                            [why]() -> testing::Test* { return new Unreadable(why); });
      continue;
    }
    const Feature& kept = features().emplace(path.string(), std::move(*feature)).first->second;
    std::map<std::string, int> names;
    for (const Scenario& scenario : kept.scenarios) {
      std::string title = camel_case(scenario.name);
      if (const int before = names[title]++; before > 0) title += std::to_string(before + 1);
      testing::RegisterTest(
          name.c_str(), title.c_str(), nullptr, nullptr, kept.file.c_str(), scenario.line,
          [&kept, &scenario]() -> testing::Test* { return new Test(kept, scenario); });
      ++count;
    }
  }
  return count;
}

void register_all() {
  const char* given = std::getenv("STEPWELL_CONFORMANCE");  // NOLINT(concurrency-mt-unsafe)
  const std::filesystem::path source(STEPWELL_SOURCE_DIR);
  const std::filesystem::path kit =
      (given != nullptr ? std::filesystem::path(given) : source / ".." / "shared" / "conformance") /
      "ctk";
  if (std::filesystem::is_directory(kit)) {
    const std::size_t count = register_folder<KitScenario>(kit, "Kit");
    testing::RegisterTest(
        "Kit", "IsComplete", nullptr, nullptr, __FILE__, __LINE__,
        [count]() -> testing::Test* { return new Counted(count, kKitScenarios); });
  } else {
    testing::RegisterTest("Kit", "IsThere", nullptr, nullptr, __FILE__, __LINE__,
                          []() -> testing::Test* { return new Missing(); });
  }
  const std::size_t count =
      register_folder<OwnScenario>(source / "tests" / "conformance" / "features", "");
  testing::RegisterTest(
      "Own", "AreMany", nullptr, nullptr, __FILE__, __LINE__,
      [count]() -> testing::Test* { return new Counted(count, kLeastOwnScenarios); });
}

}  // namespace
}  // namespace stepwell::conformance

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  stepwell::conformance::register_all();
  return RUN_ALL_TESTS();
}
