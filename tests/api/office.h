// A whole API over a memory store and an engine whose steps the test finishes, and clients that
// speak to it over a real socket.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/server.h"
#include "base/json.h"
#include "engine/schedules.h"
#include "http/reactor.h"
#include "store/file_store.h"
#include "tests/store/scratch_directory.h"
#include "tests/support/engine_fakes.h"
#include "tests/support/fake_entropy.h"
#include "tests/support/keeping_journal.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_secret_store.h"

namespace stepwell::api::test {

struct Answer {
  int status = 0;  // 0: the connection closed before there was a whole answer
  std::string head;
  std::string body;

  std::string header(std::string_view name) const;  // empty where absent
  Value json() const;
  std::string reason() const { return std::string(json().get("reason").as_string()); }
};

// One connection. Reads give up after thirty seconds, so that a broken server fails a test.
class Wire {
 public:
  // `from`: of the loopback addresses, which the server sees.
  explicit Wire(const std::string& address, const char* from = "127.0.0.1");
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void send(std::string_view bytes) const;
  Answer read(bool without_body = false);
  // All that comes up to and with `mark`, or until the server closes or has nothing to say.
  std::string read_until(std::string_view mark);
  // Nothing more comes, and the server has closed.
  bool closed();
  // Breaks off, so that the server's next write fails.
  void reset();

 private:
  bool more();
  int descriptor_;
  std::string buffer_;
};

class Office {
 public:
  explicit Office(ServerOptions options = {});
  ~Office();
  Office(const Office&) = delete;
  Office& operator=(const Office&) = delete;

  const std::string& address() const { return server->address(); }
  // A request with the key of the user "ana" (admin), "olga" (operator) or "vic" (viewer), or with
  // none for "".
  Answer call(std::string_view user, std::string_view method, std::string_view target,
              std::string_view body = "") const;
  std::string text_of(std::string_view user, std::string_view method, std::string_view target,
                      std::string_view body = "") const;
  const std::string& key(std::string_view user) const;
  // What the server is given.
  Services services();
  // `metadata`: of its document, in flow style.
  void add_workflow(const std::string& name, const std::string& tasks,
                    const std::string& metadata = "{}");
  Status try_workflow(const std::string& name, const std::string& tasks,
                      const std::string& metadata = "{}");

  stepwell::test::ManualClock clock;
  stepwell::test::FakeEntropy entropy;
  stepwell::test::MemorySecretStore store;
  Metrics metrics;
  std::vector<std::string> log_lines;
  Log log;
  stepwell::test::FakeSteps steps;
  stepwell::test::FakeTimers timers{clock};
  stepwell::test::KeepingJournal journal;
  std::unique_ptr<auth::Authority> authority;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<engine::Schedules> schedules;
  store::ScratchDirectory directory;
  std::unique_ptr<store::FileStore> files;
  engine::Catalog catalog;
  http::Reactor reactor;
  Status reload_result;
  Status ready_result;
  std::unique_ptr<Server> server;

 private:
  std::mutex log_mutex_;
  std::vector<engine::Catalog::Entry> workflows_;
  std::vector<std::pair<std::string, std::string>> keys_;
};

}  // namespace stepwell::api::test
