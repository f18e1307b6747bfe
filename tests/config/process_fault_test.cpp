// What authors see of mistakes in `run: shell`, `script` and `container`, and what is read of them.
#include <gtest/gtest.h>

#include "base/json.h"
#include "config/graph.h"
#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

TEST(ProcessFaults, OfTheShell) {
  expect_faults(
      task_faults,
      {{"{run: {shell: {}}}",
        "f.yaml:7:15: error: the keyword `command` is missing (at /do/0/t/run/shell)\n"},
       {"{run: {shell: ls}}",
        "f.yaml:7:22: error: expected a mapping, found text (at /do/0/t/run/shell)\n"},
       {"{run: {shell: {comand: ls}}}",
        "f.yaml:7:23: error: unknown keyword `comand`, did you mean `command`? (at "
        "/do/0/t/run/shell/comand)\n"},
       {"{run: {shell: {command: ' '}}}",
        "f.yaml:7:32: error: the code is empty (at /do/0/t/run/shell/command)\n"},
       {"{run: {shell: {command: ls, arguments: {a: b}}}}",
        "f.yaml:7:47: error: expected a list of texts, found a mapping (at "
        "/do/0/t/run/shell/arguments)\n"},
       {"{run: {shell: {command: ls, arguments: [5]}}}",
        "f.yaml:7:48: error: expected text, found a number; write it in quotes (at "
        "/do/0/t/run/shell/arguments/0)\n"},
       {"{run: {shell: {command: ls, arguments: ['${ .a( }']}}}",
        "f.yaml:7:54: error: in the jq expression: expected an operator or the end of the "
        "expression but found \"(\" (at "
        "/do/0/t/run/shell/arguments/0)\n"},
       {"{run: {shell: {command: ls, environment: {A-B: c}}}}",
        "f.yaml:7:50: error: `A-B` cannot name an environment variable; expected letters, digits "
        "and `_`, no digit first (at /do/0/t/run/shell/environment/A-B)\n"},
       {"{run: {shell: {command: ls, environment: [a]}}}",
        "f.yaml:7:49: error: expected a mapping, found a list (at "
        "/do/0/t/run/shell/environment)\n"},
       {"{run: {shell: {command: \"a\\0b\"}}}",
        "f.yaml:7:32: error: what a process gets cannot hold a NUL character (at "
        "/do/0/t/run/shell/command)\n"},
       {"{run: {shell: {command: ls}, return: output}}",
        "f.yaml:7:45: error: `output` is not known here; expected `stdout`, `stderr`, `code`, "
        "`all` or `none` (at /do/0/t/run/return)\n"},
       {"{run: {shell: {command: ls}, await: no}}",
        "f.yaml:7:44: error: expected true or false, found text; write `false` (at "
        "/do/0/t/run/await)\n"},
       {"{run: {shell: {command: ls}, await: false, return: code}}",
        "f.yaml:7:59: warning: it has no effect beside `await: false`: the task gives its input "
        "(at /do/0/t/run/return)\n"}});
}

TEST(ProcessFaults, CodeThatIsMadeOfData) {
  expect_faults(
      task_faults,
      {{"{run: {shell: {command: '${ \"ls \" + .a }'}}}",
        "f.yaml:7:32: warning: code that is made of data runs whatever the data says; write the "
        "code down and hand the data over by `arguments`, `environment` or `stdin` (at "
        "/do/0/t/run/shell/command)\n"},
       {"{run: {shell: {command: 'echo ${ .a }'}}}",
        "f.yaml:7:32: warning: an expression within a command is not evaluated, and the shell "
        "cannot read it; hand the value over by `arguments`, and write \"$1\" in its place (at "
        "/do/0/t/run/shell/command)\n"},
       {"{run: {shell: {command: 'echo ${A} ${B:-c}'}}}", ""},
       {"{run: {script: {language: js, code: 'console.log(`${a} ${ b }`)'}}}", ""}});
}

TEST(ProcessFaults, OfScripts) {
  expect_faults(
      task_faults,
      {{"{run: {script: {language: ruby, code: x}}}",
        "f.yaml:7:34: error: `ruby` is not known here; expected `js`, `javascript` or `python` (at "
        "/do/0/t/run/script/language)\n"},
       {"{run: {script: {code: x}}}",
        "f.yaml:7:15: error: the keyword `language` is missing (at /do/0/t/run/script)\n"},
       {"{run: {script: {language: js}}}",
        "f.yaml:7:15: error: the keyword `code` is missing (at /do/0/t/run/script)\n"},
       {"{run: {script: {language: js, code: x, source: {endpoint: 'https://h/x'}}}}",
        "f.yaml:7:47: error: either `code` or `source`, not both (at "
        "/do/0/t/run/script/source)\n"},
       {"{run: {script: {language: js, source: {endpoint: 'ftp://h/x'}}}}",
        "f.yaml:7:57: error: expected an absolute URI that begins with http:// or https://, found "
        "`ftp://h/x` (at /do/0/t/run/script/source/endpoint)\n"},
       {"{run: {script: {language: js, source: {endpoint: 'https://h/{name}.mjs'}}}}", ""}});
}

