#include "daemon/doctor_look.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "auth/master_key.h"
#include "daemon/definitions.h"
#include "daemon/doctor_store.h"
#include "daemon/site.h"
#include "daemon/validate_command.h"

namespace stepwell::daemon {

namespace {

namespace fs = std::filesystem;
using Role = PathFact::Role;
using Kind = PathFact::Kind;

PathFact fact_of(Role role, const std::string& path) {
  PathFact fact;
  fact.role = role;
  fact.path = path;
  struct stat status {};
  // What was named may be a link to what is meant; what lies in the data directory may not.
  const bool itself = role == Role::data_entry;
  if ((itself ? ::lstat(path.c_str(), &status) : ::stat(path.c_str(), &status)) != 0) {
    fact.kind = Kind::missing;
    return fact;
  }
  fact.kind = S_ISREG(status.st_mode) ? Kind::file : Kind::other;
  if (S_ISDIR(status.st_mode)) fact.kind = Kind::folder;
  fact.mode = status.st_mode & 07777U;
  fact.owner = status.st_uid;
  return fact;
}

std::vector<std::string> entries_of(const std::string& folder) {
  std::vector<std::string> entries;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    entries.push_back(entry->path().string());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::vector<PathFact> look_at_paths(const std::string& settings_file,
                                    const config::Settings& settings) {
  std::vector<PathFact> facts;
  facts.push_back(fact_of(Role::settings, settings_file));
  facts.push_back(fact_of(Role::definitions, settings.definitions));
  if (facts.back().kind == Kind::folder) {
    if (const auto files = definition_files(settings.definitions))
      for (const std::string& file : *files) facts.push_back(fact_of(Role::definition, file));
  }
  facts.push_back(fact_of(Role::data, settings.data));
  for (const std::string& entry : entries_of(settings.data))
    facts.push_back(fact_of(Role::data_entry, entry));
  const auth::MasterKeySource source = master_key_source(settings);
  if (source.kind != auth::MasterKeySource::Kind::file) return facts;
  facts.push_back(fact_of(Role::master_key, source.where));
  const std::string folder = fs::path(source.where).parent_path().string();
  facts.push_back(fact_of(Role::master_key_folder, folder.empty() ? "." : folder));
  // Of a rotation that was cut off.
  PathFact next = fact_of(Role::master_key, source.next());
  if (next.kind != Kind::missing) facts.push_back(std::move(next));
  return facts;
}

bool lies_within(const std::string& path, const std::string& folder) {
  std::error_code error;
  const fs::path inner = fs::weakly_canonical(path, error);
  const fs::path outer = fs::weakly_canonical(folder, error);
  if (error) return false;
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

MasterKeyFacts look_at_master_key(const config::Settings& settings) {
  const auth::MasterKeySource source = master_key_source(settings);
  MasterKeyFacts facts;
  facts.out_of_sight = source.kind == auth::MasterKeySource::Kind::credential &&
                       source.credentials_directory.empty();
  if (source.kind == auth::MasterKeySource::Kind::file) {
    facts.file = source.where;
    facts.inside_data = lies_within(source.where, settings.data);
  }
  if (const auto keys = auth::load_candidates(source); !keys) facts.fault = keys.error();
  return facts;
}

}  // namespace

DefinitionFacts look_at_definitions(const std::string& folder) {
  DefinitionFacts facts;
  facts.folder = folder;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return facts;  // which is the modes' finding
  const auto files = definition_files(folder);
  if (!files) {
    facts.faults.push_back(files.error().detail);
    return facts;
  }
  facts.files = files->size();
  for (const std::string& file : *files) {
    const config::Loaded loaded = load_file(file, [](std::string_view) { return false; });
    if (!loaded.definition) {
      const auto first =
          std::find_if(loaded.faults.begin(), loaded.faults.end(), [](const config::Fault& fault) {
            return fault.severity == config::Fault::Severity::error;
          });
      facts.faults.push_back(first != loaded.faults.end() ? first->text() : file + " has a fault");
      continue;
    }
    for (const auto& [name, position] : loaded.definition->credentials)
      facts.references.push_back(
          {name, loaded.definition->namespace_,
           file + ":" + std::to_string(position.line) + ":" + std::to_string(position.column)});
  }
  return facts;
}

Facts look_at_site(const CommandContext& context, const Clock& clock) {
  Facts facts;
  facts.settings_file = context.config_file;
  facts.user = ::geteuid();
  facts.now = clock.now();
  const Result<config::Settings> settings = read_settings(context);
  if (!settings) {
    facts.settings_fault = settings.error();
    return facts;
  }
  facts.master_key = look_at_master_key(*settings);
  facts.definitions = look_at_definitions(settings->definitions);
  facts.paths = look_at_paths(context.config_file, *settings);
  facts.database = look_at_database(context, *settings, facts);
  facts.journal = look_at_journal(*settings, facts);
  facts.files = look_at_files(*settings, facts);
  // After a rotation that was cut off has had its chance to be ended.
  if (const std::string next = master_key_source(*settings).next();
      !next.empty() && fact_of(Role::master_key, next).kind != Kind::missing)
    facts.master_key.left_by_rotation = next;
  facts.synchronised = look_at_synchronisation();
  facts.egress_allow = settings->egress_allow;
  facts.egress_deny = settings->egress_deny;
  facts.listen =
      look_at_listen(settings->http_listen, facts.database.holder.kind == Holder::Kind::nobody);
  facts.limits = look_at_limits(facts.database.holder);
  return facts;
}

Status mend(const CommandContext& context, const Mend& what) {
  if (what.what == Mend::What::tombstones) {
    const Result<config::Settings> settings = read_settings(context);
    if (!settings) return fail(settings.error());
    return restore_tombstones(*settings);
  }
  if (::chmod(what.path.c_str(), static_cast<mode_t>(what.mode)) == 0) return {};
  return fail(make_problem(
      ErrorKind::runtime, "mend-failed",
      "cannot change the mode of " + what.path + ": " + std::generic_category().message(errno)));
}

}  // namespace stepwell::daemon
