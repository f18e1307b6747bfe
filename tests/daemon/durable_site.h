// A site on the disk, and nodes that open it one after the other.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "config/digest.h"
#include "daemon/init.h"
#include "daemon/site.h"
#include "tests/daemon/node_house.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/manual_clock.h"

namespace stepwell::daemon::test {

class DurableSite {
 public:
  DurableSite() {
    EXPECT_TRUE(init_site(scratch_ / "site"));
    settings_.data = scratch_ / "site/data";
    settings_.master_key_file = scratch_ / "site/secrets/master.key";
  }

  const config::Settings& settings() const { return settings_; }
  std::string in_data(const std::string& name) const { return settings_.data + "/" + name; }
  std::string beside(const std::string& name) const { return scratch_ / name; }

  NodeOptions options() const {
    NodeOptions options = open_to_loopback();
    options.data_directory = settings_.data;
    options.master_key = master_key_source(settings_);
    return options;
  }

  // A node with these workflows, which has brought back what had not ended.
  std::unique_ptr<NodeHouse> open(const std::vector<NodeHouse::Text>& texts) {
    return open(texts, options());
  }
  std::unique_ptr<NodeHouse> open(const std::vector<NodeHouse::Text>& texts,
                                  const NodeOptions& options) {
    auto house = std::make_unique<NodeHouse>(options);
    house->load(texts);
    const Status recovered = house->node().recover();
    EXPECT_TRUE(recovered) << recovered.error().one_line();
    house->node().engine().go_on();
    return house;
  }

  // Digests of what the files of the data directory hold, by name; not who has the lock, and not
  // what is left there of connections that only read.
  std::map<std::string, std::string> content() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(settings_.data)) {
      const std::string name = entry.path().filename().string();
      if (name == "lock" || name.ends_with("-shm")) continue;
      if (name.ends_with("-wal") && entry.file_size() == 0) continue;
      files[name] = entry.is_regular_file()
                        ? config::content_digest(store::read_file(entry.path().string()))
                        : "folder";
    }
    return files;
  }

 private:
  store::ScratchDirectory scratch_;
  config::Settings settings_;
};

inline const std::vector<NodeHouse::Text> kListening{
    {"listens",
     "do: [{before: {set: {n: '${ .n + 1 }'}}}, {hear: {listen: {to: {one: {with: {type: go}}}}, "
     "output: {as: '${ $context }'}}}, {after: {set: {heard: true}}}]"}};

// Until an instance has this status, which it takes a moment for.
inline engine::InstanceView wait_for(NodeHouse& house, InstanceId id,
                                     engine::InstanceStatus status) {
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::optional<engine::InstanceView> view;
  while (std::chrono::steady_clock::now() < patience) {
    view = house.node().engine().find(id);
    if (view && view->status == status) return *view;
    std::this_thread::yield();
  }
  ADD_FAILURE() << "instance " << id.number << " is "
                << (view ? engine::to_string(view->status) : "unknown");
  return {};
}

inline Value event_of(const std::string& type) {
  return Value::object({{"specversion", "1.0"}, {"id", "1"}, {"source", "/test"}, {"type", type}});
}

}  // namespace stepwell::daemon::test
