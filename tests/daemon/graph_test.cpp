// The notations of a definition's flow: Mermaid's text, and the geometry and text of the picture.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>

#include "config/loader.h"
#include "daemon/graph_layout.h"
#include "daemon/graph_mermaid.h"
#include "daemon/graph_svg.h"
#include "daemon/graph_text.h"

namespace stepwell::daemon {
namespace {

using config::Graph;
using config::GraphBox;
using Shape = GraphBox::Shape;

const std::string kHead = "document: {dsl: 1.0.0, namespace: test, name: flow, version: 1.0.0}\n";

config::Graph graph_of_text(const std::string& text) {
  const config::Loaded loaded = config::load_definition(text, "f.yaml");
  for (const config::Fault& fault : loaded.faults)
    EXPECT_EQ(fault.severity, config::Fault::Severity::warning) << fault.text() << text;
  return loaded.definition ? graph_of(*loaded.definition) : Graph();
}

const std::string kEveryKind =
    "document: {dsl: 1.0.0, namespace: test, name: flow, version: 1.0.0, title: 'A \"B\" <C> & "
    "D'}\n"
    "do:\n"
    "  - prepare: {set: {a: 1}}\n"
    "  - decide:\n"
    "      switch:\n"
    "        - big: {when: .a > 1, then: each}\n"
    "        - again: {when: .b, then: prepare}\n"
    "        - stop: {when: .c, then: end}\n"
    "  - 'send \"x\" <y> & [z] größe':\n"
    "      call: http\n"
    "      with: {method: post, endpoint: 'https://h/{id}'}\n"
    "  - each:\n"
    "      for: {in: .list}\n"
    "      do:\n"
    "        - fetch:\n"
    "            try: [ask: {wait: PT1S}]\n"
    "            catch:\n"
    "              retry: {limit: {attempt: {count: 3}}}\n"
    "              do: [fail: {raise: {error: {type: https://e/gone, status: 410}}}]\n"
    "  - both:\n"
    "      fork: {branches: [one: {do: [only: {set: {x: 1}, then: end}]}, two: {set: {x: 1}}]}\n";

TEST(Mermaid, WritesEveryKindOfBoxAndEdge) {
  EXPECT_EQ(mermaid_of(graph_of_text(kEveryKind)),
            "---\n"
            "title: \"A \\\"B\\\" <C> & D\"\n"
            "---\n"
            "%% test/flow:1.0.0\n"
            "flowchart TB\n"
            "  n1([\"start\"])\n"
            "  n2([\"end\"])\n"
            "  n3[\"prepare<br/>set\"]\n"
            "  n4{\"decide<br/>switch\"}\n"
            "  n5[[\"send #34;x#34; #60;y#62; #38; #91;z#93; größe<br/>call http<br/>POST "
            "https#58;//h/{id}\"]]\n"
            "  subgraph n6[\"each<br/>for each item in .list\"]\n"
            "    n7((\" \"))\n"
            "    subgraph n8[\"fetch<br/>try<br/>retry, 3 attempts\"]\n"
            "      n9((\" \"))\n"
            "      n10{{\"ask<br/>wait PT1S\"}}\n"
            "      n11(((\" \")))\n"
            "    end\n"
            "    subgraph n12[\"fetch<br/>catch\"]\n"
            "      n13((\" \"))\n"
            "      n14>\"fail<br/>raise gone 410\"]\n"
            "    end\n"
            "    n15(((\" \")))\n"
            "  end\n"
            "  subgraph n16[\"both<br/>fork: all branches\"]\n"
            "    n17((\" \"))\n"
            "    subgraph n18[\"one<br/>do\"]\n"
            "      n19((\" \"))\n"
            "      n20[\"only<br/>set\"]\n"
            "    end\n"
            "    n21[\"two<br/>set\"]\n"
            "    n22(((\" \")))\n"
            "  end\n"
            "  n9 --> n10\n"
            "  n10 --> n11\n"
            "  n13 --> n14\n"
            "  n7 --> n8\n"
            "  n8 --> n15\n"
            "  n8 -.->|\"error\"| n12\n"
            "  n15 -->|\"next round\"| n7\n"
            "  n19 --> n20\n"
            "  n20 --> n2\n"
            "  n17 --> n18\n"
            "  n17 --> n21\n"
            "  n21 --> n22\n"
            "  n1 --> n3\n"
            "  n3 --> n4\n"
            "  n4 -->|\"big: .a #62; 1\"| n6\n"
            "  n4 -->|\"again: .b\"| n3\n"
            "  n4 -->|\"stop: .c\"| n2\n"
            "  n4 -->|\"no match\"| n5\n"
            "  n5 --> n6\n"
            "  n6 --> n16\n"
            "  n16 --> n2\n");
}

TEST(Mermaid, ReadsNothingOfALabelAsMarkup) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"plain text_with.dots (and) {braces} | 5", "plain text_with.dots (and) {braces} | 5"},
      {"\"quoted\"", "#34;quoted#34;"},
      {"#quot; &lt; <b>", "#35;quot#59; #38;lt#59; #60;b#62;"},
      {"`code` *strong* ~gone~", "#96;code#96; #42;strong#42; #126;gone#126;"},
      {"_under_ a_b", "#95;under#95; a_b"},
      {"1. one", "1#46; one"},
      {"1) one", "1#41; one"},
      {"- one - two", "#45; one - two"},
      {"\\n %% a@b ^", "#92;n #37;#37; a#64;b #94;"},
      {"[link](https://x.y)", "#91;link#93;(https#58;//x.y)"},
      {"www.example.com", "www#46;example.com"},
      {"style a:b", "style a#58;b"},
      {"end", "end"},
      {"a\nb\tc\x01", "a b c "},
      {"größe 日本 \xff", "größe 日本 \xEF\xBF\xBD"},
  };
  for (const auto& [text, written] : cases) EXPECT_EQ(mermaid_text(text), written) << text;
}

