// A node in memory, with the definitions that a test writes.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "config/loader.h"
#include "daemon/wiring.h"

namespace stepwell::daemon::test {

inline NodeOptions open_to_loopback() {
  NodeOptions options;
  options.log_level = LogLevel::error;
  options.reactor.egress = http::EgressRules({*http::Network::parse("127.0.0.0/8")}, {});
  options.engine.workers = 2;
  return options;
}

inline const auth::Actor kAda{"ada", "test"};

class NodeHouse {
 public:
  explicit NodeHouse(const NodeOptions& options = open_to_loopback()) : node_(make(options)) {}

  Node& node() { return *node_; }
  void leave() { node_.reset(); }

  // Workflows of the namespace `test`, by name and version, each by what follows `document`.
  struct Text {
    std::string name;
    std::string body;
    std::string version = "1.0.0";
    std::string metadata = "{}";
  };
  void load(const std::vector<Text>& texts) {
    std::vector<engine::Catalog::Entry> entries;
    for (const Text& text : texts) {
      const std::string document = "document: {dsl: 1.0.3, namespace: test, name: " + text.name +
                                   ", version: " + text.version + ", metadata: " + text.metadata +
                                   "}\n";
      const config::Loaded loaded = config::load_definition(document + text.body, text.name);
      for (const config::Fault& fault : loaded.faults) ADD_FAILURE() << fault.text();
      if (loaded.definition)
        entries.push_back({loaded.definition, node_->engine().prepare(loaded.definition)});
    }
    ASSERT_TRUE(node_->catalog().replace(std::move(entries)));
  }

  // The id of a key that may start instances.
  std::string issue_key() {
    auth::Authority& authority = node_->authority();
    EXPECT_TRUE(authority.users().create(kAda, "ada", auth::Role::operator_));
    const auto issued = authority.keys().create(kAda, {"laptop", "ada", {}, {}});
    EXPECT_TRUE(issued);
    return issued->key.id;
  }

  InstanceId start(const std::string& name, const std::string& input = "{}",
                   const std::string& key = "") {
    engine::StartRequest request;
    request.workflow = node_->catalog().find("test/" + name)->workflow;
    request.input = *parse_json(input);
    request.key = key;
    auto admitted = std::make_shared<std::promise<InstanceId>>();
    node_->engine().start(std::move(request), [admitted](const Result<InstanceId>& id) {
      admitted->set_value(id ? *id : InstanceId{});
    });
    return admitted->get_future().get();
  }

  engine::InstanceView end_of(InstanceId id) {
    auto ended = std::make_shared<std::promise<engine::InstanceView>>();
    EXPECT_TRUE(node_->engine().when_ended(
        id, [ended](const engine::InstanceView& view) { ended->set_value(view); }));
    auto future = ended->get_future();
    if (future.wait_for(std::chrono::seconds(20)) != std::future_status::ready) {
      ADD_FAILURE() << "instance " << id.number << " does not end";
      return {};
    }
    return future.get();
  }
  engine::InstanceView run(const std::string& name, const std::string& input = "{}") {
    return end_of(start(name, input));
  }

  std::vector<engine::InstanceView> open() {
    return node_->engine().open_views(
        [](const config::Definition&, const std::string&) { return true; });
  }
  // The child of this instance, once it is there.
  engine::InstanceView child_of(InstanceId parent) {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < patience) {
      engine::InstanceQuery query;
      query.most = 1'000;
      auto all = node_->engine().list(query);  // also if it has ended meanwhile
      for (engine::InstanceView& view : all->views)
        if (view.parent == parent) return std::move(view);
      std::this_thread::yield();
    }
    ADD_FAILURE() << "instance " << parent.number << " has no child";
    return {};
  }

 private:
  static std::unique_ptr<Node> make(const NodeOptions& options) {
    auto node = Node::open(options);
    EXPECT_TRUE(node);
    return std::move(*node);
  }

  std::unique_ptr<Node> node_;
};

}  // namespace stepwell::daemon::test
