// The order of values.
#include <algorithm>
#include <vector>

#include "base/number.h"
#include "base/value.h"

namespace stepwell {

namespace {

int rank(const Value& value) {
  if (value.is_null()) return 0;
  if (value.is_bool()) return value.as_bool() ? 2 : 1;
  return static_cast<int>(value.kind()) + 1;
}

int sign(std::size_t a, std::size_t b) { return a < b ? -1 : (a > b ? 1 : 0); }

int compare_text(std::string_view a, std::string_view b) {
  const int order = a.compare(b);  // UTF-8's byte order is the order of code points
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

std::vector<const Value::Member*> sorted_members(const Value& object) {
  std::vector<const Value::Member*> sorted;
  sorted.reserve(object.size());
  for (const Value::Member& member : object.members()) sorted.push_back(&member);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->name() < b->name(); });
  return sorted;
}

struct Pair {
  const Value* a;
  const Value* b;
};

// Compares all but the contents of containers; pushes these, last first, for the caller.
int compare_shallow(const Value& a, const Value& b, std::vector<Pair>& rest) {
  if (const int kinds = rank(a) - rank(b); kinds != 0) return kinds < 0 ? -1 : 1;
  switch (a.kind()) {
    case Value::Kind::number:
      return compare_numbers(a, b);
    case Value::Kind::string:
      return compare_text(a.as_string(), b.as_string());
    case Value::Kind::array:
    case Value::Kind::object:
      break;
    default:
      return 0;
  }
  if (a.same(b)) return 0;
  if (a.is_object()) {
    const auto left = sorted_members(a);
    const auto right = sorted_members(b);
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
      if (const int order = compare_text(left[i]->name(), right[i]->name()); order != 0)
        return order;
    if (const int sizes = sign(left.size(), right.size()); sizes != 0) return sizes;
    for (std::size_t i = left.size(); i-- > 0;) rest.push_back({&left[i]->value, &right[i]->value});
    return 0;
  }
  // The first elements decide before the sizes do: a marker of two booleans stands for the sizes.
  static const Value kFalse(false);
  static const Value kTrue(true);
  if (a.size() != b.size())
    rest.push_back(a.size() < b.size() ? Pair{&kFalse, &kTrue} : Pair{&kTrue, &kFalse});
  for (std::size_t i = std::min(a.size(), b.size()); i-- > 0;) rest.push_back({&a.at(i), &b.at(i)});
  return 0;
}

}  // namespace

int compare(const Value& a, const Value& b) noexcept {
  std::vector<Pair> rest;
  int order = compare_shallow(a, b, rest);
  while (order == 0 && !rest.empty()) {
    const Pair next = rest.back();
    rest.pop_back();
    order = compare_shallow(*next.a, *next.b, rest);
  }
  return order;
}

}  // namespace stepwell
