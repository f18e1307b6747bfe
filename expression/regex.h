// Compiled regular expressions of one evaluation, so that a pattern that is used on each element of
// an array is compiled once.
// Owned by one Machine; used by one thread.
#pragma once

#include <memory>

namespace stepwell::expression::detail {

// Makes Oniguruma ready, once; false where that fails.
bool initialize_regexes();

class RegexCache {
 public:
  RegexCache() noexcept;
  ~RegexCache();
  RegexCache(const RegexCache&) = delete;
  RegexCache& operator=(const RegexCache&) = delete;

 private:
  friend struct RegexAccess;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::expression::detail
