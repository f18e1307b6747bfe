// The whole text of the faults of the flow (`then`, `switch`, `for`, `raise`, `try`), as authors
// see them.
#include <gtest/gtest.h>

#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

TEST(FlowFaults, TheFlowIsWrong) {
  expect_faults(
      body_faults,
      {
          {"do:\n"
           "  - first: {wait: PT1S, then: secnd}\n"
           "  - second: {wait: PT1S, then: 5}\n",
           "f.yaml:7:31: error: there is no task `secnd` in this list, did you mean `second`? (at "
           "/do/0/first/then)\n"
           "f.yaml:8:32: error: expected text, found a number; write it in quotes (at "
           "/do/1/second/then)\n"},
          {"do:\n"
           "  - a: {wait: PT1S, then: nowhere}\n",
           "f.yaml:7:27: error: there is no task `nowhere` in this list; expected `continue`, "
           "`exit`, `end` or the name of a task beside it (at /do/0/a/then)\n"},
          {"do:\n"
           "  - a: {wait: PT1S, then: cotinue}\n",
           "f.yaml:7:27: error: there is no task `cotinue` in this list, did you mean `continue`? "
           "(at /do/0/a/then)\n"},
          {"do:\n"
           "  - a: {do: [b: {wait: PT1S, then: a}]}\n",
           "f.yaml:7:36: error: there is no task `a` in this list; expected `continue`, `exit`, "
           "`end` or the name of a task beside it (at /do/0/a/do/0/b/then)\n"},
          {"do:\n"
           "  - s: {switch: [c: {when: .x, then: s2}]}\n",
           "f.yaml:7:38: error: there is no task `s2` in this list, did you mean `s`? (at "
           "/do/0/s/switch/0/c/then)\n"},
          {"do:\n"
           "  - a: {wait: PT1S, then: c}\n"
           "  - b: {wait: PT1S}\n"
           "  - c: {wait: PT1S, then: end}\n"
           "  - d: {wait: PT1S}\n",
           "f.yaml:8:5: warning: nothing leads to the task `b` (at /do/1/b)\n"
           "f.yaml:10:5: warning: nothing leads to the task `d` (at /do/3/d)\n"},
          {"do:\n"
           "  - a: {raise: {error: {type: https://e, status: 400}}}\n"
           "  - b: {wait: PT1S}\n",
           "f.yaml:8:5: warning: nothing leads to the task `b` (at /do/1/b)\n"},
      });
}

TEST(FlowFaults, AForkIsWrong) {
  expect_faults(task_faults,
                {
                    {"{fork: {compete: true}}",
                     "f.yaml:7:9: error: the keyword `branches` is missing (at /do/0/t/fork)\n"},
                    {"{fork: {branches: [a: {wait: PT1S, then: b}, b: {wait: PT1S}]}}",
                     "f.yaml:7:49: error: a branch of `fork` cannot go on to `b`; expected "
                     "`continue`, `exit` "
                     "or `end` (at /do/0/t/fork/branches/0/a/then)\n"},
                    {"{fork: {branches: [a: {wait: PT1S}, a: {wait: PT1S}]}}",
                     "f.yaml:7:44: error: a second task with the name `a` in this list (at "
                     "/do/0/t/fork/branches/1/a)\n"},
                    {"{fork: {branches: [a: {wait: PT1S}], compete: 1}}",
                     "f.yaml:7:54: error: expected true or false, found a number (at "
                     "/do/0/t/fork/compete)\n"},
                });
}

TEST(FlowFaults, AnEmitIsWrong) {
  expect_faults(task_faults,
                {
                    {"{emit: {event: {}}}",
                     "f.yaml:7:16: error: the keyword `with` is missing (at /do/0/t/emit/event)\n"},
                    {"{emit: {event: {with: {source: a}}}}",
                     "f.yaml:7:24: error: an event needs a `type` (at /do/0/t/emit/event/with)\n"},
                    {"{emit: {event: {with: {type: '${ .a + }'}}}}",
                     "f.yaml:7:46: error: in the jq expression: expected an expression but found "
                     "the end of the expression (at /do/0/t/emit/event/with/type)\n"},
                    {"{emit: {evnt: {with: {type: a}}}}",
                     "f.yaml:7:16: error: unknown keyword `evnt`, did you mean `event`? (at "
                     "/do/0/t/emit/evnt)\n"},
                });
}

