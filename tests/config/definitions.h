// Short ways to write definitions in tests and to see their faults.
// Included by the tests of config/ alone; pure functions.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/loader.h"

namespace stepwell::config {

// `body` is what stands below a correct `document`, which takes the lines 1 to 5.
inline std::string definition_text(std::string_view body) {
  return "document:\n  dsl: '1.0.3'\n  namespace: test\n  name: sample\n  version: '1.0.0'\n" +
         std::string(body);
}

// All faults of the definition, a line each.
inline std::string faults_of(std::string_view text) {
  std::string out;
  for (const Fault& fault : load_definition(text, "f.yaml").faults) out += fault.text() + "\n";
  return out;
}

// The same for what stands below a correct `document`, from line 6 on.
inline std::string body_faults(std::string_view body) { return faults_of(definition_text(body)); }

// The same for one task `t`, given as flow YAML: it stands at 7:8.
inline std::string task_faults(std::string_view task) {
  return body_faults("do:\n  - t: " + std::string(task) + "\n");
}

struct FaultCase {
  std::string_view text;
  std::string_view faults;
};

inline void expect_faults(std::string (*faults)(std::string_view),
                          const std::vector<FaultCase>& cases) {
  for (const FaultCase& c : cases) EXPECT_EQ(faults(c.text), c.faults) << c.text;
}

}  // namespace stepwell::config
