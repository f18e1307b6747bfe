// What the store knows about when keys and credentials were last used, so that only what is news is
// written. Used by one thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/store_port.h"
#include "base/clock.h"

namespace stepwell::auth {

class LastUses {
 public:
  // The store has this already.
  void note(const std::string& id, WallTime at) { written_[id] = at; }
  // Adds the change, unless the store has it.
  void append(std::string_view kind, const std::string& id, WallTime at,
              std::vector<Change>& changes) {
    WallTime& known = written_[id];
    if (known == at) return;
    known = at;
    changes.emplace_back(LastUse{std::string(kind), id, at});
  }

 private:
  std::unordered_map<std::string, WallTime> written_;
};

}  // namespace stepwell::auth
