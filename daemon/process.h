// What the whole process is set to before anything else happens. Called once, by main().
#pragma once

namespace stepwell::daemon {

// Raises the soft limit of open files to the hard one: every request in flight holds a socket.
void raise_file_limit();
// No core dumps and no attaching debugger: memory holds secrets.
void forbid_core_dumps();

}  // namespace stepwell::daemon
