// The flow of definitions as boxes and edges, written out a line each.
#include "config/graph.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json.h"
#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

using Shape = GraphBox::Shape;

std::string name_of(const Graph& graph, std::size_t index) {
  const GraphBox& box = graph.boxes[index];
  const std::string group = box.group == 0 ? "" : graph.boxes[box.group].name + ".";
  switch (box.shape) {
    case Shape::start:
      return "start";
    case Shape::end:
      return "end";
    case Shape::begin:
      return group + "begin";
    case Shape::done:
      return group + "done";
    default:
      return box.kind == "catch" ? box.name + "!" : box.name;
  }
}

// "a -> b: label | label", "~>" for errors, "=>" for rounds; in the order of the graph.
std::string edges_of(const Graph& graph) {
  std::string out;
  for (const GraphEdge& edge : graph.edges) {
    const bool error = edge.kind == GraphEdge::Kind::error;
    const bool round = edge.kind == GraphEdge::Kind::round;
    out += name_of(graph, edge.from) +
           (error   ? " ~> "
            : round ? " => "
                    : " -> ") +
           name_of(graph, edge.to);
    for (std::size_t i = 0; i < edge.label.size(); ++i)
      out += (i == 0 ? ": " : " | ") + edge.label[i];
    out += "\n";
  }
  return out;
}

Graph graph_of_body(std::string_view body) {
  const Loaded loaded = load_definition(definition_text(body), "f.yaml");
  for (const Fault& fault : loaded.faults)
    EXPECT_EQ(fault.severity, Fault::Severity::warning) << fault.text();
  return loaded.definition ? graph_of(*loaded.definition) : Graph();
}

std::string body_edges(std::string_view body) { return edges_of(graph_of_body(body)); }

std::string lines_of(const Graph& graph, std::string_view name) {
  std::string out;
  for (const GraphBox& box : graph.boxes)
    if (box.name == name && box.shape != Shape::group)
      for (const std::string& line : box.lines()) out += (out.empty() ? "" : " / ") + line;
  return out;
}

std::string group_lines(const Graph& graph, std::string_view name, std::string_view kind) {
  std::string out;
  for (const GraphBox& box : graph.boxes)
    if (box.name == name && box.kind == kind && box.shape == Shape::group)
      for (const std::string& line : box.lines()) out += (out.empty() ? "" : " / ") + line;
  return out;
}

TEST(Graph, TasksFollowEachOther) {
  EXPECT_EQ(body_edges("do:\n"
                       "  - a: {set: {x: 1}}\n"
                       "  - b: {wait: PT1S}\n"),
            "start -> a\na -> b\nb -> end\n");
  EXPECT_EQ(body_edges("do: []\n"), "start -> end\n");
}

TEST(Graph, ThenLeadsElsewhere) {
  EXPECT_EQ(body_edges("do:\n"
                       "  - a: {set: {x: 1}, then: c}\n"
                       "  - b: {set: {x: 1}, then: a}\n"
                       "  - c: {set: {x: 1}, then: exit}\n"
                       "  - d: {set: {x: 1}, then: end}\n"
                       "  - e: {set: {x: 1}, then: continue}\n"),
            "start -> a\na -> c\nb -> a\nc -> end\nd -> end\ne -> end\n");
}

TEST(Graph, ExitEndsTheListAndEndTheWorkflow) {
  EXPECT_EQ(body_edges("do:\n"
                       "  - a:\n"
                       "      do:\n"
                       "        - b: {set: {x: 1}, then: exit}\n"
                       "        - c: {set: {x: 1}, then: end}\n"
                       "        - d: {set: {x: 1}}\n"),
            "a.begin -> b\nb -> a.done\nc -> end\nd -> a.done\nstart -> a\na -> end\n");
}

TEST(Graph, ASwitchHasAnEdgeForEachTarget) {
  EXPECT_EQ(body_edges("do:\n"
                       "  - s:\n"
                       "      switch:\n"
                       "        - big: {when: '${ .a > 1 }', then: b}\n"
                       "        - huge: {when: .a > 9, then: b}\n"
                       "        - small: {when: .a < 0, then: end}\n"
                       "  - a: {set: {x: 1}}\n"
                       "  - b: {set: {x: 1}}\n"),
            "start -> s\n"
            "s -> b: big: .a > 1 | huge: .a > 9\n"
            "s -> end: small: .a < 0\n"
            "s -> a: no match\n"
            "a -> b\nb -> end\n");
  EXPECT_EQ(body_edges("do:\n"
                       "  - s: {switch: [a: {when: .x, then: end}, b: {then: exit}], then: s}\n"),
            "start -> s\ns -> end: a: .x | b\n");
}

