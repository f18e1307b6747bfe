#include "benchmarks/gate_cost.h"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>

#include "benchmarks/bench_node.h"
#include "benchmarks/engine_load.h"
#include "http/url.h"
#include "steps/step_guard.h"
#include "tests/support/nginx_server.h"

namespace stepwell::bench {
namespace {

constexpr int kRounds = 5;
constexpr int kCalls = 300'000;
constexpr std::size_t kSteps = 5'000;
// What the redactor knows besides the one in use.
constexpr int kOthers = 100;
const auth::Actor kActor{"bench", "bench"};

void add_bearer(daemon::Node& node, const std::string& name, const std::string& token,
                const std::string& origin) {
  auth::NewCredential credential;
  credential.name = name;
  credential.kind = auth::CredentialKind::bearer;
  credential.origins = {origin};
  credential.expires_at = node.clock().now() + std::chrono::hours(1);
  credential.value.secret = Secret(token);
  if (!node.authority().credentials().add(kActor, std::move(credential))) std::exit(1);
}

std::string issue_key(daemon::Node& node) {
  if (!node.authority().users().create(kActor, "bench", auth::Role::operator_)) std::exit(1);
  const auto issued = node.authority().keys().create(kActor, {"bench", "bench"});
  if (!issued) std::exit(1);
  return issued->key.id;
}

template <class Work>
double microseconds_each(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) work();
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  return took.count() / kCalls;
}

void take_permit(http::SendGuard& guard) {
  if (!guard.acquire()) std::exit(1);
  guard.written();
}

}  // namespace

std::vector<Row> gate_cost() {
  const test::NginxServer nginx;
  const auto node = open_node();
  const http::Origin origin = http::parse_url(nginx.http_url())->origin;
  add_bearer(*node, "bench", "token-0123456789abcdef", origin.text());
  for (int i = 0; i < kOthers; ++i)
    add_bearer(*node, "other-" + std::to_string(i), node->entropy().hex(20), origin.text());
  const std::string key = issue_key(*node);
  auth::Gate& gate = node->authority().gate();
  const auth::Keys& keys = node->authority().keys();
  http::Request request;
  request.method = "POST";
  request.url = nginx.http_url();
  std::string text(1000, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
  request.body = R"({"name":")" + text + "\"}";

  const auto grant = gate.authorize({"bench", origin, "default"});
  if (!grant) std::exit(1);
  EngineLoad load(*node, one_call("post", nginx.http_url(), "bench", "{name: " + text + "}"));
  load.run(kSteps / 4, 64);
  Row permit{"gate-send-permit", "µs a request", {}, {}, 0.2, false};
  Row whole{"gate-request", "µs a request", {}, {}, {}, false};
  Row share{"gate-share", "% of a step's CPU time", {}, {}, {}, false};
  for (int round = 0; round < kRounds; ++round) {
    permit.values.push_back(microseconds_each([&] { take_permit(*grant->guard); }));
    whole.values.push_back(microseconds_each([&] {
      if (!gate.check_content(request)) std::exit(1);
      auto granted = gate.authorize({"bench", origin, "default", &request});
      if (!granted) std::exit(1);
      steps::StepGuard guard(keys, key, gate, std::move(*granted));
      take_permit(guard);
    }));
    share.values.push_back(100 * whole.values.back() / load.run(kSteps, 64).cpu_each());
  }
  return {permit, whole, share};
}

}  // namespace stepwell::bench
