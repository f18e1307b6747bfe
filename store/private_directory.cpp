#include "store/private_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace stepwell::store {

Status ensure_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  const int error = errno;
  struct stat status {};
  if (error == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  const std::string why =
      error == EEXIST ? "it is no directory" : std::generic_category().message(error);
  return fail(make_problem(ErrorKind::configuration, "data-directory-unusable",
                           "cannot use the data directory " + path + ": " + why));
}

Status sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (synced) return {};
  return fail(make_problem(
      ErrorKind::runtime, "store-failed",
      "cannot sync the directory " + directory + ": " + std::generic_category().message(error)));
}

}  // namespace stepwell::store
