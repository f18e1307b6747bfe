// What a graph says of a task beside its name: its kind, and lines in the words of the file.
// Part of graph_of() (config/graph.h). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/definition.h"

namespace stepwell::config {

// "set", "call http", …: as the task's definition names it.
std::string task_kind(const Task& task);
std::vector<std::string> task_notes(const Task& task);
// Which errors the `catch` of the task takes.
std::vector<std::string> catch_notes(const Task& task);
// The condition of a case of the `switch`, as it was written.
std::string case_label(const Task& task, std::size_t index);

}  // namespace stepwell::config
