// A table of texts, as wide as it needs to be or as a terminal is. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/terminal.h"

namespace stepwell::daemon {

class Table {
 public:
  struct Cell {
    std::string text;  // printable
    Colour colour = Colour::none;
  };
  using Row = std::vector<Cell>;

  void add(Row row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }

  // Where `columns` is not 0, the widest cells are cut until each line fits into so many, but none
  // below a few characters.
  std::string text(std::size_t columns, bool colour) const;

 private:
  std::vector<std::size_t> widths(std::size_t columns) const;

  std::vector<Row> rows_;
};

}  // namespace stepwell::daemon