TEST(FlowFaults, AListenIsWrong) {
  expect_faults(
      task_faults,
      {
          {"{listen: {read: data}}",
           "f.yaml:7:9: error: the keyword `to` is missing (at /do/0/t/listen)\n"},
          {"{listen: {to: {}}}",
           "f.yaml:7:22: error: expected exactly one of `one`, `any` and `all` (at "
           "/do/0/t/listen/to)\n"},
          {"{listen: {to: {one: {with: {type: a}}, any: []}}}",
           "f.yaml:7:22: error: expected exactly one of `one`, `any` and `all` (at "
           "/do/0/t/listen/to)\n"},
          {"{listen: {to: {one: {with: {}}}}}",
           "f.yaml:7:35: error: expected at least one attribute of the event, such as `type` (at "
           "/do/0/t/listen/to/one/with)\n"},
          {"{listen: {to: {one: {wiht: {type: a}}}}}",
           "f.yaml:7:29: error: unknown keyword `wiht`, did you mean `with`? (at "
           "/do/0/t/listen/to/one/wiht)\n"},
          {"{listen: {to: {all: {with: {type: a}}}}}",
           "f.yaml:7:28: error: expected a list of event filters, found a mapping (at "
           "/do/0/t/listen/to/all)\n"},
          {"{listen: {to: {any: [], until: 3}}}",
           "f.yaml:7:39: error: expected an expression, or `one`, `any` or `all` with event "
           "filters, found a number (at /do/0/t/listen/to/until)\n"},
          {"{listen: {to: {any: [], until: {any: [], until: '.'}}}}",
           "f.yaml:7:49: error: `until` cannot have an `until` of its own (at "
           "/do/0/t/listen/to/until/until)\n"},
          {"{listen: {to: {all: [], until: '.'}}}",
           "f.yaml:7:32: error: `until` stands beside `any` only (at /do/0/t/listen/to/until)\n"},
          {"{listen: {to: {any: []}, read: all}}",
           "f.yaml:7:39: error: `all` is not known here; expected `data`, `envelope` or `raw` (at "
           "/do/0/t/listen/read)\n"},
          {"{listen: {to: {one: {with: {type: a}, correlate: {k: {expect: 1}}}}}}",
           "f.yaml:7:58: error: the keyword `from` is missing (at "
           "/do/0/t/listen/to/one/correlate/k)\n"},
          {"{listen: {to: {any: []}}, foreach: {item: a, at: a}}",
           "f.yaml:7:43: error: `item` and `at` have the same name `a` (at /do/0/t/foreach)\n"},
          {"{listen: {to: {any: []}}, foreach: {do: [{s: {set: {x: '${ $itm }'}}}]}}",
           "f.yaml:7:67: error: in the jq expression: $itm is not defined, did you mean `$item`? "
           "(at /do/0/t/foreach/do/0/s/set/x)\n"},
      });
}

TEST(FlowFaults, ASwitchIsWrong) {
  expect_faults(task_faults,
                {
                    {"{switch: []}",
                     "f.yaml:7:17: error: expected a list of cases, at least one, found an empty "
                     "list (at /do/0/t/switch)\n"},
                    {"{switch: {a: 1}}",
                     "f.yaml:7:17: error: expected a list of cases, at least one, found a mapping "
                     "(at /do/0/t/switch)\n"},
                    {"{switch: [a]}",
                     "f.yaml:7:18: error: expected a mapping of one name to a case, found text (at "
                     "/do/0/t/switch/0)\n"},
                    {"{switch: [{a: {then: end}, b: {then: end}}]}",
                     "f.yaml:7:18: error: an item of `switch` has one name, found 2 (is the case "
                     "indented below its name?) (at /do/0/t/switch/0)\n"},
                    {"{switch: [a: {when: .x}]}",
                     "f.yaml:7:18: error: the keyword `then` is missing (at /do/0/t/switch/0/a)\n"},
                    {"{switch: [a: {wen: .x, then: end}]}",
                     "f.yaml:7:22: error: unknown keyword `wen`, did you mean `when`? (at "
                     "/do/0/t/switch/0/a/wen)\n"},
                    {"{switch: [a: {then: end}, b: {then: end}]}",
                     "f.yaml:7:34: error: a second case without `when` (at /do/0/t/switch/1/b)\n"},
                });
}

