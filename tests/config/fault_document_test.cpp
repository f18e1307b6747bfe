// The whole text of the faults that a definition's outline can have, as authors see them.
#include <gtest/gtest.h>

#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

TEST(Faults, TheFileIsNoDefinition) {
  expect_faults(
      faults_of,
      {
          {"just text\n", "f.yaml:1:1: error: expected a mapping, found text\n"},
          {"- a\n", "f.yaml:1:1: error: expected a mapping, found a list\n"},
          {"{}\n",
           "f.yaml:1:1: error: the keyword `do` is missing\n"
           "f.yaml:1:1: error: the keyword `document` is missing\n"},
          {"document: 5\n"
           "do: {}\n",
           "f.yaml:1:11: error: expected a mapping, found a number (at /document)\n"
           "f.yaml:2:5: error: expected a list of tasks, found an empty mapping (at /do)\n"},
          {"documnt: {}\n"
           "do: []\n",
           "f.yaml:1:1: error: unknown keyword `documnt`, did you mean `document`? (at "
           "/documnt)\n"},
          {"document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0}\n",
           "f.yaml:1:1: error: the keyword `do` is missing\n"},
      });
}

TEST(Faults, TheDocumentIsWrong) {
  expect_faults(
      faults_of,
      {
          {"document: {dsl: 1.0, namespace: my_ns, name: -x, version: 1.0}\n"
           "do: []\n",
           "f.yaml:1:17: error: expected text, found a number; write it in quotes (at "
           "/document/dsl)\n"
           "f.yaml:1:33: error: `my_ns` is no DNS label: expected letters, digits and `-` inside, "
           "at most 63 characters (at /document/namespace)\n"
           "f.yaml:1:46: error: `-x` is no DNS label: expected letters, digits and `-` inside, at "
           "most 63 characters (at /document/name)\n"
           "f.yaml:1:59: error: expected text, found a number; write it in quotes (at "
           "/document/version)\n"},
          {"document: {dsl: 2.0.0, namespace: n, name: w, version: v1}\n"
           "do: []\n",
           "f.yaml:1:17: error: `dsl: 2.0.0` is not supported by this version (at /document/dsl)\n"
           "f.yaml:1:56: error: `v1` is no semantic version such as 1.0.0 (at "
           "/document/version)\n"},
          {"document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0, titel: x, tags: [a], "
           "metadata: 1}\n"
           "do: []\n",
           "f.yaml:1:63: error: unknown keyword `titel`, did you mean `title`? (at "
           "/document/titel)\n"
           "f.yaml:1:79: error: expected a mapping, found a list (at /document/tags)\n"
           "f.yaml:1:94: error: expected a mapping, found a number (at /document/metadata)\n"},
          {"document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0, metadata: {stepwell: "
           "{runas: x, retention: P1D, runAs: 5, concurrency: 0, timeZone: Mars/Base}}}\n"
           "do: []\n",
           "f.yaml:1:85: error: unknown keyword `runas`; expected `runAs`, `retention`, "
           "`concurrency`, `timeZone`, `durability`, `missed` or `webhook` (at "
           "/document/metadata/stepwell/runas)\n"
           "f.yaml:1:106: error: expected a mapping, found text (at "
           "/document/metadata/stepwell/retention)\n"
           "f.yaml:1:118: error: expected text, found a number; write it in quotes (at "
           "/document/metadata/stepwell/runAs)\n"
           "f.yaml:1:134: error: expected a whole number from 1 to 1000000000 (at "
           "/document/metadata/stepwell/concurrency)\n"
           "f.yaml:1:147: error: the time zone database of this machine has no Mars/Base; expected "
           "a name such as Europe/Berlin or UTC (at /document/metadata/stepwell/timeZone)\n"},
          {"document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0, metadata: {stepwell: "
           "{durability: relax}}}\n"
           "do: []\n",
           "f.yaml:1:97: error: unknown durability `relax`, did you mean `relaxed`? (at "
           "/document/metadata/stepwell/durability)\n"},
          {"document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0, metadata: {stepwell: "
           "{durability: none}}}\n"
           "do: []\n",
           "f.yaml:1:97: error: unknown durability `none`; expected `full` or `relaxed` (at "
           "/document/metadata/stepwell/durability)\n"},
          {"document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0, metadata: {stepwell: "
           "{missed: onse}}}\n"
           "do: []\n",
           "f.yaml:1:93: error: unknown way to treat what was missed, `onse`, did you mean `once`? "
           "(at /document/metadata/stepwell/missed)\n"},
          {"document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0, metadata: {stepwell: "
           "{missed: all}}}\n"
           "do: []\n",
           "f.yaml:1:93: error: unknown way to treat what was missed, `all`; expected `once` or "
           "`skip` (at /document/metadata/stepwell/missed)\n"},
      });
}

TEST(Faults, TheTopLevelIsWrong) {
  expect_faults(
      body_faults,
      {
          {"do: []\n"
           "evaluate: {language: js, mode: lose}\n",
           "f.yaml:7:22: error: `language: js` is not supported by this version (at "
           "/evaluate/language)\n"
           "f.yaml:7:32: error: `lose` is not known here, did you mean `loose`? (at "
           "/evaluate/mode)\n"},
          {"do: []\n"
           "timeout: 5\n",
           "f.yaml:7:10: error: expected a mapping with `after`, or the name of one of "
           "`use.timeouts`, found a number (at /timeout)\n"},
          {"do: []\n"
           "timeout: PT5S\n",
           "f.yaml:7:10: error: `PT5S` is none of `use.timeouts`; write `timeout: {after: PT5S}` "
           "(at /timeout)\n"},
          {"do: []\n"
           "input: {schema: {document: {}}, form: .x}\n"
           "output: {as: [1]}\n",
           "f.yaml:7:33: error: unknown keyword `form`, did you mean `from`? (at /input/form)\n"
           "f.yaml:8:14: error: expected an expression or a mapping, found a list (at "
           "/output/as)\n"},
          {"do: {a: 1}\n",
           "f.yaml:6:5: error: expected a list of tasks, found a mapping (at /do)\n"},
          {"do: []\n"
           "use: {secrets: x, catalogs: {}, extensions: [], retry: {}}\n",
           "f.yaml:7:16: error: expected a list of names, found text (at /use/secrets)\n"
           "f.yaml:7:49: error: unknown keyword `retry`; expected `authentications`, `catalogs`, "
           "`errors`, `extensions`, `functions`, `retries`, `secrets` or `timeouts` (at "
           "/use/retry)\n"},
      });
}

