// How much of the heap the process uses, and the most that it has used since the last reset:
// counted by the sanitizer's allocator, so that it also sees what a budget might forget to count.
// The fuzz targets have one thread.
#pragma once

#include <cstdint>

namespace stepwell::fuzz {

void watch_heap();  // once, before anything is measured
std::int64_t heap_bytes();
std::int64_t heap_peak();
void reset_heap_peak();

}  // namespace stepwell::fuzz
