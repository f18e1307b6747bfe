#include "daemon/graph_layout.h"

#include <algorithm>
#include <utility>

#include "daemon/graph_level.h"
#include "daemon/graph_text.h"

namespace stepwell::daemon {

namespace {

using config::Graph;
using config::GraphBox;
using config::GraphEdge;
using Shape = GraphBox::Shape;

constexpr std::size_t kMostCells = 56;  // of a line
constexpr int kPoint = 16;
constexpr int kSlant = 12;  // at both sides of boxes with pointed or slanted ends

int text_width(const std::vector<std::string>& lines) {
  int width = 0;
  for (std::size_t i = 0; i < lines.size(); ++i)
    width = std::max(width, static_cast<int>(cells(lines[i])) * (i == 0 ? kNameCell : kTextCell));
  return width;
}

std::vector<std::string> shown(const std::vector<std::string>& lines) {
  std::vector<std::string> out;
  out.reserve(lines.size());
  for (const std::string& line : lines) out.push_back(cut(line, kMostCells));
  return out;
}

bool is_point(Shape shape) { return shape == Shape::begin || shape == Shape::done; }

class Page {
 public:
  explicit Page(const Graph& graph)
      : graph_(graph),
        inside_(graph.boxes.size()),
        local_(graph.boxes.size(), 0),
        out_(graph.boxes.size()),
        out_x_(graph.boxes.size(), 0),
        parts_(graph.edges.size()),
        by_group_(graph.boxes.size()) {
    page_.boxes.resize(graph.boxes.size());
    page_.edges.resize(graph.edges.size());
  }

  GraphLayout take() {
    for (std::size_t i = 0; i < graph_.boxes.size(); ++i) set_size(i);
    for (std::size_t i = 1; i < graph_.boxes.size(); ++i)
      if (i != graph_.end) inside_[graph_.boxes[i].group].push_back(i);
    inside_[0].push_back(graph_.end);
    for (std::size_t e = 0; e < graph_.edges.size(); ++e)
      by_group_[graph_.boxes[graph_.edges[e].from].group].push_back(e);
    // What lies in a group comes behind it.
    for (std::size_t i = graph_.boxes.size(); i-- > 0;)
      if (graph_.boxes[i].shape == Shape::group) lay_out_group(i);
    place();
    return std::move(page_);
  }

 private:
  // A part of an edge's way, in the group's own coordinates.
  struct Part {
    std::size_t group;
    std::vector<GraphPoint> way;
  };

  void set_size(std::size_t i) {
    const GraphBox& box = graph_.boxes[i];
    PlacedBox& placed = page_.boxes[i];
    if (is_point(box.shape)) {
      placed.width = placed.height = kPoint;
      return;
    }
    if (i == 0)
      placed.lines = shown({graph_.title.empty() ? graph_.id : graph_.title, graph_.id});
    else if (box.shape == Shape::start || box.shape == Shape::end)
      placed.lines = {box.shape == Shape::start ? "start" : "end"};
    else
      placed.lines = shown(box.lines());
    if (i == 0 && graph_.title.empty()) placed.lines.pop_back();
    placed.width = text_width(placed.lines) + 2 * (kPadding + kSlant);
    placed.width += placed.width % 2;
    placed.height = static_cast<int>(placed.lines.size()) * kLineHeight + kPadding;
  }

  Level level_of(std::size_t group) {
    Level level;
    for (std::size_t i = 0; i < inside_[group].size(); ++i) {
      local_[inside_[group][i]] = i;
      level.boxes.push_back(page_.boxes[inside_[group][i]]);
      level.beside.push_back(i);
    }
    const Shape last = graph_.boxes[inside_[group].back()].shape;
    level.has_end = last == Shape::end || last == Shape::done;
    return level;
  }

