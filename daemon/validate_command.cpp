#include "daemon/validate_command.h"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "config/loader.h"
#include "daemon/exit_code.h"

namespace stepwell::daemon {

std::vector<std::string> definition_files(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return {path};
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    const std::string extension = entry.path().extension().string();
    const bool definition = extension == ".yaml" || extension == ".yml" || extension == ".json";
    if (definition && entry.is_regular_file(error)) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

int validate(const std::vector<std::string>& paths) {
  int exit_code = kDone;
  for (const std::string& path : paths) {
    for (const std::string& file : definition_files(path)) {
      const config::Loaded loaded = config::load_definition_file(file);
      for (const config::Fault& fault : loaded.faults) std::cerr << fault.text() << '\n';
      if (loaded.definition)
        std::cout << file << ": ok (" << loaded.definition->id() << ")\n";
      else
        exit_code = kUsage;
    }
  }
  return exit_code;
}

}  // namespace stepwell::daemon
