// What is asked of jemalloc, which takes malloc's place (docs/adr/0008-jemalloc.md); does nothing
// where another allocator does. Callable from any thread.
#pragma once

namespace stepwell::daemon {

// To the system, as much of the memory that is free as has been so for long enough. By itself
// jemalloc looks only as it allocates: where nobody does, it would keep all of it for good. To be
// called about once a second.
void give_back_free_memory();

}  // namespace stepwell::daemon
