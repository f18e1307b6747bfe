// The values of a snapshot: each is stored once, and the rest of the snapshot says its number.
// Internal to engine/; a table lives while a snapshot is written or read, on one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace stepwell::engine::detail {

class SnapshotValues {
 public:
  // The value's number; null for null.
  Value add(const Value& value);
  // The value of a number; null for null. `good` becomes false where there is no such value.
  Value get(const Value& number, bool& good) const;

  // Into the snapshot's members `values` and `odd`: [[number of the value, [way to the part],
  // text], …] for parts that JSON text would not give back as they are.
  void write(Value& snapshot) const;
  static Result<SnapshotValues> read(const Value& snapshot);

 private:
  using Likeness = std::tuple<Value::Kind, std::size_t, std::uint64_t>;
  std::vector<Value> values_;
  std::map<Likeness, std::vector<std::size_t>> known_;  // values that may be the same
};

}  // namespace stepwell::engine::detail
