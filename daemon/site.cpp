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
#include "daemon/admin_call.h"
#include "daemon/definitions.h"
#include "daemon/offline_node.h"
#include "daemon/restore_staging.h"
#include "daemon/text_source.h"
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
  OfflineBackend(store::LockFile lock, config::Settings settings)
      : settings_(std::move(settings)), lock_(std::move(lock)) {}

  Status open() {
    Result<std::unique_ptr<store::SqliteSecretStore>> opened =
        store::SqliteSecretStore::open(settings_.data);
    if (!opened) return fail(std::move(opened).error());
    store_ = *std::move(opened);
    Result<std::unique_ptr<auth::Authority>> authority = auth::Authority::open(
        master_key_source(settings_), {*store_, clock_, entropy_, metrics_, Log::null()});
    if (!authority) return fail(std::move(authority).error());
    authority_ = *std::move(authority);
    Result<std::unique_ptr<api::Administration>> made =
        api::Administration::make({*authority_, catalog_, master_key_source(settings_)});
    if (!made) return fail(std::move(made).error());
    administration_ = *std::move(made);
    return {};
  }

  Result<Value> call(const std::string& method, const std::string& target,
                     const Value& body) override {
    const std::string text = body.is_null() ? std::string() : to_json(body);
    if (is_administration(target) && administration_) {
      // Only these look at who refers to what.
      if (method != "GET" || target.ends_with("/usage"))
        read_definitions(settings_.definitions, catalog_);
      return value_of(administration_->call(method, target, text, login_name()));
    }
    if (!is_administration(target) && !OfflineNode::answers(method, target, body))
      return fail(make_problem(ErrorKind::validation, "not-offline",
                               "this exists in a running daemon only; leave --offline out"));
    if (Status opened = open_node(); !opened) return fail(std::move(opened).error());
    return value_of(node_->call(method, target, text, login_name()));
  }

 private:
  static Result<Value> value_of(const api::Response& response) {
    if (response.status >= 400) return fail(problem_of_answer(response.status, response.body));
    if (response.body.empty()) return Value();
    return parse_json(response.body);
  }

  // From then on it has the data directory, and answers everything.
  Status open_node() {
    if (node_) return {};
    administration_.reset();
    authority_.reset();
    store_.reset();
    lock_.reset();
    Result<std::unique_ptr<OfflineNode>> node = OfflineNode::open(settings_);
    if (!node) return fail(std::move(node).error());
    node_ = *std::move(node);
    return {};
  }

  const config::Settings settings_;
  std::optional<store::LockFile> lock_;
  SystemClock clock_;
  SystemEntropy entropy_;
  Metrics metrics_;
  std::unique_ptr<store::SqliteSecretStore> store_;
  std::unique_ptr<auth::Authority> authority_;
  engine::Catalog catalog_;
  std::unique_ptr<api::Administration> administration_;
  std::unique_ptr<OfflineNode> node_;
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
  auto backend = std::make_unique<OfflineBackend>(*std::move(lock), settings);
  if (Status status = backend->open(); !status) return fail(std::move(status).error());
  return std::unique_ptr<Backend>(std::move(backend));
}

namespace {

// Null where none is given.
Result<std::shared_ptr<const http::TlsIdentity>> identity_of(const CommandContext& context,
                                                             const Connection& connection) {
  if (connection.certificate_file.empty()) {
    if (connection.certificate_key_file.empty()) return nullptr;
    return fail(usage_problem("--key is the key of a certificate: give that by --cert FILE"));
  }
  const std::string& key_file = connection.certificate_key_file.empty()
                                    ? connection.certificate_file
                                    : connection.certificate_key_file;
  auto identity = std::make_shared<http::TlsIdentity>();
  for (const auto& [file, into] : {std::pair(&connection.certificate_file, &identity->certificate),
                                   std::pair(&key_file, &identity->key)}) {
    Result<std::string> text = read_file(*file);
    if (!text) return fail(std::move(text).error());
    *into = Secret::take(*std::move(text));
  }
  identity->passphrase =
      Secret::take(context.environment("STEPWELL_CERT_PASSPHRASE").value_or(std::string()));
  return std::shared_ptr<const http::TlsIdentity>(std::move(identity));
}

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
  bool tls = !ca_file.empty() || !connection.certificate_file.empty();
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
  Result<std::shared_ptr<const http::TlsIdentity>> identity = identity_of(context, connection);
  if (!identity) return fail(std::move(identity).error());
  server.identity = *std::move(identity);
  return client_of(context, std::move(server));
}

}  // namespace stepwell::daemon
