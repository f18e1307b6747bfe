// The gap between two rows of boxes: the horizontal runs of edges in it, each at a height where no
// other one is in its way. Part of lay_out() (daemon/graph_layout.h). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <vector>

namespace stepwell::daemon {

// Further out than any box: where a lane is, before its place is known.
inline constexpr int kLaneRight = 100'000'000;
inline constexpr int kLaneLeft = -kLaneRight;

struct GapRun {
  // Runs with the same key may lie over each other: they come from one place or lead to one.
  using Key = std::tuple<int, std::size_t, int>;
  Key key;
  std::size_t link = 0;  // of the group's
  bool arrives = false;  // from a lane; all others leave a box
  int from = 0;          // x
  int to = 0;
  int label_width = 0;
  int label_height = 0;  // 0: none
  // Found by arrange():
  int y = 0;  // below the gap's upper edge
  int label_x = 0;
  int label_y = 0;
};

// Gives the runs their heights, and the height of the whole gap.
int arrange(std::vector<GapRun>& runs);

}  // namespace stepwell::daemon
