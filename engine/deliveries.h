// Events that somebody waits for do not get lost: each is in the journal until all who got it have
// it in their own records, and is published again after a crash.
// Owned by the engine; all members may be called from any thread unless they say otherwise.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/event_bus.h"
#include "engine/ports.h"

namespace stepwell::engine {

class Deliveries {
 public:
  // All references must outlive it.
  Deliveries(EventBus& bus, Journal& journal, const Clock& clock, std::uint64_t first_id);
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;

  // `done` (may be empty) is called, on any thread, once the event cannot be lost; at once where
  // nobody waits for it. Errors: the journal's.
  void publish(const Value& event, EventBus::From from, const std::function<void(Status)>& done);

  // What an instance emits: the event goes into the journal with what it follows from, and out
  // when that is durable. Null where nobody waits for it.
  Delivery announce(const Value& event, EventBus::From from);
  void send(const Value& event, EventBus::From from, const Delivery& delivery) const {
    bus_.publish(event, from, delivery);
  }

  // After a restart, in this order, before anything is published: reads what had not reached all;
  // is told what may not even have been published; and publishes both again, once those who listen
  // are there. Errors: the journal's.
  Status recover();
  void add_emitted(const Value& event);
  void publish_again();

  // What is dropped from now on has not been delivered.
  void stop() { shared_->stopped.store(true, std::memory_order_release); }

 private:
  struct Shared {
    explicit Shared(Journal& used) : journal(used) {}
    Journal& journal;
    std::atomic<bool> stopped{false};
  };
  using Name = std::pair<std::string, std::string>;  // source and id, as JSON

  static Name name_of(const Value& source, const Value& id);
  Delivery delivery(std::uint64_t id) const;
  Record record_of(Record::Kind kind, std::uint64_t id) const;
  Record published(const Value& event, EventBus::From from, std::uint64_t id) const;

  EventBus& bus_;
  Journal& journal_;
  const Clock& clock_;
  const std::shared_ptr<Shared> shared_;
  std::atomic<std::uint64_t> next_id_;
  std::vector<Record> undelivered_;  // until publish_again()
  std::vector<Value> emitted_;       // until publish_again()
  std::set<Name> in_doubt_;          // not changed after publish_again()
};

}  // namespace stepwell::engine
