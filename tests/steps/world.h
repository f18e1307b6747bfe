// A node in small: real reactor, real gate over a memory store, real engine; the test runs
// definitions against servers of its own.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <string>

#include "auth/authority.h"
#include "auth/master_key.h"
#include "base/json.h"
#include "config/loader.h"
#include "engine/engine.h"
#include "engine/memory_journal.h"
#include "steps/email_step.h"
#include "steps/http_step.h"
#include "steps/openapi_step.h"
#include "steps/reactor_timers.h"
#include "steps/steps.h"
#include "tests/support/memory_secret_store.h"
#include "tests/support/misbehaving_server.h"

namespace stepwell::steps::test {

inline const auth::Actor kAna{"ana", "test"};

class World {
 public:
  // `host_limit`: requests at a time to one host; 0: as a node has it.
  explicit World(std::size_t host_limit = 0, const OpenApiOptions& openapi_options = {}) {
    const Secret master = auth::random_master_key(entropy);
    authority = std::move(
        auth::Authority::open(master, {store, clock, entropy, metrics, Log::null()}).value());
    http::ReactorOptions options;
    options.egress = http::EgressRules({http::Network::parse("127.0.0.0/8").value()}, {});
    if (host_limit != 0) options.active_per_host = options.max_active_per_host = host_limit;
    reactor = std::make_unique<http::Reactor>(std::move(options), clock, metrics, Log::null());
    authority->gate().connect(
        {[this](const std::string& pool) { reactor->abort_sending(pool); },
         [this](const std::string& pool) { reactor->drop_pool(pool); },
         [this](const std::string& pool, const Problem& why) { reactor->abort_pool(pool, why); },
         [this](std::unique_ptr<http::Exchange> exchange) {
           reactor->submit(std::move(exchange));
         }});
    timers = std::make_unique<ReactorTimers>(*reactor);
    step = std::make_unique<HttpStep>(
        HttpStepSurroundings{*reactor, authority->gate(), authority->keys(), clock, entropy,
                             RateLimits::make(clock,
                                              [this](SteadyTime when, std::function<void()> task) {
                                                reactor->run_at(when, std::move(task));
                                              })},
        HttpStepOptions{});
    openapi = std::make_unique<OpenApiStep>(
        HttpStepSurroundings{*reactor, authority->gate(), authority->keys(), clock, entropy},
        HttpStepOptions{}, openapi_options);
    email = std::make_unique<EmailStep>(
        HttpStepSurroundings{*reactor, authority->gate(), authority->keys(), clock, entropy},
        EmailStepOptions{});
    steps = std::make_unique<Steps>(Steps::Runners{.http = step.get(),
                                                   .openapi = openapi.get(),
                                                   .workflow = nullptr,
                                                   .process = nullptr,
                                                   .email = email.get()});
    engine =
        std::make_unique<engine::Engine>(engine::EngineOptions{2, 100'000, 100'000}, *steps,
                                         journal, *timers, clock, entropy, metrics, Log::null());
  }

  void add_bearer(const std::string& name, const std::string& token, const std::string& origin) {
    auth::NewCredential credential;
    credential.name = name;
    credential.kind = auth::CredentialKind::bearer;
    credential.origins = {origin};
    credential.value.secret = Secret(token);
    const auto added = authority->credentials().add(kAna, std::move(credential));
    ASSERT_TRUE(added) << added.error().detail;
  }

  std::future<engine::InstanceView> start(const std::string& body, std::string_view input = "{}",
                                          const std::string& key = "") {
    const std::string text =
        "document: {dsl: '1.0.3', namespace: test, name: step, version: '1.0.0'}\n" + body;
    const auto loaded = config::load_definition(text, "test.yaml");
    if (!loaded.definition)
      throw std::runtime_error(loaded.faults.empty() ? "no definition" : loaded.faults[0].text());
    struct End final : engine::Observer {
      std::promise<engine::InstanceView> view;
      void on_end(const engine::InstanceView& final) override { view.set_value(final); }
    };
    auto end = std::make_shared<End>();
    auto future = end->view.get_future();
    engine::StartRequest request;
    request.workflow = engine->prepare(loaded.definition);
    request.input = parse_json(input).value();
    request.key = key;
    request.observer = end;
    auto started = std::make_shared<std::promise<InstanceId>>();
    last_started = started->get_future();
    engine->start(std::move(request),
                  [started](Result<InstanceId> id) { started->set_value(id.value()); });
    return future;
  }
  engine::InstanceView run(const std::string& body, std::string_view input = "{}",
                           const std::string& key = "") {
    return start(body, input, key).get();
  }

  std::future<InstanceId> last_started;  // of the start() before
  SystemClock clock;
  SystemEntropy entropy;
  Metrics metrics;
  stepwell::test::MemorySecretStore store;
  std::unique_ptr<auth::Authority> authority;
  std::unique_ptr<http::Reactor> reactor;
  std::unique_ptr<ReactorTimers> timers;
  std::unique_ptr<HttpStep> step;
  std::unique_ptr<OpenApiStep> openapi;
  std::unique_ptr<EmailStep> email;
  std::unique_ptr<Steps> steps;
  engine::MemoryJournal journal;
  std::unique_ptr<engine::Engine> engine;
};

inline const std::string kJson = "Content-Type: application/json\r\n";

inline std::string origin_of(const stepwell::test::MisbehavingServer& server) {
  return "http://127.0.0.1:" + std::to_string(server.port());
}

// Every byte that the server received.
inline std::string all(const stepwell::test::MisbehavingServer& server) {
  std::string text;
  for (const std::string& part : server.received()) text += part;
  return text;
}

// `do` with one call; `with` holds further lines of `with`, each beginning with ", ".
inline std::string call(const std::string& method, const std::string& endpoint,
                        const std::string& with = "") {
  return "do: [{get: {call: http, with: {method: " + method + ", endpoint: " + endpoint + with +
         "}}}]\n";
}

inline std::string with_credential(const std::string& url, const std::string& name) {
  return "{uri: '" + url + "', authentication: {use: " + name + "}}";
}

}  // namespace stepwell::steps::test
