#include "config/settings_keys.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.h"
#include "config/byte_size.h"
#include "config/faults.h"
#include "config/template.h"
#include "config/yaml_node.h"

namespace stepwell::config {

namespace {

using Check = SettingKey::Check;

constexpr auto kKeys = std::to_array<SettingKey>({
    {"http.listen", "Where the API and the metrics are served: HOST:PORT. Port 0 takes a free one.",
     &Settings::http_listen, Check::listen},
    {"http.maxConnections", "Connections to the API; one too many is answered 503.",
     &Settings::http_max_connections, Check::positive},
    {"http.maxConnectionsPerAddress",
     "The same, of one client's address. 0: no limit of its own; behind a proxy all clients have "
     "one address.",
     &Settings::http_max_connections_per_address, Check::none},
    {"http.tls.certificate",
     "The API's certificate with its chain (PEM). Empty: no TLS. A reload reads it anew.",
     &Settings::http_tls_certificate, Check::path},
    {"http.tls.key", "The private key of that certificate (PEM), mode 0600.",
     &Settings::http_tls_key, Check::path},
    {"http.tls.clientCa",
     "Certificates of authorities (PEM): clients then need a certificate from one of them, besides "
     "their API key. Empty: they need none.",
     &Settings::http_tls_client_ca, Check::path},
    {"http.rateLimit.requests",
     "Requests that each API key may make within http.rateLimit.per, on average. 0: no limit.",
     &Settings::http_rate_limit_requests, Check::none},
    {"http.rateLimit.per", "The time that they are counted in.", &Settings::http_rate_limit_per,
     Check::positive},
    {"http.rateLimit.burst",
     "Requests that a key may make at once after a pause. 0: as many as http.rateLimit.requests.",
     &Settings::http_rate_limit_burst, Check::none},
    {"http.webhookRateLimit.requests",
     "Calls that each webhook takes without an API key (signed or open ones) within "
     "http.webhookRateLimit.per, on average. 0: no limit.",
     &Settings::http_webhook_rate_limit_requests, Check::none},
    {"http.webhookRateLimit.per", "The time that they are counted in.",
     &Settings::http_webhook_rate_limit_per, Check::positive},
    {"http.webhookRateLimit.burst",
     "Calls that a webhook takes at once after a pause. 0: as many as "
     "http.webhookRateLimit.requests.",
     &Settings::http_webhook_rate_limit_burst, Check::none},
    {"http.client.activePerHost",
     "Requests in flight to one host of one credential, where the host answers fast.",
     &Settings::http_client_active_per_host, Check::positive},
    {"http.client.maxActivePerHost", "The same, where the host answers slowly.",
     &Settings::http_client_max_active_per_host, Check::positive},
    {"http.client.caFile",
     "Certificates that outgoing TLS connections trust (PEM). Empty: the system's.",
     &Settings::http_client_ca_file, Check::path},
    {"http.client.connectTo",
     "Other addresses for hosts, HOST:PORT:HOST:PORT as curl's --connect-to; for tests.",
     &Settings::http_client_connect_to, Check::connect_to},
    {"definitions", "The folder of workflow definitions (*.yaml, *.yml, *.json).",
     &Settings::definitions, Check::path},
    {"reload.watch",
     "Whether a change in the definitions folder, or below it, is loaded by itself, as by a "
     "reload.",
     &Settings::reload_watch, Check::none},
    {"catalog",
     "Where functions of the catalog `default` lie, which every definition can call: a folder, or "
     "a "
     "URI. Empty: there is none.",
     &Settings::catalog, Check::location},
    {"data", "The folder of the database and all else that the daemon keeps.", &Settings::data,
     Check::path},
    {"masterKey.file",
     "The key that encrypts stored credentials. Mode 0600, outside of the data folder. Leave it "
     "empty where one of the next two stands.",
     &Settings::master_key_file, Check::path},
    {"masterKey.credential",
     "Or: the name of a systemd credential that holds the key (LoadCredentialEncrypted=).",
     &Settings::master_key_credential, Check::none},
    {"masterKey.command",
     "Or: a command that writes the key to its standard output: an absolute path and arguments, "
     "split at spaces, without a shell.",
     &Settings::master_key_command, Check::none},
    {"egress.allow",
     "Networks (CIDR) that steps may call although they are denied by default: private, loopback "
     "and the like.",
     &Settings::egress_allow, Check::networks},
    {"egress.deny", "Further networks (CIDR) that steps may not call.", &Settings::egress_deny,
     Check::networks},
    {"log.level", "debug, info, warn or error.", &Settings::log_level, Check::none},
    {"log.format", "logfmt or json; one line an event, on stderr.", &Settings::log_format,
     Check::none},
    {"engine.workers", "Threads that run workflows. 0: one for each core.",
     &Settings::engine_workers, Check::none},
    {"engine.maxInstances",
     "Instances that may be unfinished at once; beyond it the API answers 503.",
     &Settings::engine_max_instances, Check::positive},
    {"expressions.maxCpu",
     "CPU time that one evaluation of an expression may take (ISO 8601, or milliseconds and the "
     "like).",
     &Settings::expressions_max_cpu, Check::positive},
    {"expressions.maxMemory",
     "Memory that it may hold at any one time, beside its input (KiB, MiB, GiB).",
     &Settings::expressions_max_memory, Check::positive},
    {"expressions.maxOutputs", "Outputs that it may give.", &Settings::expressions_max_outputs,
     Check::positive},
    {"expressions.maxDepth", "Levels of the values that it may make, at most 10000.",
     &Settings::expressions_max_depth, Check::levels},
    {"run.shell", "Whether definitions may run shell commands (run: shell).", &Settings::run_shell,
     Check::none},
    {"run.script", "Whether they may run scripts (run: script).", &Settings::run_script,
     Check::none},
    {"run.container", "Whether they may run containers (run: container).", &Settings::run_container,
     Check::none},
    {"run.maxProcesses", "Such processes at a time; others wait for their turn.",
     &Settings::run_max_processes, Check::positive},
    {"run.timeout", "How long each may take (ISO 8601, or seconds and the like).",
     &Settings::run_timeout, Check::positive},
    {"run.grace", "How long it has between SIGTERM and SIGKILL.", &Settings::run_grace,
     Check::none},
    {"run.maxOutput", "What it may write to each stream that becomes the task's output.",
     &Settings::run_max_output, Check::none},
    {"run.directory",
     "Where each gets a directory of its own, deleted after it. Empty: the machine's for temporary "
     "files.",
     &Settings::run_directory, Check::path},
    {"run.environment",
     "Environment variables of the daemon that a process gets too, besides HOME and TMPDIR, which "
     "are its directory; by name.",
     &Settings::run_environment, Check::names},
    {"run.python", "The program for scripts in Python.", &Settings::run_python, Check::path},
    {"run.node", "The program for scripts in JavaScript.", &Settings::run_node, Check::path},
    {"run.containerProgram", "The program for containers: docker, or one with its command line.",
     &Settings::run_container_program, Check::path},
    {"run.containerOptions",
     "Options of its `run` for every container, such as --network=none or --memory=256m.",
     &Settings::run_container_options, Check::none},
    {"run.containerVolumes", "Directories that a container may be given, with what is in them.",
     &Settings::run_container_volumes, Check::none},
    {"events.sink.url",
     "Where events are sent: a URL that takes CloudEvents by POST (structured mode). Empty: "
     "nowhere.",
     &Settings::events_sink_url, Check::url},
    {"events.sink.types",
     "The types of events that are sent; a last * stands for any end. Those of instances and tasks "
     "begin with io.serverlessworkflow., those of `emit` have the type that it gives them.",
     &Settings::events_sink_types, Check::none},
    {"events.sink.credential", "The stored credential that they are sent with. Empty: none.",
     &Settings::events_sink_credential, Check::none},
    {"events.sink.queue",
     "Memory for events that have not been sent yet; beyond it the oldest are dropped.",
     &Settings::events_sink_queue, Check::positive},
    {"instances.retention",
     "Finished instances that are kept and can be read; beyond it the oldest are deleted.",
     &Settings::instances_retention, Check::none},
    {"instances.retentionAge", "How long they are kept after their end.",
     &Settings::instances_retention_age, Check::positive},
    {"journal.maxWaiting",
     "Records of instances that the disk has not taken yet; beyond it no new instance is admitted.",
     &Settings::journal_max_waiting, Check::positive},
    {"journal.maxWaitingSize", "The same, in bytes (KiB, MiB, GiB).",
     &Settings::journal_max_waiting_size, Check::positive},
    {"files.maxSize", "How large an uploaded file may be (KiB, MiB, GiB).",
     &Settings::files_max_size, Check::positive},
    {"files.maxTotal",
     "What all files together may take on the disk; beyond it uploads are refused.",
     &Settings::files_max_total, Check::positive},
    {"files.keepUnused", "How long a file is kept that no instance has taken.",
     &Settings::files_keep_unused, Check::positive},
    {"files.types", "Media types that are taken, such as application/pdf or image/*. Empty: all.",
     &Settings::files_types, Check::none},
    {"email.server",
     "The mail server of `call: email`: smtp://HOST:PORT (encrypted by STARTTLS) or "
     "smtps://HOST:PORT. Empty: each step has to name one.",
     &Settings::email_server, Check::mail_server},
    {"email.from", "The sender of mails whose step names none.", &Settings::email_from,
     Check::none},
    {"email.credential",
     "The stored credential for that server, used by steps that name none. Empty: none.",
     &Settings::email_credential, Check::none},
    {"email.starttls",
     "Whether a connection by smtp:// has to be encrypted: auto (yes, but for this machine's own "
     "server), required, optional or never.",
     &Settings::email_starttls, Check::starttls},
    {"shutdown.grace",
     "How long running requests may take to finish after SIGTERM (ISO 8601, or seconds and the "
     "like).",
     &Settings::shutdown_grace, Check::none},
});

// Of values; what walks through them is made for so many.
constexpr std::int64_t kMostLevels = 10'000;
constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kFormats{"logfmt", "json"};
constexpr std::array<std::string_view, 4> kStartTls{"auto", "required", "optional", "never"};

std::string choice_fault(std::string_view text, std::span<const std::string_view> choices) {
  std::string hint = did_you_mean(text, choices);
  if (hint.empty()) hint = "; expected " + quoted_list(choices, "or");
  return quoted(text) + " is not known here" + hint;
}

bool is_port(std::string_view text) {
  std::uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port <= 65535;
}

std::string listen_fault(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::string_view host =
      colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const bool good = !host.empty() && (bracketed || host.find(':') == std::string_view::npos) &&
                    is_port(text.substr(colon + 1));
  return good ? std::string() : quoted(text) + " is no HOST:PORT";
}

std::string network_fault(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  const bool v4 = inet_pton(AF_INET, address.c_str(), bytes.data()) == 1;
  const bool v6 = !v4 && inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1;
  bool good = v4 || v6;
  if (good && slash != std::string_view::npos) {
    const std::string_view prefix = text.substr(slash + 1);
    std::uint32_t bits = 0;
    const auto [end, error] = std::from_chars(prefix.data(), prefix.data() + prefix.size(), bits);
    good = error == std::errc() && end == prefix.data() + prefix.size() && bits <= (v4 ? 32 : 128);
  }
  return good ? std::string() : quoted(text) + " is no network such as 10.0.0.0/8 or fd00::/8";
}

std::string element_fault(Check check, std::string_view text) {
  if (check == Check::networks) return network_fault(text);
  const bool no_name = text.empty() || text.find('=') != std::string_view::npos;
  if (check == Check::names && no_name) return quoted(text) + " is no name of a variable";
  if (check == Check::connect_to && std::count(text.begin(), text.end(), ':') < 3)
    return quoted(text) + " is no HOST:PORT:HOST:PORT";
  return {};
}

std::string assign_list(std::vector<std::string>& into, Check check, const Value& value) {
  if (!value.is_array()) return "expected a list";
  std::vector<std::string> list;
  for (const Value& element : value.elements()) {
    if (!element.is_string()) return "expected a list of texts";
    std::string fault = element_fault(check, element.as_string());
    if (!fault.empty()) return fault;
    list.emplace_back(element.as_string());
  }
  into = std::move(list);
  return {};
}

std::string assign_text(std::string& into, Check check, const Value& value) {
  if (!value.is_string()) return "expected text";
  if (check == Check::listen) {
    std::string fault = listen_fault(value.as_string());
    if (!fault.empty()) return fault;
  }
  if (check == Check::url && !value.empty() && !value.as_string().starts_with("http://") &&
      !value.as_string().starts_with("https://"))
    return quoted(value.as_string()) + " is no URL that begins with http:// or https://";
  if (check == Check::mail_server && !value.empty() && !value.as_string().starts_with("smtp://") &&
      !value.as_string().starts_with("smtps://"))
    return quoted(value.as_string()) + " is no URL that begins with smtp:// or smtps://";
  if (check == Check::starttls &&
      std::find(kStartTls.begin(), kStartTls.end(), value.as_string()) == kStartTls.end())
    return choice_fault(value.as_string(), kStartTls);
  into = std::string(value.as_string());
  return {};
}

std::string assign_count(std::uint64_t& into, Check check, const Value& value) {
  const std::int64_t least = check == Check::none ? 0 : 1;
  const auto number = value.is_number() ? value.as_integer() : std::optional<std::int64_t>();
  if (check == Check::levels && (!number || *number < least || *number > kMostLevels))
    return "expected a whole number from 1 to " + std::to_string(kMostLevels);
  if (!number || *number < least)
    return "expected a whole number, at least " + std::to_string(least);
  into = static_cast<std::uint64_t>(*number);
  return {};
}

std::string assign_flag(bool& into, const Value& value) {
  if (!value.is_bool()) return "expected true or false";
  into = value.as_bool();
  return {};
}

std::string assign_duration(Milliseconds& into, Check check, const Value& value) {
  Result<Milliseconds> duration =
      value.is_string() ? parse_iso_duration(value.as_string()) : parse_duration_object(value);
  if (!duration) return duration.error().detail;
  if (check == Check::positive && duration->count() == 0) return "expected more than no time";
  into = *duration;
  return {};
}

std::string assign_size(Bytes& into, const Value& value) {
  const bool is_count = value.is_number() && value.as_integer().value_or(-1) > 0;
  if (!is_count && !value.is_string()) return "expected an amount of memory such as 64MiB";
  const Result<Bytes> size =
      is_count ? Result<Bytes>(Bytes{static_cast<std::uint64_t>(*value.as_integer())})
               : parse_byte_size(value.as_string());
  if (!size) return size.error().detail;
  if (size->count == 0) return "expected an amount of memory such as 64MiB";
  into = *size;
  return {};
}

template <class Choice>
std::string assign_choice(Choice& into, std::span<const std::string_view> choices,
                          const Value& value) {
  if (!value.is_string()) return "expected " + quoted_list(choices, "or");
  const auto found = std::find(choices.begin(), choices.end(), value.as_string());
  if (found == choices.end()) return choice_fault(value.as_string(), choices);
  into = static_cast<Choice>(found - choices.begin());
  return {};
}

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

std::string duration_text(Milliseconds duration) {
  const auto milliseconds = duration.count();
  constexpr std::int64_t kDay = 86'400'000;
  if (milliseconds > 0 && milliseconds % kDay == 0)
    return "P" + std::to_string(milliseconds / kDay) + "D";
  if (milliseconds % 1000 == 0) return "PT" + std::to_string(milliseconds / 1000) + "S";
  return "{milliseconds: " + std::to_string(milliseconds) + "}";
}

}  // namespace

std::span<const SettingKey> setting_keys() { return kKeys; }

std::string assign_setting(Settings& settings, const SettingKey& key, const Value& value) {
  const auto check = key.check;
  return std::visit(
      Overloaded{
          [&](std::string Settings::*m) { return assign_text(settings.*m, check, value); },
          [&](std::vector<std::string> Settings::*m) {
            return assign_list(settings.*m, check, value);
          },
          [&](std::uint64_t Settings::*m) { return assign_count(settings.*m, check, value); },
          [&](bool Settings::*m) { return assign_flag(settings.*m, value); },
          [&](Milliseconds Settings::*m) { return assign_duration(settings.*m, check, value); },
          [&](Bytes Settings::*m) { return assign_size(settings.*m, value); },
          [&](LogLevel Settings::*m) { return assign_choice(settings.*m, kLevels, value); },
          [&](LogFormat Settings::*m) { return assign_choice(settings.*m, kFormats, value); }},
      key.target);
}

Value override_value(const SettingKey& key, std::string_view text) {
  if (std::holds_alternative<std::uint64_t Settings::*>(key.target) ||
      std::holds_alternative<bool Settings::*>(key.target)) {
    std::string ignored;
    return resolve_plain_scalar(text, ignored);
  }
  if (!std::holds_alternative<std::vector<std::string> Settings::*>(key.target)) return {text};
  Value list = Value::array();
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    list.push_back(Value(text.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return list;
}

// As a plain scalar where it cannot be anything else to YAML, and in quotes where it could.
std::string string_text(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:+-";
  const bool plain = !text.empty() && text.find_first_not_of(kPlain) == std::string::npos &&
                     text.back() != ':' && text.front() != '-' && text.front() != ':';
  return plain ? text : to_json(Value(text));
}

std::string setting_text(const Settings& settings, const SettingKey& key) {
  return std::visit(
      Overloaded{[&](std::string Settings::*m) { return string_text(settings.*m); },
                 [&](std::vector<std::string> Settings::*m) {
                   Value list = Value::array();
                   for (const std::string& text : settings.*m) list.push_back(Value(text));
                   return to_json(list);
                 },
                 [&](std::uint64_t Settings::*m) { return std::to_string(settings.*m); },
                 [&](bool Settings::*m) { return std::string(settings.*m ? "true" : "false"); },
                 [&](Milliseconds Settings::*m) { return duration_text(settings.*m); },
                 [&](Bytes Settings::*m) { return byte_size_text(settings.*m); },
                 [&](LogLevel Settings::*m) {
                   return std::string(kLevels.at(static_cast<std::size_t>(settings.*m)));
                 },
                 [&](LogFormat Settings::*m) {
                   return std::string(kFormats.at(static_cast<std::size_t>(settings.*m)));
                 }},
      key.target);
}

}  // namespace stepwell::config