TEST(ProcessFaults, OfContainers) {
  const auto with = [](const std::string& part) {
    return "{run: {container: {image: a, " + part + "}}}";
  };
  const std::string at = " (at /do/0/t/run/container";
  expect_faults(
      task_faults,
      {{"{run: {container: {image: '--privileged'}}}",
        "f.yaml:7:34: error: `--privileged` is no name of an image" + at + "/image)\n"},
       {with("name: '-x'"),
        "f.yaml:7:43: error: `-x` cannot name a container; expected letters, digits, `_`, `.` and "
        "`-`, a letter or digit first" +
            at + "/name)\n"},
       {with("ports: {http: 80}"),
        "f.yaml:7:45: error: `http` is no port of this machine; expected a number such as 8080, or "
        "ADDRESS:8080" +
            at + "/ports/http)\n"},
       {with("ports: {80: 70000}"),
        "f.yaml:7:49: error: expected a port of the container, such as 80 or 80/udp" + at +
            "/ports/80)\n"},
       {with("volumes: {./x: /y}"),
        "f.yaml:7:47: error: `./x` is neither an absolute path nor the name of a volume" + at +
            "/volumes/.~1x)\n"},
       {with("volumes: {/x: y}"),
        "f.yaml:7:51: error: expected an absolute path within the container; `:ro` behind it makes "
        "it read-only" +
            at + "/volumes/~1x)\n"},
       {with("lifetime: {}"),
        "f.yaml:7:37: error: the keyword `cleanup` is missing" + at + "/lifetime)\n"},
       {with("lifetime: {cleanup: eventually}"),
        "f.yaml:7:37: error: `cleanup: eventually` needs `after`, a duration" + at +
            "/lifetime)\n"},
       {with("lifetime: {cleanup: always, after: PT1S}"),
        "f.yaml:7:65: error: `after` stands beside `cleanup: eventually` only" + at +
            "/lifetime/after)\n"},
       {with("pullPolicy: sometimes"),
        "f.yaml:7:49: error: `sometimes` is not known here; expected `ifNotPresent`, `always` or "
        "`never`" +
            at + "/pullPolicy)\n"}});
}

TEST(Processes, AreReadWithAllThatTheyHave) {
  const Loaded loaded = load_definition(
      "document: {dsl: '1.0.3', namespace: n, name: w, version: '1.0.0'}\n"
      "evaluate: {mode: loose}\n"
      "do:\n"
      "  - a: {run: {shell: {command: 'now', arguments: ['now | 1'], stdin: x}, return: all}}\n"
      "  - b: {run: {script: {language: javascript, code: y}, await: false}}\n"
      "  - c: {run: {container: {image: i, lifetime: {cleanup: eventually, after: PT2S}}}}\n",
      "f.yaml");
  ASSERT_TRUE(loaded.definition) << loaded.faults.at(0).text();
  const auto body = [&](std::size_t i) {
    return std::get<RunProcessBody>(loaded.definition->tasks.at(i).body);
  };
  EXPECT_EQ(body(0).result, RunProcessBody::Return::all);
  EXPECT_FALSE(body(0).arguments.is_constant());
  EXPECT_EQ(body(1).kind, RunProcessBody::Kind::script);
  EXPECT_FALSE(body(1).await);
  EXPECT_EQ(body(2).kind, RunProcessBody::Kind::container);
  EXPECT_EQ(to_json(body(2).arguments.constant()),
            R"({"image":"i","cleanup":"eventually","after":2000})");
}

TEST(Processes, HaveTheirNoteInTheGraph) {
  const Loaded loaded = load_definition(
      "document: {dsl: '1.0.3', namespace: n, name: w, version: '1.0.0'}\n"
      "do:\n"
      "  - a: {run: {shell: {command: 'ls -l'}}}\n"
      "  - b: {run: {script: {language: python, code: y}}}\n"
      "  - c: {run: {container: {image: alpine}}}\n",
      "f.yaml");
  ASSERT_TRUE(loaded.definition) << loaded.faults.at(0).text();
  const Graph graph = graph_of(*loaded.definition);
  std::string lines;
  for (const GraphBox& box : graph.boxes)
    for (const std::string& line : box.lines()) lines += line + "/";
  for (const char* text : {"ls -l/", "python/", "alpine/"})
    EXPECT_NE(lines.find(text), std::string::npos) << lines;
}

}  // namespace
}  // namespace stepwell::config
