// Value: a JSON value. Immutable once shared, reference-counted with structural sharing: a copy
// costs one atomic increment, and copies may be read from any number of threads at once.
// The modifying members (set, push_back, erase) change only this handle: they work in place while
// it is the sole owner and copy the one affected container otherwise.
// A single Value object, like an int, must not be written by one thread and read by another.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/value_rep.h"

namespace stepwell {

class Value {
 public:
  // In jq's order of kinds (false and true are one kind here; compare() tells them apart).
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
  struct Member;

  Value() noexcept = default;
  Value(std::nullptr_t) noexcept {}
  Value(std::same_as<bool> auto flag) noexcept : tag_(Tag::boolean) {
    payload_.integer = flag ? 1 : 0;
  }
  template <std::integral T>
  requires(!std::same_as<T, bool> && !std::same_as<T, char>) Value(T number)
  noexcept : Value(from_integer(number)) {}
  Value(double number) noexcept : tag_(Tag::real) { payload_.real = number; }
  Value(std::string_view text);
  Value(const char* text) : Value(std::string_view(text)) {}
  Value(const std::string& text) : Value(std::string_view(text)) {}
  Value(const Value& other) noexcept : tag_(other.tag_), payload_(other.payload_) {
    if (is_shared_kind()) payload_.rep->refs.fetch_add(1, std::memory_order_relaxed);
  }
  Value(Value&& other) noexcept : tag_(other.tag_), payload_(other.payload_) {
    other.tag_ = Tag::null;
  }
  Value& operator=(const Value& other) noexcept { return *this = Value(other); }
  Value& operator=(Value&& other) noexcept {
    std::swap(tag_, other.tag_);
    std::swap(payload_, other.payload_);
    return *this;
  }
  ~Value() { release(); }

  static Value array();
  static Value array(std::initializer_list<Value> elements);
  static Value object();
  static Value object(std::initializer_list<std::pair<std::string_view, Value>> members);
  // Empty ones with room for so many, which reserve() would have to allocate a second time.
  static Value array_with_room(std::size_t count);
  static Value object_with_room(std::size_t count);
  // A number literal kept to the digit: `text` must be a JSON number (RFC 8259 §6). It is held as
  // an int64 or double where these say the same, else as its text beside the nearest double.
  static Value number_from_literal(std::string_view text);

  Kind kind() const noexcept { return kKinds[static_cast<std::size_t>(tag_)]; }
  bool is_null() const noexcept { return tag_ == Tag::null; }
  bool is_bool() const noexcept { return tag_ == Tag::boolean; }
  bool is_number() const noexcept {
    return tag_ == Tag::integer || tag_ == Tag::real || tag_ == Tag::decimal;
  }
  bool is_string() const noexcept { return tag_ == Tag::string; }
  bool is_array() const noexcept { return tag_ == Tag::array; }
  bool is_object() const noexcept { return tag_ == Tag::object; }
  // jq's truth: everything but null and false.
  bool truthy() const noexcept {
    return tag_ != Tag::null && !(tag_ == Tag::boolean && payload_.integer == 0);
  }

  // Each of these expects the kind that it names; asking another kind is a defect of the caller.
  bool as_bool() const noexcept { return payload_.integer != 0; }
  double as_double() const noexcept;
  // UTF-8; lives as long as a handle to this value.
  std::string_view as_string() const noexcept {
    return {static_cast<value_detail::StringRep*>(payload_.rep)->bytes(), payload_.rep->size};
  }

  // The number as a whole number, where it is one that int64 holds exactly; else nothing.
  std::optional<std::int64_t> as_integer() const noexcept;
  // Exactly an int64 inside (no conversion from double).
  bool is_int64() const noexcept { return tag_ == Tag::integer; }
  std::int64_t int64() const noexcept { return payload_.integer; }
  // The literal's text where the number is kept as one (neither int64 nor double says the same).
  std::optional<std::string_view> literal() const noexcept;

  // Elements of an array, members of an object, bytes of a string, 0 for the rest.
  std::size_t size() const noexcept { return tag_ > Tag::decimal ? payload_.rep->size : 0; }
  bool empty() const noexcept { return size() == 0; }
  std::span<const Value> elements() const noexcept;  // empty for what is no array
  std::span<const Member> members() const noexcept;  // in order of insertion; empty for no object
  // Precondition: is_array(), index < size().
  const Value& at(std::size_t index) const noexcept {
    return static_cast<value_detail::ArrayRep*>(payload_.rep)->items()[index];
  }
  const Value* find(std::string_view key) const noexcept;  // nullptr where absent or no object
  // The member, or null where there is none.
  const Value& get(std::string_view key) const noexcept;
  bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }

