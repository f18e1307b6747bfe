#include <gtest/gtest.h>

#include "base/json.h"
#include "config/template.h"

namespace stepwell::config {
namespace {

struct Case {
  std::string_view text;
  std::string_view result;  // milliseconds, or the problem's detail
};

std::string show(const Result<Milliseconds>& result) {
  return result ? std::to_string(result->count()) : result.error().detail;
}

std::string not_iso(std::string_view text) {
  return "`" + std::string(text) + "` is no ISO 8601 duration such as PT1.5S or P1DT12H";
}

TEST(Duration, ReadsIso8601) {
  const std::vector<Case> cases{
      {"PT1S", "1000"},       {"PT1.5S", "1500"},   {"PT0,25S", "250"},
      {"PT0.0004S", "0"},     {"P1W", "604800000"}, {"P1D", "86400000"},
      {"PT36H", "129600000"}, {"PT2M", "120000"},   {"P1DT2H3M4.5S", "93784500"},
      {"P1W2D", "777600000"}, {"PT0S", "0"},        {"P0.5D", "43200000"},
      {"PT007S", "7000"},
  };
  for (const Case& c : cases) EXPECT_EQ(show(parse_iso_duration(c.text)), c.result) << c.text;
}

TEST(Duration, RefusesWhatIsNoIso8601) {
  for (const std::string_view text :
       {"", "P", "PT", "P1DT", "1S", "PT1", "PTS", "PT1S2M", "P1H", "PT1D", "PT1.S", "PT.5S",
        "PT1e3S", "PT 1S", "pt1s", "PT1SX", "PT-1S", "P1DT2H3M4.5S ", "PT1S1S"})
    EXPECT_EQ(show(parse_iso_duration(text)), not_iso(text)) << text;
  EXPECT_EQ(show(parse_iso_duration("-PT1S")), "a duration cannot be negative: `-PT1S`");
  for (const std::string_view text : {"P1Y", "P1M", "P1Y2M3D", "P1M1D", "P1MT1S"})
    EXPECT_EQ(show(parse_iso_duration(text)),
              "years and months have no fixed length; write days: `" + std::string(text) + "`");
  EXPECT_EQ(show(parse_iso_duration("P99999999999W")), "a duration of more than 100 years");
  EXPECT_EQ(parse_iso_duration("x").error().code, "duration-invalid");
}

TEST(Duration, ReadsObjects) {
  const std::vector<Case> cases{
      {R"({"seconds":5})", "5000"},
      {R"({"days":1,"hours":1,"minutes":1,"seconds":1,"milliseconds":1})", "90061001"},
      {R"({"seconds":0})", "0"},
      {R"({"seconds":5.0})", "5000"},
      {"{}", "expected at least one of days, hours, minutes, seconds, milliseconds"},
      {R"({"seconds":1.5})", "`seconds` must be a whole number"},
      {R"({"seconds":"1"})", "`seconds` must be a whole number"},
      {R"({"weeks":1})", "`weeks` is none of days, hours, minutes, seconds, milliseconds"},
      {R"({"seconds":-1})", "a duration cannot be negative"},
      {R"({"days":9000000000000000000})", "a duration of more than 100 years"},
      {"5",
       "expected ISO 8601 text or an object with days, hours, minutes, seconds or milliseconds"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(show(parse_duration_object(*parse_json(c.text))), c.result) << c.text;
}

}  // namespace
}  // namespace stepwell::config
