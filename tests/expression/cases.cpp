#include "tests/expression/cases.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "expression/program.h"

namespace stepwell::expression {

std::vector<std::string> outputs(const std::string& program, const Value& input) {
  auto compiled = Program::compile(program);
  if (!compiled) return {"error: " + compiled.error().detail};
  std::vector<std::string> all;
  const Status status = compiled->evaluate_all(input, {}, Context{}, [&](Value value) {
    all.push_back(to_json(value));
    return true;
  });
  if (!status) all.push_back("error: " + status.error().detail);
  return all;
}

std::string outcome(const std::string& program, const std::string& input) {
  auto value = parse_json(input);
  if (!value) return "the input is no JSON: " + input;
  std::string text;
  for (const std::string& one : outputs(program, *value)) {
    if (!text.empty()) text.push_back(' ');
    text += one;
  }
  return text;
}

void expect_all(const std::vector<Case>& cases) {
  for (const Case& one : cases)
    EXPECT_EQ(outcome(one.program, one.input), one.output)
        << "program: " << one.program << "\ninput: " << one.input;
}

}  // namespace stepwell::expression
