// A definition's flow as a Mermaid flowchart: text that documents and repositories show as a
// picture. Pure; callable from any thread.
#pragma once

#include <string>

#include "config/graph.h"

namespace stepwell::daemon {

// The same text for the same graph; ends with a line end.
std::string mermaid_of(const config::Graph& graph);

}  // namespace stepwell::daemon
