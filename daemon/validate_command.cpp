#include "daemon/validate_command.h"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "auth/redactor.h"
#include "config/loader.h"
#include "daemon/definitions.h"
#include "daemon/exit_code.h"

namespace stepwell::daemon {

Result<std::vector<std::string>> definition_files(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    const bool definition = extension == ".yaml" || extension == ".yml" || extension == ".json";
    std::error_code unknown;
    if (definition && entry->is_regular_file(unknown)) files.push_back(entry->path().string());
  }
  if (error) {
    return fail(make_problem(ErrorKind::configuration, "file-unreadable",
                             "the folder " + path + " cannot be read: " + error.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

int validate(const std::vector<std::string>& paths) {
  int exit_code = kDone;
  const auth::Redactor keys;  // knows API keys by their form
  for (const std::string& path : paths) {
    const auto files = definition_files(path);
    if (!files) {
      std::cerr << files.error().one_line() << '\n';
      exit_code = kUsage;
      continue;
    }
    for (const std::string& file : *files) {
      const config::Loaded loaded =
          load_file(file, [&keys](std::string_view text) { return keys.knows_part_of(text); });
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