TEST(FlowFaults, ALoopIsWrong) {
  expect_faults(
      task_faults,
      {
          {"{for: {each: $x, in: .l}, do: []}",
           "f.yaml:7:21: error: `$x` cannot name a variable; write it without `$` (at "
           "/do/0/t/for/each)\n"},
          {"{for: {each: 1x, in: .l}, do: []}",
           "f.yaml:7:21: error: `1x` cannot name a variable; expected letters, digits and `_`, no "
           "digit first (at /do/0/t/for/each)\n"},
          {"{for: {each: a, at: a, in: .l}, do: []}",
           "f.yaml:7:14: error: `each` and `at` have the same name `a` (at /do/0/t/for)\n"},
          {"{for: {in: 5}, do: []}",
           "f.yaml:7:19: error: expected an expression or a list, found a number (at "
           "/do/0/t/for/in)\n"},
          {"{for: {in: .l, while: .x}, do: []}",
           "f.yaml:7:14: error: `while` and `do` stand beside `for`, not in it (at /do/0/t/for)\n"},
          {"{for: {}, do: []}",
           "f.yaml:7:9: error: the keyword `in` is missing (at /do/0/t/for)\n"},
          {"{for: {in: [1]}, do: []}",
           "f.yaml:7:20: error: an element of a list that is written here is a mapping; for others "
           "write the list as an expression: `in: ${ [1, 2] }` (at /do/0/t/for/in/0)\n"},
          {"{for: {in: [{a: '${ .a + }'}]}, do: []}",
           "f.yaml:7:33: error: in the jq expression: expected an expression but found the end of "
           "the expression (at /do/0/t/for/in/0/a)\n"},
      });
}

TEST(FlowFaults, ErrorsAreWrong) {
  expect_faults(
      body_faults,
      {
          {"do:\n"
           "  - t: {raise: {error: gone}}\n",
           "f.yaml:7:24: error: `gone` is none of `use.errors` (at /do/0/t/raise/error)\n"},
          {"use: {errors: {goneAway: {type: x y, status: 9}}}\n"
           "do:\n"
           "  - t: {raise: {error: goneAwy}}\n",
           "f.yaml:6:33: error: `x y` is no URI (at /use/errors/goneAway/type)\n"
           "f.yaml:6:46: error: expected a whole number from 100 to 599 (at "
           "/use/errors/goneAway/status)\n"
           "f.yaml:8:24: error: `goneAwy` is none of `use.errors`, did you mean `goneAway`? (at "
           "/do/0/t/raise/error)\n"},
          {"do:\n"
           "  - t: {raise: {error: {status: '400', titel: x}}}\n",
           "f.yaml:7:17: error: the keyword `type` is missing (at /do/0/t/raise/error)\n"
           "f.yaml:7:33: error: expected a whole number, found text; write it without quotes (at "
           "/do/0/t/raise/error/status)\n"
           "f.yaml:7:40: error: unknown keyword `titel`, did you mean `title`? (at "
           "/do/0/t/raise/error/titel)\n"},
          {"do:\n"
           "  - t: {raise: {}}\n",
           "f.yaml:7:9: error: the keyword `error` is missing (at /do/0/t/raise)\n"},
          {"do:\n"
           "  - t: {raise: {error: 5}}\n",
           "f.yaml:7:24: error: expected a mapping, or the name of one of `use.errors`, found a "
           "number (at /do/0/t/raise/error)\n"},
      });
}