TEST(Xml, HoldsAnyText) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"<a b=\"c\">&amp;</a>", "&lt;a b=&quot;c&quot;&gt;&amp;amp;&lt;/a&gt;"},
      {"größe 日本", "größe 日本"},
      {std::string("a\0b\x1f\n", 5),
       "a\xEF\xBF\xBD"
       "b\xEF\xBF\xBD "},
      {"\xEF\xBF\xBF\xEF\xBF\xBE\xff", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
  };
  for (const auto& [text, written] : cases) EXPECT_EQ(xml_text(text), written);
}

TEST(Text, IsMeasuredInCells) {
  EXPECT_EQ(cells("größe"), 5U);
  EXPECT_EQ(cells("日本"), 4U);
  EXPECT_EQ(cells("e\xCC\x81"), 1U);
  EXPECT_EQ(cut("größe", 5), "größe");
  EXPECT_EQ(cut("größer", 5), "größ…");
  EXPECT_EQ(cut("日本語", 5), "日本…");
}

// Checks the picture of one graph.
class Geometry {
 public:
  explicit Geometry(const Graph& graph) : graph_(graph), page_(lay_out(graph)) {}

  void check() const {
    ASSERT_EQ(page_.boxes.size(), graph_.boxes.size());
    for (std::size_t i = 1; i < graph_.boxes.size(); ++i) check_box(i);
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) check_edge(e);
  }

 private:
  const PlacedBox& group_of(std::size_t i) const { return page_.boxes[graph_.boxes[i].group]; }

  bool within(std::size_t box, std::size_t group) const {
    while (box != 0 && box != group) box = graph_.boxes[box].group;
    return box == group;
  }

  void check_box(std::size_t i) const {
    const PlacedBox& box = page_.boxes[i];
    const PlacedBox& group = group_of(i);
    const int header = static_cast<int>(group.lines.size()) * kLineHeight;
    EXPECT_GT(box.x, group.x) << i;
    EXPECT_LT(box.x + box.width, group.x + group.width) << i;
    EXPECT_GE(box.y, group.y + header) << i;
    EXPECT_LT(box.y + box.height, group.y + group.height) << i;
    for (std::size_t line = 0; line < box.lines.size(); ++line)
      EXPECT_GE(box.width, static_cast<int>(cells(box.lines[line])) * (line == 0 ? 8 : 7));
    for (std::size_t j = 1; j < i; ++j) {
      if (within(i, j) || within(j, i)) continue;
      const PlacedBox& other = page_.boxes[j];
      const bool apart = box.x + box.width < other.x || other.x + other.width < box.x ||
                         box.y + box.height < other.y || other.y + other.height < box.y;
      EXPECT_TRUE(apart) << graph_.boxes[i].name << " and " << graph_.boxes[j].name;
    }
  }

  static bool on_border(const PlacedBox& box, const GraphPoint& point) {
    const bool in_x = point.x >= box.x && point.x <= box.x + box.width;
    const bool in_y = point.y >= box.y && point.y <= box.y + box.height;
    const bool at_x = point.x == box.x || point.x == box.x + box.width;
    const bool at_y = point.y == box.y || point.y == box.y + box.height;
    return in_x && in_y && (at_x || at_y);
  }

  static bool crosses(const PlacedBox& box, const GraphPoint& a, const GraphPoint& b) {
    return std::max(a.x, b.x) > box.x && std::min(a.x, b.x) < box.x + box.width &&
           std::max(a.y, b.y) > box.y && std::min(a.y, b.y) < box.y + box.height;
  }

  void check_edge(std::size_t e) const {
    const config::GraphEdge& edge = graph_.edges[e];
    const PlacedEdge& placed = page_.edges[e];
    const std::string what = graph_.boxes[edge.from].name + " to " + graph_.boxes[edge.to].name;
    ASSERT_GE(placed.way.size(), 2U) << what;
    EXPECT_TRUE(on_border(page_.boxes[edge.from], placed.way.front())) << what;
    EXPECT_TRUE(on_border(page_.boxes[edge.to], placed.way.back())) << what;
    for (std::size_t p = 1; p < placed.way.size(); ++p) {
      const GraphPoint& a = placed.way[p - 1];
      const GraphPoint& b = placed.way[p];
      EXPECT_TRUE(a.x == b.x || a.y == b.y) << what;
      // Only groups that the edge begins in may lie in its way.
      for (std::size_t i = 1; i < graph_.boxes.size(); ++i)
        if (i == edge.from || !within(edge.from, i)) {
          EXPECT_FALSE(crosses(page_.boxes[i], a, b)) << what << " over " << graph_.boxes[i].name;
        }
    }
    EXPECT_EQ(placed.label.size(), edge.label.size()) << what;
    if (placed.label.empty()) return;
    const PlacedBox& group = group_of(edge.from);
    EXPECT_GT(placed.label_at.x, group.x) << what;
    EXPECT_LT(placed.label_at.x + static_cast<int>(widest(placed.label)) * kTextCell,
              group.x + group.width)
        << what;
    EXPECT_GT(placed.label_at.y, group.y) << what;
  }

  const Graph& graph_;
  const GraphLayout page_;
};

