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

// Compares all but what lies inside of two containers of one kind, for which it leaves `inside`
// set.
int compare_shallow(const Value& a, const Value& b, bool& inside) {
  if (a.is_string() && b.is_string()) return compare_text(a.as_string(), b.as_string());
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (const int kinds = rank(a) - rank(b); kinds != 0) return kinds < 0 ? -1 : 1;
  inside = a.depth() > 0 && !a.same(b);
  return 0;
}

// Two objects: their keys decide first, then the pairs of values, which `each` is given in order.
template <class Each>
int compare_objects(const Value& a, const Value& b, const Each& each) {
  const auto left = sorted_members(a);
  const auto right = sorted_members(b);
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
    if (const int order = compare_text(left[i]->name(), right[i]->name()); order != 0) return order;
  if (const int sizes = sign(left.size(), right.size()); sizes != 0) return sizes;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (const int order = each(left[i]->value, right[i]->value); order != 0) return order;
  return 0;
}

// What is nested less deep than this is compared by recursion, which is quicker.
constexpr std::uint32_t kRecursiveDepth = 64;

int compare_near(const Value& a, const Value& b) {
  bool inside = false;
  const int order = compare_shallow(a, b, inside);
  if (!inside) return order;
  if (a.is_object()) return compare_objects(a, b, compare_near);
  const auto left = a.elements();
  const auto right = b.elements();
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
    if (const int elements = compare_near(left[i], right[i]); elements != 0) return elements;
  return sign(left.size(), right.size());
}

// The same with a list of its own, for what is nested deep.
int compare_deep(const Value& a, const Value& b, std::vector<Pair>& rest) {
  bool inside = false;
  const int order = compare_shallow(a, b, inside);
  if (!inside) return order;
  const std::size_t mark = rest.size();
  if (a.is_object()) {
    const int keys = compare_objects(a, b, [&rest](const Value& left, const Value& right) {
      rest.push_back({&left, &right});
      return 0;
    });
    if (keys != 0) return keys;
  } else {
    const auto left = a.elements();
    const auto right = b.elements();
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
      rest.push_back({&left[i], &right[i]});
    // The elements decide before the sizes do: a marker of two booleans stands for the sizes.
    static const Value kFalse(false);
    static const Value kTrue(true);
    if (left.size() != right.size())
      rest.push_back(left.size() < right.size() ? Pair{&kFalse, &kTrue} : Pair{&kTrue, &kFalse});
  }
  std::reverse(rest.begin() + static_cast<std::ptrdiff_t>(mark), rest.end());
  return 0;
}

}  // namespace

int compare(const Value& a, const Value& b) noexcept {
  if (a.depth() <= kRecursiveDepth || b.depth() <= kRecursiveDepth) return compare_near(a, b);
  std::vector<Pair> rest{{&a, &b}};
  while (!rest.empty()) {
    const Pair next = rest.back();
    rest.pop_back();
    if (const int order = compare_deep(*next.a, *next.b, rest); order != 0) return order;
  }
  return 0;
}

}  // namespace stepwell
