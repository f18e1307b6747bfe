// Takes CloudEvents (as values in their JSON format) to whoever is interested: listening instances,
// schedules, sinks. Nothing is kept here: an event that nobody wants at its moment is gone
// (engine/deliveries.h keeps those that somebody does).
// Owned by the engine; all members may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/units.h"
#include "base/value.h"
#include "engine/event_sieve.h"
#include "engine/state.h"

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
  // What listens within an instance, wherever that is. There may be a million of them: each costs
  // its address and no more.
  struct Address {
    InstanceId instance;
    ListenerId listener;
    bool operator==(const Address&) const = default;
  };
  using Post = std::function<void(const Address& to, const Value& event, const Delivery& delivery)>;
  // How events reach listeners. Before the first listen().
  void deliver_by(Post post) { post_ = std::move(post); }
  // What it gives is asked for by unlisten().
  using Group = std::uint32_t;
  Group listen(const std::vector<std::string>& types, const Address& listener);
  void unlisten(Group group, const Address& listener);
  // From now on it gets only events that have this key; and all of its types again.
  void sift(Group group, const Address& listener, const std::shared_ptr<const EventSieve>& sieve,
            EventSieve::Key key);
  void unsift(Group group, const Address& listener, const EventSieve& sieve, EventSieve::Key key);
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
  struct HashOfAddress {
    std::size_t operator()(const Address& address) const noexcept {
      return std::hash<std::uint64_t>{}(address.instance.number * 0x9E3779B97F4A7C15U +
                                        address.listener.number);
    }
  };
  struct Sifted {
    std::shared_ptr<const EventSieve> sieve;
    std::set<std::tuple<EventSieve::Key, std::uint64_t, std::uint64_t>> addresses;  // by key
  };
  // Listeners that want the same types.
  struct Listeners {
    bool of_lifecycle = false;
    std::unordered_set<Address, HashOfAddress> addresses;
    std::vector<Sifted> sifted;
  };
  // What an event has for each sieve that it meets.
  using Keys = std::map<std::shared_ptr<const EventSieve>, std::optional<EventSieve::Key>>;

  template <class Function>
  void for_each_group(std::string_view type, Function function) const;
  bool listened_for_locked(std::string_view type) const;
  Keys keys_of(const Value& event, std::string_view type) const;
  static void add_sifted(const Sifted& sifted, const Keys& keys, std::vector<Address>& listeners);

  Post post_;
  std::atomic<std::size_t> of_lifecycle_{0};  // subscriptions that such events may reach
  mutable std::mutex mutex_;                  // guards all that follows
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, Subscription> subscriptions_;
  std::unordered_map<std::string, Receivers, Hash, std::equal_to<>> by_type_;
  Receivers of_every_type_;
  std::vector<Watcher> watchers_;
  // As many as definitions have lists of types.
  std::vector<Listeners> groups_;
  std::map<std::vector<std::string>, Group> known_groups_;
  std::unordered_map<std::string, std::vector<Group>, Hash, std::equal_to<>> groups_by_type_;
  std::vector<Group> groups_of_every_type_;
};

}  // namespace stepwell::engine
