// The other side of every step: what was sent, in an independent ledger, and what is answered, when
// and whether at all. It outlives the processes that send. For tests, on one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/ports.h"
#include "tests/engine/random_flow.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/trace.h"

namespace stepwell::simulation {

class SimulatedNetwork final : public engine::StepRunner {
 public:
  // What becomes of a request.
  enum class Fate : std::uint8_t {
    answered,     // 2xx
    refused,      // 4xx
    unavailable,  // 503
    lost_before,  // the connection failed before it was sent
    lost_after,   // … and after: nobody knows whether it was executed
    revoked,      // its key was
    never,        // no answer comes
  };
  // Steps that start instances are not the network's.
  using Children =
      std::function<std::shared_ptr<engine::RunningStep>(engine::StepCall, engine::StepTicket)>;

  SimulatedNetwork(Dice& dice, Trace& trace, const SimulatedDisk& disk)
      : dice_(dice), trace_(trace), disk_(disk) {}
  void set_children(Children children) { children_ = std::move(children); }
  void set_faulty(bool faulty) { faulty_ = faulty; }

  std::shared_ptr<engine::RunningStep> start(engine::StepCall call,
                                             engine::StepTicket ticket) override;

  // Those that can be answered now; at the end of all faults everything can.
  std::vector<std::uint64_t> answerable() const;
  void answer(std::uint64_t send);
  std::size_t in_flight() const { return pending_.size(); }
  std::size_t sends() const { return last_; }
  // The process is gone, and another one comes.
  void next_life();
  // Of these, how many have a request under way.
  std::size_t instances_sending(const std::string& workflow) const;
  const std::string& wrong() const { return wrong_; }

 private:
  struct Pending {
    engine::StepTicket ticket;
    std::string key;
    InstanceId instance;
    std::string workflow;
    bool repeatable = true;
    Fate fate = Fate::answered;
    bool cancelled = false;
  };
  // What the ledger knows of one idempotency key of an instance.
  struct Entry {
    std::uint64_t step = 0;
    std::size_t life = 0;
    std::size_t retried = 0;     // how often the instance had been, durably
    bool outcome_known = false;  // it was told what became of the last one
  };
  class Running;

  Fate fate();
  void judge(const engine::StepCall& call, std::uint64_t step);
  void judge_order(const engine::StepCall& call, std::uint64_t step);
  void wrong(const engine::StepCall& call, const std::string& what);
  engine::StepOutcome outcome(const Pending& pending, std::uint64_t number) const;

  Dice& dice_;
  Trace& trace_;
  const SimulatedDisk& disk_;
  Children children_;
  bool faulty_ = true;
  std::size_t life_ = 0;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Pending>> pending_;
  std::map<std::pair<std::uint64_t, std::string>, Entry> unrepeatable_;  // by instance and key
  // Steps sent in this life, by instance, step and key, with how often it had been retried.
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::string>, std::size_t> sent_;
  std::string wrong_;
};

}  // namespace stepwell::simulation
