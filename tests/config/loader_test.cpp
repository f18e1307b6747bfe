// What a good definition becomes.
#include "config/loader.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

using DefinitionPtr = std::shared_ptr<const Definition>;

DefinitionPtr load(std::string_view body) {
  Loaded loaded = load_definition(definition_text(body), "f.yaml");
  for (const Fault& fault : loaded.faults)
    if (fault.severity == Fault::Severity::error) ADD_FAILURE() << fault.text();
  return loaded.definition;
}

template <class Body>
const Body& body_of(const DefinitionPtr& definition, std::size_t index = 0) {
  return std::get<Body>(definition->tasks.at(index).body);
}

TEST(Loader, ReadsTheDocument) {
  const auto definition =
      load_definition(
          "document: {dsl: 1.0.3, namespace: n, name: w, version: 1.2.3-rc.1+b, "
          "title: T, summary: S, tags: {a: 1}, metadata: {x: 1, stepwell: "
          "{runAs: robot}}}\nuse: {secrets: [a, b]}\ntimeout: {after: PT5S}\n"
          "input: {from: .a}\noutput: {as: '{b: .c}'}\ndo: []\n",
          "dir/f.yaml")
          .definition;
  ASSERT_TRUE(definition);
  EXPECT_EQ(definition->file, "dir/f.yaml");
  EXPECT_EQ(definition->id(), "n/w:1.2.3-rc.1+b");
  EXPECT_EQ(definition->title, "T");
  EXPECT_EQ(definition->run_as, "robot");
  EXPECT_EQ(definition->secrets, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(definition->timeout->constant, Milliseconds(5000));
  EXPECT_TRUE(definition->input_from);
  EXPECT_TRUE(definition->output_as);
  EXPECT_TRUE(definition->tasks.empty());
  EXPECT_EQ(to_json(definition->document.get("document").get("name")), "\"w\"");
}

TEST(Loader, TheDigestIsOfTheContentAlone) {
  const auto digest = [](std::string_view text) {
    const auto definition = load_definition(text, "f").definition;
    return definition ? definition->digest : "refused";
  };
  const std::string one = digest(
      "document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0}\ndo: [a: {wait: PT1S}]\n");
  EXPECT_EQ(one.size(), 32U);
  EXPECT_EQ(one, digest("do:\n  - a:\n      wait: 'PT1S' # c\ndocument:\n  version: 1.0.0\n"
                        "  name: w\n  namespace: n\n  dsl: 1.0.3\n"));
  EXPECT_NE(one, digest("document: {dsl: 1.0.3, namespace: n, name: w, version: 1.0.0}\n"
                        "do: [a: {wait: PT2S}]\n"));
}

TEST(Loader, TasksHaveNameReferencePlaceAndDefinition) {
  const auto definition = load(R"(do:
  - a~b/c: {set: {x: 1}}
  - loop:
      for: {in: .list}
      do:
        - tryGetPet:
            try:
              - getPet: {wait: PT1S}
            catch:
              do:
                - x: {set: {y: 2}}
)");
  ASSERT_TRUE(definition);
  EXPECT_EQ(definition->tasks[0].reference, "/do/0/a~0b~1c");
  EXPECT_EQ(definition->tasks[0].position.line, 7U);
  EXPECT_EQ(definition->tasks[0].position.column, 5U);
  EXPECT_EQ(to_json(definition->tasks[0].definition), R"({"set":{"x":1}})");
  const auto& loop = body_of<ForBody>(definition, 1);
  const auto& attempt = std::get<TryBody>(loop.tasks.at(0).body);
  EXPECT_EQ(attempt.tasks.at(0).reference, "/do/1/loop/do/0/tryGetPet/try/0/getPet");
  EXPECT_EQ(attempt.handler.at(0).reference, "/do/1/loop/do/0/tryGetPet/catch/do/0/x");
  EXPECT_EQ(attempt.tasks.at(0).name, "getPet");
}

TEST(Loader, ReadsWhatAllTasksHave) {
  const auto definition = load(R"(use: {timeouts: {short: {after: {seconds: 2}}}}
do:
  - a:
      if: .x == 1
      input: {from: '${ .y }'}
      set: {x: 1}
      output: {as: {z: '${ .x }', k: .x}}
      export: {as: '$context + {o: $output}'}
      timeout: short
      then: c
  - b: {wait: PT0S, then: end, timeout: {after: '${ .d }'}}
  - c: {do: [], then: exit}
  - d: {do: [], then: continue}
  - e: {do: [], then: b}
)");
  ASSERT_TRUE(definition);
  const Task& a = definition->tasks[0];
  EXPECT_EQ(a.condition->program.source(), ".x == 1");
  EXPECT_TRUE(a.input_from && !a.input_from->is_constant());
  EXPECT_TRUE(a.output_as && !a.output_as->is_constant());
  EXPECT_TRUE(a.export_as && a.export_as->uses(kOutput) && a.export_as->uses(kContext));
  EXPECT_EQ(a.timeout->constant, Milliseconds(2000));
  EXPECT_EQ(a.then.kind, FlowDirective::Kind::task);
  EXPECT_EQ(a.then.target, 2U);
  EXPECT_EQ(definition->tasks[1].then.kind, FlowDirective::Kind::end);
  EXPECT_TRUE(definition->tasks[1].timeout->expression);
  EXPECT_EQ(definition->tasks[2].then.kind, FlowDirective::Kind::exit);
  EXPECT_EQ(definition->tasks[3].then.kind, FlowDirective::Kind::next);
  EXPECT_EQ(definition->tasks[4].then.target, 1U);
}

TEST(Loader, ReadsSetWithConstantsAndExpressions) {
  const auto definition = load(R"(do:
  - a: {set: {n: 1, t: text, on: yes, e: '${ .x }', bare: .x, l: [1, ' ${.y} ']}}
  - b: {set: '${ . }'}
  - c: {set: {k: {v: [null]}}}
)");
  ASSERT_TRUE(definition);
  EXPECT_FALSE(body_of<SetBody>(definition, 0).value.is_constant());
  EXPECT_FALSE(body_of<SetBody>(definition, 1).value.is_constant());
  const Template& constant = body_of<SetBody>(definition, 2).value;
  ASSERT_TRUE(constant.is_constant());
  EXPECT_TRUE(constant.constant().same(definition->document.get("do").at(2).get("c").get("set")))
      << "constants share the document's values";
}

TEST(Loader, LooseModeKeepsWhatIsNoExpressionAsText) {
  const auto definition = load(R"(evaluate: {mode: loose, language: jq}
do:
  - a: {set: {e: .x, t: 'two words', f: '${ .x }', g: $output}}
)");
  ASSERT_TRUE(definition);
  EXPECT_FALSE(body_of<SetBody>(definition).value.is_constant());
  const auto text =
      load("evaluate: {mode: loose}\ndo:\n  - a: {set: {t: 'two words', g: $output}}\n");
  EXPECT_TRUE(body_of<SetBody>(text).value.is_constant());
}

TEST(Loader, ReadsSwitch) {
  const auto definition = load(R"(do:
  - s:
      switch:
        - red: {when: .c == "red", then: r}
        - other: {then: end}
  - r: {do: []}
)");
  ASSERT_TRUE(definition);
  const auto& cases = body_of<SwitchBody>(definition).cases;
  ASSERT_EQ(cases.size(), 2U);
  EXPECT_EQ(cases[0].name, "red");
  EXPECT_TRUE(cases[0].when);
  EXPECT_EQ(cases[0].then.target, 1U);
  EXPECT_FALSE(cases[1].when);
  EXPECT_EQ(cases[1].then.kind, FlowDirective::Kind::end);
}

TEST(Loader, LoopVariablesFollowTheStandardsOnes) {
  const auto definition = load(R"(do:
  - outer:
      for: {each: o, at: i, in: .rows}
      while: $o != null
      do:
        - inner:
            for: {in: $o, at: i}
            do:
              - s: {set: {a: '${ [$o, $i, $item] }'}}
)");
  ASSERT_TRUE(definition);
  const auto& outer = body_of<ForBody>(definition);
  EXPECT_EQ(outer.each, "o");
  EXPECT_TRUE(outer.while_->uses(kFirstLocal));
  const auto& inner = std::get<ForBody>(outer.tasks.at(0).body);
  EXPECT_EQ(inner.each, "item");
  EXPECT_TRUE(inner.in.uses(kFirstLocal));
  const Template& value = std::get<SetBody>(inner.tasks.at(0).body).value;
  EXPECT_TRUE(value.uses(kFirstLocal));        // o
  EXPECT_FALSE(value.uses(kFirstLocal + 1U));  // the outer i is hidden
  EXPECT_TRUE(value.uses(kFirstLocal + 2U));   // item
  EXPECT_TRUE(value.uses(kFirstLocal + 3U)) << "the inner i counts";
}

TEST(Loader, AListToLoopOverBecomesAnExpression) {
  const auto definition = load(R"(do:
  - l:
      for: {in: [{name: red, hex: "\\(1)#F"}, {a: 2, b: '${ $workflow.id # c }'}, {l: [null, true]}]}
      do: []
)");
  ASSERT_TRUE(definition);
  const auto& in = body_of<ForBody>(definition).in;
  EXPECT_TRUE(in.uses(kWorkflow));
  std::vector<Value> variables(kFirstLocal);
  variables[kWorkflow] = *parse_json(R"({"id":"w1"})");
  const Value input = nullptr;
  const Result<Value> list = in.evaluate({input, variables, {}});
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_EQ(to_json(*list),
            R"([{"name":"red","hex":"\\(1)#F"},{"a":2,"b":"w1"},{"l":[null,true]}])");
}

TEST(Loader, ReadsHttpCalls) {
  const auto definition = load(R"(do:
  - a:
      call: http
      with:
        method: post
        endpoint: https://example.com/{id}?q=1
        headers: {Accept: text/plain, X-A: '${ .x }'}
        query: {q: '${ .q }', n: 1}
        body: {a: '${ . }'}
        output: response
        redirect: true
      metadata:
        other: 1
        stepwell:
          idempotent: true
          maxResponseBytes: 1024
          timeout: {connect: PT1S, firstByte: {seconds: 2}}
          tls: {caFile: ca.pem}
  - b: {call: http, with: {method: '${ .m }', endpoint: '${ .u }', headers: '${ .h }', body: null}}
)");
  ASSERT_TRUE(definition);
  const auto& a = body_of<HttpCallBody>(definition, 0);
  EXPECT_EQ(a.method.constant().as_string(), "POST");
  EXPECT_FALSE(a.headers.is_constant());
  EXPECT_FALSE(a.query.is_constant());
  EXPECT_TRUE(a.has_body);
  EXPECT_EQ(a.output, HttpCallBody::Output::response);
  EXPECT_TRUE(a.redirect);
  EXPECT_EQ(a.options->idempotent, true);
  EXPECT_EQ(a.options->max_response_bytes, Bytes{1024});
  EXPECT_EQ(a.options->connect_timeout, Milliseconds(1000));
  EXPECT_EQ(a.options->first_byte_timeout, Milliseconds(2000));
  EXPECT_EQ(a.options->ca_file, "ca.pem");
  const Value input = *parse_json(R"({"id":"x y"})");
  EXPECT_EQ(*a.endpoint.evaluate({input, {}, {}}), "https://example.com/x%20y?q=1");
  const auto& b = body_of<HttpCallBody>(definition, 1);
  EXPECT_FALSE(b.method.is_constant());
  EXPECT_FALSE(b.headers.is_constant());
  EXPECT_FALSE(b.has_body);
  EXPECT_EQ(b.output, HttpCallBody::Output::content);
  EXPECT_FALSE(b.options);
}

TEST(Loader, KeepsTheDocumentOnlyWhereAnExpressionCanSeeIt) {
  const auto load = [](const std::string& value, bool lean) {
    const std::string text =
        "document: {dsl: 1.0.3, namespace: a, name: b, version: 1.0.0}\n"
        "do: [{c: {do: [{d: {set: {e: '" +
        value + "'}}}]}}]\n";
    return load_definition(text, "f.yaml", {nullptr, false, {}, lean}).definition;
  };
  const auto seen = [](const Definition& definition) {
    const Task& outer = definition.tasks.at(0);
    const bool all = definition.document.is_object() && outer.definition.is_object() &&
                     std::get<DoBody>(outer.body).tasks.at(0).definition.is_object();
    const bool none = definition.document.is_null() && outer.definition.is_null() &&
                      std::get<DoBody>(outer.body).tasks.at(0).definition.is_null();
    EXPECT_NE(all, none);
    return all;
  };
  EXPECT_TRUE(seen(*load("${ .x }", false)));
  EXPECT_FALSE(seen(*load("${ .x }", true)));
  EXPECT_TRUE(seen(*load("${ $task.definition }", true)));
  EXPECT_TRUE(seen(*load("${ [1 | $workflow.definition] }", true)));
  EXPECT_EQ(load("${ .x }", true)->digest, load("${ .x }", false)->digest);
}

TEST(Loader, ReadsOpenApiCalls) {
  const auto definition = load(R"(
use:
  secrets: [s]
  authentications: {a: {bearer: {use: s}}, b: {basic: {username: u, password: '${ .p }'}}}
do:
  - a:
      call: openapi
      with:
        document: {name: pets, endpoint: {uri: 'https://h/{v}/doc', authentication: {use: docs}}}
        operationId: ${ .op }
        parameters: {id: 1, tag: '${ .t }'}
        authentication: {use: crm}
        output: raw
        redirect: true
      metadata: {stepwell: {idempotent: true}}
  - b: {call: openapi, with: {document: {endpoint: '${ .u }'}, operationId: getPet}}
)");
  ASSERT_TRUE(definition);
  const auto& a = body_of<OpenApiCallBody>(definition, 0);
  const Value input = *parse_json(R"({"v": 2, "op": "getPet", "t": "x", "u": "https://h/"})");
  const std::vector<Value> none(kFirstLocal);
  EXPECT_EQ(*a.document.endpoint.evaluate({input, none, {}}), "https://h/2/doc");
  EXPECT_EQ(a.document.authentication->credential, "docs");
  EXPECT_EQ(*a.operation.evaluate({input, none, {}}), Value("getPet"));
  EXPECT_EQ(to_json(*a.parameters.evaluate({input, none, {}})), R"({"id":1,"tag":"x"})");
  EXPECT_EQ(a.authentication->credential, "crm");
  EXPECT_EQ(a.named, nullptr);
  EXPECT_EQ(a.output, CallOutput::raw);
  EXPECT_TRUE(a.redirect);
  EXPECT_EQ(a.options->idempotent, true);
  // Without an authentication the document may ask for any that is declared.
  const auto& b = body_of<OpenApiCallBody>(definition, 1);
  EXPECT_FALSE(b.authentication);
  ASSERT_NE(b.named, nullptr);
  ASSERT_EQ(b.named->size(), 2U);
  EXPECT_EQ(b.named->at("a").credential, "s");
  EXPECT_EQ(b.named->at("b").kind, Authentication::Kind::basic);
  std::vector<std::string> credentials;
  for (const auto& [name, position] : definition->credentials) credentials.push_back(name);
  EXPECT_EQ(credentials, (std::vector<std::string>{"docs", "crm", "s"}));
}

std::string call_with(std::string_view authentication) {
  return "call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: " +
         std::string(authentication) + "}}";
}

TEST(Loader, ResolvesAuthentications) {
  const auto definition = load(
      "use:\n  secrets: [s]\n  authentications:\n    inline: {bearer: {token: '${ .t }'}}\n"
      "do:\n  - a: {" +
      call_with("{use: crm}") + "}\n  - b: {" + call_with("{use: inline}") + "}\n  - c: {" +
      call_with("{basic: {username: u, password: '${ .p }'}}") + "}\n  - d: {" +
      call_with("{basic: {use: s}}") + "}\n  - e: {" + call_with("{use: crm}") + "}\n");
  ASSERT_TRUE(definition);
  using Kind = Authentication::Kind;
  const auto authentication = [&](std::size_t i) {
    return *body_of<HttpCallBody>(definition, i).authentication;
  };
  EXPECT_EQ(authentication(0).kind, Kind::credential);
  EXPECT_EQ(authentication(0).credential, "crm");
  EXPECT_EQ(authentication(1).kind, Kind::bearer);
  EXPECT_EQ(authentication(1).credential, "");
  EXPECT_FALSE(authentication(1).token.is_constant());
  EXPECT_EQ(authentication(2).kind, Kind::basic);
  EXPECT_EQ(authentication(2).username.constant().as_string(), "u");
  EXPECT_EQ(authentication(3).kind, Kind::basic);
  EXPECT_EQ(authentication(3).credential, "s");
  ASSERT_EQ(definition->credentials.size(), 2U);
  EXPECT_EQ(definition->credentials[0].first, "crm");
  EXPECT_EQ(definition->credentials[0].second.line, 11U) << "the first reference";
  EXPECT_EQ(definition->credentials[1].first, "s");
}

TEST(Loader, ReadsTryWithRetryAndHandler) {
  const auto definition = load(R"(use:
  retries:
    later:
      when: $err.status == 503
      delay: PT1S
      backoff: {linear: {}}
do:
  - t:
      try: [a: {wait: PT0S}]
      catch:
        errors: {with: {type: https://x/communication, status: 503, reason: dns}}
        as: err
        when: $err.status != 400
        exceptWhen: $err.status == 401
        retry:
          exceptWhen: $err.detail == "x"
          delay: {seconds: 3}
          backoff: {exponential: {maxDelay: PT1M}}
          limit: {attempt: {count: 5, duration: PT10S}, duration: '${ .limit }'}
          jitter: {from: PT0S, to: PT0.1S}
        do: [h: {set: {e: '${ $err }'}}]
        then: end
  - u: {try: [], catch: {as: err, retry: later}}
  - v: {try: [], catch: {}}
)");
  ASSERT_TRUE(definition);
  const auto& t = body_of<TryBody>(definition, 0);
  EXPECT_EQ(to_json(t.errors_with.constant()),
            R"({"type":"https://x/communication","status":503,"reason":"dns"})");
  EXPECT_EQ(t.as, "err");
  EXPECT_TRUE(t.when->uses(kFirstLocal));
  EXPECT_TRUE(t.except_when);
  EXPECT_TRUE(t.retry->except_when->uses(kFirstLocal));
  EXPECT_EQ(t.retry->delay.constant, Milliseconds(3000));
  EXPECT_EQ(t.retry->backoff, RetryPolicy::Backoff::exponential);
  EXPECT_EQ(t.retry->max_delay.constant, Milliseconds(60'000));
  EXPECT_EQ(t.retry->max_attempts, 5U);
  EXPECT_EQ(t.retry->attempt_duration->constant, Milliseconds(10'000));
  EXPECT_TRUE(t.retry->total_duration->expression);
  EXPECT_EQ(t.retry->jitter_to->constant, Milliseconds(100));
  EXPECT_TRUE(t.has_handler);
  EXPECT_TRUE(std::get<SetBody>(t.handler.at(0).body).value.uses(kFirstLocal));
  EXPECT_EQ(t.then->kind, FlowDirective::Kind::end);
  const auto& u = body_of<TryBody>(definition, 1);
  EXPECT_EQ(u.retry->backoff, RetryPolicy::Backoff::linear);
  EXPECT_EQ(u.retry->max_delay.constant, Milliseconds(3'600'000));
  EXPECT_FALSE(u.has_handler);
  EXPECT_FALSE(u.then);
  const auto& v = body_of<TryBody>(definition, 2);
  EXPECT_TRUE(v.errors_with.is_constant() && v.errors_with.constant().is_null());
  EXPECT_EQ(v.as, "error");
  EXPECT_FALSE(v.retry);
}

TEST(Loader, ReadsRaiseAndWait) {
  const auto definition = load(R"(use: {errors: {gone: {type: https://x/gone, status: 410}}}
do:
  - a: {if: .x, raise: {error: gone}}
  - b: {if: .x, raise: {error: {type: https://x, status: 400, title: T, detail: '${ .d }'}}}
  - c: {wait: {days: 1, milliseconds: 5}}
  - d: {wait: '${ .w }'}
)");
  ASSERT_TRUE(definition);
  EXPECT_EQ(to_json(body_of<RaiseBody>(definition, 0).error.constant()),
            R"({"type":"https://x/gone","status":410})");
  EXPECT_FALSE(body_of<RaiseBody>(definition, 1).error.is_constant());
  EXPECT_EQ(body_of<WaitBody>(definition, 2).duration.constant, Milliseconds(86'400'005));
  EXPECT_TRUE(body_of<WaitBody>(definition, 3).duration.expression);
}

TEST(Loader, AFileThatCannotBeReadIsAFault) {
  const Loaded loaded = load_definition_file("/nonexistent/f.yaml");
  EXPECT_FALSE(loaded.definition);
  ASSERT_EQ(loaded.faults.size(), 1U);
  EXPECT_EQ(loaded.faults[0].text(), "/nonexistent/f.yaml:0:0: error: the file cannot be read");
  EXPECT_FALSE(load_definition_file("/").definition) << "a folder is no file";
}

}  // namespace
}  // namespace stepwell::config
