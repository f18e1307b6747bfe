#include "daemon/definitions.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "config/loader.h"
#include "daemon/validate_command.h"

namespace stepwell::daemon {

namespace {

void log_faults(const config::Loaded& loaded, Log& log) {
  for (const config::Fault& fault : loaded.faults) {
    const bool error = fault.severity == config::Fault::Severity::error;
    log.write(error ? LogLevel::error : LogLevel::warn,
              error ? "definition refused" : "definition warning", {{"fault", fault.text()}});
  }
}

void warn_of_unknown_credentials(const config::Definition& definition, const auth::Gate& gate,
                                 Log& log) {
  for (const auto& [name, position] : definition.credentials) {
    const auto known = gate.check_loaded(name);
    if (known) continue;
    log.warn("credential of a definition",
             {{"workflow", definition.id()},
              {"place", definition.file + ":" + std::to_string(position.line) + ":" +
                            std::to_string(position.column)},
              {"problem", known.error().detail}});
  }
}

}  // namespace

Status load_definitions(const std::string& folder, engine::Engine& engine, engine::Catalog& catalog,
                        const auth::Gate& gate, Log& log) {
  const auto invalid = [&](const std::string& detail) {
    return fail(make_problem(ErrorKind::configuration, "definitions-invalid", detail));
  };
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error))
    return invalid("the definitions folder " + folder + " is no folder");
  std::vector<engine::Catalog::Entry> entries;
  std::size_t refused = 0;
  const auto files = definition_files(folder);
  if (!files) return invalid(files.error().detail);
  for (const std::string& file : *files) {
    const config::Loaded loaded = config::load_definition_file(file);
    log_faults(loaded, log);
    if (!loaded.definition) {
      ++refused;
      continue;
    }
    warn_of_unknown_credentials(*loaded.definition, gate, log);
    entries.push_back({loaded.definition, engine.prepare(loaded.definition)});
  }
  if (refused > 0) {
    return invalid(std::to_string(refused) + " of the files in " + folder +
                   " have faults (see the log, or stepwell validate " + folder + ")");
  }
  auto replaced = catalog.replace(std::move(entries));
  return replaced ? replaced : invalid(replaced.error().detail);
}

}  // namespace stepwell::daemon
