#include "daemon/text_source.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

namespace stepwell::daemon {

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    return fail(make_problem(ErrorKind::configuration, "file-unreadable",
                             path + " cannot be read: " + std::strerror(errno)));
  }
  return text;
}

Result<std::string> read_text_source(const std::string& source) {
  if (source == "-")
    return std::string{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  if (source.starts_with('@')) return read_file(source.substr(1));
  return source;
}

}  // namespace stepwell::daemon
