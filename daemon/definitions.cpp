#include "daemon/definitions.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "config/loader.h"
#include "daemon/text_source.h"
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

// The first line that holds one; 0 for none.
std::size_t line_with_secret(std::string_view text,
                             const std::function<bool(std::string_view)>& holds_secret) {
  if (!holds_secret(text)) return 0;
  std::size_t number = 1;
  for (; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (holds_secret(text.substr(0, end))) return number;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return 1;  // over several lines
}

}  // namespace

config::Loaded load_file(const std::string& path,
                         const std::function<bool(std::string_view)>& holds_secret,
                         DefinitionResources* resources) {
  const auto text = read_file(path);
  if (!text) return config::load_definition_file(path);  // which says why it cannot be read
  std::optional<FileResources> seen;
  if (resources != nullptr) seen.emplace(*resources, path);
  config::Loaded loaded = config::load_definition(
      *text, path, seen ? seen->options() : config::LoadOptions{nullptr, true, {}});
  const std::size_t line = line_with_secret(*text, holds_secret);
  if (line == 0) return loaded;
  loaded.definition.reset();
  loaded.faults.clear();  // they quote the text, perhaps in pieces that nobody recognises
  config::Fault fault;
  fault.file = path;
  fault.position.line = static_cast<decltype(fault.position.line)>(line);
  fault.position.column = 1;
  fault.what =
      "this holds a secret that is stored here, or an API key; take it out, and name a stored "
      "credential by `authentication: {use: NAME}` instead";
  loaded.faults.push_back(std::move(fault));
  return loaded;
}

namespace {

// In the order of `files`, read by a thread for each core: thousands of them take seconds.
std::vector<config::Loaded> load_files(const std::vector<std::string>& files,
                                       const std::function<bool(std::string_view)>& holds_secret,
                                       DefinitionResources& resources) {
  constexpr std::size_t kFilesForAThread = 16;
  std::vector<config::Loaded> all(files.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++)
      all[i] = load_file(files[i], holds_secret, &resources);
  };
  const std::size_t cores = std::max(std::thread::hardware_concurrency(), 1U);
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < std::min(cores, files.size() / kFilesForAThread); ++i)
    others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  return all;
}

}  // namespace

void read_definitions(const std::string& folder, engine::Catalog& catalog) {
  const auto files = definition_files(folder);
  std::vector<engine::Catalog::Entry> entries;
  if (files) {
    for (const std::string& file : *files) {
      if (const config::Loaded loaded = config::load_definition_file(file, {nullptr, true, {}});
          loaded.definition)
        entries.push_back({loaded.definition, nullptr});
    }
  }
  static_cast<void>(catalog.replace(std::move(entries)));
}

Status load_definitions(const std::string& folder, engine::Engine& engine, engine::Catalog& catalog,
                        const auth::Gate& gate, DefinitionResources& resources, Log& log) {
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
  const std::vector<config::Loaded> all = load_files(
      *files, [&gate](std::string_view text) { return gate.knows_part_of(text); }, resources);
  for (const config::Loaded& loaded : all) {
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
