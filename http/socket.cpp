#include "http/socket.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace stepwell::http {

std::uint64_t socket_identity(int fd) {
  struct stat state {};
  return fd >= 0 && fstat(fd, &state) == 0 ? state.st_ino : 0;
}

std::size_t unacknowledged_bytes(int fd) {
  int bytes = 0;
  if (fd < 0 || ioctl(fd, SIOCOUTQ, &bytes) != 0 || bytes <= 0) return 0;
  // After a reset the kernel has nothing left, but goes on counting.
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_CLOSE)
    return 0;
  return static_cast<std::size_t>(bytes);
}

void reset_connection(int fd) {
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  // Dissolves the association (connect(2)); closing would be left to libcurl, which may not do it
  // where HTTP/2 streams share the connection.
  static_cast<void>(connect(fd, &nowhere, sizeof nowhere));
}

}  // namespace stepwell::http
