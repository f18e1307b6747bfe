#include "benchmarks/bench_node.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "auth/master_key.h"
#include "http/url.h"

namespace stepwell::bench {
namespace {

const auth::Actor kActor{"bench", "bench"};

[[noreturn]] void give_up(const Problem& problem) {
  std::fprintf(stderr, "%s\n", problem.one_line().c_str());
  std::exit(1);
}

std::string document(const std::string& name) {
  return "document: {dsl: '1.0.3', namespace: bench, name: " + name + ", version: '1.0.0'}\n";
}

daemon::NodeOptions quiet_options(const Adjust& adjust) {
  daemon::NodeOptions options;
  options.log_level = LogLevel::error;
  options.engine.keep_finished = 250;  // this and the next as `serve` has it
  options.engine.sleep_after = Milliseconds(10'000);
  options.reactor.egress = http::EgressRules({http::Network::parse("127.0.0.0/8").value()}, {});
  if (adjust) adjust(options);
  return options;
}

std::unique_ptr<daemon::Node> opened(const daemon::NodeOptions& options) {
  auto node = daemon::Node::open(options);
  if (!node) give_up(node.error());
  return std::move(*node);
}

}  // namespace

Scratch::Scratch() {
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  std::string pattern = (program.parent_path() / "bench-data-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    std::perror(pattern.c_str());
    std::exit(1);
  }
  path_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<daemon::Node> open_node(const Adjust& adjust) {
  return opened(quiet_options(adjust));
}

std::unique_ptr<daemon::Node> open_node(const std::filesystem::path& data, const Adjust& adjust) {
  const std::string key = (data / "secrets" / "master.key").string();  // as `stepwell init` has it
  if (!std::filesystem::exists(key)) {
    std::filesystem::create_directories(data / "secrets");
    std::filesystem::permissions(data / "secrets", std::filesystem::perms::owner_all);
    SystemEntropy entropy;
    if (auto made = auth::create_master_key(key, entropy); !made) give_up(made.error());
  }
  daemon::NodeOptions options = quiet_options(adjust);
  options.data_directory = (data / "data").string();
  std::filesystem::create_directories(options.data_directory);
  std::filesystem::permissions(options.data_directory, std::filesystem::perms::owner_all);
  options.master_key.where = key;
  return opened(options);
}

void recover(daemon::Node& node) {
  if (auto recovered = node.recover(); !recovered) give_up(recovered.error());
  node.engine().go_on();
}

void add_credential(daemon::Node& node, const std::string& url, const std::string& token) {
  auth::NewCredential credential;
  credential.name = "bench";
  credential.kind = auth::CredentialKind::bearer;
  credential.origins = {http::parse_url(url)->origin.text()};
  credential.value.secret = Secret(token);
  auto added = node.authority().credentials().add(kActor, std::move(credential));
  if (!added) give_up(added.error());
}

std::string one_call(const std::string& method, const std::string& url,
                     const std::string& credential, const std::string& body) {
  std::string endpoint = "{uri: '" + url + "'";
  if (!credential.empty()) endpoint += ", authentication: {use: " + credential + "}";
  std::string text = document("call") + "do: [{call: {call: http, with: {method: " + method +
                     ", endpoint: " + endpoint + "}";
  if (!body.empty()) text += ", body: " + body;
  return text + "}}}]\n";
}

std::string three_calls(const std::string& url) {
  const auto call = [&](const std::string& name, const std::string& query) {
    return "{" + name + ": {call: http, with: {method: get, endpoint: {uri: '" + url + "'}" +
           query + "}}}";
  };
  const std::string query = ", query: {a: '${ .a }'}";
  return document("three") + "do: [" + call("first", "") + ", " + call("second", query) + ", " +
         call("third", query) + "]\n";
}

std::string computation(std::size_t steps) {
  constexpr std::size_t kStepsARound = 4;  // the round itself, and what is in it
  return document("compute") + "do: [{l: {for: {in: '${ [range(" +
         std::to_string(steps / kStepsARound) +
         ")] }'}, do: [{s: {set: {n: '${ $item + 1 }'}}}, "
         "{c: {switch: [{few: {when: .n > 1000000, then: exit}}, {else: {then: continue}}]}}, "
         "{t: {set: {n: '${ .n }', done: true}}}]}}]\n";
}

std::string long_wait() {
  return document("wait") + "do: [{s: {set: {order: 4711}}}, {w: {wait: {days: 1}}}]\n";
}

std::string long_listen() {
  return document("hear") +
         "do: [{s: {set: {order: '${ $workflow.id }'}}}, {w: {listen: {to: {one: {with: {type: "
         "bench.paid}, correlate: {order: {from: .data.order, expect: '${ .order }'}}}}}}}]\n";
}

}  // namespace stepwell::bench
