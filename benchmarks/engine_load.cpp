#include "benchmarks/engine_load.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "config/loader.h"

namespace stepwell::bench {

struct EngineLoad::Each final : engine::Observer {
  explicit Each(EngineLoad& owner) : load(owner) {}
  void on_end(const engine::InstanceView& view) override {
    load.one_ended(view.status == engine::InstanceStatus::completed);
  }
  EngineLoad& load;
};

EngineLoad::EngineLoad(daemon::Node& node, const std::string& definition)
    : node_(node), observer_(std::make_shared<Each>(*this)) {
  const config::Loaded loaded = config::load_definition(definition, "bench.yaml");
  if (!loaded.definition) {
    std::fprintf(stderr, "%s\n", loaded.faults.front().text().c_str());
    std::exit(1);
  }
  workflow_ = node_.engine().prepare(loaded.definition);
}

LoadResult EngineLoad::run(std::size_t total, std::size_t parallel) {
  {
    const std::scoped_lock lock(mutex_);
    left_ = total;
    result_ = {};
  }
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < parallel; ++i) next();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return left_ == 0 && open_ == 0; });
  result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result_;
}

void EngineLoad::next() {
  {
    const std::scoped_lock lock(mutex_);
    if (left_ == 0) return;
    --left_;
    ++open_;
  }
  engine::StartRequest request;
  request.workflow = workflow_;
  request.observer = observer_;
  node_.engine().start(std::move(request), [](const Result<InstanceId>& admitted) {
    if (admitted) return;
    std::fprintf(stderr, "refused: %s\n", admitted.error().one_line().c_str());
    std::exit(1);
  });
}

void EngineLoad::one_ended(bool completed) {
  next();
  const std::scoped_lock lock(mutex_);
  ++(completed ? result_.completed : result_.faulted);
  --open_;
  if (left_ == 0 && open_ == 0) done_.notify_all();
}

std::unique_ptr<daemon::Node> open_node() {
  daemon::NodeOptions options;
  options.log_level = LogLevel::error;
  options.reactor.egress = http::EgressRules({http::Network::parse("127.0.0.0/8").value()}, {});
  auto node = daemon::Node::open(options);
  if (!node) {
    std::fprintf(stderr, "%s\n", node.error().one_line().c_str());
    std::exit(1);
  }
  return std::move(*node);
}

std::string one_call(const std::string& method, const std::string& url,
                     const std::string& credential, const std::string& body) {
  std::string endpoint = "{uri: '" + url + "'";
  if (!credential.empty()) endpoint += ", authentication: {use: " + credential + "}";
  std::string text =
      "document: {dsl: '1.0.3', namespace: bench, name: call, version: '1.0.0'}\n"
      "do: [{call: {call: http, with: {method: " +
      method + ", endpoint: " + endpoint + "}";
  if (!body.empty()) text += ", body: " + body;
  return text + "}}}]\n";
}

}  // namespace stepwell::bench
