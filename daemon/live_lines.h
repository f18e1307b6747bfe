// A few lines at the end of a terminal that are written over as things change; nothing where
// standard error is no terminal.
// Used by one thread at a time; the stream outlives it.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "daemon/terminal.h"

namespace stepwell::daemon {

class LiveLines {
 public:
  struct Line {
    std::string text;  // printable
    Colour colour = Colour::none;
  };

  // `out`: where standard error goes.
  LiveLines(std::ostream& out, const Terminal& terminal) : out_(out), terminal_(terminal) {}

  // These lines in the place of those that stood here before; each is cut to the terminal's width.
  void show(const std::vector<Line>& lines);
  // They stand here for good; what comes next is written below them.
  void keep() { shown_ = 0; }
  void clear() { show({}); }

 private:
  std::ostream& out_;
  const Terminal terminal_;
  std::size_t shown_ = 0;  // lines above the cursor that are ours
};

}  // namespace stepwell::daemon
