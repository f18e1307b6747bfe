#include "tests/simulation/workflows.h"

#include <stdexcept>

#include "base/json.h"
#include "config/loader.h"
#include "tests/engine/random_flow.h"

namespace stepwell::simulation {

namespace {

struct Text {
  const char* name;
  const char* metadata;  // metadata.stepwell
  const char* body;
};

// Steps are `http://h/…`; what their methods are says whether they may be repeated.
constexpr Text kPlain[] = {
    {"at-once", "{}", "do: [{a: {set: {x: 1}}}]"},
    {"gets", "{}", R"(do:
  - one: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - two: {call: http, with: {method: get, endpoint: 'http://h/2'}}
)"},
    {"post", "{}", R"(do:
  - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - send: {call: http, with: {method: post, endpoint: 'http://h/2'}}
  - tell: {call: http, with: {method: post, endpoint: 'http://h/3'}}
)"},
    {"post-first", "{}", R"(do:
  - send: {call: http, with: {method: post, endpoint: 'http://h/1'}}
  - rest: {wait: PT1S}
  - mark: {call: http, with: {method: put, endpoint: 'http://h/2'}}
)"},
    {"careful", "{}", R"(do:
  - careful:
      try:
        - send: {call: http, with: {method: post, endpoint: 'http://h/1'}}
        - look: {call: http, with: {method: get, endpoint: 'http://h/2'}}
      catch:
        retry: {delay: PT1S, backoff: {exponential: {}}, jitter: {from: PT0S, to: PT1S},
                limit: {attempt: {count: 3}}}
        do:
          - ask: {call: http, with: {method: get, endpoint: 'http://h/3'}}
  - after: {call: http, with: {method: patch, endpoint: 'http://h/4'}}
)"},
    {"patient", "{}", R"(do:
  - ask:
      try:
        - look:
            call: http
            with: {method: get, endpoint: 'http://h/1'}
            timeout: {after: PT2S}
        - send:
            call: http
            with: {method: post, endpoint: 'http://h/2'}
            metadata: {stepwell: {idempotent: true}}
      catch:
        retry: {delay: PT2S, limit: {attempt: {count: 4, duration: PT10S}, duration: PT1H}}
        do: [{give-up: {set: {gave: up}}}]
)"},
    {"branches", "{}", R"(do:
  - all:
      fork:
        branches:
          - a: {call: http, with: {method: get, endpoint: 'http://h/1'}}
          - b: {call: http, with: {method: post, endpoint: 'http://h/2'}}
          - c:
              do:
                - rest: {wait: PT1S}
                - put: {call: http, with: {method: put, endpoint: 'http://h/3'}}
          - d: {call: http, with: {method: post, endpoint: 'http://h/4'}}
  - last: {call: http, with: {method: post, endpoint: 'http://h/5'}}
)"},
    {"race", "{}", R"(do:
  - race:
      try:
        - first:
            fork:
              compete: true
              branches:
                - a: {call: http, with: {method: get, endpoint: 'http://h/1'}}
                - b: {call: http, with: {method: post, endpoint: 'http://h/2'}}
                - c: {wait: PT3S}
        - look: {call: http, with: {method: get, endpoint: 'http://h/3'}}
      catch:
        retry: {delay: PT1S, limit: {attempt: {count: 3}}}
        do: [{lost: {set: {lost: true}}}]
)"},
    {"loose", "{durability: relaxed}", R"(do:
  - rounds:
      for: {each: x, in: '[range(4)]'}
      do:
        - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
        - send: {call: http, with: {method: post, endpoint: 'http://h/2'}}
        - note: {set: {x: '${ $x }'}}
)"},
    {"loose-gets", "{durability: relaxed}", R"(do:
  - rounds:
      for: {each: x, in: '[range(6)]'}
      do:
        - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - rest: {wait: PT1S}
)"},
    {"rounds", "{}", R"(do:
  - rounds:
      for: {each: x, in: '[range(3)]'}
      do:
        - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
        - send: {call: http, with: {method: post, endpoint: 'http://h/2'}}
)"},
    {"waits", "{}", R"(do:
  - short: {wait: PT2S}
  - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - long: {wait: PT1H}
)"},
    {"limits", "{}", R"(timeout: {after: PT30S}
do:
  - slow:
      try:
        - send: {call: http, with: {method: post, endpoint: 'http://h/1'}, timeout: {after: PT1S}}
      catch:
        retry: {delay: PT1S, limit: {attempt: {count: 3}}}
        do: [{late: {set: {late: true}}}]
  - rest: {wait: PT5S}
  - look: {call: http, with: {method: get, endpoint: 'http://h/2'}}
)"},
    {"emits", "{}", R"(do:
  - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - say: {emit: {event: {with: {type: tick, data: {n: '${ $workflow.input.n * 10 }'}}}}}
  - send: {call: http, with: {method: post, endpoint: 'http://h/2'}}
  - again: {emit: {event: {with: {type: tick, data: {n: '${ $workflow.input.n * 10 + 1 }'}}}}}
)"},
    {"collects", "{}", R"(do:
  - hear:
      listen:
        to: {any: [{with: {type: tick}}], until: {one: {with: {type: done}}}}
      export: {as: '${ {heard: .} }'}
  - send: {call: http, with: {method: post, endpoint: 'http://h/1'}}
output: {as: '${ $context.heard }'}
)"},
    {"correlates", "{}", R"(do:
  - hear:
      listen:
        to:
          all:
            - with: {type: go}
              correlate: {k: {from: .data.k, expect: '${ $workflow.input.k }'}}
            - with: {type: tick}
              correlate: {k: {from: .data.k, expect: '${ $workflow.input.k }'}}
  - send: {call: http, with: {method: post, endpoint: 'http://h/1'}}
)"},
    {"each", "{}", R"(do:
  - hear:
      listen: {to: {any: [{with: {type: tick}}], until: 'length >= 2'}}
      foreach:
        item: tick
        do: [{send: {call: http, with: {method: post, endpoint: 'http://h/1'}}}]
)"},
    {"parent", "{}", R"(do:
  - both:
      fork:
        branches:
          - run: {run: {workflow: {namespace: sim, name: child, version: latest, input: {a: 1}}}}
          - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - last: {call: http, with: {method: post, endpoint: 'http://h/2'}}
)"},
    {"parent-tries", "{}", R"(do:
  - tries:
      try:
        - run:
            run: {workflow: {namespace: sim, name: child, version: latest}}
            timeout: {after: PT4S}
      catch:
        retry: {delay: PT1S, limit: {attempt: {count: 2}}}
        do: [{none: {set: {none: true}}}]
)"},
    {"parent-leaves", "{}", R"(do:
  - run:
      run: {await: false, workflow: {namespace: sim, name: child, version: latest}}
  - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
)"},
    {"grandparent", "{}", R"(do:
  - run: {run: {workflow: {namespace: sim, name: parent, version: latest}}}
)"},
    {"limited", "{concurrency: 2}", R"(do:
  - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - rest: {wait: PT1S}
  - send: {call: http, with: {method: post, endpoint: 'http://h/2'}}
)"},
    {"one-by-one", "{concurrency: 1}", R"(do:
  - send: {call: http, with: {method: post, endpoint: 'http://h/1'}}
)"},
    {"decides", "{}", R"(do:
  - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - say:
      call: decision
      with: {prompt: say it, options: ['yes', 'no'], due: PT5S}
      export: {as: '${ {said: .comment} }'}
  - send: {call: http, with: {method: post, endpoint: 'http://h/2'}}
output: {as: '${ $context }'}
)"},
    {"fills", "{}", R"(do:
  - fill:
      try:
        - ask:
            call: form
            with: {title: all of it, prompt: fill it, due: PT3S, fields: [{name: note, kind: text}]}
            timeout: {after: PT20S}
        - send: {call: http, with: {method: post, endpoint: 'http://h/1'}}
      catch:
        retry: {delay: PT1S, limit: {attempt: {count: 2}}}
        do: [{late: {set: {late: true}}}]
)"},
    {"mails", "{}", R"(do:
  - mail:
      call: email
      with: {server: 'smtp://h', from: a@h.example, to: b@h.example, subject: x, body: y, hold: true}
  - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
)"},
    {"two-decide", "{}", R"(do:
  - both:
      fork:
        branches:
          - ana: {call: decision, with: {prompt: a, options: ['yes', 'no'], due: PT2S}}
          - bob:
              do:
                - rest: {wait: PT2S}
                - say: {call: decision, with: {prompt: b, options: ['yes', 'no']}}
  - send: {call: http, with: {method: post, endpoint: 'http://h/1'}}
)"},
    {"first-decides", "{}", R"(do:
  - one:
      fork:
        compete: true
        branches:
          - ana: {call: decision, with: {prompt: a, options: ['yes', 'no']}}
          - bob: {call: form, with: {title: b, prompt: b, fields: [{name: note, kind: text}]}}
          - nobody: {wait: PT30S}
  - again:
      for: {each: turn, in: '[1, 2]'}
      do: [{say: {call: decision, with: {prompt: a, options: ['yes', 'no'], due: PT1S}}}]
)"},
    {"hears-due", "{}", R"(do:
  - hear: {listen: {to: {one: {with: {type: io.serverlessworkflow.task.due.v1}}}}}
  - send: {call: http, with: {method: post, endpoint: 'http://h/1'}}
)"},
    {"hears-ends", "{}", R"(do:
  - hear:
      listen: {to: {one: {with: {type: io.serverlessworkflow.workflow.completed.v1}}}}
  - send: {call: http, with: {method: post, endpoint: 'http://h/1'}}
)"},
};

constexpr Text kScheduled[] = {
    {"every", "{}", R"(schedule: {every: PT7S}
do: [{send: {call: http, with: {method: post, endpoint: 'http://h/1'}}}]
)"},
    {"every-skips", "{missed: skip}", R"(schedule: {every: PT11S}
do: [{look: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]
)"},
    {"minutes", "{}", R"(schedule: {cron: '* * * * *'}
do: [{look: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]
)"},
    {"after", "{}", R"(schedule: {after: PT5S}
do: [{look: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]
)"},
    {"on-order", "{}", R"(schedule: {on: {one: {with: {type: order}}}}
do: [{send: {call: http, with: {method: post, endpoint: 'http://h/1'}}}]
)"},
    {"on-both", "{}", R"(schedule: {on: {all: [{with: {type: order}}, {with: {type: go}}]}}
do: [{look: {call: http, with: {method: get, endpoint: 'http://h/1'}}}]
)"},
};

constexpr Text kNamed[] = {
    {"child", "{}", R"(do:
  - look: {call: http, with: {method: get, endpoint: 'http://h/1'}}
  - rest: {wait: PT1S}
  - send: {call: http, with: {method: post, endpoint: 'http://h/2'}}
)"},
};

std::string head(const std::string& name, const std::string& metadata) {
  return "document: {dsl: '1.0.3', namespace: sim, name: " + name +
         ", version: '1.0.0', metadata: {stepwell: " + metadata + "}}\n";
}

}  // namespace

Workflows::Workflows() {
  for (const Text& text : kPlain) plain_.push_back(add(head(text.name, text.metadata) + text.body));
  for (const Text& text : kScheduled)
    scheduled_.push_back(add(head(text.name, text.metadata) + text.body));
  for (const Text& text : kNamed) (void)add(head(text.name, text.metadata) + text.body);
}

Definition Workflows::add(const std::string& text) {
  const config::Loaded loaded = config::load_definition(text, "simulated.yaml");
  std::string faults;
  for (const config::Fault& fault : loaded.faults) faults += fault.text() + "\n";
  if (!loaded.definition) throw std::runtime_error(faults + text);
  by_name_[loaded.definition->name] = loaded.definition;
  by_sources_[to_json(config::to_value(*loaded.definition->sources))] = loaded.definition;
  return loaded.definition;
}

Definition Workflows::named(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

Definition Workflows::random(std::size_t number) {
  Definition& known = random_[number];
  if (known) return known;
  const std::string flow = engine::test::random_flow(number);
  const std::string document =
      R"({"document": {"dsl": "1.0.3", "namespace": "sim", "name": "random-)" +
      std::to_string(number) + R"(", "version": "1.0.0"}, )";
  return known = add(document + flow.substr(1));
}

Result<Definition> Workflows::load(const Value& sources) const {
  const auto found = by_sources_.find(to_json(sources));
  if (found == by_sources_.end())
    return fail(make_problem(ErrorKind::configuration, "definitions-invalid", "nobody knows it"));
  return found->second;
}

}  // namespace stepwell::simulation
