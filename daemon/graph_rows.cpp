#include "daemon/graph_rows.h"

#include <algorithm>
#include <cstdint>

namespace stepwell::daemon {

namespace {

using Lists = std::vector<std::vector<std::size_t>>;

// Appends what can be reached from `root`, each after all that it leads to; takes the edges that
// close a loop out of `next`.
void search(std::size_t root, Lists& next, std::vector<std::uint8_t>& state,
            std::vector<std::size_t>& order) {
  constexpr std::uint8_t kOpen = 1;
  constexpr std::uint8_t kDone = 2;
  if (state[root] != 0) return;
  struct Step {
    std::size_t box;
    std::size_t at;
  };
  std::vector<Step> way{{root, 0}};
  state[root] = kOpen;
  while (!way.empty()) {
    Step& step = way.back();
    std::vector<std::size_t>& edges = next[step.box];
    if (step.at == edges.size()) {
      state[step.box] = kDone;
      order.push_back(step.box);
      way.pop_back();
      continue;
    }
    const std::size_t to = edges[step.at];
    if (state[to] == kOpen) {
      edges.erase(edges.begin() + static_cast<std::ptrdiff_t>(step.at));
      continue;
    }
    ++step.at;
    if (state[to] != 0) continue;
    state[to] = kOpen;
    way.push_back({to, 0});
  }
}

}  // namespace

std::vector<std::size_t> rows_of(const RowsOf& group) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  const std::size_t last = group.has_end ? group.count - 1 : kNone;
  Lists next(group.count);
  std::vector<bool> reached(group.count, false);
  for (const auto& [from, to] : group.edges) {
    next[group.beside[from]].push_back(group.beside[to]);
    reached[group.beside[to]] = true;
  }
  // What nothing leads to stands below the box before it.
  for (std::size_t i = 1; i < group.count; ++i)
    if (!reached[i] && group.beside[i] == i && i != last) next[group.beside[i - 1]].push_back(i);
  std::vector<std::uint8_t> state(group.count, 0);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < group.count; ++i) search(group.beside[i], next, state, order);
  std::vector<std::size_t> rows(group.count, 0);
  for (auto box = order.rbegin(); box != order.rend(); ++box)
    for (const std::size_t to : next[*box]) rows[to] = std::max(rows[to], rows[*box] + 1);
  std::size_t most = 0;
  for (std::size_t i = 0; i < group.count; ++i) {
    rows[i] = rows[group.beside[i]];
    if (i != last) most = std::max(most, rows[i]);
  }
  if (group.has_end) rows[last] = most + 1;
  return rows;
}

}  // namespace stepwell::daemon
