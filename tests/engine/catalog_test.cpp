#include "engine/catalog.h"

#include <gtest/gtest.h>

namespace stepwell::engine {
namespace {

Catalog::Entry entry(const std::string& name, const std::string& version) {
  auto definition = std::make_shared<config::Definition>();
  definition->namespace_ = "n";
  definition->name = name;
  definition->version = version;
  definition->file = name + "-" + version + ".yaml";
  return {definition, nullptr};
}

TEST(Versions, AreOrderedAsSemverSays) {
  const std::vector<std::string> ascending{
      "0.9.0",         "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2",
      "1.0.0-beta.11", "1.0.0",       "1.2.0",         "1.10.0",           "2.0.0"};
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t j = 0; j < ascending.size(); ++j)
      EXPECT_EQ(compare_versions(ascending[i], ascending[j]), i < j ? -1 : (i > j ? 1 : 0))
          << ascending[i] << " " << ascending[j];
}

TEST(Catalog, FindsTheNewestVersionOrTheOneNamed) {
  Catalog catalog;
  ASSERT_TRUE(
      catalog.replace({entry("a", "1.2.0"), entry("a", "1.10.0"), entry("a", "1.10.0-rc.1")}));
  EXPECT_EQ(catalog.find("n/a")->definition->version, "1.10.0");
  EXPECT_EQ(catalog.find("n/a:1.2.0")->definition->version, "1.2.0");
  EXPECT_EQ(catalog.find("n/a:9.9.9").error().status, 404);
  EXPECT_EQ(catalog.find("n/b").error().code, "workflow-unknown");
  EXPECT_EQ(catalog.find("nonsense").error().code, "workflow-name-invalid");
}

TEST(Catalog, ADuplicateLeavesTheOldSetInPlace) {
  Catalog catalog;
  ASSERT_TRUE(catalog.replace({entry("a", "1.0.0")}));
  const auto replaced = catalog.replace({entry("b", "1.0.0"), entry("b", "1.0.0")});
  ASSERT_FALSE(replaced);
  EXPECT_NE(replaced.error().detail.find("b-1.0.0.yaml"), std::string::npos);
  EXPECT_TRUE(catalog.find("n/a"));
  EXPECT_FALSE(catalog.find("n/b"));
}

}  // namespace
}  // namespace stepwell::engine
