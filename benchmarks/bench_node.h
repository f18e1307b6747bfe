// The nodes that benchmarks run on, the folders that they keep their data in, and the workflows of
// docs/performance.md.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "daemon/wiring.h"

namespace stepwell::bench {

// An empty folder beside this program, on its disk; it goes with its owner.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

using Adjust = std::function<void(daemon::NodeOptions&)>;

// All of them may call loopback; each ends the process where it cannot be opened. In memory:
std::unique_ptr<daemon::Node> open_node(const Adjust& adjust = {});
// With its journal in this folder, which may hold an earlier one's.
std::unique_ptr<daemon::Node> open_node(const std::filesystem::path& data,
                                        const Adjust& adjust = {});
// Brings back what that holds, as a daemon does when it starts.
void recover(daemon::Node& node);

// A bearer credential `bench` for calls to this URL.
void add_credential(daemon::Node& node, const std::string& url, const std::string& token);

// W1 and P1: one GET, or POST of `body`; with `credential` where it is not empty.
std::string one_call(const std::string& method, const std::string& url,
                     const std::string& credential = "", const std::string& body = "");
// W3: three GETs; each is asked with a field (`a`) of the answer before.
std::string three_calls(const std::string& url);
// C: so many steps of `set`, `switch` and `for`, and no call.
std::string computation(std::size_t steps);
// Waits for a day; for an event about its own order.
std::string long_wait();
std::string long_listen();

}  // namespace stepwell::bench
