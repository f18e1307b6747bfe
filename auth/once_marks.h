// The requests that must have their effect once and have had it (OnceMark): by what tells them from
// others, and by time, so that taking away the old ones looks at no other.
// Owned by AuditLog, which guards it.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "auth/store_port.h"

namespace stepwell::auth {

class OnceMarks {
 public:
  // Takes the place of the one of the same request.
  void put(const OnceMark& mark) {
    const auto [found, is_new] = by_request_.try_emplace(mark.once, mark);
    if (!is_new) {
      by_time_.erase({found->second.at, mark.once});
      found->second = mark;
    }
    by_time_.emplace(mark.at, mark.once);
  }

  // Null where there is none; good until the next change.
  const OnceMark* find(const std::string& once) const {
    const auto found = by_request_.find(once);
    return found == by_request_.end() ? nullptr : &found->second;
  }

  // Takes away those that were made before; gives how many it looked at.
  std::size_t erase_before(WallTime time) {
    std::size_t looked_at = 0;
    while (!by_time_.empty()) {
      ++looked_at;
      const auto oldest = by_time_.begin();
      if (oldest->first >= time) break;
      by_request_.erase(oldest->second);
      by_time_.erase(oldest);
    }
    return looked_at;
  }

  std::size_t size() const { return by_request_.size(); }

 private:
  std::map<std::string, OnceMark> by_request_;
  std::set<std::pair<WallTime, std::string>> by_time_;  // when, and which request
};

}  // namespace stepwell::auth
