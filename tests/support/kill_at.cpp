// For LD_PRELOAD: ends the process by SIGKILL before the call number STEPWELL_KILL_AT of those that
// change a file or put it on disk. With STEPWELL_KILL_COUNT=FILE, a process that survives writes
// there how many such calls it made.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace {

std::atomic<long> calls{0};

void step() {
  static const long kLimit = [] {
    const char* text = std::getenv("STEPWELL_KILL_AT");
    return text != nullptr ? std::atol(text) : 0L;
  }();
  if (++calls == kLimit) ::kill(::getpid(), SIGKILL);
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
  step();
  return real<int (*)(int)>("fsync")(file);
}
int fdatasync(int file) {
  step();
  return real<int (*)(int)>("fdatasync")(file);
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
  if (file > STDERR_FILENO) step();
  return real<ssize_t (*)(int, const void*, size_t)>("write")(file, bytes, size);
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  step();
  return real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite")(file, bytes, size, offset);
}
ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
  step();
  using Real = ssize_t (*)(int, const void*, size_t, off64_t);
  return real<Real>("pwrite64")(file, bytes, size, offset);
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
