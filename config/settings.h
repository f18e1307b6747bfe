// The daemon's settings: stepwell.yaml, then the environment, then `--set`. Every key is described
// once, in settings_keys.cpp; reading, overriding and the file that `init` writes follow from it.
// A plain value; the functions are pure but for load_settings_file().
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/units.h"
#include "config/loader.h"

namespace stepwell::config {

struct Settings {
  std::string http_listen = "127.0.0.1:8080";  // HOST:PORT; port 0 takes a free one
  std::uint64_t http_max_connections = 10'000;
  std::uint64_t http_max_connections_per_address = 0;  // 0: no limit of its own
  std::string http_tls_certificate;  // files; where this one is empty there is no TLS
  std::string http_tls_key;
  std::string http_tls_client_ca;              // empty: clients need no certificate
  std::uint64_t http_rate_limit_requests = 0;  // of a key, in such a time; 0: no limit
  Milliseconds http_rate_limit_per{1'000};
  std::uint64_t http_rate_limit_burst = 0;             // 0: as many as `requests`
  std::uint64_t http_webhook_rate_limit_requests = 0;  // the same of a webhook without a key
  Milliseconds http_webhook_rate_limit_per{1'000};
  std::uint64_t http_webhook_rate_limit_burst = 0;
  std::uint64_t http_client_active_per_host = 64;
  std::uint64_t http_client_max_active_per_host = 16'384;
  std::string http_client_ca_file;                  // empty: the system's
  std::vector<std::string> http_client_connect_to;  // HOST:PORT:HOST:PORT
  std::string definitions = "definitions";          // a folder
  bool reload_watch = true;                         // of the definitions
  std::string catalog;                              // a folder or a URI; empty: none
  std::string data = "data";                        // a folder
  // Exactly one of these three is not empty.
  std::string master_key_file = "secrets/master.key";
  std::string master_key_credential;
  std::string master_key_command;
  std::vector<std::string> egress_allow;  // CIDRs, their syntax checked
  std::vector<std::string> egress_deny;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::logfmt;
  std::uint64_t engine_workers = 0;  // 0: one for each core
  std::uint64_t engine_max_instances = 100'000;
  // What one evaluation of an expression may take.
  Milliseconds expressions_max_cpu{1000};
  Bytes expressions_max_memory = 64_MiB;
  std::uint64_t expressions_max_outputs = 1'000'000;
  std::uint64_t expressions_max_depth = 10'000;
  // Processes of `run: shell`, `script` and `container`.
  bool run_shell = false;
  bool run_script = false;
  bool run_container = false;
  std::uint64_t run_max_processes = 64;
  Milliseconds run_timeout{300'000};
  Milliseconds run_grace{2'000};
  Bytes run_max_output = 1_MiB;
  std::string run_directory;  // empty: the machine's for temporary files
  std::vector<std::string> run_environment{"PATH", "LANG", "LC_ALL", "TZ"};  // names
  std::string run_python = "/usr/bin/python3";
  std::string run_node = "/usr/bin/node";
  std::string run_container_program = "/usr/bin/docker";
  std::vector<std::string> run_container_options;
  std::vector<std::string> run_container_volumes;  // directories
  std::string events_sink_url;                     // empty: none
  std::vector<std::string> events_sink_types{"io.serverlessworkflow.*"};
  std::string events_sink_credential;  // its name; empty: none
  Bytes events_sink_queue = 16_MiB;
  // Finished instances that can still be read: so many, for so long.
  std::uint64_t instances_retention = 100'000;
  Milliseconds instances_retention_age = std::chrono::hours(24 * 30);
  // Records that the disk has not taken yet.
  std::uint64_t journal_max_waiting = 100'000;
  Bytes journal_max_waiting_size = 256_MiB;
  // What clients hand in: one file, all of them, those that no instance took; their media types.
  Bytes files_max_size = 100_MiB;
  Bytes files_max_total = 10'240_MiB;
  Milliseconds files_keep_unused = std::chrono::hours(24);
  std::vector<std::string> files_types;  // empty: all
  // Of `call: email`, where the step says nothing else.
  std::string email_server;             // smtp://HOST:PORT or smtps://HOST:PORT; empty: none
  std::string email_from;               // an address
  std::string email_credential;         // its name; empty: none
  std::string email_starttls = "auto";  // or required, optional, never
  Milliseconds shutdown_grace{30'000};

  bool operator==(const Settings&) const = default;
};

struct LoadedSettings {
  std::optional<Settings> settings;  // nothing where there is any error
  std::vector<Fault> faults;         // in the order of their places
};

// Paths in the file are relative to the folder of `file`, defaults included. Of the master key's
// sources it may name one; a later layer (environment, override) that names another replaces it.
LoadedSettings load_settings(std::string_view text, const std::string& file);
LoadedSettings load_settings_file(const std::string& path);

// "http.listen=127.0.0.1:9090"; lists are separated by commas; paths stay as they are written.
// Errors: configuration/`settings-invalid`.
Status apply_override(Settings& settings, std::string_view assignment);
// Every key as STEPWELL_HTTP_LISTEN, STEPWELL_MASTER_KEY_FILE and so on. `lookup` answers what
// getenv would.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;
Status apply_environment(Settings& settings, const EnvironmentLookup& lookup);
// The variable's name of a key: "http.client.caFile" is STEPWELL_HTTP_CLIENT_CA_FILE.
std::string environment_name(std::string_view key);

// What `stepwell init` writes: every key with what it means, at its default or as given.
std::string settings_text(const Settings& settings = {});

}  // namespace stepwell::config