TEST(Faults, TheListOfTasksIsWrong) {
  expect_faults(
      body_faults,
      {
          {"do:\n"
           "  - a\n",
           "f.yaml:7:5: error: expected a mapping of a name to a task, found text (at /do/0)\n"},
          {"do:\n"
           "  - getPet:\n"
           "    call: http\n"
           "    with: {}\n",
           "f.yaml:7:5: error: an item of a task list has one name, found 3 (is the task indented "
           "below its name?) (at /do/0)\n"},
          {"do:\n"
           "  - a:\n",
           "f.yaml:7:5: error: expected a mapping, found nothing (at /do/0/a)\n"},
          {"do:\n"
           "  - {}\n",
           "f.yaml:7:5: error: expected a mapping of a name to a task, found an empty mapping (at "
           "/do/0)\n"},
          {"do:\n"
           "  - a: {wait: PT1S}\n"
           "  - a: {wait: PT1S}\n",
           "f.yaml:8:5: error: a second task with the name `a` in this list (at /do/1/a)\n"},
          {"do:\n"
           "  - end: {wait: PT1S}\n"
           "  - continue: {wait: PT1S}\n"
           "  - '': {wait: PT1S}\n",
           "f.yaml:7:5: error: `end` cannot name a task: after `then` it says where the flow goes "
           "(at /do/0/end)\n"
           "f.yaml:8:5: error: `continue` cannot name a task: after `then` it says where the flow "
           "goes (at /do/1/continue)\n"
           "f.yaml:9:5: error: a task needs a name (at /do/2/)\n"},
      });
}

TEST(Faults, TheTaskIsOfNoKind) {
  expect_faults(
      task_faults,
      {
          {"{}",
           "f.yaml:7:5: error: the task has no kind; expected one of `call`, `for`, `do`, `raise`, "
           "`set`, `switch`, `try`, `wait`, `emit`, `fork`, `listen` or `run` (at /do/0/t)\n"},
          {"{then: end}",
           "f.yaml:7:5: error: the task has no kind; expected one of `call`, `for`, `do`, `raise`, "
           "`set`, `switch`, `try`, `wait`, `emit`, `fork`, `listen` or `run` (at /do/0/t)\n"},
          {"{clal: http}",
           "f.yaml:7:9: error: unknown keyword `clal`, did you mean `call`? (at /do/0/t/clal)\n"},
          {"{set: {a: 1}, wait: PT1S}",
           "f.yaml:7:5: error: a task is of one kind, found `set` and `wait` (at /do/0/t)\n"},
          {"{catch: {}}", "f.yaml:7:5: error: `catch` without `try` (at /do/0/t)\n"},
          {"{wait: PT1S, with: {}}",
           "f.yaml:7:21: error: `with` belongs to a `call` task (at /do/0/t/with)\n"},
          {"{wait: PT1S, tehn: end}",
           "f.yaml:7:21: error: unknown keyword `tehn`, did you mean `then`? (at /do/0/t/tehn)\n"},
          {"{wait: PT1S, <<: {a: 1}}",
           "f.yaml:7:21: error: unknown keyword `<<`; merge keys are not part of YAML 1.2 (at "
           "/do/0/t/<<)\n"},
          {"{for: {in: .x}}",
           "f.yaml:7:9: error: the keyword `do` is missing beside `for` (at /do/0/t/for)\n"},
          {"{try: []}",
           "f.yaml:7:5: error: the keyword `catch` is missing beside `try` (at /do/0/t)\n"},
          {"{for: {in: .x}, do: [], set: {}}",
           "f.yaml:7:5: error: a task is of one kind, found `for` and `set` (at /do/0/t)\n"},
      });
}

TEST(Faults, OfTheStandardButNotYet) {
  expect_faults(task_faults,
                {
                    {"{call: asyncapi, with: {}}",
                     "f.yaml:7:15: error: `call: asyncapi` is not supported by this version (at "
                     "/do/0/t/call)\n"},
                });
}

TEST(Faults, WarningsAloneDoNotRefuseADefinition) {
  const Loaded loaded =
      load_definition(definition_text("do:\n  - a: {set: {x: 'Hello ${ .name }'}}\n"), "f.yaml");
  EXPECT_TRUE(loaded.definition);
  ASSERT_EQ(loaded.faults.size(), 1U);
  EXPECT_EQ(loaded.faults[0].severity, Fault::Severity::warning);
}

TEST(Faults, OneFaultBehindSeveralReferencesIsToldOnce) {
  EXPECT_EQ(body_faults("use: {timeouts: {t: {after: x}}}\n"
                        "do:\n  - a: {wait: PT1S, timeout: t}\n  - b: {wait: PT1S, timeout: t}\n"),
            "f.yaml:6:29: error: `x` is no ISO 8601 duration such as PT1.5S or P1DT12H (at "
            "/use/timeouts/t/after)\n");
}

}  // namespace
}  // namespace stepwell::config
