// A journal that keeps all its records in memory and reads them back as a durable one does. A test
// "pulls the plug" by copying kept() and opening another journal over the copy. Thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/ports.h"

namespace stepwell::test {

// What is on the "disk": a plain value, which a test may copy and look into.
struct KeptRecords {
  struct Instance {
    engine::Record head;
    std::map<std::uint32_t, engine::Record> rest;  // by number; from the last snapshot on
    bool ended = false;                            // then the last of `rest` says how
    std::uint32_t replaced = 0;                    // the last snapshot's number
    WallTime started{};                            // when its turn came; epoch: it has not
    std::optional<engine::Record> changed;         // the last one
    std::vector<engine::Record> all() const;
    engine::InstanceSummary summary() const;
  };
  std::map<InstanceId, Instance> instances;
  std::map<std::string, Value> definitions;         // payloads by digest
  std::map<std::uint64_t, engine::Record> events;   // published, not delivered
  std::map<std::string, engine::Record> schedules;  // the last one by workflow
  std::vector<engine::Record> log;                  // every one in the order of append()
  std::uint64_t highest = 0;                        // id that was removed, of those that grow

  void take(const engine::Record& record);
};

class KeepingJournal final : public engine::Journal {
 public:
  enum class Mode : std::uint8_t {
    at_once,  // a record is durable when append() returns: Durability::now
    by_hand,  // it waits for make_durable()
  };
  explicit KeepingJournal(KeptRecords kept = {}, Mode mode = Mode::at_once)
      : mode_(mode), kept_(std::move(kept)) {}

  KeptRecords kept() const;  // what is durable now
  std::vector<engine::Record> log() const;
  std::vector<engine::InstanceSummary> summaries() const;  // of all, by id
  std::size_t waiting() const;
  // The oldest that wait, in their order; then their callbacks, on this thread. The answer is how
  // many there were.
  std::size_t make_durable(std::size_t most = SIZE_MAX);
  // What waits changes to being durable (switching to at_once), or only what comes from now on
  // waits.
  void set_mode(Mode mode);
  // From now on admissions are refused with this; nothing: no more.
  void refuse_admissions(std::optional<Problem> problem);
  // Called before each read() and summary(), on the thread that reads; where it fails, so do these.
  void before_reading(std::function<Status()> hook);

  Durability append(engine::Record record, std::function<void(Status)> durable) override;
  Status read_open(const Reader& each) override;
  Result<std::vector<engine::Record>> read(InstanceId instance) override;
  Result<std::optional<engine::InstanceSummary>> summary(InstanceId instance) override;
  Result<engine::FoundInstances> find(const engine::InstanceQuery& query) override;
  Result<std::vector<InstanceId>> remove(const std::vector<InstanceId>& instances) override;
  Result<Value> definition(const std::string& digest) override;
  Result<std::vector<engine::Record>> undelivered() override;
  Result<std::vector<engine::Record>> schedules() override;
  Result<std::uint64_t> last_instance(std::uint64_t limit) override;

 private:
  struct Waiting {
    engine::Record record;
    std::function<void(Status)> durable;
  };
  Status call_hook();

  mutable std::mutex mutex_;
  Mode mode_;                       // guarded by mutex_
  KeptRecords kept_;                // guarded by mutex_
  std::deque<Waiting> waiting_;     // guarded by mutex_
  std::optional<Problem> refusal_;  // guarded by mutex_
  std::function<Status()> hook_;    // guarded by mutex_
};

}  // namespace stepwell::test
