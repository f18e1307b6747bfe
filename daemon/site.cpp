#include "daemon/site.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <utility>

#include "api/administration.h"
#include "auth/authority.h"
#include "base/entropy.h"
#include "base/json.h"
#include "daemon/definitions.h"
#include "daemon/restore_staging.h"
#include "store/lock.h"
#include "store/sqlite_secret_store.h"

namespace stepwell::daemon {

namespace {

// What the data directory itself can answer.
bool is_administration(const std::string& target) {
  static constexpr std::array<std::string_view, 5> kResources{"keys", "credentials", "users",
                                                              "audit", "master-key"};
  constexpr std::string_view kRoot = "/api/v1/";
  const std::string_view rest = std::string_view(target).substr(kRoot.size());
  return std::any_of(kResources.begin(), kResources.end(),
                     [rest](std::string_view name) { return rest.starts_with(name); });
}

class OfflineBackend final : public Backend {
 public:
  explicit OfflineBackend(store::LockFile lock) : lock_(std::move(lock)) {}

  Status open(const config::Settings& settings) {
    Result<std::unique_ptr<store::SqliteSecretStore>> opened =
        store::SqliteSecretStore::open(settings.data);
    if (!opened) return fail(std::move(opened).error());
    store_ = *std::move(opened);
    Result<std::unique_ptr<auth::Authority>> authority = auth::Authority::open(
        master_key_source(settings), {*store_, clock_, entropy_, metrics_, Log::null()});
    if (!authority) return fail(std::move(authority).error());
    authority_ = *std::move(authority);
    Result<std::unique_ptr<api::Administration>> made =
        api::Administration::make({*authority_, catalog_, master_key_source(settings)});
    if (!made) return fail(std::move(made).error());
    administration_ = *std::move(made);
    definitions_ = settings.definitions;
    return {};
  }

  Result<Value> call(const std::string& method, const std::string& target,
                     const Value& body) override {
    if (!is_administration(target))
      return fail(make_problem(ErrorKind::validation, "not-offline",
                               "this exists in a running daemon only; leave --offline out"));
    // Only these look at who refers to what.
    if (method != "GET" || target.ends_with("/usage")) read_definitions(definitions_, catalog_);
    const api::Response response = administration_->call(
        method, target, body.is_null() ? std::string() : to_json(body), login_name());
    if (response.status >= 400) return fail(problem_of_answer(response.status, response.body));
    return parse_json(response.body);
  }

 private:
  store::LockFile lock_;
  SystemClock clock_;
  SystemEntropy entropy_;
  Metrics metrics_;
  std::unique_ptr<store::SqliteSecretStore> store_;
  std::unique_ptr<auth::Authority> authority_;
  engine::Catalog catalog_;
  std::string definitions_;
  std::unique_ptr<api::Administration> administration_;
};

Problem unreachable(std::string detail) {
  return make_problem(ErrorKind::communication, "daemon-unreachable", std::move(detail));
}

Result<std::string> daemon_address(const config::Settings& settings) {
  const Result<std::optional<store::LockOwner>> owner = store::LockFile::read_owner(settings.data);
  // Who may not read the data directory can still be a client.
  if (!owner) return settings.http_listen;
  if (!*owner)
    return fail(unreachable("no daemon runs on " + settings.data +
                            "; start one with \"stepwell serve\", or add --offline to work on the "
                            "data directory itself"));
  if ((*owner)->address.empty())
    return fail(unreachable("process " + std::to_string((*owner)->pid) + " holds " + settings.data +
                            " and serves no API (yet); try again"));
  return (*owner)->address;
}

}  // namespace

Result<config::Settings> read_settings(const CommandContext& context) {
  config::LoadedSettings loaded = config::load_settings_file(context.config_file);
  if (!loaded.settings) {
    std::string detail =
        "the settings cannot be used; give the file by --config or "
        "STEPWELL_CONFIG";
    for (const config::Fault& fault : loaded.faults) detail += "\n" + fault.text();
    return fail(make_problem(ErrorKind::configuration, "settings-invalid", std::move(detail)));
  }
  if (Status status = config::apply_environment(*loaded.settings, context.environment); !status)
    return fail(std::move(status).error());
  return *std::move(loaded.settings);
}

auth::MasterKeySource master_key_source(const config::Settings& settings) {
  auth::MasterKeySource source;
  if (!settings.master_key_credential.empty()) {
    source.kind = auth::MasterKeySource::Kind::credential;
    source.where = settings.master_key_credential;
    // systemd.exec(5): where the manager puts a unit's credentials.
    if (const char* directory = std::getenv("CREDENTIALS_DIRECTORY"))
      source.credentials_directory = directory;
  } else if (!settings.master_key_command.empty()) {
    source.kind = auth::MasterKeySource::Kind::command;
    source.where = settings.master_key_command;
  } else {
    source.where = settings.master_key_file;
  }
  return source;
}

std::string login_name() {
  std::array<char, 4096> room{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, room.data(), room.size(), &found) == 0 && found != nullptr)
    return entry.pw_name;
  return "uid " + std::to_string(geteuid());
}

Status owned_by_us(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0 || status.st_uid == ::geteuid()) return {};
  const std::string owner = std::to_string(status.st_uid);
  return fail(make_problem(ErrorKind::configuration, "data-directory-unusable",
                           directory + " belongs to the user with the number " + owner +
                               ", and what another one writes there that one could not read; run "
                               "the command as that user: sudo -u '#" +
                               owner + "' stepwell …"));
}

Result<std::unique_ptr<Backend>> open_offline(const config::Settings& settings) {
  // The key first: without it nothing is made or touched.
  if (Status usable = auth::check_master_key(master_key_source(settings)); !usable)
    return fail(std::move(usable).error());
  if (Status own = owned_by_us(settings.data); !own) return fail(std::move(own).error());
  Result<store::LockFile> lock = store::LockFile::acquire(settings.data);
  if (!lock) return fail(std::move(lock).error());
  if (Status ended = finish_restore(settings.data); !ended) return fail(std::move(ended).error());
  auto backend = std::make_unique<OfflineBackend>(*std::move(lock));
  if (Status status = backend->open(settings); !status) return fail(std::move(status).error());
  return std::unique_ptr<Backend>(std::move(backend));
}

namespace {

Result<std::unique_ptr<Backend>> client_of(const CommandContext& context, Server server) {
  std::optional<std::string> key = context.environment("STEPWELL_API_KEY");
  if (!key || key->empty())
    return fail(
        make_problem(ErrorKind::configuration, "key-missing",
                     "STEPWELL_API_KEY must hold an API key for the daemon at " + server.origin));
  const Secret secret = Secret::take(*std::move(key));
  return std::unique_ptr<Backend>(std::make_unique<ApiClient>(std::move(server), secret));
}

}  // namespace

Result<std::unique_ptr<Backend>> open_backend(const CommandContext& context,
                                              const Connection& connection) {
  const std::string& ca_file = connection.ca_file;
  std::string address = connection.server;
  bool tls = !ca_file.empty();
  if (address.empty() || connection.offline) {
    const Result<config::Settings> settings = read_settings(context);
    if (!settings) return fail(settings.error());
    if (connection.offline) return open_offline(*settings);
    Result<std::string> published = daemon_address(*settings);
    if (!published) return fail(std::move(published).error());
    address = *std::move(published);
    tls = tls || !settings->http_tls_certificate.empty();
  }
  Server server = server_at(address, tls, ca_file);
  server.patience = connection.patience;
  return client_of(context, std::move(server));
}

}  // namespace stepwell::daemon
