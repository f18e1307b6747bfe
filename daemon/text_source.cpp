#include "daemon/text_source.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace stepwell::daemon {

Result<std::string> read_file(const std::string& path) {
  const auto unreadable = [&path](const std::string& why) {
    return fail(make_problem(ErrorKind::configuration, "file-unreadable",
                             path + " cannot be read: " + why));
  };
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) return unreadable("it is a folder");
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(std::strerror(errno));
  return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<std::string> read_text_source(const std::string& source) {
  if (source == "-")
    return std::string{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  if (source.starts_with('@')) return read_file(source.substr(1));
  return source;
}

}  // namespace stepwell::daemon
