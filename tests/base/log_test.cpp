#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "base/metrics.h"

namespace stepwell {
namespace {

TEST(Log, WritesLogfmtWithQuotesWhereNeeded) {
  std::vector<std::string> lines;
  Log log(LogLevel::info, LogFormat::logfmt,
          [&](std::string_view line) { lines.emplace_back(line); });
  log.debug("unseen");
  log.info("ready", {{"address", "127.0.0.1:80"}, {"note", "two words\nand a line"}, {"n", 3}});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].substr(lines[0].find("level=")),
            R"(level=info msg=ready address=127.0.0.1:80 note="two words\nand a line" n=3)");
}

TEST(Log, WritesJsonLinesAndRedactsThem) {
  std::vector<std::string> lines;
  Log log(LogLevel::info, LogFormat::json,
          [&](std::string_view line) { lines.emplace_back(line); });
  log.set_redactor([](std::string line) {
    const std::size_t at = line.find("hunter2");
    return at == std::string::npos ? line : line.replace(at, 7, "***");
  });
  log.warn("leak", {{"value", "hunter2"}});
  ASSERT_EQ(lines.size(), 1U);
  const auto parsed = parse_json(lines[0]);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->get("value").as_string(), "***");
  EXPECT_EQ(parsed->get("level").as_string(), "warn");
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameCounter) {
  Metrics metrics;
  metrics.counter("stepwell_x_total", "X.", {{"a", "1"}}).increment();
  metrics.counter("stepwell_x_total", "X.", {{"a", "1"}}).increment();
  EXPECT_EQ(metrics.counter("stepwell_x_total", "X.", {{"a", "1"}}).value(), 2);
  EXPECT_NE(metrics.text().find("stepwell_x_total{a=\"1\"} 2"), std::string::npos);
}

TEST(Metrics, LabelsThatUsersChooseAreBounded) {
  Metrics metrics;
  EXPECT_EQ(metrics.bounded("workflow", "a", 2), "a");
  EXPECT_EQ(metrics.bounded("workflow", "b", 2), "b");
  EXPECT_EQ(metrics.bounded("workflow", "c", 2), "other");
  EXPECT_EQ(metrics.bounded("workflow", "a", 2), "a");
}

}  // namespace
}  // namespace stepwell
