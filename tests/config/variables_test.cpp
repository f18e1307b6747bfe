// Which of the standard's variables an expression sees, by the place where it stands: the table of
// the definition language, each of its cells.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "config/loader.h"

namespace stepwell::config {
namespace {

constexpr std::array<const char*, 7> kVariables{"$context",  "$input",   "$output",       "$task",
                                                "$workflow", "$runtime", "$authorization"};

struct PlaceOfExpression {
  const char* name;
  const char* before;  // of `do`
  const char* task;
  const char* after;
  std::array<bool, kVariables.size()> seen;  // in the order of kVariables
};

// X stands for the variable. ($secrets, which the standard lets expressions compute with, is
// nowhere: docs/security.md.)
constexpr PlaceOfExpression kPlaces[] = {
    {"workflow input.from",
     "input: {from: X}\n",
     "set: {a: 1}",
     "",
     {false, false, false, false, true, true, false}},
    {"task if", "", "if: X == 1, set: {a: 1}", "", {true, false, false, true, true, true, false}},
    {"task input.from",
     "",
     "input: {from: X}, set: {a: 1}",
     "",
     {true, false, false, true, true, true, false}},
    {"set", "", "set: {a: '${ X }'}", "", {true, true, false, true, true, true, true}},
    {"switch.when",
     "",
     "switch: [{a: {when: X == 1, then: end}}]",
     "",
     {true, true, false, true, true, true, true}},
    {"for.in",
     "",
     "for: {in: X}, do: [{b: {set: {a: 1}}}]",
     "",
     {true, true, false, true, true, true, true}},
    {"with.endpoint",
     "",
     "call: http, with: {method: get, endpoint: '${ X }'}",
     "",
     {true, true, false, true, true, true, true}},
    {"raise.error",
     "",
     "raise: {error: {type: 'https://h/e', status: 500, detail: '${ X }'}}",
     "",
     {true, true, false, true, true, true, true}},
    {"output.as",
     "",
     "set: {a: 1}, output: {as: X}",
     "",
     {true, true, false, true, true, true, true}},
    {"export.as",
     "",
     "set: {a: 1}, export: {as: X}",
     "",
     {true, true, true, true, true, true, true}},
    {"workflow output.as",
     "",
     "set: {a: 1}",
     "output: {as: X}\n",
     {true, false, false, false, true, true, false}},
};

std::string with_variable(std::string text, const std::string& variable) {
  for (std::size_t at = 0; (at = text.find('X', at)) != std::string::npos; at += variable.size())
    text.replace(at, 1, variable);
  return text;
}

TEST(Variables, AreSeenWhereTheTableSaysSo) {
  for (const PlaceOfExpression& place : kPlaces) {
    for (std::size_t i = 0; i < kVariables.size(); ++i) {
      const std::string text = "document: {dsl: 1.0.0, namespace: own, name: v, version: 1.0.0}\n" +
                               with_variable(place.before, kVariables[i]) + "do:\n  - t: {" +
                               with_variable(place.task, kVariables[i]) + "}\n" +
                               with_variable(place.after, kVariables[i]);
      const Loaded loaded = load_definition(text, "f.yaml");
      const std::string told = loaded.faults.empty() ? "" : loaded.faults[0].text();
      EXPECT_EQ(loaded.definition != nullptr, place.seen[i])
          << kVariables[i] << " at " << place.name << "\n"
          << told;
      if (place.seen[i]) continue;
      EXPECT_NE(told.find(std::string(kVariables[i]) + " is not"), std::string::npos) << told;
    }
  }
}

}  // namespace
}  // namespace stepwell::config
