// Definitions with something changed at random: a member dropped, renamed, moved, given another
// type … . The same seed gives the same definition on every machine. For tests, on one thread.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/value.h"

namespace stepwell::config {

class Mutator {
 public:
  // Keywords and the values that stand under them are learnt from `corpus`.
  explicit Mutator(const std::vector<Value>& corpus);

  // One to three changes of `definition`.
  Value mutated(const Value& definition, std::uint64_t seed) const;

 private:
  using Random = std::mt19937_64;

  Value changed(const Value& value, Random& random) const;
  Value changed_at(const Value& value, std::size_t index, Random& random) const;
  Value changed_here(const Value& value, Random& random) const;
  Value changed_object(const Value& object, Random& random) const;
  Value changed_array(const Value& array, Random& random) const;
  Value changed_text(const Value& text, Random& random) const;
  Value other_value(Random& random) const;
  void learn(const Value& value);

  std::vector<Value::Member> members_;  // all of the corpus
};

// Definitions with one part of `definition` less, the largest parts first.
std::vector<Value> smaller(const Value& definition);

}  // namespace stepwell::config