  void lay_out_group(std::size_t group) {
    Level level = level_of(group);
    std::vector<std::vector<std::size_t>> edges;  // that each link stands for
    for (const std::size_t e : by_group_[group]) {
      const GraphEdge& edge = graph_.edges[e];
      LevelLink link;
      link.from = local_[edge.from];
      const bool out = graph_.boxes[edge.to].group != group;
      link.to = out ? kOut : local_[edge.to];
      link.label = shown(edge.label);
      link.beside = edge.kind == GraphEdge::Kind::error && graph_.boxes[edge.to].kind == "catch" &&
                    graph_.boxes[edge.to].shape == Shape::group;
      if (link.beside) level.beside[link.to] = link.from;
      if (out) out_[group].push_back(e);
      level.links.push_back(std::move(link));
      edges.push_back({e});
    }
    for (const std::size_t child : inside_[group]) {
      if (out_[child].empty()) continue;
      LevelLink link;
      link.from = local_[child];
      link.to = group == 0 ? local_[graph_.end] : kOut;
      link.port = out_x_[child];
      level.links.push_back(std::move(link));
      edges.push_back(out_[child]);
      if (group != 0) out_[group].insert(out_[group].end(), out_[child].begin(), out_[child].end());
    }
    lay_out_level(level);
    keep(group, level, edges);
  }

  // The group is as wide as its content and its own lines.
  void keep(std::size_t group, Level& level, const std::vector<std::vector<std::size_t>>& edges) {
    PlacedBox& placed = page_.boxes[group];
    const int header = placed.height;
    const int inner = placed.width;
    placed.width = std::max(inner, level.width + 2 * kPadding);
    placed.width += placed.width % 2;
    const GraphPoint shift{(placed.width - level.width) / 2, header};
    placed.height = header + level.height;
    out_x_[group] = level.out + shift.x;
    for (std::size_t i = 0; i < level.boxes.size(); ++i) {
      PlacedBox& child = page_.boxes[inside_[group][i]];
      child.x = level.boxes[i].x + shift.x;
      child.y = level.boxes[i].y + shift.y;
    }
    for (std::size_t i = 0; i < level.links.size(); ++i) {
      LevelLink& link = level.links[i];
      for (GraphPoint& point : link.way) point = {point.x + shift.x, point.y + shift.y};
      for (const std::size_t e : edges[i]) parts_[e].push_back({group, link.way});
      if (link.label.empty()) continue;
      PlacedEdge& edge = page_.edges[edges[i][0]];
      edge.label = link.label;
      edge.label_at = {link.label_at.x + shift.x, link.label_at.y + shift.y};
    }
  }

  void place() {
    for (std::size_t i = 1; i < graph_.boxes.size(); ++i) {
      const PlacedBox& group = page_.boxes[graph_.boxes[i].group];
      page_.boxes[i].x += group.x;
      page_.boxes[i].y += group.y;
    }
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) {
      PlacedEdge& edge = page_.edges[e];
      for (const Part& part : parts_[e]) {
        const PlacedBox& group = page_.boxes[part.group];
        for (const GraphPoint& point : part.way) {
          const GraphPoint at{point.x + group.x, point.y + group.y};
          if (edge.way.empty() || !(edge.way.back() == at)) edge.way.push_back(at);
        }
      }
      // The label stands at the first part.
      const PlacedBox& group = page_.boxes[graph_.boxes[graph_.edges[e].from].group];
      edge.label_at = {edge.label_at.x + group.x, edge.label_at.y + group.y};
    }
    page_.width = page_.boxes[0].width;
    page_.height = page_.boxes[0].height;
  }

  const Graph& graph_;
  GraphLayout page_;
  std::vector<std::vector<std::size_t>> inside_;    // by group: its boxes
  std::vector<std::size_t> local_;                  // by box: its index in its group
  std::vector<std::vector<std::size_t>> out_;       // by group: edges that leave it
  std::vector<int> out_x_;                          // by group: where they do
  std::vector<std::vector<Part>> parts_;            // by edge
  std::vector<std::vector<std::size_t>> by_group_;  // by group: the edges of its boxes
};

}  // namespace

GraphLayout lay_out(const Graph& graph) { return Page(graph).take(); }

}  // namespace stepwell::daemon
