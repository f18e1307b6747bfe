// The instances that have ended and can still be read, in the order of their ends; which of them
// have to be forgotten. A workflow's own retention can only shorten what the settings allow.
// Owned by the engine, which guards it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/units.h"
#include "config/definition.h"

namespace stepwell::engine {

class Finished {
 public:
  explicit Finished(std::size_t most) : most_(most) {}

  // Gives those that are forgotten for it; it may be among them.
  std::vector<InstanceId> add(InstanceId id, const config::Definition& definition, WallTime ended);
  // Gives those that have become too old.
  std::vector<InstanceId> expire(WallTime now);
  // It has not ended any more.
  void remove(InstanceId id) { remove(std::unordered_set<InstanceId>{id}); }
  void remove(const std::unordered_set<InstanceId>& ids);
  std::size_t size() const { return entries_.size(); }

 private:
  // The instances of one workflow, in all its versions, that sets a retention of its own; the one
  // that ended last says which.
  struct Group {
    config::Retention retention;
    std::set<std::uint64_t> numbers;
  };
  using Groups = std::map<std::string, Group>;
  struct Entry {
    InstanceId id;
    WallTime ended;
    Group* group = nullptr;  // null: none
  };

  void forget(std::uint64_t number, std::vector<InstanceId>& forgotten);

  const std::size_t most_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Entry> entries_;  // by the order of their ends
  Groups groups_;
};

}  // namespace stepwell::engine