TEST(Graph, ATaskThatIsSkippedGoesOnToTheNext) {
  EXPECT_EQ(body_edges("do:\n"
                       "  - a: {if: .x, set: {x: 1}, then: end}\n"
                       "  - b: {if: .x, set: {x: 1}}\n"
                       "  - c: {if: .x, raise: {error: {type: https://e, status: 400}}}\n"
                       "  - d: {if: .x, set: {x: 1}, then: e}\n"
                       "  - e: {set: {x: 1}}\n"),
            "start -> a\na -> end\na -> b: skipped\nb -> c\nc -> d: skipped\nd -> e\ne -> end\n");
}

TEST(Graph, ALoopLeadsBackToItsBeginning) {
  const Graph graph = graph_of_body(
      "do:\n"
      "  - l:\n"
      "      for: {each: order, in: '${ .orders }'}\n"
      "      while: .more\n"
      "      do:\n"
      "        - a: {set: {x: 1}}\n");
  EXPECT_EQ(edges_of(graph),
            "l.begin -> a\na -> l.done\nl.done => l.begin: next round\nstart -> l\nl -> end\n");
  EXPECT_EQ(group_lines(graph, "l", "for"), "l / for each order in .orders / while .more");
}

TEST(Graph, BranchesLieBesideEachOther) {
  const Graph graph = graph_of_body(
      "do:\n"
      "  - f:\n"
      "      fork:\n"
      "        compete: true\n"
      "        branches:\n"
      "          - a: {set: {x: 1}}\n"
      "          - b: {set: {x: 1}, then: end}\n"
      "          - c: {set: {x: 1}, then: exit}\n");
  EXPECT_EQ(edges_of(graph),
            "f.begin -> a\na -> f.done\nf.begin -> b\nb -> end\nf.begin -> c\nc -> f.done\n"
            "start -> f\nf -> end\n");
  EXPECT_EQ(group_lines(graph, "f", "fork"), "f / fork: the first to complete wins");
}

TEST(Graph, ACatchHasAGroupOfItsOwn) {
  const Graph graph = graph_of_body(
      "use: {retries: {patient: {backoff: {exponential: {}}, limit: {attempt: {count: 4}}}}}\n"
      "do:\n"
      "  - t:\n"
      "      try: [a: {set: {x: 1}}]\n"
      "      catch:\n"
      "        errors: {with: {type: https://example.com/errors/gone, status: 503}}\n"
      "        when: '${ $error.x }'\n"
      "        retry: patient\n"
      "        do: [b: {set: {x: 1}}]\n"
      "  - c: {set: {x: 1}}\n");
  EXPECT_EQ(edges_of(graph),
            "t.begin -> a\na -> t.done\nt.begin -> b\nb -> t.done\n"
            "start -> t\nt -> c\nt ~> t!: error\nt! -> c\nc -> end\n");
  EXPECT_EQ(group_lines(graph, "t", "try"), "t / try / retry patient, 4 attempts, exponential");
  EXPECT_EQ(group_lines(graph, "t", "catch"), "t / catch / type gone / status 503 / when $error.x");
}

TEST(Graph, ACatchMayOnlyLeadElsewhere) {
  EXPECT_EQ(body_edges("do:\n"
                       "  - t: {try: [a: {set: {x: 1}}], catch: {errors: {with: {status: 500}}, "
                       "then: end}, then: c}\n"
                       "  - b: {try: [a: {set: {x: 1}}], catch: {do: [d: {set: {x: 1}}], then: "
                       "exit}}\n"
                       "  - c: {try: [a: {set: {x: 1}}], catch: {}}\n"),
            "t.begin -> a\na -> t.done\nb.begin -> a\na -> b.done\nb.begin -> d\nd -> b.done\n"
            "c.begin -> a\na -> c.done\n"
            "start -> t\nt -> c\nt ~> end: error | status 500\n"
            "b -> c\nb ~> b!: error\nb! -> end\nc -> end\n");
}

TEST(Graph, NothingComesAfterWhatNeverRunsOut) {
  EXPECT_EQ(body_edges("do:\n"
                       "  - d:\n"
                       "      do:\n"
                       "        - e: {do: [f: {raise: {error: {type: https://e, status: 400}}}]}\n"
                       "  - l: {for: {in: .x}, do: [a: {set: {x: 1}, then: end}]}\n"
                       "  - i: {if: .x, do: [a: {set: {x: 1}, then: end}]}\n"),
            "e.begin -> f\nd.begin -> e\nl.begin -> a\na -> end\ni.begin -> a\na -> end\n"
            "start -> d\nl -> i\ni -> end\n");
}

