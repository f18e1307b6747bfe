#include "daemon/serve_command.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <future>
#include <iostream>
#include <mutex>
#include <optional>
#include <utility>

#include "api/server.h"
#include "daemon/allocator.h"
#include "daemon/definition_watch.h"
#include "daemon/definitions.h"
#include "daemon/exit_code.h"
#include "daemon/notify.h"
#include "daemon/process_options.h"
#include "daemon/site.h"
#include "daemon/validate_command.h"
#include "daemon/wiring.h"

namespace stepwell::daemon {

namespace {

constexpr Milliseconds kEventsAtTheEnd{5'000};     // for the sink to take what is left
constexpr std::uint64_t kFinishedInMemory = 250;   // few, so that they go while they are in caches
constexpr Milliseconds kSleepAfter{10'000};        // an instance with nothing to do leaves memory
constexpr Milliseconds kSnapshotsAtTheEnd{2'000};  // what is left of them makes the start longer

int complain(const Problem& problem, int exit_code) {
  std::cerr << "stepwell: " << problem.one_line() << '\n';
  return exit_code;
}

Result<http::EgressRules> egress_rules(const config::Settings& settings) {
  const auto parse = [](const std::vector<std::string>& texts,
                        std::vector<http::Network>& networks) -> Status {
    for (const std::string& text : texts) {
      auto network = http::Network::parse(text);
      if (!network) return fail(std::move(network.error()));
      networks.push_back(*network);
    }
    return {};
  };
  std::vector<http::Network> allow;
  std::vector<http::Network> deny;
  if (auto parsed = parse(settings.egress_allow, allow); !parsed)
    return fail(std::move(parsed.error()));
  if (auto parsed = parse(settings.egress_deny, deny); !parsed)
    return fail(std::move(parsed.error()));
  return http::EgressRules(std::move(allow), std::move(deny));
}

}  // namespace

Result<NodeOptions> node_options(const config::Settings& settings) {
  auto egress = egress_rules(settings);
  if (!egress) return fail(std::move(egress.error()));
  NodeOptions options;
  options.data_directory = settings.data;
  options.master_key = master_key_source(settings);
  options.log_level = settings.log_level;
  options.log_format = settings.log_format;
  options.reactor.egress = std::move(*egress);
  options.reactor.ca_file = settings.http_client_ca_file;
  options.reactor.connect_to = settings.http_client_connect_to;
  options.reactor.active_per_host = settings.http_client_active_per_host;
  options.reactor.max_active_per_host = settings.http_client_max_active_per_host;
  options.email_step.server = settings.email_server;
  options.email_step.from = settings.email_from;
  options.email_step.credential = settings.email_credential;
  options.email_step.start_tls = settings.email_starttls == "required"   ? http::StartTls::required
                                 : settings.email_starttls == "optional" ? http::StartTls::optional
                                 : settings.email_starttls == "never"    ? http::StartTls::never
                                                                      : http::StartTls::automatic;
  options.event_sink.url = settings.events_sink_url;
  options.event_sink.credential = settings.events_sink_credential;
  options.event_sink.queue = settings.events_sink_queue;
  options.event_sink_types = settings.events_sink_types;
  options.processes = process_runner_options(settings);
  options.process_step = process_step_options(settings);
  options.engine.workers = settings.engine_workers;
  options.engine.max_open = settings.engine_max_instances;
  options.engine.sleep_after = kSleepAfter;
  // The others are read from the journal.
  options.engine.keep_finished = std::min(settings.instances_retention, kFinishedInMemory);
  options.journal.most_waiting = settings.journal_max_waiting;
  options.journal.most_waiting_bytes = settings.journal_max_waiting_size;
  options.files.max_total = settings.files_max_total;
  options.files.keep_unused = settings.files_keep_unused;
  options.files.types = settings.files_types;
  options.retention.count = settings.instances_retention;
  options.retention.age = settings.instances_retention_age;
  options.engine.budget.cpu = settings.expressions_max_cpu;
  options.engine.budget.memory_bytes =
      static_cast<std::int64_t>(settings.expressions_max_memory.count);
  options.engine.budget.outputs = settings.expressions_max_outputs;
  options.engine.budget.depth = static_cast<std::uint32_t>(settings.expressions_max_depth);
  return options;
}

namespace {

// The signals that main's thread waits for; blocked in every thread that is started later.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

class Daemon {
 public:
  Daemon(const ServeOptions& options, config::Settings settings, std::unique_ptr<Node> node)
      : options_(options),
        settings_(std::move(settings)),
        node_(std::move(node)),
        reloads_(node_->metrics().counter("stepwell_reloads_total", "Reloads by outcome.",
                                          {{"outcome", "done"}})),
        failed_reloads_(node_->metrics().counter("stepwell_reloads_total", "Reloads by outcome.",
                                                 {{"outcome", "failed"}})),
        reload_successful_(node_->metrics().gauge("stepwell_last_reload_successful",
                                                  "1 where the last reload was taken over.")),
        watched_(node_->metrics().gauge("stepwell_definitions_watched",
                                        "1 where changes in the definitions folder are seen.")) {}

  // Loads the definitions, brings back what had not ended, and opens the door.
  Status open() {
    const std::scoped_lock lock(reload_mutex_);  // a change that is seen meanwhile comes after it
    if (settings_.reload_watch) {
      watch_ = std::make_unique<DefinitionWatch>([this] { load_changes(); }, node_->clock(),
                                                 node_->log());
      follow(settings_.definitions);
    }
    if (auto loaded = load(settings_); !loaded) return loaded;
    if (auto recovered = node_->recover(); !recovered) return recovered;
    reload_successful_.set(1);
    node_->metrics()
        .gauge("stepwell_build_info", "1, with the version that runs.",
               {{"version", STEPWELL_VERSION}})
        .set(1);
    api::ServerOptions server;
    server.listen = settings_.http_listen;
    server.allow_plaintext = options_.allow_plaintext;
    server.max_connections = settings_.http_max_connections;
    server.max_connections_per_address = settings_.http_max_connections_per_address;
    server.tls = {settings_.http_tls_certificate, settings_.http_tls_key,
                  settings_.http_tls_client_ca};
    server.rate_limit = {settings_.http_rate_limit_requests, settings_.http_rate_limit_per,
                         settings_.http_rate_limit_burst};
    server.webhook_limit = {settings_.http_webhook_rate_limit_requests,
                            settings_.http_webhook_rate_limit_per,
                            settings_.http_webhook_rate_limit_burst};
    auto started = api::Server::start(
        server, {node_->engine(), node_->catalog(), node_->authority(), node_->reactor(),
                 master_key_source(settings_), node_->clock(), node_->entropy(), node_->metrics(),
                 node_->log(), [this] { return reload(); }, [this] { return ready(); },
                 &node_->schedules(), node_->files(), settings_.files_max_size});
    if (!started) return fail(std::move(started.error()));
    server_ = std::move(*started);
    if (auto published = node_->publish(server_->address()); !published) return published;
    node_->schedules().replace(node_->catalog().list());
    node_->engine().go_on();
    accepting_.store(true);
    if (node_->journal() != nullptr) node_->journal()->start();
    node_->log().info("ready", {{"address", server_->address()},
                                {"workflows", node_->catalog().size()},
                                {"version", STEPWELL_VERSION}});
    notify_ready("serving on " + server_->address());
    return {};
  }

  // Until a signal ends it: true; or until the state on disk is in doubt: false. Once a second what
  // has to be done now and then. A reload, which can take a minute where definitions refer to the
  // web, has its own thread; one that is asked for while another is under way comes after it.
  bool serve(const sigset_t& signals) {
    bool wanted = false;
    while (true) {
      const timespec second{1, 0};
      const int signal = sigtimedwait(&signals, nullptr, &second);
      if (signal == SIGTERM || signal == SIGINT) return true;
      wanted = wanted || signal == SIGHUP;
      if (reloading_.valid() && reloading_.wait_for(Milliseconds(0)) == std::future_status::ready) {
        reloading_.get();
        notify_ready("serving on " + server_->address());
      }
      if (wanted && !reloading_.valid()) {
        wanted = false;
        notify_reloading();
        reloading_ = std::async(std::launch::async, [this] { (void)reload(); });
      }
      node_->authority().maintain();
      node_->engine().maintain();
      node_->schedules().maintain();
      if (JournalCare* journal = node_->journal()) {
        journal->maintain();
        if (journal->in_doubt()) return false;
      }
      give_back_free_memory();
      notify_watchdog();
    }
  }

  // Answers nobody any more: what it would say might not be so.
  void give_up() {
    notify_stopping();
    accepting_.store(false);
    leaving_.store(true);
    node_->log().error(
        "nobody knows what of the journal is on the disk; the daemon ends, and the next start goes "
        "on from what is there",
        {{"exitCode", static_cast<int>(kInDoubt)}});
    node_->engine().begin_no_more();
    node_->schedules().stop();
    server_->stop(Milliseconds(0));
    if (reloading_.valid()) reloading_.wait();
    server_.reset();
    if (watch_) watch_->stop();
  }

  // Takes no new work, lets the steps that are in flight finish for a while, and goes. What has not
  // ended goes on at the next start; who waits for a timer, an event or a person holds nobody up.
  void close() {
    notify_stopping();
    accepting_.store(false);
    leaving_.store(true);
    engine::Engine& engine = node_->engine();
    const Deadline deadline = Deadline::after(node_->clock(), settings_.shutdown_grace);
    engine.begin_no_more();
    node_->log().info("stopping", {{"openInstances", engine.open_instances()}});
    node_->schedules().stop();
    const bool rested = engine.wait_for_rest(deadline);
    const std::size_t cut = engine.steps_in_flight();
    engine.take_snapshots(Deadline::after(node_->clock(), kSnapshotsAtTheEnd));
    const Deadline soon = Deadline::after(node_->clock(), kEventsAtTheEnd);
    if (!node_->flush_events(soon)) node_->log().warn("events are left that were not sent");
    server_->stop(Milliseconds(1'000));
    if (reloading_.valid()) reloading_.wait();  // for one fetch at most
    server_.reset();
    if (watch_) watch_->stop();     // which nobody asks for anything any more
    node_->authority().maintain();  // what the last answers taught about credentials
    node_->log().info(
        "stopped",
        {{"openInstances", engine.open_instances()}, {"stepsInFlight", cut}, {"drained", rested}});
  }

 private:
  Status load(const config::Settings& settings) {
    const auth::Gate& gate = node_->authority().gate();
    DefinitionResources resources(
        [this](const config::ResourceRequest& request,
               Milliseconds longest) -> Result<std::string> {
          if (leaving_.load())
            return fail(
                make_problem(ErrorKind::runtime, "shutting-down", "the daemon is stopping"));
          return node_->fetcher().fetch(request, longest);
        },
        settings.catalog, [&gate](std::string_view text) { return gate.knows_part_of(text); });
    auto loaded = load_definitions(settings.definitions, node_->engine(), node_->catalog(), gate,
                                   resources, node_->log());
    if (!loaded) return loaded;
    for (const engine::Catalog::Entry& entry : node_->catalog().list())
      warn_of_processes(*entry.definition, process_step_options(settings_), node_->log());
    return loaded;
  }

  // Settings and definitions are read anew; a fault in either leaves everything as it was. Of the
  // settings, the log's level, the definitions folder and the catalog take effect, and the files of
  // TLS are read anew; the rest at the next start. Called from a thread of the API as well, one at
  // a time.
  Status reload() {
    const std::scoped_lock lock(reload_mutex_);
    return reload_locked(true);
  }

  // The same, where the definitions folder has changed by itself.
  void load_changes() {
    const std::scoped_lock lock(reload_mutex_);
    if (!accepting_.load()) return;
    node_->log().info("definitions have changed");
    (void)reload_locked(false);
  }

  void follow(const std::string& folder) {
    if (!watch_) return;
    watch_->follow(folder);
    watched_.set(watch_->watches() ? 1 : 0);
  }

  Status reload_locked(bool with_certificate) {
    const auto done = [this](Status outcome) {
      reload_successful_.set(outcome ? 1 : 0);
      (outcome ? reloads_ : failed_reloads_).increment();
      if (outcome)
        node_->log().info("reloaded", {{"workflows", node_->catalog().size()}});
      else
        node_->log().error("reload failed; what was loaded before goes on",
                           {{"problem", outcome.error().one_line()}});
      return outcome;
    };
    auto settings = effective_settings(options_.config, options_.overrides);
    if (!settings) return done(fail(std::move(settings.error())));
    if (with_certificate && server_)
      if (auto renewed = server_->reload_tls(); !renewed) return done(std::move(renewed));
    follow(settings->definitions);
    if (auto loaded = load(*settings); !loaded) return done(std::move(loaded));
    node_->log().set_level(settings->log_level);
    if (accepting_.load()) node_->schedules().replace(node_->catalog().list());
    return done({});
  }

  Status ready() const {
    if (accepting_.load()) {
      const JournalCare* journal = node_->journal();
      return journal != nullptr ? journal->ready() : Status();
    }
    Problem problem =
        make_problem(ErrorKind::runtime, "not-ready", "the daemon is starting or stopping");
    problem.status = 503;
    return fail(std::move(problem));
  }

  const ServeOptions& options_;
  const config::Settings settings_;
  std::unique_ptr<Node> node_;
  Counter reloads_;
  Counter failed_reloads_;
  Gauge reload_successful_;
  Gauge watched_;
  std::mutex reload_mutex_;
  std::atomic<bool> accepting_{false};
  std::atomic<bool> leaving_{false};
  std::unique_ptr<api::Server> server_;
  std::future<void> reloading_;             // by SIGHUP; main's thread alone touches it
  std::unique_ptr<DefinitionWatch> watch_;  // null: switched off
};

}  // namespace

Result<config::Settings> effective_settings(const std::string& file,
                                            const std::vector<std::string>& overrides) {
  auto loaded = config::load_settings_file(file);
  for (const config::Fault& fault : loaded.faults) std::cerr << fault.text() << '\n';
  if (!loaded.settings) {
    return fail(make_problem(ErrorKind::configuration, "settings-invalid",
                             file + " has faults; nothing was changed"));
  }
  const auto lookup = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
  if (auto applied = config::apply_environment(*loaded.settings, lookup); !applied)
    return fail(std::move(applied.error()));
  for (const std::string& assignment : overrides)
    if (auto applied = config::apply_override(*loaded.settings, assignment); !applied)
      return fail(std::move(applied.error()));
  return std::move(*loaded.settings);
}

int serve(const ServeOptions& options) {
  const sigset_t signals = block_signals();
  auto settings = effective_settings(options.config, options.overrides);
  if (!settings) return complain(settings.error(), kUsage);
  if (!options.listen.empty()) settings->http_listen = options.listen;
  const auto node_settings = node_options(*settings);
  if (!node_settings) return complain(node_settings.error(), kUsage);
  auto node = Node::open(*node_settings);
  if (!node) return complain(node.error(), kFailed);
  Daemon daemon(options, std::move(*settings), std::move(*node));
  if (auto opened = daemon.open(); !opened)
    return complain(opened.error(),
                    opened.error().code == "definitions-invalid" ? kUsage : kFailed);
  if (!daemon.serve(signals)) {
    daemon.give_up();
    return kInDoubt;
  }
  daemon.close();
  return kDone;
}

int check_config(const ServeOptions& options) {
  auto settings = effective_settings(options.config, options.overrides);
  if (!settings) return complain(settings.error(), kUsage);
  const auto node_settings = node_options(*settings);
  if (!node_settings) return complain(node_settings.error(), kUsage);
  CommandContext context;
  const int definitions =
      validate({{settings->definitions}, ValidateOutput::text, false, settings->catalog},
               node_settings->reactor, context);
  if (definitions != kDone) return definitions;
  std::cout << options.config << ": ok\n";
  return kDone;
}

}  // namespace stepwell::daemon
