// Takes CloudEvents (as values in their JSON format) to whoever is interested: listening instances,
// schedules, sinks. Nothing is kept here: an event that nobody wants at its moment is gone
// (engine/deliveries.h keeps those that somebody does).
// Owned by the engine; all members may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/value.h"

namespace stepwell::engine {

// Held by whoever would still need the event after a crash; null where it is not kept.
using Delivery = std::shared_ptr<const void>;

class EventBus {
 public:
  // Called on the publisher's thread, without a lock held; must not block. A call that is under way
  // may still arrive just after unsubscribe().
  using Receiver = std::function<void(const Value& event, const Delivery& delivery)>;
  using Viewer = std::function<void(const Value& event)>;

  // Events of these types; where there are none, of every type.
  std::uint64_t subscribe(const std::vector<std::string>& types, Receiver receiver);
  std::uint64_t subscribe(const std::vector<std::string>& types, Viewer viewer);
  void unsubscribe(std::uint64_t subscription);
  // Of what arises in this engine, events of these types, where a last `*` stands for any end of
  // the type; also those of instances' lives. For as long as the bus lives.
  void watch(std::vector<std::string> patterns, Viewer viewer);
  enum class From : std::uint8_t { inside, outside };
  void publish(const Value& event, From from = From::inside, const Delivery& delivery = {}) const;
  // Whether anybody has subscribed to events of this type.
  bool listened_for(std::string_view type) const;
  // Whether anybody would get an event of this type, so that others need not be made.
  bool wanted(std::string_view type) const;
  // False where nobody would get any event of a type that begins with kLifecyclePrefix. Costs
  // nothing to ask.
  bool lifecycle_wanted() const { return of_lifecycle_.load(std::memory_order_relaxed) > 0; }
  static constexpr std::string_view kLifecyclePrefix = "io.serverlessworkflow.";

 private:
  struct Subscription {
    std::vector<std::string> types;
    std::shared_ptr<const Receiver> receiver;
  };
  struct Watcher {
    std::vector<std::string> patterns;
    std::shared_ptr<const Viewer> viewer;

    bool wants(std::string_view type) const;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Receivers = std::unordered_map<std::uint64_t, std::shared_ptr<const Receiver>>;

  std::atomic<std::size_t> of_lifecycle_{0};  // subscriptions that such events may reach
  mutable std::mutex mutex_;                  // guards all that follows
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, Subscription> subscriptions_;
  std::unordered_map<std::string, Receivers, Hash, std::equal_to<>> by_type_;
  Receivers of_every_type_;
  std::vector<Watcher> watchers_;
};

}  // namespace stepwell::engine
