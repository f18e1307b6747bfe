#include "daemon/graph_svg.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/graph_layout.h"
#include "daemon/graph_text.h"

namespace stepwell::daemon {

namespace {

using config::Graph;
using config::GraphBox;
using config::GraphEdge;
using Shape = GraphBox::Shape;

constexpr int kMargin = 8;
constexpr int kShapeSlant = 10;
constexpr int kBaseline = 12;  // of a line's text, below its upper edge

constexpr std::string_view kStyle =
    ".stepwell-graph text{font:11px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;"
    "fill:#1b2733;white-space:pre}"
    ".stepwell-graph .name{font-size:13px;font-weight:bold}"
    ".stepwell-graph .box{fill:#f4f7fa;stroke:#5b7083}"
    ".stepwell-graph .group{fill:#5b70830d;stroke:#9fb0bf}"
    ".stepwell-graph .call{fill:#e3effb;stroke:#2f6fab}"
    ".stepwell-graph .choice{fill:#fff4d6;stroke:#a87b00}"
    ".stepwell-graph .wait{fill:#ece8fa;stroke:#6a55b3}"
    ".stepwell-graph .raise{fill:#fde7e4;stroke:#b3402f}"
    ".stepwell-graph .event{fill:#e2f5ea;stroke:#2d7f50}"
    ".stepwell-graph .point{fill:#5b7083;stroke:#5b7083}"
    ".stepwell-graph .way{fill:none;stroke:#5b7083;stroke-width:1.2}"
    ".stepwell-graph .head{fill:#5b7083}"
    ".stepwell-graph .error{stroke:#b3402f;stroke-dasharray:5 3}"
    ".stepwell-graph .error-head{fill:#b3402f}"
    ".stepwell-graph .label{stroke:#fff;stroke-width:3px;paint-order:stroke;stroke-linejoin:round}";

std::string number(int value) { return std::to_string(value); }

std::string point(int x, int y) { return number(x) + "," + number(y); }

std::string_view class_of(Shape shape) {
  switch (shape) {
    case Shape::call:
      return "box call";
    case Shape::choice:
      return "box choice";
    case Shape::wait:
      return "box wait";
    case Shape::raise:
      return "box raise";
    case Shape::event:
      return "box event";
    default:
      return "box";
  }
}

class Drawing {
 public:
  explicit Drawing(const Graph& graph) : graph_(graph), page_(lay_out(graph)) {}

  std::string write() {
    const int width = page_.width + 2 * kMargin;
    const int height = page_.height + 2 * kMargin;
    out_ =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"stepwell-graph\" role=\"img\" width=\"" +
        number(width) + "\" height=\"" + number(height) + "\" viewBox=\"" + number(-kMargin) + " " +
        number(-kMargin) + " " + number(width) + " " + number(height) + "\">\n";
    out_ += "<title>" + xml_text(graph_.title.empty() ? graph_.id : graph_.title) + "</title>\n";
    out_ += "<style>" + std::string(kStyle) + "</style>\n";
    out_ += "<rect x=\"" + number(-kMargin) + "\" y=\"" + number(-kMargin) + "\" width=\"" +
            number(width) + "\" height=\"" + number(height) + "\" fill=\"#fff\"/>\n";
    for (std::size_t i = 0; i < graph_.boxes.size(); ++i)
      if (graph_.boxes[i].shape == Shape::group) box(i);
    for (std::size_t e = 0; e < graph_.edges.size(); ++e) way(e);
    for (std::size_t i = 0; i < graph_.boxes.size(); ++i)
      if (graph_.boxes[i].shape != Shape::group) box(i);
    for (const PlacedEdge& edge : page_.edges) label(edge);
    return std::move(out_) + "</svg>\n";
  }

 private:
  void rect(const PlacedBox& at, std::string_view type, int radius) {
    out_ += "<rect class=\"" + std::string(type) + "\" x=\"" + number(at.x) + "\" y=\"" +
            number(at.y) + "\" width=\"" + number(at.width) + "\" height=\"" + number(at.height) +
            "\" rx=\"" + number(radius) + "\"/>";
  }

  void polygon(std::string_view type, const std::vector<GraphPoint>& corners) {
    out_ += "<polygon class=\"" + std::string(type) + "\" points=\"";
    for (std::size_t i = 0; i < corners.size(); ++i)
      out_ += (i == 0 ? "" : " ") + point(corners[i].x, corners[i].y);
    out_ += "\"/>";
  }

