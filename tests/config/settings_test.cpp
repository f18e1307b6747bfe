#include "config/settings.h"

#include <gtest/gtest.h>

#include <map>

namespace stepwell::config {
namespace {

std::string faults_of(std::string_view text) {
  std::string out;
  for (const Fault& fault : load_settings(text, "s.yaml").faults) out += fault.text() + "\n";
  return out;
}

TEST(Settings, AreReadBackAsTheyWereWritten) {
  for (const char* data : {"/srv/a #1", "a: b", "- x", "C:", "\"quoted\"", "ä/ö", "plain/folder"}) {
    Settings settings;
    settings.data = data;
    const LoadedSettings loaded = load_settings(settings_text(settings), "stepwell.yaml");
    ASSERT_TRUE(loaded.settings) << data;
    EXPECT_EQ(loaded.settings->data, data);
  }
}

TEST(Settings, TheFileThatInitWritesSaysTheDefaults) {
  const LoadedSettings loaded = load_settings(settings_text(), "stepwell.yaml");
  ASSERT_TRUE(loaded.settings) << loaded.faults.at(0).text() << settings_text();
  EXPECT_EQ(*loaded.settings, Settings());
}

TEST(Settings, TheFileThatInitWritesDescribesEveryKey) {
  const std::string text = settings_text();
  for (const std::string_view line : {"\nhttp:\n  # Where the API",
                                      "\n  listen: 127.0.0.1:8080\n",
                                      "\n  client:\n    # Requests in flight",
                                      "\n    activePerHost: 64\n",
                                      "\n    maxActivePerHost: 16384\n",
                                      "\n    caFile: \"\"\n",
                                      "\n    connectTo: []\n",
                                      "\ndefinitions: definitions\n",
                                      "\ndata: data\n",
                                      "\nmasterKey:\n  # The key",
                                      "\n  file: secrets/master.key\n",
                                      "\n  allow: []\n",
                                      "\n  deny: []\n",
                                      "\n  level: info\n",
                                      "\n  format: logfmt\n",
                                      "\n  workers: 0\n",
                                      "\n  maxInstances: 100000\n",
                                      "\n  retention: 100000\n",
                                      "\n  retentionAge: P30D\n",
                                      "\njournal:\n  # Records",
                                      "\n  maxWaiting: 100000\n",
                                      "\n  maxWaitingSize: 256MiB\n",
                                      "\n  grace: PT30S\n",
                                      "\nexpressions:\n  # CPU time",
                                      "\n  maxCpu: PT1S\n",
                                      "\n  maxMemory: 64MiB\n",
                                      "\n  maxOutputs: 1000000\n",
                                      "\n  maxDepth: 10000\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n---\n" << text;
}

TEST(Settings, AnEmptyFileIsTheDefaults) {
  EXPECT_EQ(load_settings("", "s.yaml").settings, Settings());
  EXPECT_EQ(load_settings("http:\n  # listen: x\n", "s.yaml").settings, Settings());
}

TEST(Settings, ReadsEveryKey) {
  const LoadedSettings loaded = load_settings(R"(
http: {listen: "[::1]:0", maxConnections: 5, maxConnectionsPerAddress: 2,
       tls: {certificate: c.pem, key: /k.pem, clientCa: a.pem},
       rateLimit: {requests: 100, per: PT10S, burst: 7}, client: {activePerHost: 1, maxActivePerHost: 2, caFile: ca.pem,
       connectTo: ["a:443:127.0.0.1:8443"]}}
definitions: /defs
reload: {watch: false}
data: d
masterKey: {file: ../k}
egress: {allow: [127.0.0.0/8, "::1"], deny: ["fd00::/8"]}
log: {level: warn, format: json}
engine: {workers: 3, maxInstances: 7}
shutdown: {grace: {seconds: 2}}
instances: {retention: 0, retentionAge: P1D}
journal: {maxWaiting: 9, maxWaitingSize: 1MiB}
expressions: {maxCpu: PT0.1S, maxMemory: 512KiB, maxOutputs: 5, maxDepth: 100}
run: {shell: true, script: true, container: true, maxProcesses: 3, timeout: PT1S, grace: PT0S,
      maxOutput: 2KiB, directory: tmp, environment: [PATH, A], python: py, node: /n,
      containerProgram: /p, containerOptions: [--network=none], containerVolumes: [/v]}
events: {sink: {url: "https://s.example.com/e", types: [a, "b.*"], credential: c, queue: 1KiB}}
files: {maxSize: 1KiB, maxTotal: 2MiB, keepUnused: PT1H, types: [application/pdf, "image/*"]}
email: {server: "smtps://mail.example.com", from: s@example.com, credential: m, starttls: required}
)",
                                              "/etc/stepwell/s.yaml");
  ASSERT_TRUE(loaded.settings) << loaded.faults.at(0).text();
  Settings expected;
  expected.http_listen = "[::1]:0";
  expected.http_max_connections = 5;
  expected.http_max_connections_per_address = 2;
  expected.http_tls_certificate = "/etc/stepwell/c.pem";
  expected.http_tls_key = "/k.pem";
  expected.http_tls_client_ca = "/etc/stepwell/a.pem";
  expected.http_rate_limit_requests = 100;
  expected.http_rate_limit_per = Milliseconds(10'000);
  expected.http_rate_limit_burst = 7;
  expected.http_client_active_per_host = 1;
  expected.http_client_max_active_per_host = 2;
  expected.http_client_ca_file = "/etc/stepwell/ca.pem";
  expected.http_client_connect_to = {"a:443:127.0.0.1:8443"};
  expected.definitions = "/defs";
  expected.reload_watch = false;
  expected.data = "/etc/stepwell/d";
  expected.master_key_file = "/etc/stepwell/../k";
  expected.egress_allow = {"127.0.0.0/8", "::1"};
  expected.egress_deny = {"fd00::/8"};
  expected.log_level = LogLevel::warn;
  expected.log_format = LogFormat::json;
  expected.engine_workers = 3;
  expected.engine_max_instances = 7;
  expected.shutdown_grace = Milliseconds(2000);
  expected.instances_retention = 0;
  expected.instances_retention_age = Milliseconds(86'400'000);
  expected.journal_max_waiting = 9;
  expected.journal_max_waiting_size = 1_MiB;
  expected.expressions_max_cpu = Milliseconds(100);
  expected.expressions_max_memory = 512_KiB;
  expected.expressions_max_outputs = 5;
  expected.expressions_max_depth = 100;
  expected.run_shell = expected.run_script = expected.run_container = true;
  expected.run_max_processes = 3;
  expected.run_timeout = Milliseconds(1000);
  expected.run_grace = Milliseconds(0);
  expected.run_max_output = 2_KiB;
  expected.run_directory = "/etc/stepwell/tmp";
  expected.run_environment = {"PATH", "A"};
  expected.run_python = "/etc/stepwell/py";
  expected.run_node = "/n";
  expected.run_container_program = "/p";
  expected.run_container_options = {"--network=none"};
  expected.run_container_volumes = {"/v"};
  expected.events_sink_url = "https://s.example.com/e";
  expected.events_sink_types = {"a", "b.*"};
  expected.events_sink_credential = "c";
  expected.events_sink_queue = 1_KiB;
  expected.files_max_size = 1_KiB;
  expected.files_max_total = 2_MiB;
  expected.files_keep_unused = std::chrono::hours(1);
  expected.files_types = {"application/pdf", "image/*"};
  expected.email_server = "smtps://mail.example.com";
  expected.email_from = "s@example.com";
  expected.email_credential = "m";
  expected.email_starttls = "required";
  EXPECT_EQ(*loaded.settings, expected);
}

TEST(Settings, DefaultPathsAreRelativeToTheFileToo) {
  const LoadedSettings loaded = load_settings("log: {level: debug}", "conf/s.yaml");
  EXPECT_EQ(loaded.settings->data, "conf/data");
  EXPECT_EQ(loaded.settings->http_client_ca_file, "");
  const auto catalog = [](const std::string& text) {
    return load_settings("catalog: " + text, "conf/s.yaml").settings->catalog;
  };
  EXPECT_EQ(catalog("functions"), "conf/functions");
  EXPECT_EQ(catalog("https://c.example/"), "https://c.example/");
  EXPECT_EQ(catalog("file:///srv/c"), "file:///srv/c");
}

TEST(Settings, EveryFaultHasItsPlace) {
  struct Case {
    std::string_view text;
    std::string_view faults;
  };
  const std::vector<Case> cases{
      {"http:\n  listn: x\nlgo: 1\n",
       "s.yaml:2:3: error: unknown setting `http.listn`, did you mean `listen`?\n"
       "s.yaml:3:1: error: unknown setting `lgo`, did you mean `log`?\n"},
      {"zzz: 1\n",
       "s.yaml:1:1: error: unknown setting `zzz`; expected `http`, `definitions`, `reload`, "
       "`catalog`, `data`, "
       "`masterKey`, `egress`, `log`, `engine`, `expressions`, `run`, `events`, `instances`, "
       "`journal`, `files`, `email` or `shutdown`\n"},
      {"events: {sink: {url: sink.example.com}}\n",
       "s.yaml:1:22: error: `events.sink.url`: `sink.example.com` is no URL that begins with "
       "http:// "
       "or https://\n"},
      {"email: {server: mail.example.com, starttls: no way}\n",
       "s.yaml:1:17: error: `email.server`: `mail.example.com` is no URL that begins with smtp:// "
       "or smtps://\n"
       "s.yaml:1:45: error: `email.starttls`: `no way` is not known here; expected `auto`, "
       "`required`, `optional` or `never`\n"},
      {"http: 5\n", "s.yaml:1:7: error: expected a mapping below `http`\n"},
      {"- a\n", "s.yaml:1:1: error: expected a mapping\n"},
      {"data: 5\n", "s.yaml:1:7: error: `data`: expected text\n"},
      {"http: {listen: here}\n", "s.yaml:1:16: error: `http.listen`: `here` is no HOST:PORT\n"},
      {"http: {listen: \"h:70000\"}\n",
       "s.yaml:1:16: error: `http.listen`: `h:70000` is no HOST:PORT\n"},
      {"http: {listen: \"::1:80\"}\n",
       "s.yaml:1:16: error: `http.listen`: `::1:80` is no HOST:PORT\n"},
      {"egress: {allow: [10.0.0.0/33]}\n",
       "s.yaml:1:17: error: `egress.allow`: `10.0.0.0/33` is no network such as 10.0.0.0/8 or "
       "fd00::/8\n"},
      {"egress: {deny: 10.0.0.0/8}\n", "s.yaml:1:16: error: `egress.deny`: expected a list\n"},
      {"log: {level: wran}\n",
       "s.yaml:1:14: error: `log.level`: `wran` is not known here, did you mean `warn`?\n"},
      {"log: {format: xml}\n",
       "s.yaml:1:15: error: `log.format`: `xml` is not known here; expected `logfmt` or `json`\n"},
      {"engine: {workers: -1}\n",
       "s.yaml:1:19: error: `engine.workers`: expected a whole number, at least 0\n"},
      {"engine: {maxInstances: 0}\n",
       "s.yaml:1:24: error: `engine.maxInstances`: expected a whole number, at least 1\n"},
      {"shutdown: {grace: soon}\n",
       "s.yaml:1:19: error: `shutdown.grace`: `soon` is no ISO 8601 duration such as PT1.5S or "
       "P1DT12H\n"},
      {"run: {shell: yes}\n", "s.yaml:1:14: error: `run.shell`: expected true or false\n"},
      {"run: {environment: [A=b]}\n",
       "s.yaml:1:20: error: `run.environment`: `A=b` is no name of a variable\n"},
      {"expressions: {maxCpu: PT0S}\n",
       "s.yaml:1:23: error: `expressions.maxCpu`: expected more than no time\n"},
      {"expressions: {maxCpu: 5}\n",
       "s.yaml:1:23: error: `expressions.maxCpu`: expected ISO 8601 text or an object with "
       "days, hours, minutes, seconds or milliseconds\n"},
      {"expressions: {maxMemory: 64 apples}\n",
       "s.yaml:1:26: error: `expressions.maxMemory`: `64 apples` is no amount of memory such as "
       "64MiB or 512KiB\n"},
      {"expressions: {maxMemory: 0}\n",
       "s.yaml:1:26: error: `expressions.maxMemory`: expected an amount of memory such as 64MiB\n"},
      {"expressions: {maxMemory: [1]}\n",
       "s.yaml:1:26: error: `expressions.maxMemory`: expected an amount of memory such as 64MiB\n"},
      {"expressions: {maxOutputs: 0}\n",
       "s.yaml:1:27: error: `expressions.maxOutputs`: expected a whole number, at least 1\n"},
      {"expressions: {maxDepth: 10001}\n",
       "s.yaml:1:25: error: `expressions.maxDepth`: expected a whole number from 1 to 10000\n"},
      {"data: a\ndata: b\n", "s.yaml:2:1: error: the key `data` is there twice\n"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(faults_of(c.text), c.faults);
    EXPECT_FALSE(load_settings(c.text, "s.yaml").settings);
  }
}

TEST(Settings, AnAmountOfMemoryHasAUnitOrIsInBytes) {
  for (const auto& [text, bytes] :
       std::vector<std::pair<std::string_view, std::uint64_t>>{{"1", 1},
                                                               {"\"1\"", 1},
                                                               {"2KiB", 2048},
                                                               {"\"3MiB\"", 3ULL << 20U},
                                                               {"4GiB", 4ULL << 30U}}) {
    const auto loaded =
        load_settings("expressions: {maxMemory: " + std::string(text) + "}", "s.yaml");
    ASSERT_TRUE(loaded.settings) << text;
    EXPECT_EQ(loaded.settings->expressions_max_memory.count, bytes);
  }
  for (const char* text : {"1kB", "1 MiB", "-1", "1.5", "MiB", "99999999999GiB", "0MiB", "''"})
    EXPECT_FALSE(
        load_settings("expressions: {maxMemory: " + std::string(text) + "}", "s.yaml").settings)
        << text;
}

TEST(Settings, AFileThatCannotBeReadIsAFault) {
  const LoadedSettings loaded = load_settings_file("/nonexistent/s.yaml");
  EXPECT_FALSE(loaded.settings);
  ASSERT_EQ(loaded.faults.size(), 1U);
  EXPECT_EQ(loaded.faults[0].text(), "/nonexistent/s.yaml:0:0: error: the file cannot be read");
}

TEST(Settings, OverridesAreTextOfTheKeysKind) {
  Settings settings;
  EXPECT_TRUE(apply_override(settings, "http.listen=0.0.0.0:1"));
  EXPECT_TRUE(apply_override(settings, "engine.workers=4"));
  EXPECT_TRUE(apply_override(settings, "egress.allow=127.0.0.0/8,10.0.0.0/8"));
  EXPECT_TRUE(apply_override(settings, "shutdown.grace=PT1S"));
  EXPECT_TRUE(apply_override(settings, "log.format=json"));
  EXPECT_TRUE(apply_override(settings, "data=5"));
  EXPECT_TRUE(apply_override(settings, "expressions.maxMemory=1GiB"));
  EXPECT_TRUE(apply_override(settings, "expressions.maxCpu=PT0.1S"));
  EXPECT_EQ(settings.expressions_max_memory, 1024_MiB);
  EXPECT_EQ(settings.expressions_max_cpu, Milliseconds(100));
  EXPECT_TRUE(apply_override(settings, "http.client.caFile=a=b.pem"));
  EXPECT_EQ(settings.http_listen, "0.0.0.0:1");
  EXPECT_EQ(settings.engine_workers, 4U);
  EXPECT_EQ(settings.egress_allow, (std::vector<std::string>{"127.0.0.0/8", "10.0.0.0/8"}));
  EXPECT_EQ(settings.shutdown_grace, Milliseconds(1000));
  EXPECT_EQ(settings.log_format, LogFormat::json);
  EXPECT_EQ(settings.data, "5");
  EXPECT_EQ(settings.http_client_ca_file, "a=b.pem");
  EXPECT_TRUE(apply_override(settings, "egress.allow="));
  EXPECT_TRUE(settings.egress_allow.empty());
}

TEST(Settings, WrongOverridesChangeNothing) {
  Settings settings;
  const auto detail = [&](std::string_view text) {
    const Status status = apply_override(settings, text);
    return status ? "taken" : status.error().code + ": " + status.error().detail;
  };
  EXPECT_EQ(detail("http.listen"), "settings-invalid: expected KEY=VALUE, found `http.listen`");
  EXPECT_EQ(detail("http.lisen=x"),
            "settings-invalid: unknown setting `http.lisen`, did you mean `http.listen`?");
  EXPECT_EQ(detail("engine.workers=many"),
            "settings-invalid: `engine.workers`: expected a whole number, at least 0");
  EXPECT_EQ(settings, Settings());
}

TEST(Settings, TheEnvironmentNamesEveryKey) {
  EXPECT_EQ(environment_name("http.listen"), "STEPWELL_HTTP_LISTEN");
  EXPECT_EQ(environment_name("masterKey.file"), "STEPWELL_MASTER_KEY_FILE");
  EXPECT_EQ(environment_name("http.client.maxActivePerHost"),
            "STEPWELL_HTTP_CLIENT_MAX_ACTIVE_PER_HOST");
  std::map<std::string, std::string> environment{{"STEPWELL_LOG_LEVEL", "error"},
                                                 {"STEPWELL_ENGINE_MAX_INSTANCES", "12"},
                                                 {"STEPWELL_API_KEY", "x"}};
  const auto lookup = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  Settings settings;
  ASSERT_TRUE(apply_environment(settings, lookup));
  EXPECT_EQ(settings.log_level, LogLevel::error);
  EXPECT_EQ(settings.engine_max_instances, 12U);
  environment["STEPWELL_LOG_FORMAT"] = "jsn";
  const Status status = apply_environment(settings, lookup);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().detail,
            "STEPWELL_LOG_FORMAT: `jsn` is not known here, did you mean `json`?");
}

TEST(Settings, TheMasterKeyHasOneSource) {
  // A file that names another source does not get the default one beside it.
  const auto sources = [](const Settings& s) {
    return s.master_key_file + "|" + s.master_key_credential + "|" + s.master_key_command;
  };
  const auto read = [&](const std::string& text) {
    const LoadedSettings loaded = load_settings(text, "/etc/s.yaml");
    return loaded.settings ? sources(*loaded.settings) : loaded.faults.at(0).text();
  };
  EXPECT_EQ(read(""), "/etc/secrets/master.key||");
  EXPECT_EQ(read("masterKey: {file: k}"), "/etc/k||");
  EXPECT_EQ(read("masterKey: {credential: key}"), "|key|");
  EXPECT_EQ(read("masterKey: {file: '', command: /bin/cat k}"), "||/bin/cat k");
  const std::string fault =
      "/etc/s.yaml:1:1: error: only one of `masterKey.file`, `masterKey.credential` and "
      "`masterKey.command` can be given; leave the others empty";
  EXPECT_EQ(read("masterKey: {file: k, credential: key}"), fault);
  EXPECT_EQ(read("masterKey: {credential: key, command: /bin/cat}"), fault);
  // A later layer replaces it.
  Settings settings;
  ASSERT_TRUE(apply_override(settings, "masterKey.credential=key"));
  EXPECT_EQ(sources(settings), "|key|");
  ASSERT_TRUE(apply_override(settings, "masterKey.file=k"));
  EXPECT_EQ(sources(settings), "k||");
  const auto command = [](const std::string& name) {
    return name == "STEPWELL_MASTER_KEY_COMMAND" ? std::optional<std::string>("/bin/x")
                                                 : std::nullopt;
  };
  ASSERT_TRUE(apply_environment(settings, command));
  EXPECT_EQ(sources(settings), "||/bin/x");
  const Status both = apply_environment(settings, [](const std::string& name) {
    return name.starts_with("STEPWELL_MASTER_KEY_") ? std::optional<std::string>("/x")
                                                    : std::nullopt;
  });
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, "settings-invalid");
}

}  // namespace
}  // namespace stepwell::config