  // An upper bound of the nesting: 0 for scalars, 1 for [] and {}, …; costs nothing to ask.
  std::uint32_t depth() const noexcept { return tag_ > Tag::string ? payload_.rep->depth : 0; }

  // About how many bytes its JSON text has, where shared parts count as often as they stand in it.
  // Costs nothing to ask, never overflows.
  std::uint64_t weight() const noexcept;

  // Adds or replaces a member; a null becomes an object first. Precondition: object or null.
  void set(std::string_view key, Value value);
  void set_member(const Value& key, Value value);  // the key's string is shared, not copied
  void set_member(Value&& key, Value value);
  void erase(std::string_view key);
  // Appends; a null becomes an array first. Precondition: array or null.
  void push_back(Value element);
  void set(std::size_t index, Value element);  // precondition: is_array(), index < size()
  void reserve(std::size_t count);             // arrays and objects

  // Takes an element or member out by move where this handle is the sole owner, leaving null in
  // its place (so that it can be changed in place and put back); a copy otherwise.
  Value take(std::size_t index);
  Value take(std::string_view key);

  // True where another handle stands for the same stored thing, so that changing this one copies
  // it.
  bool is_shared() const noexcept {
    return is_shared_kind() && payload_.rep->refs.load(std::memory_order_relaxed) != 1;
  }
  // True where both handles stand for the very same stored thing (or equal scalars).
  bool same(const Value& other) const noexcept;

 private:
  friend int compare(const Value& a, const Value& b) noexcept;
  enum class Tag : std::uint8_t { null, boolean, integer, real, decimal, string, array, object };
  union Payload {
    std::int64_t integer = 0;
    double real;
    value_detail::Rep* rep;
  };

  static Value from_integer(std::int64_t number) noexcept {
    Value value;
    value.tag_ = Tag::integer;
    value.payload_.integer = number;
    return value;
  }
  static Value from_integer(std::uint64_t number) noexcept;
  template <std::integral T>
  static Value from_integer(T number) noexcept {
    if constexpr (std::is_signed_v<T>)
      return from_integer(static_cast<std::int64_t>(number));
    else
      return from_integer(static_cast<std::uint64_t>(number));
  }
  static constexpr std::array<Kind, 8> kKinds{Kind::null,   Kind::boolean, Kind::number,
                                              Kind::number, Kind::number,  Kind::string,
                                              Kind::array,  Kind::object};
  bool is_shared_kind() const noexcept { return tag_ >= Tag::decimal; }
  // Gives this handle up. The sole owner need not write to the count: nobody else can see it.
  void release() noexcept {
    if (!is_shared_kind()) return;
    auto& refs = payload_.rep->refs;
    if (refs.load(std::memory_order_acquire) == 1 ||
        refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy();
  }
  void destroy() noexcept;
  value_detail::ArrayRep* own_array(std::size_t room);
  value_detail::ObjectRep* own_object(std::size_t room);
  bool replace_member(std::string_view key, Value& value);
  void add_member(Value key, Value value);
  friend struct value_detail::Rep;
  friend struct value_detail::ObjectRep;

  Tag tag_ = Tag::null;
  Payload payload_;
};

struct Value::Member {
  Value key;  // always a string
  Value value;
  std::string_view name() const noexcept { return key.as_string(); }
};

inline std::span<const Value> Value::elements() const noexcept {
  if (tag_ != Tag::array) return {};
  return {static_cast<value_detail::ArrayRep*>(payload_.rep)->items(), payload_.rep->size};
}

// jq's total order: null < false < true < numbers < strings < arrays < objects; strings by code
// point, objects by their sorted key lists first, then value by value. Iterative in depth.
int compare(const Value& a, const Value& b) noexcept;
inline bool operator==(const Value& a, const Value& b) noexcept { return compare(a, b) == 0; }

// "null", "boolean", "number", "string", "array" or "object".
std::string_view kind_name(const Value& value) noexcept;

// Bytes of Value storage that this thread has allocated less what it has freed, since it began.
// An evaluation reads it before and after to hold its memory budget.
std::int64_t thread_value_bytes() noexcept;

}  // namespace stepwell
