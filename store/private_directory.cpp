#include "store/private_directory.h"

#include <sys/stat.h>

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

}  // namespace stepwell::store
