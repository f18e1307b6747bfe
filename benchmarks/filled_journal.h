// A journal with many finished instances in it, as if they had run.
#pragma once

#include <cstddef>
#include <filesystem>

namespace stepwell::bench {

// In the folder that open_node(data) uses, before it is opened. Instances of one GET, with an
// answer of 200 bytes. Ends the process where it cannot be written.
void fill_journal(const std::filesystem::path& data, std::size_t finished);

}  // namespace stepwell::bench
