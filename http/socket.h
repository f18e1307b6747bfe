// What the kernel still holds of what was written to a connection, and how that is thrown away.
// Free functions, used on the reactor's thread alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stepwell::http {

// Tells an open socket from an earlier one of the same number; 0 for what is not open.
std::uint64_t socket_identity(int fd);

// Bytes that were written to this TCP connection and that the other side has not acknowledged:
// they may go out, once or again. 0 for a connection that is closed already.
std::size_t unacknowledged_bytes(int fd);

// Ends a TCP connection with a reset at once and throws away what the kernel still held of it. The
// descriptor stays open: closing is left to libcurl.
void reset_connection(int fd);

}  // namespace stepwell::http
