#include "tests/fuzz/heap.h"

#include <sanitizer/allocator_interface.h>

#include <algorithm>

namespace stepwell::fuzz {

namespace {

// The hooks are plain functions without a context.
std::int64_t live = 0;
std::int64_t peak = 0;

void allocated(const volatile void*, std::size_t bytes) {
  live += static_cast<std::int64_t>(bytes);
  peak = std::max(peak, live);
}

void freed(const volatile void* memory) {
  live -=
      static_cast<std::int64_t>(__sanitizer_get_allocated_size(const_cast<const void*>(memory)));
}

}  // namespace

void watch_heap() { __sanitizer_install_malloc_and_free_hooks(allocated, freed); }
std::int64_t heap_bytes() { return live; }
std::int64_t heap_peak() { return peak; }
void reset_heap_peak() { peak = live; }

}  // namespace stepwell::fuzz
