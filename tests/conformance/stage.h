// Where one scenario is played: its definition and input, the servers that answer it, and either a
// node in this process with a clock of its own, or the real `stepwell run` as a process.
// Owned by the test of one scenario, on its thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "auth/credential.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"
#include "tests/support/played_server.h"

namespace stepwell::conformance {

// One line of what an instance's tasks did.
struct TraceLine {
  std::string event;  // "started", "completed", "faulted", "skipped", "retried", "cancelled"
  std::string name;
  std::string reference;
};

struct Outcome {
  std::string status = "none";  // "refused" for a definition or an input that is not taken
  Value output;
  Value problem;
  std::string faults;  // of a definition that does not load, one a line
  std::vector<TraceLine> trace;
};

// A pair of servers, plain and over TLS, for every host that a scenario calls; shared by all
// scenarios of one program.
class Hosts {
 public:
  Hosts();
  ~Hosts();
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;

  // From here on, until the next scenario begins.
  void begin(test::PlayedServer::Handler handler);
  // As curl's --connect-to: every host at the usual ports.
  std::vector<std::string> connect_to() const;
  const std::string& ca_file() const;
  std::string certificate_text() const;
  std::string key_text() const;
  std::size_t held() const;
  void release(const test::PlayedAnswer& answer);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

class Stage {
 public:
  virtual ~Stage() = default;
  // Runs it to its end: to "completed", "faulted", "stopped" or "refused".
  virtual void execute(const std::string& definition, const Value& input) = 0;
  virtual const Outcome& outcome() = 0;
};

// `stepwell run` as a process. `binary` is its path.
std::unique_ptr<Stage> make_process_stage(std::string binary, Hosts& hosts);

// A node in this process whose time stands still unless a scenario moves it.
class NodeStage : public Stage {
 public:
  // Before anything else.
  virtual void set_option(const std::string& name, const Value& value) = 0;
  virtual void set_time(WallTime time) = 0;
  virtual void set_chance(std::uint8_t byte) = 0;  // all random numbers consist of this byte
  virtual void set_endless(const std::string& task) = 0;
  virtual void add_workflow(const std::string& definition) = 0;
  virtual void watch_events() = 0;

  virtual Status add_credential(auth::NewCredential credential) = 0;
  // "revoked", "disabled", "enabled", "deleted"
  virtual Status change_credential(const std::string& name, const std::string& to) = 0;
  virtual Status rotate_credential(const std::string& name, const std::string& secret) = 0;

  // Runs it until nothing moves while the clock stands still.
  virtual void start(const std::string& definition, const Value& input) = 0;
  // Puts it and the further ones under their schedules, without starting any of them.
  virtual void schedule(const std::string& definition) = 0;
  virtual void advance(Milliseconds by) = 0;
  virtual void publish(const Value& event) = 0;
  virtual void stop() = 0;
  // Until nothing moves; false where it goes on for long.
  virtual bool settle() = 0;
  virtual Milliseconds elapsed() const = 0;  // on the scenario's clock, since the start
  virtual std::vector<Value> events() const = 0;
  virtual std::size_t open_instances() const = 0;
};
std::unique_ptr<NodeStage> make_node_stage(Hosts& hosts);

}  // namespace stepwell::conformance
