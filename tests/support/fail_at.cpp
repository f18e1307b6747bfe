// For LD_PRELOAD: makes the disk fail for files whose path has STEPWELL_FAIL_ON in it, for as long
// as the file STEPWELL_FAIL_WHILE is there. Its text says how: "full" (writes end with ENOSPC),
// "broken" (writes and syncs end with EIO) or "unsynced" (syncs alone).
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

// What the disk does at this moment: 'f', 'b', 'u', or 0 where it works.
char mood() {
  static const char* const kFile = std::getenv("STEPWELL_FAIL_WHILE");
  if (kFile == nullptr) return 0;
  const long file = ::syscall(SYS_openat, AT_FDCWD, kFile, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char first = 0;
  const long got = ::syscall(SYS_read, file, &first, 1);
  ::syscall(SYS_close, file);
  return got == 1 ? first : '\0';
}

bool meant(int file) {
  static const char* const kPart = std::getenv("STEPWELL_FAIL_ON");
  if (kPart == nullptr) return false;
  std::array<char, 64> link{};
  std::array<char, 4096> path{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", file);
  const ssize_t length = ::readlink(link.data(), path.data(), path.size());
  if (length <= 0) return false;
  const std::string_view text(path.data(), static_cast<std::size_t>(length));
  return text.find(kPart) != std::string_view::npos;
}

// True where the call has failed, and errno says how.
bool write_fails(int file) {
  const char now = mood();
  if ((now != 'f' && now != 'b') || !meant(file)) return false;
  errno = now == 'f' ? ENOSPC : EIO;
  return true;
}
bool sync_fails(int file) {
  const char now = mood();
  if ((now != 'b' && now != 'u') || !meant(file)) return false;
  errno = EIO;
  return true;
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int fsync(int file) { return sync_fails(file) ? -1 : real<int (*)(int)>("fsync")(file); }
int fdatasync(int file) { return sync_fails(file) ? -1 : real<int (*)(int)>("fdatasync")(file); }
ssize_t write(int file, const void* bytes, size_t size) {
  if (file > STDERR_FILENO && write_fails(file)) return -1;
  return real<ssize_t (*)(int, const void*, size_t)>("write")(file, bytes, size);
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  if (write_fails(file)) return -1;
  return real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite")(file, bytes, size, offset);
}
ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
  if (write_fails(file)) return -1;
  using Real = ssize_t (*)(int, const void*, size_t, off64_t);
  return real<Real>("pwrite64")(file, bytes, size, offset);
}
int ftruncate(int file, off_t size) noexcept {
  if (write_fails(file)) return -1;
  return real<int (*)(int, off_t)>("ftruncate")(file, size);
}
int ftruncate64(int file, off64_t size) noexcept {
  if (write_fails(file)) return -1;
  return real<int (*)(int, off64_t)>("ftruncate64")(file, size);
}

}  // extern "C"