// A definition of nothing but flow: lists in lists, with names and targets by chance.
class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  std::string definition() { return kHead + "do: " + list(3, 6) + "\n"; }

 private:
  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }

  std::string list(unsigned depth, unsigned most, bool branches = false) {
    const unsigned count = 1 + below(most);
    std::string out = "[";
    for (unsigned i = 0; i < count; ++i)
      out += (i == 0 ? "" : ", ") + std::string("t") + std::to_string(i) + ": {" +
             task(depth, count, branches) + "}";
    return out + "]";
  }

  std::string target(unsigned count, bool branches) {
    const unsigned chosen = below(count + 3);
    if (chosen < count && !branches) return "t" + std::to_string(chosen);
    return chosen == count ? "exit" : chosen == count + 1 ? "end" : "continue";
  }

  std::string task(unsigned depth, unsigned count, bool branches) {
    std::string out = body(depth, count, branches);
    if (below(3) == 0) out += ", then: " + target(count, branches);
    if (below(5) == 0) out += ", if: .x";
    return out;
  }

  std::string body(unsigned depth, unsigned count, bool branches) {
    switch (below(depth == 0 ? 4 : 8)) {
      case 0:
        return "set: {a: 1}";
      case 1:
        return "raise: {error: {type: https://e/x, status: 400}}";
      case 2:
        return "wait: PT1S";
      case 3: {
        std::string cases;
        const unsigned most = 1 + below(4);
        for (unsigned i = 0; i < most; ++i)
          cases += (i == 0 ? "" : ", ") + std::string("c") + std::to_string(i) + ": {when: .x" +
                   std::string(below(30), 'y') + ", then: " + target(count, branches) + "}";
        return "switch: [" + cases + "]";
      }
      case 4:
        return "do: " + list(depth - 1, 4);
      case 5:
        return "for: {in: .x}, do: " + list(depth - 1, 3);
      case 6:
        return "fork: {branches: " + list(depth - 1, 4, true) + "}";
      default: {
        std::string handler;
        if (below(3) != 0) handler = "do: " + list(depth - 1, 2);
        if (below(3) == 0)
          handler += (handler.empty() ? "then: " : ", then: ") + target(count, branches);
        return "try: " + list(depth - 1, 3) + ", catch: {" + handler + "}";
      }
    }
  }

  std::mt19937 random_;
};

