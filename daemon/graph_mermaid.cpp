#include "daemon/graph_mermaid.h"

#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "daemon/graph_text.h"

namespace stepwell::daemon {

namespace {

using config::GraphBox;
using config::GraphEdge;
using Shape = GraphBox::Shape;

// What stands before and behind a label, https://mermaid.js.org/syntax/flowchart.html.
std::pair<std::string_view, std::string_view> brackets(Shape shape) {
  switch (shape) {
    case Shape::start:
    case Shape::end:
      return {"([", "])"};
    case Shape::begin:
      return {"((", "))"};
    case Shape::done:
      return {"(((", ")))"};
    case Shape::call:
      return {"[[", "]]"};
    case Shape::choice:
      return {"{", "}"};
    case Shape::wait:
      return {"{{", "}}"};
    case Shape::raise:
      return {">", "]"};
    case Shape::event:
      return {"[/", "/]"};
    case Shape::group:
    case Shape::step:
      break;
  }
  return {"[", "]"};
}

std::string label_of(const GraphBox& box) {
  switch (box.shape) {
    case Shape::start:
      return "start";
    case Shape::end:
      return "end";
    case Shape::begin:
    case Shape::done:
      return " ";
    default:
      return mermaid_lines(box.lines());
  }
}

class Writer {
 public:
  explicit Writer(const config::Graph& graph) : graph_(graph), inside_(graph.boxes.size()) {
    for (std::size_t i = 1; i < graph.boxes.size(); ++i) inside_[graph.boxes[i].group].push_back(i);
  }

  std::string write() {
    const std::string title = graph_.title.empty() ? graph_.id : graph_.title;
    // JSON's strings are YAML's, too (YAML 1.2.2 §1.3).
    out_ = "---\ntitle: " + to_json(Value(valid_utf8(title))) + "\n---\n%% " + graph_.id +
           "\nflowchart TB\n";
    boxes(0, "  ");
    for (const GraphEdge& edge : graph_.edges) {
      out_ += "  n" + std::to_string(edge.from) +
              (edge.kind == GraphEdge::Kind::error ? " -.->" : " -->");
      if (!edge.label.empty()) out_ += "|\"" + mermaid_lines(edge.label) + "\"|";
      out_ += " n" + std::to_string(edge.to) + "\n";
    }
    return std::move(out_);
  }

 private:
  void boxes(std::size_t group, const std::string& indent) {
    for (const std::size_t i : inside_[group]) {
      const GraphBox& box = graph_.boxes[i];
      const auto [open, close] = brackets(box.shape);
      const bool is_group = box.shape == Shape::group;
      out_ += indent;
      if (is_group) out_ += "subgraph ";
      out_ += "n" + std::to_string(i) + std::string(open) + "\"" + label_of(box) + "\"" +
              std::string(close) + "\n";
      if (!is_group) continue;
      boxes(i, indent + "  ");
      out_ += indent + "end\n";
    }
  }

  const config::Graph& graph_;
  std::vector<std::vector<std::size_t>> inside_;  // by group
  std::string out_;
};

}  // namespace

std::string mermaid_of(const config::Graph& graph) { return Writer(graph).write(); }

}  // namespace stepwell::daemon
