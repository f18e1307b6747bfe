// Reads feature files: Feature, Background, Scenario, Scenario Outline with Examples, steps with
// doc strings and tables. Outlines come out as one scenario a row, backgrounds as the scenario's
// first steps. Pure functions, callable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stepwell::conformance {

using TableRow = std::vector<std::string>;

struct Phrase {
  std::string text;  // without Given, When, Then, And, But
  std::string document;
  bool has_document = false;
  std::vector<TableRow> table;
  int line = 0;
};

struct Scenario {
  std::string name;
  int line = 0;
  std::vector<Phrase> phrases;
};

struct Feature {
  std::string name;
  std::string file;
  std::vector<Scenario> scenarios;
};

// `file` is the name that faults are reported under. Errors: validation/`feature-invalid`, with
// FILE:LINE in the detail.
Result<Feature> read_feature(std::string_view text, const std::string& file);

}  // namespace stepwell::conformance
