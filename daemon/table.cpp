#include "daemon/table.h"

#include <algorithm>
#include <numeric>

namespace stepwell::daemon {

namespace {

constexpr std::size_t kGapWidth = 2;
constexpr std::size_t kNarrowest = 6;

}  // namespace

std::vector<std::size_t> Table::widths(std::size_t columns) const {
  std::vector<std::size_t> widths;
  for (const Row& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  if (columns == 0 || widths.empty()) return widths;
  const std::size_t gaps = (widths.size() - 1) * kGapWidth;
  while (std::accumulate(widths.begin(), widths.end(), gaps) > columns) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) break;
    --*widest;
  }
  return widths;
}

std::string Table::text(std::size_t columns, bool colour) const {
  const std::vector<std::size_t> fitted = widths(columns);
  std::string out;
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string cell = cut_to_width(row[i].text, fitted[i]);
      const std::size_t width = display_width(cell);
      out += coloured(std::move(cell), row[i].colour, colour);
      if (i + 1 < row.size()) out.append(fitted[i] - width + kGapWidth, ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace stepwell::daemon
