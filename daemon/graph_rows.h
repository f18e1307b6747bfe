// In which row each box of one group stands, so that the flow runs downwards. Part of lay_out()
// (daemon/graph_layout.h). Pure.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace stepwell::daemon {

struct RowsOf {
  std::size_t count = 0;                                   // boxes, the first of which begins
  std::vector<std::pair<std::size_t, std::size_t>> edges;  // without those to handlers
  std::vector<std::size_t> beside;  // for each box the one that it stands beside; itself for most
  bool has_end = true;              // the flow ends in the last box, which stands below all others
};

// The row of each box; 0 is the highest. Edges that close a loop are the only ones that lead up or
// stay; which these are, a depth-first search in the order of the edges tells.
std::vector<std::size_t> rows_of(const RowsOf& group);

}  // namespace stepwell::daemon
