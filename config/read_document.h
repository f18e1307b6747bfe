// Reads a whole definition from its tree. Used by load_definition(), on one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/definition.h"
#include "config/faults.h"
#include "config/library.h"
#include "config/yaml_node.h"

namespace stepwell::config {

// `source` is the text that `root` was made of. Fills in all but file, document and digest; what is
// wrong goes to `faults`. True where some expression uses $workflow or $task.
bool read_definition(std::string_view source, const YamlNode& root, Definition& definition,
                     FaultList& faults, Library& library);

// The file's first bytes, `most` at the most; nothing where it cannot be read.
std::optional<std::string> read_file(const std::string& path, std::size_t most);

}  // namespace stepwell::config
