// Functions and extensions: what is wrong with them, as authors see it.
#include <gtest/gtest.h>

#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

// What stands in `use` from line 7 on, and a task `t` behind it.
std::string use_faults(std::string_view use, std::string_view task = "{set: {a: 1}}") {
  return body_faults("use:\n" + std::string(use) + "\ndo:\n  - t: " + std::string(task) + "\n");
}

std::string extension_faults(std::string_view extension) {
  return use_faults("  extensions: [{x: " + std::string(extension) + "}]");
}

TEST(FunctionFaults, TheNameIsWrong) {
  EXPECT_EQ(use_faults("  functions: {getPet: {set: {a: 1}}}", "{call: getpet}"),
            "f.yaml:9:15: error: there is no function `getpet`, did you mean `getPet`? (at "
            "/do/0/t/call)\n");
  expect_faults(
      task_faults,
      {
          {"{call: htp, with: {}}",
           "f.yaml:7:15: error: there is no function `htp`, did you mean `http`? (at "
           "/do/0/t/call)\n"},
          // What this version does not have is not offered.
          {"{call: grcp}",
           "f.yaml:7:15: error: there is no function `grcp`; expected `http` or `openapi`, one of "
           "`use.functions`, NAME:VERSION@CATALOG, or a function's URI (at /do/0/t/call)\n"},
          {"{call: reverseCharge}",
           "f.yaml:7:15: error: there is no function `reverseCharge`; expected `http` or "
           "`openapi`, one of `use.functions`, NAME:VERSION@CATALOG, or "
           "a function's URI (at /do/0/t/call)\n"},
          {"{call: grpc, with: {}}",
           "f.yaml:7:15: error: `call: grpc` is not supported by this version (at "
           "/do/0/t/call)\n"},
          {"{call: 'log:1.0.0@globl'}",
           "f.yaml:7:15: error: `globl` is none of `use.catalogs` (at /do/0/t/call)\n"},
          {"{call: 'log:1.0.0@default'}",
           "f.yaml:7:15: error: `default` is none of `use.catalogs`; the setting `catalog` says "
           "where it lies (at /do/0/t/call)\n"},
          {"{call: log@global}",
           "f.yaml:7:15: error: `log@global` is no function of a catalog; expected "
           "NAME:VERSION@CATALOG, as in `log:1.0.0@global` (at /do/0/t/call)\n"},
          {"{call: '../log:1.0.0@global'}",
           "f.yaml:7:15: error: `../log:1.0.0@global` is no function of a catalog; expected "
           "NAME:VERSION@CATALOG, as in `log:1.0.0@global` (at /do/0/t/call)\n"},
          {"{call: 'https://h/{x}'}",
           "f.yaml:7:15: error: the URI of a function has neither expressions nor `{name}` (at "
           "/do/0/t/call)\n"},
      });
}

TEST(FunctionFaults, ACallIsWrong) {
  const auto faults = [](std::string_view task) {
    return use_faults("  functions: {f: {set: {a: 1}}}", task);
  };
  EXPECT_EQ(faults("{call: f, with: [1]}"),
            "f.yaml:9:24: error: expected a mapping, found a list (at /do/0/t/with)\n");
  EXPECT_EQ(faults("{call: f, with: {a: '${ .a | }'}}"),
            "f.yaml:9:37: error: in the jq expression: expected an expression but found the end of "
            "the expression (at /do/0/t/with/a)\n");
}

TEST(FunctionFaults, TheFunctionIsWrongWhetherItIsCalledOrNot) {
  for (const std::string_view task : {"{call: f}", "{set: {a: 1}}"}) {
    EXPECT_EQ(use_faults("  functions:\n    f: {set: '.a', then: b}", task),
              "f.yaml:8:14: error: expected a mapping or an expression `${ … }`, found text (at "
              "/use/functions/f/set)\n"
              "f.yaml:8:26: error: a function cannot go on to `b`; expected `continue`, `exit` or "
              "`end` (at /use/functions/f/then)\n");
  }
  EXPECT_EQ(use_faults("  functions: [f]"),
            "f.yaml:7:14: error: expected a mapping, found a list (at /use/functions)\n");
  EXPECT_EQ(use_faults("  functions: {http: {set: {a: 1}}}"),
            "f.yaml:7:15: warning: `call: http` is the protocol, not this function (at "
            "/use/functions/http)\n");
}

TEST(FunctionFaults, AFunctionSeesNoVariablesOfItsCaller) {
  EXPECT_EQ(use_faults("  functions: {f: {set: '${ $item }'}}",
                       "{for: {in: '[1]'}, do: [{c: {call: f}}]}"),
            "f.yaml:7:28: error: in the jq expression: $item is not defined (at "
            "/use/functions/f/set)\n");
}

TEST(FunctionFaults, AFunctionCallsItself) {
  EXPECT_EQ(use_faults("  functions: {f: {call: f}}"),
            "f.yaml:7:25: error: a function cannot call itself: `f` → `f` (at "
            "/use/functions/f/call)\n");
  EXPECT_EQ(use_faults("  functions:\n    f: {do: [{x: {call: g}}]}\n    g: {call: h}\n    h: "
                       "{fork: {branches: [{y: {call: f}}, {z: {call: ok}}]}}\n    ok: {set: {a: "
                       "1}}\n    leads: {call: f}",
                       "{call: leads}"),
            "f.yaml:10:38: error: a function cannot call itself: `f` → `g` → `h` → `f` (at "
            "/use/functions/h/fork/branches/0/y/call)\n");
}

