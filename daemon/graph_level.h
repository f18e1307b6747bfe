// Lays out what stands in one group: boxes in rows, links between them in the gaps between the
// rows and in lanes at both sides. Part of lay_out() (daemon/graph_layout.h). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/graph_layout.h"

namespace stepwell::daemon {

inline constexpr std::size_t kOut = static_cast<std::size_t>(-1);

struct LevelLink {
  std::size_t from = 0;
  std::size_t to = 0;   // kOut: out of the group by its lower border
  bool beside = false;  // to the box that stands beside the first
  int port = -1;        // where it leaves its box, from the box's left; -1: to be chosen
  std::vector<std::string> label;
  // Found by lay_out_level():
  std::vector<GraphPoint> way;
  GraphPoint label_at;
};

struct Level {
  std::vector<PlacedBox> boxes;     // sizes are given, places found; the first begins
  bool has_end = true;              // the last is where the flow ends
  std::vector<std::size_t> beside;  // as RowsOf has it
  std::vector<LevelLink> links;
  // Found by lay_out_level():
  int width = 0;
  int height = 0;
  int out = 0;  // x of the lane by which links leave
};

void lay_out_level(Level& level);

}  // namespace stepwell::daemon
