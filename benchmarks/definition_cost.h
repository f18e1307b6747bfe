// What it takes to load many definitions: time, and the memory that they hold afterwards.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "benchmarks/results.h"

namespace stepwell::bench {

// So many definitions of 20 tasks each, as files.
constexpr std::size_t kDefinitions = 10'000;
void write_definitions(const std::filesystem::path& folder);

// From files, as `stepwell serve` loads them.
std::vector<Row> definition_cost();

}  // namespace stepwell::bench
