// A definition's flow as SVG: a picture that any browser shows, with no font, script or style of
// elsewhere. Pure; callable from any thread.
#pragma once

#include <string>

#include "config/graph.h"

namespace stepwell::daemon {

// The same text for the same graph; ends with a line end.
std::string svg_of(const config::Graph& graph);

}  // namespace stepwell::daemon