TEST(Picture, NothingLiesOverAnythingElse) {
  Geometry(graph_of_text(kEveryKind)).check();
  for (unsigned seed = 0; seed < 300; ++seed) {
    const std::string text = Chance(seed).definition();
    const Graph graph = graph_of_text(text);
    Geometry(graph).check();
    if (HasFailure()) FAIL() << "seed " << seed << "\n" << text << mermaid_of(graph);
  }
}

TEST(Picture, IsTheSameForTheSameDefinition) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const std::string text = Chance(seed).definition();
    EXPECT_EQ(svg_of(graph_of_text(text)), svg_of(graph_of_text(text)));
    EXPECT_EQ(mermaid_of(graph_of_text(text)), mermaid_of(graph_of_text(text)));
  }
}

TEST(Picture, AListOfThousandsOfTasksIsDrawnAtOnce) {
  std::string text = kHead + "do:\n";
  for (int i = 0; i < 5000; ++i) {
    text += "  - t" + std::to_string(i) + ": {switch: [a: {when: .x, then: t" +
            std::to_string(i * 7919 % 5000) + "}]}\n";
  }
  const std::string svg = svg_of(graph_of_text(text));
  EXPECT_NE(svg.find(">t4999</text>"), std::string::npos);
}

std::size_t count_tasks(const config::TaskList& tasks) {
  std::size_t count = 0;
  for (const config::Task& task : tasks) {
    ++count;
    for (const config::TaskList* list : child_lists(task.body)) count += count_tasks(*list);
  }
  return count;
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + 1)) ++count;
  return count;
}

TEST(Picture, HasEveryTaskOnce) {
  std::size_t files = 0;
  const auto folder = std::filesystem::path(STEPWELL_SOURCE_DIR) / "examples";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const config::Loaded loaded = config::load_definition_file(entry.path().string());
    ASSERT_TRUE(loaded.definition) << entry.path();
    const Graph graph = graph_of(*loaded.definition);
    const std::string svg = svg_of(graph);
    std::size_t tasks = 0;
    for (const GraphBox& box : graph.boxes) {
      if (box.reference.empty() || box.kind == "catch") continue;
      ++tasks;
      const std::string title = "<title>" + xml_text(box.name + " (" + box.reference + ")") + "<";
      EXPECT_EQ(occurrences(svg, title), 1U) << title;
    }
    EXPECT_EQ(tasks, count_tasks(loaded.definition->tasks)) << entry.path();
    Geometry(graph).check();
  }
  EXPECT_GE(files, 7U);
}

}  // namespace
}  // namespace stepwell::daemon
