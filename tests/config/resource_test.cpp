// What lies elsewhere: functions of catalogs and schemas, fetched while a definition is loaded.
#include <gtest/gtest.h>

#include <map>

#include "config/library.h"
#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

using Texts = std::map<std::string, std::string>;

// Answers from memory, and remembers what it was asked for.
class Shelf final : public Resources {
 public:
  explicit Shelf(Texts texts) : texts_(std::move(texts)) {}

  Result<std::string> read(const ResourceRequest& request) override {
    asked.push_back(request.credential.empty() ? request.uri
                                               : request.credential + "@" + request.uri);
    const auto found = texts_.find(request.uri);
    if (found != texts_.end()) return found->second;
    return fail(make_problem(ErrorKind::communication, "http-status", "the server answered 404"));
  }

  std::vector<std::string> asked;

 private:
  Texts texts_;
};

Loaded load(std::string_view body, Shelf& shelf, const std::string& default_catalog = {}) {
  return load_definition(definition_text(body), "f.yaml", {&shelf, false, default_catalog});
}

std::string told_by(const Loaded& loaded) {
  std::string out;
  for (const Fault& fault : loaded.faults) out += fault.text() + "\n";
  return out;
}

constexpr const char* kLog = "https://c.example/functions/log/1.0.0/function.yaml";
constexpr const char* kCatalog = "use: {catalogs: {c: {endpoint: 'https://c.example/'}}}\n";

TEST(Catalog, GivesTheFunctionOfTheNameAndVersion) {
  Shelf shelf(Texts{{kLog, "do:\n  - a: {set: {n: '${ .n + 1 }'}}\n"}});
  const Loaded loaded = load(std::string(kCatalog) +
                                 "do: [{t: {call: 'log:1.0.0@c', with: {n: 1}}}, {u: {call: "
                                 "'log:1.0.0@c'}}]\n",
                             shelf);
  ASSERT_TRUE(loaded.definition) << told_by(loaded);
  EXPECT_EQ(shelf.asked, std::vector<std::string>{kLog}) << "once for all its callers";
  ASSERT_EQ(loaded.definition->functions.size(), 1U);
  const Task& function = loaded.definition->functions[0]->at(0);
  EXPECT_EQ(function.name, "log");
  EXPECT_EQ(function.reference, std::string(kLog) + "#");
  EXPECT_EQ(std::get<DoBody>(function.body).tasks[0].reference, std::string(kLog) + "#/do/0/a");
}

TEST(Catalog, CanBeTheOneOfTheSettings) {
  Shelf shelf(Texts{{"file:catalog/functions/log/1.0.0/function.yaml", "set: {n: 1}"}});
  const Loaded loaded = load("do: [{t: {call: 'log:1.0.0@default'}}]\n", shelf, "file:catalog");
  EXPECT_TRUE(loaded.definition) << told_by(loaded);
  Shelf own(Texts{{kLog, "set: {n: 1}"}});
  EXPECT_TRUE(load("use: {catalogs: {default: {endpoint: 'https://c.example'}}}\n"
                   "do: [{t: {call: 'log:1.0.0@default'}}]\n",
                   own, "file:catalog")
                  .definition)
      << "the definition's own one goes before it";
}

TEST(Catalog, IsAskedWithTheCredentialOfItsEndpoint) {
  Shelf shelf(Texts{{kLog, "set: {n: 1}"}});
  const Loaded loaded = load(
      "use: {catalogs: {c: {endpoint: {uri: 'https://c.example', authentication: {use: token}}}}}\n"
      "do: [{t: {call: 'log:1.0.0@c'}}]\n",
      shelf);
  ASSERT_TRUE(loaded.definition) << told_by(loaded);
  EXPECT_EQ(shelf.asked, std::vector<std::string>{std::string("token@") + kLog});
  ASSERT_EQ(loaded.definition->credentials.size(), 1U);
  EXPECT_EQ(loaded.definition->credentials[0].first, "token");
  EXPECT_EQ(told_by(load("use: {catalogs: {c: {endpoint: {uri: 'https://c.example', "
                         "authentication: {basic: {username: u, password: p}}}}}}\n"
                         "do: [{t: {call: 'log:1.0.0@c'}}]\n",
                         shelf)),
            "f.yaml:7:17: error: the function `log:1.0.0@c` cannot be fetched from "
            "`https://c.example/functions/log/1.0.0/function.yaml`: its `authentication` is not a "
            "stored credential; store it and write `authentication: {use: NAME}` (at "
            "/do/0/t/call)\n");
}

