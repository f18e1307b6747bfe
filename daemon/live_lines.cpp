#include "daemon/live_lines.h"

#include <ostream>

namespace stepwell::daemon {

void LiveLines::show(const std::vector<Line>& lines) {
  if (!terminal_.err || (lines.empty() && shown_ == 0)) return;
  std::string text;
  // ECMA-48: CUU, and ED from the cursor to the end.
  if (shown_ > 0) text += "\033[" + std::to_string(shown_) + "A";
  text += "\r\033[J";
  // One column is left free: a full line would let some terminals go on in the next one.
  for (const Line& line : lines)
    text += coloured(cut_to_width(line.text, terminal_.columns - 1), line.colour,
                     terminal_.colour_err) +
            "\n";
  out_ << text;
  out_.flush();
  shown_ = lines.size();
}

}  // namespace stepwell::daemon