TEST(FunctionFaults, FunctionsAreWithinEachOtherTooDeeply) {
  const auto chain = [](int length) {
    std::string use = "  functions:\n    f0: {set: {a: 1}}\n";
    for (int i = 1; i < length; ++i)
      use += "    f" + std::to_string(i) + ": {call: f" + std::to_string(i - 1) + "}\n";
    return use_faults(use);
  };
  EXPECT_EQ(chain(64), "");
  EXPECT_EQ(chain(65),
            "f.yaml:72:17: error: functions call each other more than 64 deep below `f64` (at "
            "/use/functions/f64/call)\n");
  EXPECT_EQ(chain(10'000).substr(0, 30), "f.yaml:72:17: error: functions");
}

TEST(ExtensionFaults, AnExtensionIsWrong) {
  expect_faults(
      extension_faults,
      {
          {"{extend: calls, before: []}",
           "f.yaml:7:29: error: `calls` is not known here, did you mean `call`? (at "
           "/use/extensions/0/x/extend)\n"},
          {"{extend: extension, before: []}",
           "f.yaml:7:29: error: tasks of extensions are not extended; expected `all`, `call`, "
           "`composite`, `emit`, `for`, `listen`, `raise`, `run`, `set`, `switch`, `try` or `wait` "
           "(at /use/extensions/0/x/extend)\n"},
          {"{before: []}",
           "f.yaml:7:17: error: the keyword `extend` is missing (at /use/extensions/0/x)\n"},
          {"{extend: all}",
           "f.yaml:7:17: warning: it has no effect without `before` or `after` (at "
           "/use/extensions/0/x)\n"},
          {"{extend: all, befor: []}",
           "f.yaml:7:17: warning: it has no effect without `before` or `after` (at "
           "/use/extensions/0/x)\n"
           "f.yaml:7:34: error: unknown keyword `befor`, did you mean `before`? (at "
           "/use/extensions/0/x/befor)\n"},
          {"{extend: all, when: .a |, before: []}",
           "f.yaml:7:44: error: in the jq expression: expected an expression but found the end of "
           "the expression (at /use/extensions/0/x/when)\n"},
          {"{extend: call, when: '$task.with.endpoint == 1', before: []}",
           "f.yaml:7:41: warning: `$task.with` is null: what the author wrote is in "
           "`$task.definition`; write `$task.definition.with` (at /use/extensions/0/x/when)\n"},
          {"{extend: all, before: [{b: {set: 5}}], after: [{a: {cal: http}}]}",
           "f.yaml:7:53: error: expected a mapping or an expression `${ … }`, found a number (at "
           "/use/extensions/0/x/before/0/b/set)\n"
           "f.yaml:7:72: error: unknown keyword `cal`, did you mean `call`? (at "
           "/use/extensions/0/x/after/0/a/cal)\n"},
      });
}

TEST(ExtensionFaults, TheListIsWrong) {
  EXPECT_EQ(use_faults("  extensions: {x: {extend: all}}"),
            "f.yaml:7:15: error: expected a list of extensions, found a mapping (at "
            "/use/extensions)\n");
  EXPECT_EQ(use_faults("  extensions: [x, {x: {extend: all, after: []}}, {x: {extend: set, after: "
                       "[]}}]"),
            "f.yaml:7:16: error: expected a mapping of one name to an extension, found text (at "
            "/use/extensions/0)\n"
            "f.yaml:7:51: error: a second extension with the name `x` (at /use/extensions/2/x)\n");
  EXPECT_EQ(use_faults("  extensions: [{x: {extend: all}, y: {extend: set}}, {}]"),
            "f.yaml:7:16: error: an item has one name, found 2 (at /use/extensions/0)\n"
            "f.yaml:7:54: error: an item has one name, found 0 (at /use/extensions/1)\n");
  std::string many = "  extensions: [";
  for (int i = 0; i < 101; ++i) many += "{x" + std::to_string(i) + ": {extend: all, after: []}},";
  EXPECT_EQ(use_faults(many + "]"),
            "f.yaml:7:15: error: more than 100 extensions (at /use/extensions)\n");
}

TEST(Extensions, AreThoseOfTheTasksKindInTheirOrder) {
  const Loaded loaded = load_definition(
      definition_text("use: {extensions: [{a: {extend: all, before: []}}, {c: {extend: composite, "
                      "before: []}}, {s: {extend: set, after: [{e: {set: {n: 1}}}]}}]}\n"
                      "do: [{d: {do: [{s: {set: {n: 1}}}]}}, {w: {wait: PT1S}}]\n"),
      "f.yaml");
  ASSERT_TRUE(loaded.definition);
  const auto names = [](const Task& task) {
    std::string out;
    for (const auto& extension : *task.extensions) out += extension->name;
    return out;
  };
  const TaskList& tasks = loaded.definition->tasks;
  EXPECT_EQ(names(tasks[0]), "ac");
  EXPECT_EQ(names(std::get<DoBody>(tasks[0].body).tasks[0]), "as");
  EXPECT_EQ(names(tasks[1]), "a");
  EXPECT_EQ(loaded.definition->extensions[2]->after[0].extensions, nullptr);
}

}  // namespace
}  // namespace stepwell::config