TEST(FlowFaults, ATryIsWrong) {
  expect_faults(
      body_faults,
      {
          {"do:\n"
           "  - t: {try: [], catch: {errors: {with: {}}}}\n",
           "f.yaml:7:41: error: expected at least one member (at /do/0/t/catch/errors/with)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {errors: {wth: {}}}}\n",
           "f.yaml:7:35: error: unknown keyword `wth`, did you mean `with`? (at "
           "/do/0/t/catch/errors/wth)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {errors: {with: {stauts: 5, status: x}}}}\n",
           "f.yaml:7:50: warning: errors have no `stauts`, did you mean `status`? (at "
           "/do/0/t/catch/errors/with/stauts)\n"
           "f.yaml:7:61: error: expected a whole number, found text (at "
           "/do/0/t/catch/errors/with/status)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {as: $e}}\n",
           "f.yaml:7:30: error: `$e` cannot name a variable; write it without `$` (at "
           "/do/0/t/catch/as)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {retry: fast}}\n",
           "f.yaml:7:33: error: `fast` is none of `use.retries` (at /do/0/t/catch/retry)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {retry: 5}}\n",
           "f.yaml:7:33: error: expected a mapping, or the name of one of `use.retries`, found a "
           "number (at /do/0/t/catch/retry)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {retry: {dealy: PT1S}}}\n",
           "f.yaml:7:34: error: unknown keyword `dealy`, did you mean `delay`? (at "
           "/do/0/t/catch/retry/dealy)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {retry: {backoff: {}}}}\n",
           "f.yaml:7:43: error: expected one of `constant`, `linear` or `exponential` (at "
           "/do/0/t/catch/retry/backoff)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {retry: {backoff: {constant: {}, linear: {}}}}}\n",
           "f.yaml:7:43: error: expected one of `constant`, `linear` or `exponential`, found "
           "several (at /do/0/t/catch/retry/backoff)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {retry: {backoff: {linear: {maxDelay: PT1S}}}}}\n",
           "f.yaml:7:52: error: expected an empty mapping `{}` (at "
           "/do/0/t/catch/retry/backoff/linear)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {retry: {limit: {attempt: {count: -1}}}}}\n",
           "f.yaml:7:59: error: expected a whole number from 0 to 1000000 (at "
           "/do/0/t/catch/retry/limit/attempt/count)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {retry: {jitter: {from: PT2S, to: PT1S}}}}\n",
           "f.yaml:7:42: error: `from` is longer than `to` (at /do/0/t/catch/retry/jitter)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {retry: {jitter: {from: PT2S}}}}\n",
           "f.yaml:7:34: error: the keyword `to` is missing (at /do/0/t/catch/retry/jitter)\n"},
          {"do:\n"
           "  - t: {try: [], catch: {do: {}, then: x}}\n",
           "f.yaml:7:30: error: expected a list of tasks, found an empty mapping (at "
           "/do/0/t/catch/do)\n"
           "f.yaml:7:40: error: there is no task `x` in this list; expected `continue`, `exit`, "
           "`end` or the name of a task beside it (at /do/0/t/catch/then)\n"},
          {"use: {retries: {often: {delay: x}, seldom: {when: $error.x, exceptWhen: $er}}}\n"
           "do:\n"
           "  - t: {try: [], catch: {retry: ofen}}\n",
           "f.yaml:6:32: error: `x` is no ISO 8601 duration such as PT1.5S or P1DT12H (at "
           "/use/retries/often/delay)\n"
           "f.yaml:6:73: error: in the jq expression: $er is not defined (at "
           "/use/retries/seldom/exceptWhen)\n"
           "f.yaml:8:33: error: `ofen` is none of `use.retries`, did you mean `often`? (at "
           "/do/0/t/catch/retry)\n"},
          {"do:\n"
           "  - t:\n"
           "      try:\n"
           "        - c: {call: http, with: {method: post, endpoint: 'https://h/'}}\n"
           "      catch: {retry: {delay: PT1S}}\n",
           "f.yaml:9:42: warning: a POST within a `try` with `retry` is not repeated when its "
           "outcome is unknown; say by `metadata: {stepwell: {idempotent: true}}` that it may be, "
           "or by `false` that this is meant (at /do/0/t/try/0/c/with/method)\n"},
          {"use: {timeouts: {short: {after: PT1S}}, functions: {f: {wait: x}}}\n"
           "do:\n"
           "  - t: {wait: PT1S, timeout: shrt}\n",
           "f.yaml:6:63: error: `x` is no ISO 8601 duration such as PT1.5S or P1DT12H (at "
           "/use/functions/f/wait)\n"
           "f.yaml:8:30: error: `shrt` is none of `use.timeouts`, did you mean `short`? (at "
           "/do/0/t/timeout)\n"},
      });
}

