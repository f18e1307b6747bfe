// A journal with many finished instances in it, as if they had run.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace stepwell::bench {

// They are of ten workflows in turn, one in fifty has faulted, one in two hundred was stopped, one
// in four has a name ("order 4711") and tags, one in a hundred is urgent, one in a thousand has a
// deadline and a parent; their ids go from 1 on. The last one ended a moment ago, and so on, one
// each ten milliseconds.
constexpr std::size_t kStoredWorkflows = 10;
std::string stored_workflow(std::size_t number);  // NAMESPACE/NAME; the last refers to `crm`

// In the folder that open_node(data) uses, before it is opened. Instances of one GET, with an
// answer of 200 bytes. Ends the process where it cannot be written.
void fill_journal(const std::filesystem::path& data, std::size_t finished);

}  // namespace stepwell::bench
