#include "expression/builtins.h"

#include <algorithm>
#include <vector>

#include "base/json.h"

namespace stepwell::expression::detail {

namespace {

bool before(const NativeEntry& a, const NativeEntry& b) {
  return a.name != b.name ? a.name < b.name : a.arity < b.arity;
}

std::vector<NativeEntry> sorted_table() {
  std::vector<NativeEntry> all;
  for (const auto part : {value_natives(), collection_natives(), text_natives(), math_natives(),
                          time_natives(), regex_natives()})
    all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end(), before);
  return all;
}

}  // namespace

std::span<const NativeEntry> natives() {
  static const std::vector<NativeEntry> kAll = sorted_table();
  return kAll;
}

const NativeEntry* find_native(std::string_view name, std::size_t arity) {
  const auto all = natives();
  const NativeEntry wanted{name, static_cast<std::uint32_t>(arity), nullptr};
  const auto found = std::lower_bound(all.begin(), all.end(), wanted, before);
  return found != all.end() && found->name == name && found->arity == arity ? &*found : nullptr;
}

std::string json_of(const Value& value, Limits& limits) {
  const std::int64_t size = pay_for_printing(limits, value);
  // The text is there twice: as it grows, and as a value.
  if (limits.exceeded() || !limits.room_for(size * 2)) return {};
  return to_json(value);
}

}  // namespace stepwell::expression::detail