TEST(Graph, BoxesTellWhatTheyDo) {
  const Graph graph = graph_of_body(
      "use: {errors: {gone: {type: https://e/x, status: 410}}, timeouts: {short: {after: PT1S}}}\n"
      "do:\n"
      "  - s: {set: {x: 1}, timeout: {after: {seconds: 5}}}\n"
      "  - c: {call: http, with: {method: get, endpoint: 'https://h/{id}'}, if: '${ .x }'}\n"
      "  - e: {call: http, with: {method: post, endpoint: {uri: '${ .u + \"/x\" }'}}}\n"
      "  - o: {call: openapi, with: {document: {endpoint: 'https://h/d'}, operationId: getPet}}\n"
      "  - w: {wait: {minutes: 1, seconds: 30}, timeout: short}\n"
      "  - i: {wait: PT0.5S}\n"
      "  - q: {switch: [a: {then: continue}]}\n"
      "  - r: {raise: {error: gone}, if: .x}\n"
      "  - t: {raise: {error: {type: 'https://e/errors/not-found', status: 404}}}\n");
  EXPECT_EQ(lines_of(graph, "s"), "s / set / timeout 5 seconds");
  EXPECT_EQ(lines_of(graph, "c"), "c / call http / GET https://h/{id} / if .x");
  EXPECT_EQ(lines_of(graph, "e"), "e / call http / POST .u + \"/x\"");
  EXPECT_EQ(lines_of(graph, "o"), "o / call openapi / getPet of https://h/d");
  EXPECT_EQ(lines_of(graph, "w"), "w / wait 1 minutes 30 seconds / timeout short");
  EXPECT_EQ(lines_of(graph, "i"), "i / wait PT0.5S");
  EXPECT_EQ(lines_of(graph, "q"), "q / switch");
  EXPECT_EQ(lines_of(graph, "r"), "r / raise gone / if .x");
  EXPECT_EQ(lines_of(graph, "t"), "t / raise not-found 404");
}

// A kind of task that the graph knows nothing of is a box with the kind's name.
TEST(Graph, KindsToComeAreBoxes) {
  Definition definition;
  for (const auto& [name, body] : std::vector<std::pair<std::string, Value>>{
           {"a", Value::object({{"if", ".x"}, {"emit", Value::object()}})},
           {"b", Value::object({{"listen", Value::object()}, {"foreach", Value::object()}})},
           {"c", Value::object({{"run", Value::object({{"await", true}, {"shell", 1}})}})},
           {"d", Value::object({{"call", "openapi"}, {"with", Value::object()}})},
           {"e", Value::object({{"then", "end"}, {"ponder", 5}})},
           {"f", parse_json(R"({"emit": {"event": {"with": {"type": "a.b.v1"}}}})").value()},
           {"g", parse_json(R"({"listen": {"to": {"any": []}}})").value()}}) {
    Task task;
    task.name = name;
    task.definition = body;
    task.body = SetBody();
    definition.tasks.push_back(std::move(task));
  }
  const Graph graph = graph_of(definition);
  EXPECT_EQ(edges_of(graph),
            "start -> a\na -> b\nb -> c\nc -> d\nd -> e\ne -> f\nf -> g\ng -> end\n");
  EXPECT_EQ(lines_of(graph, "a"), "a / emit");
  EXPECT_EQ(lines_of(graph, "b"), "b / listen");
  EXPECT_EQ(lines_of(graph, "c"), "c / run shell");
  EXPECT_EQ(lines_of(graph, "d"), "d / call openapi");
  EXPECT_EQ(lines_of(graph, "e"), "e / ponder");
  EXPECT_EQ(lines_of(graph, "f"), "f / emit a.b.v1");
  EXPECT_EQ(lines_of(graph, "g"), "g / listen to any");
}

TEST(Graph, LongLinesAreCutBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 60; ++i) name += "é";
  const Graph graph = graph_of_body("do:\n  - a: {set: {x: 1}, if: '.[\"" + name + "\"]'}\n");
  const std::string lines = lines_of(graph, "a");
  EXPECT_TRUE(lines.ends_with("é…")) << lines;
  EXPECT_LT(lines.size(), 90U);
}

}  // namespace
}  // namespace stepwell::config