TEST(Catalog, TheFaultsOfAFunctionAreToldAtTheirOwnPlaces) {
  Shelf shelf(Texts{{kLog, "do:\n  - a: {set: 5}\n  - b: {call: own}\n"}});
  EXPECT_EQ(told_by(load("use: {catalogs: {c: {endpoint: 'https://c.example/'}}, functions: {own: "
                         "{set: {a: 1}}}}\n"
                         "do: [{t: {call: 'log:1.0.0@c'}}, {u: {set: 5}}]\n",
                         shelf)),
            std::string("f.yaml:7:44: error: expected a mapping or an expression `${ … }`, found a "
                        "number (at /do/1/u/set)\n") +
                kLog +
                ":2:14: error: expected a mapping or an expression `${ … }`, found a number (at "
                "/do/0/a/set)\n" +
                kLog +
                ":3:15: error: there is no function `own`; expected `http` or `openapi`, one of "
                "`use.functions`, NAME:VERSION@CATALOG, or a "
                "function's URI (at /do/1/b/call)\n");
}

TEST(Catalog, FunctionsThatCallEachOtherWithoutEndAreRefused) {
  Shelf shelf(Texts{{kLog, "call: 'b:1.0.0@c'"},
                    {"https://c.example/functions/b/1.0.0/function.yaml", "call: 'log:1.0.0@c'"}});
  EXPECT_EQ(told_by(load(std::string(kCatalog) + "do: [{t: {call: 'log:1.0.0@c'}}]\n", shelf)),
            "https://c.example/functions/b/1.0.0/function.yaml:1:7: error: a function cannot call "
            "itself: `log:1.0.0@c` → `b:1.0.0@c` → `log:1.0.0@c` (at /call)\n");
}

TEST(Catalog, WhatCannotBeFetchedIsAFaultAtTheCall) {
  Shelf shelf(Texts{});
  EXPECT_EQ(told_by(load(std::string(kCatalog) + "do: [{t: {call: 'log:1.0.0@c'}}]\n", shelf)),
            std::string("f.yaml:7:17: error: the function `log:1.0.0@c` cannot be fetched from `") +
                kLog + "`: the server answered 404 (at /do/0/t/call)\n");
  EXPECT_EQ(told_by(load("do: [{t: {call: 'https://h/f.yaml'}}]\n", shelf)),
            "f.yaml:6:17: error: the function cannot be fetched from `https://h/f.yaml`: the "
            "server answered 404 (at /do/0/t/call)\n");
}

TEST(Catalog, IsNotAskedOffline) {
  const std::string text =
      definition_text(std::string(kCatalog) + "do: [{t: {call: 'log:1.0.0@c'}}]\n");
  const Loaded loaded = load_definition(text, "f.yaml", {nullptr, true, {}});
  EXPECT_TRUE(loaded.definition);
  EXPECT_EQ(told_by(loaded),
            std::string("f.yaml:7:17: warning: the function `log:1.0.0@c` is not fetched, and so "
                        "not checked: `") +
                kLog + "` (at /do/0/t/call)\n");
  EXPECT_EQ(told_by(load_definition(text, "f.yaml")),
            std::string("f.yaml:7:17: error: the function `log:1.0.0@c` cannot be fetched from `") +
                kLog + "`: nothing is fetched here (at /do/0/t/call)\n");
}

TEST(Catalog, ADefinitionIsPinnedWithWhatItFetches) {
  const std::string body = std::string(kCatalog) + "do: [{t: {call: 'log:1.0.0@c'}}]\n";
  const auto digest = [&](const char* function) {
    Shelf shelf(Texts{{kLog, function}});
    return load(body, shelf).definition->digest;
  };
  EXPECT_EQ(digest("set: {n: 1}"), digest("set: {n: 1}"));
  EXPECT_NE(digest("set: {n: 1}"), digest("set: {n: 2}"));
}