TEST(FlowFaults, APostThatMayNotBeRepeatedIsRetried) {
  const auto warning = [](const std::string& place, const std::string& method,
                          const std::string& reference) {
    return "f.yaml:" + place + ": warning: a " + method +
           " within a `try` with `retry` is not repeated when its outcome is unknown; say by "
           "`metadata: {stepwell: {idempotent: true}}` that it may be, or by `false` that this is "
           "meant (at " +
           reference + "/with/method)\n";
  };
  const auto call = [](const std::string& method, const std::string& more = "") {
    return "[c: {call: http, with: {method: " + method + ", endpoint: 'https://h/'}" + more + "}]";
  };
  const std::string idempotent = ", metadata: {stepwell: {idempotent: ";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{try: " + call("PATCH") + ", catch: {retry: {}}}",
       warning("7:46", "PATCH", "/do/0/t/try/0/c")},
      {"{try: [d: {do: " + call("post") + "}], catch: {retry: {}}}",
       warning("7:55", "POST", "/do/0/t/try/0/d/do/0/c")},
      {"{try: [i: {try: " + call("post") + ", catch: {}}], catch: {retry: {}}}",
       warning("7:56", "POST", "/do/0/t/try/0/i/try/0/c")},
      {"{try: " + call("post", idempotent + "true}}") + ", catch: {retry: {}}}", ""},
      {"{try: " + call("post", idempotent + "false}}") + ", catch: {retry: {}}}", ""},
      {"{try: " + call("put") + ", catch: {retry: {}}}", ""},
      {"{try: " + call("'${ .m }'") + ", catch: {retry: {}}}", ""},
      {"{try: " + call("post") + ", catch: {}}", ""},
      {"{try: [], catch: {retry: {}, do: " + call("post") + "}}", ""},
      {"{do: " + call("post") + "}", ""},
  };
  for (const auto& [task, faults] : cases) EXPECT_EQ(task_faults(task), faults) << task;
}

TEST(FlowFaults, OfAWorkflowThatIsRun) {
  expect_faults(
      task_faults,
      {
          {"{run: 5}", "f.yaml:7:14: error: expected a mapping, found a number (at /do/0/t/run)\n"},
          {"{run: {}}",
           "f.yaml:7:14: error: expected one of `workflow`, `shell`, `script` or `container` (at "
           "/do/0/t/run)\n"},
          {"{run: {await: false}}",
           "f.yaml:7:14: error: expected one of `workflow`, `shell`, `script` or `container` (at "
           "/do/0/t/run)\n"},
          {"{run: {workflow: {namespace: a, name: b, version: latest}, shell: {command: ls}}}",
           "f.yaml:7:14: error: expected one of `workflow`, `shell`, `script` or `container`, "
           "found "
           "several (at /do/0/t/run)\n"},
          {"{run: {worklfow: {}}}",
           "f.yaml:7:15: error: unknown keyword `worklfow`, did you mean `workflow`? (at "
           "/do/0/t/run/worklfow)\n"},
          {"{run: {workflow: {}}}",
           "f.yaml:7:15: error: the keyword `name` is missing (at /do/0/t/run/workflow)\n"
           "f.yaml:7:15: error: the keyword `namespace` is missing (at /do/0/t/run/workflow)\n"
           "f.yaml:7:15: error: the keyword `version` is missing (at /do/0/t/run/workflow)\n"},
          {"{run: {workflow: {namespace: a b, name: b, version: newest, input: [1], inptu: 1}}}",
           "f.yaml:7:37: error: `a b` is no DNS label: expected letters, digits and `-` inside, at "
           "most 63 characters (at /do/0/t/run/workflow/namespace)\n"
           "f.yaml:7:60: error: `newest` is no semantic version such as 1.0.0 (at "
           "/do/0/t/run/workflow/version)\n"
           "f.yaml:7:75: error: expected a mapping or an expression `${ … }`, found a list (at "
           "/do/0/t/run/workflow/input)\n"
           "f.yaml:7:80: error: unknown keyword `inptu`; expected `namespace`, `name`, `version` "
           "or `input` (at "
           "/do/0/t/run/workflow/inptu)\n"},
          {"{run: {await: 1, workflow: {namespace: a, name: b, version: 1.0.0, input: {x: '${ . + "
           "}'}}}}",
           "f.yaml:7:22: error: expected true or false, found a number (at /do/0/t/run/await)\n"
           "f.yaml:7:94: error: in the jq expression: expected an expression but found the end of "
           "the expression (at /do/0/t/run/workflow/input/x)\n"},
          {"{run: {return: code, workflow: {namespace: a, name: b, version: latest}}}",
           "f.yaml:7:23: warning: `return` says what of a process is the output; that of a "
           "workflow "
           "is its own; leave it out (at /do/0/t/run/return)\n"},
      });
}

}  // namespace
}  // namespace stepwell::config
