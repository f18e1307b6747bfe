#include "daemon/allocator.h"

#include <jemalloc/jemalloc.h>

// Tests and sanitizer builds are linked without it.
#pragma weak mallctl

namespace stepwell::daemon {

void give_back_free_memory() {
  if (mallctl == nullptr) return;
  static_assert(MALLCTL_ARENAS_ALL == 4096);
  (void)mallctl("arena.4096.decay", nullptr, nullptr, nullptr, 0);
}

}  // namespace stepwell::daemon