TEST(Catalog, AnEntryIsWrong) {
  const auto faults = [](std::string_view catalog) {
    return body_faults("use: {catalogs: {c: " + std::string(catalog) + "}}\ndo: []\n");
  };
  EXPECT_EQ(faults("{}"),
            "f.yaml:6:18: error: the keyword `endpoint` is missing (at /use/catalogs/c)\n");
  EXPECT_EQ(faults("{endpoint: 'https://h/{x}'}"),
            "f.yaml:6:32: error: what is fetched when the definition is read has a URI without "
            "expressions and `{name}` (at /use/catalogs/c/endpoint)\n");
  EXPECT_EQ(faults("{endpoint: 'https://h/?a'}"),
            "f.yaml:6:32: error: a catalog's URI has no query and no fragment: functions are below "
            "it (at /use/catalogs/c/endpoint)\n");
  EXPECT_EQ(faults("{endpoint: here}"),
            "f.yaml:6:32: error: expected an absolute URI of http, https or file, found `here` (at "
            "/use/catalogs/c/endpoint)\n");
}

TEST(Catalog, PagesOfGithubAndGitlabStandForTheirRawText) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"https://github.com/o/r/tree/main/functions/f/1.0.0/function.yaml",
       "https://raw.githubusercontent.com/o/r/refs/heads/main/functions/f/1.0.0/function.yaml"},
      {"https://github.com/o/r/blob/v1.2/a/f.yaml",
       "https://raw.githubusercontent.com/o/r/v1.2/a/f.yaml"},
      {"https://github.com/o/r/functions/f/1.0.0/function.yaml",
       "https://raw.githubusercontent.com/o/r/HEAD/functions/f/1.0.0/function.yaml"},
      {"https://gitlab.com/g/s/r/functions/f/1.0.0/function.yaml",
       "https://gitlab.com/g/s/r/-/raw/HEAD/functions/f/1.0.0/function.yaml"},
      {"https://git.example/g/r/-/blob/main/f.yaml", "https://git.example/g/r/-/raw/main/f.yaml"},
      {"https://h/github.com/o/r/tree/main", "https://h/github.com/o/r/tree/main"},
      {"file:catalog/tree/x", "file:catalog/tree/x"}};
  for (const auto& [page, raw] : cases) EXPECT_EQ(raw_uri(page), raw) << page;
}

TEST(SchemaResource, IsFetchedAndChecked) {
  Shelf shelf(Texts{{"https://h/s.json", R"({"type":"object","required":["a"]})"},
                    {"https://h/bad.yaml", "type: objekt\n"}});
  const auto body = [](const std::string& uri) {
    return "input: {schema: {resource: {name: s, endpoint: {uri: '" + uri +
           "'}}}}\ndo: [{t: {set: {a: 1}, output: {schema: {resource: {endpoint: '" + uri +
           "'}}}}}]\n";
  };
  const Loaded loaded = load(body("https://h/s.json"), shelf);
  ASSERT_TRUE(loaded.definition) << told_by(loaded);
  EXPECT_EQ(loaded.definition->input_schema, loaded.definition->tasks[0].schemas->output);
  EXPECT_FALSE(loaded.definition->input_schema->validate(Value::object(), "it"));
  EXPECT_EQ(shelf.asked.size(), 1U);
  EXPECT_EQ(told_by(load(body("https://h/bad.yaml"), shelf)).substr(0, 28),
            "https://h/bad.yaml:1:7: erro");
  EXPECT_EQ(told_by(load(body("https://h/none"), shelf)),
            "f.yaml:6:48: error: the schema cannot be fetched from `https://h/none`: the server "
            "answered 404 (at /input/schema/resource/endpoint)\n");
}

TEST(SchemaResource, OfTheRoundsOfAListenIsTakenToo) {
  const Loaded loaded = load_definition(
      definition_text("do: [{l: {listen: {to: {any: []}}, foreach: {output: {schema: {document: "
                      "{type: object}}}, export: {as: ., schema: {document: {type: array}}}}}}]\n"),
      "f.yaml");
  ASSERT_TRUE(loaded.definition) << told_by(loaded);
  const auto& listen = std::get<ListenBody>(loaded.definition->tasks[0].body);
  EXPECT_NE(listen.foreach_schemas->output, nullptr);
  EXPECT_NE(listen.foreach_schemas->context, nullptr);
}

}  // namespace
}  // namespace stepwell::config
