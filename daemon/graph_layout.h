// Places for a graph's boxes and ways for its edges, in layers from the top down, group within
// group. Edges run in the gaps between layers and in lanes at a group's sides, at right angles,
// so that none crosses a task. Whole pixels; the same for the same graph. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/graph.h"

namespace stepwell::daemon {

inline constexpr int kNameCell = 8;     // width of a letter of the first line
inline constexpr int kTextCell = 7;     // of all others
inline constexpr int kLineHeight = 16;  // of each line
inline constexpr int kPadding = 10;

struct GraphPoint {
  int x = 0;
  int y = 0;
  bool operator==(const GraphPoint&) const = default;
};

struct PlacedBox {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  std::vector<std::string> lines;  // cut to what fits; none for points
};

struct PlacedEdge {
  std::vector<GraphPoint> way;  // from the border of its first box to that of its last
  std::vector<std::string> label;
  GraphPoint label_at;  // its upper left corner
};

struct GraphLayout {
  int width = 0;
  int height = 0;
  std::vector<PlacedBox> boxes;   // by the indices of the graph; boxes[0] is the whole
  std::vector<PlacedEdge> edges;  // so too
};

GraphLayout lay_out(const config::Graph& graph);

}  // namespace stepwell::daemon
