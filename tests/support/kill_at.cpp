// For LD_PRELOAD: ends the process by SIGKILL before the call number STEPWELL_KILL_AT of those that
// change a file or put it on disk. With STEPWELL_KILL_COUNT=FILE, a process that survives writes
// there how many such calls it made.
// STEPWELL_KILL_ON="CALL WHAT WHEN" picks the calls that count: `write` or `sync` and the end of a
// file's name, or `send` and `upstream` (connections that the process has made) or `client` (that
// it has accepted); WHEN is `before`, `after`, or of writes `half`: half of it is written.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::atomic<long> calls{0};

struct Selection {
  bool all = true;
  std::string call;
  std::string what;
  std::string when;
};

const Selection& selection() {
  static const Selection kSelection = [] {
    Selection chosen;
    const char* text = std::getenv("STEPWELL_KILL_ON");
    if (text == nullptr) return chosen;
    std::string_view rest = text;
    for (std::string* part : {&chosen.call, &chosen.what, &chosen.when}) {
      const std::size_t end = rest.find(' ');
      *part = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    chosen.all = false;
    return chosen;
  }();
  return kSelection;
}

// True for the call that is to be the last one.
bool last() {
  static const long kLimit = [] {
    const char* text = std::getenv("STEPWELL_KILL_AT");
    return text != nullptr ? std::atol(text) : 0L;
  }();
  return ++calls == kLimit;
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

void step() {
  if (selection().all && last()) die();
}

// Sockets that were connected (1) and accepted (2), by descriptor.
std::array<std::atomic<char>, 65536> sockets{};

void remember(int file, char kind) {
  if (file >= 0 && static_cast<std::size_t>(file) < sockets.size()) sockets.at(file) = kind;
}

bool of_socket(int file) {
  if (file < 0 || static_cast<std::size_t>(file) >= sockets.size()) return false;
  return sockets.at(file) == (selection().what == "upstream" ? 1 : 2);
}

bool of_file(int file) {
  std::array<char, 4096> name{};
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t size = ::readlink(link.c_str(), name.data(), name.size());
  if (size <= 0) return false;
  const std::string_view path(name.data(), static_cast<std::size_t>(size));
  const std::string& end = selection().what;
  return path.size() >= end.size() && path.substr(path.size() - end.size()) == end;
}

// Does `call` on that file, or dies around it. `half` does half of it.
template <class Call, class Half>
auto around(const char* kind, int file, const Call& call, const Half& half) {
  const Selection& chosen = selection();
  if (chosen.all) {
    if (std::string_view(kind) != "send" && last()) die();
    return call();
  }
  const bool counts =
      chosen.call == kind && (chosen.call == "send" ? of_socket(file) : of_file(file)) && last();
  if (counts && chosen.when == "before") die();
  if (counts && chosen.when == "half") {
    half();
    die();
  }
  const auto result = call();
  if (counts) die();
  return result;
}

template <class Call>
auto around(const char* kind, int file, const Call& call) {
  return around(kind, file, call, call);
}

__attribute__((destructor)) void report() {
  const char* path = std::getenv("STEPWELL_KILL_COUNT");
  const long total = calls;
  std::FILE* file = path != nullptr ? std::fopen(path, "w") : nullptr;
  if (file == nullptr) return;
  std::fprintf(file, "%ld\n", total);
  std::fclose(file);
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int fsync(int file) {
  return around("sync", file, [&] { return real<int (*)(int)>("fsync")(file); });
}
int fdatasync(int file) {
  return around("sync", file, [&] { return real<int (*)(int)>("fdatasync")(file); });
}
int rename(const char* from, const char* to) noexcept {
  step();
  return real<int (*)(const char*, const char*)>("rename")(from, to);
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) noexcept {
  step();
  using Real = int (*)(int, const char*, int, const char*, unsigned);
  return real<Real>("renameat2")(from_folder, from, to_folder, to, flags);
}
int unlink(const char* path) noexcept {
  step();
  return real<int (*)(const char*)>("unlink")(path);
}
ssize_t write(int file, const void* bytes, size_t size) {
  const auto put = [&](size_t most) {
    return real<ssize_t (*)(int, const void*, size_t)>("write")(file, bytes, most);
  };
  if (file <= STDERR_FILENO) return put(size);
  return around(
      "write", file, [&] { return put(size); }, [&] { return put(size / 2); });
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  const auto put = [&](size_t most) {
    using Real = ssize_t (*)(int, const void*, size_t, off_t);
    return real<Real>("pwrite")(file, bytes, most, offset);
  };
  return around(
      "write", file, [&] { return put(size); }, [&] { return put(size / 2); });
}
ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
  const auto put = [&](size_t most) {
    using Real = ssize_t (*)(int, const void*, size_t, off64_t);
    return real<Real>("pwrite64")(file, bytes, most, offset);
  };
  return around(
      "write", file, [&] { return put(size); }, [&] { return put(size / 2); });
}
int connect(int file, const sockaddr* address, socklen_t size) {
  remember(file, address->sa_family == AF_INET ? 1 : 0);
  return real<int (*)(int, const sockaddr*, socklen_t)>("connect")(file, address, size);
}
int accept(int file, sockaddr* address, socklen_t* size) {
  const int taken = real<int (*)(int, sockaddr*, socklen_t*)>("accept")(file, address, size);
  remember(taken, 2);
  return taken;
}
int accept4(int file, sockaddr* address, socklen_t* size, int flags) {
  using Real = int (*)(int, sockaddr*, socklen_t*, int);
  const int taken = real<Real>("accept4")(file, address, size, flags);
  remember(taken, 2);
  return taken;
}
ssize_t send(int file, const void* bytes, size_t size, int flags) {
  using Real = ssize_t (*)(int, const void*, size_t, int);
  return around("send", file, [&] { return real<Real>("send")(file, bytes, size, flags); });
}
ssize_t sendto(int file, const void* bytes, size_t size, int flags, const sockaddr* address,
               socklen_t length) {
  using Real = ssize_t (*)(int, const void*, size_t, int, const sockaddr*, socklen_t);
  return around("send", file,
                [&] { return real<Real>("sendto")(file, bytes, size, flags, address, length); });
}
ssize_t sendmsg(int file, const msghdr* message, int flags) {
  using Real = ssize_t (*)(int, const msghdr*, int);
  return around("send", file, [&] { return real<Real>("sendmsg")(file, message, flags); });
}
int ftruncate(int file, off_t size) noexcept {
  step();
  return real<int (*)(int, off_t)>("ftruncate")(file, size);
}
int ftruncate64(int file, off64_t size) noexcept {
  step();
  return real<int (*)(int, off64_t)>("ftruncate64")(file, size);
}
int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if ((flags & O_CREAT) != 0) step();
  return real<int (*)(const char*, int, ...)>("open")(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if ((flags & O_CREAT) != 0) step();
  return real<int (*)(const char*, int, ...)>("open64")(path, flags, mode);
}

}  // extern "C"