  void shape(const GraphBox& box, const PlacedBox& at) {
    const int left = at.x;
    const int right = at.x + at.width;
    const int top = at.y;
    const int bottom = at.y + at.height;
    const int middle = at.y + at.height / 2;
    const std::string_view type = class_of(box.shape);
    switch (box.shape) {
      case Shape::call:
        rect(at, type, 0);
        for (const int x : {left + 5, right - 5})
          out_ += "<path class=\"" + std::string(type) + "\" d=\"M" + point(x, top) + "V" +
                  number(bottom) + "\"/>";
        break;
      case Shape::choice:
        polygon(type, {{left, middle},
                       {left + kShapeSlant, top},
                       {right - kShapeSlant, top},
                       {right, middle},
                       {right - kShapeSlant, bottom},
                       {left + kShapeSlant, bottom}});
        break;
      case Shape::raise:
        polygon(type, {{left, top},
                       {right, top},
                       {right, bottom},
                       {left, bottom},
                       {left + kShapeSlant, middle}});
        break;
      case Shape::event:
        polygon(type, {{left + kShapeSlant, top},
                       {right, top},
                       {right - kShapeSlant, bottom},
                       {left, bottom}});
        break;
      case Shape::wait:
      case Shape::start:
      case Shape::end:
        rect(at, type, at.height / 2);
        break;
      default:
        rect(at, type, 4);
    }
  }

  void dot(const PlacedBox& at, bool done) {
    const std::string centre = "cx=\"" + number(at.x + at.width / 2) + "\" cy=\"" +
                               number(at.y + at.height / 2) + "\" r=\"";
    if (done) out_ += "<circle class=\"box\" " + centre + number(at.width / 2) + "\"/>";
    out_ += "<circle class=\"point\" " + centre + number(done ? 4 : at.width / 2) + "\"/>";
  }

  void box(std::size_t i) {
    const GraphBox& box = graph_.boxes[i];
    const PlacedBox& at = page_.boxes[i];
    const bool point = box.shape == Shape::begin || box.shape == Shape::done;
    const bool group = box.shape == Shape::group;
    out_ += "<g>";
    // Shown where the pointer rests: the whole name, and the place in the definition.
    if (!box.reference.empty())
      out_ += "<title>" + xml_text(box.name + " (" + box.reference + ")") + "</title>";
    if (point)
      dot(at, box.shape == Shape::done);
    else if (group)
      rect(at, "group", 6);
    else
      shape(box, at);
    for (std::size_t line = 0; line < at.lines.size(); ++line) {
      const int x = group ? at.x + kPadding : at.x + at.width / 2;
      const int y = at.y + kPadding / 2 + static_cast<int>(line) * kLineHeight + kBaseline;
      out_ += "<text" + std::string(line == 0 ? " class=\"name\"" : "") + " x=\"" + number(x) +
              "\" y=\"" + number(y) + "\"" + (group ? "" : " text-anchor=\"middle\"") + ">" +
              xml_text(at.lines[line]) + "</text>";
    }
    out_ += "</g>\n";
  }

  void way(std::size_t e) {
    const std::vector<GraphPoint>& points = page_.edges[e].way;
    if (points.size() < 2) return;
    const bool error = graph_.edges[e].kind == GraphEdge::Kind::error;
    out_ += "<path class=\"way" + std::string(error ? " error" : "") + "\" d=\"M";
    for (std::size_t i = 0; i < points.size(); ++i)
      out_ += (i == 0 ? "" : "L") + point(points[i].x, points[i].y);
    out_ += "\"/>";
    const GraphPoint to = points.back();
    const std::string_view head = error ? "head error-head" : "head";
    // Edges come from the left or from above.
    if (points[points.size() - 2].y == to.y)
      polygon(head, {to, {to.x - 8, to.y - 4}, {to.x - 8, to.y + 4}});
    else
      polygon(head, {to, {to.x - 4, to.y - 8}, {to.x + 4, to.y - 8}});
    out_ += "\n";
  }

  void label(const PlacedEdge& edge) {
    for (std::size_t line = 0; line < edge.label.size(); ++line)
      out_ += "<text class=\"label\" x=\"" + number(edge.label_at.x) + "\" y=\"" +
              number(edge.label_at.y + static_cast<int>(line) * kLineHeight + kBaseline) + "\">" +
              xml_text(edge.label[line]) + "</text>\n";
  }

  const Graph& graph_;
  const GraphLayout page_;
  std::string out_;
};

}  // namespace

std::string svg_of(const Graph& graph) { return Drawing(graph).write(); }

}  // namespace stepwell::daemon
