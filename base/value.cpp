#include "base/value.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <new>
#include <vector>

#include "base/number.h"

namespace stepwell {

using value_detail::ArrayRep;
using value_detail::DecimalRep;
using value_detail::ObjectRep;
using value_detail::Rep;
using value_detail::StringRep;

namespace {

Value::Member* members_of(ObjectRep* rep) { return reinterpret_cast<Value::Member*>(rep + 1); }

// The hash index lies behind the members: positions plus one, 0 for a free slot.
std::uint32_t* index_of(ObjectRep* rep) {
  return reinterpret_cast<std::uint32_t*>(members_of(rep) + rep->capacity);
}

constexpr std::size_t kScannedMembers = 8;                // above it an object has a hash index
constexpr std::uint32_t kRecursiveRelease = 64;           // above it a release is iterative
constexpr std::uint64_t kMaxWeight = UINT64_C(1) << 62U;  // "more than can ever be written out"
thread_local std::int64_t live_bytes = 0;

// The weight of a container in which `removed` gives way to `added`. What has become too heavy to
// count stays so.
std::uint64_t reweighed(std::uint64_t weight, std::uint64_t removed, std::uint64_t added) {
  if (weight >= kMaxWeight) return kMaxWeight;
  return std::min(weight - removed + added, kMaxWeight);
}

void* allocate(std::size_t bytes) {
  void* memory = ::operator new(bytes);
  live_bytes += static_cast<std::int64_t>(bytes);
  return memory;
}

void deallocate(void* memory, std::size_t bytes) {
  live_bytes -= static_cast<std::int64_t>(bytes);
#ifdef __cpp_sized_deallocation
  ::operator delete(memory, bytes);  // which need not look the size up
#else
  ::operator delete(memory);
#endif
}

std::size_t array_bytes(std::size_t capacity) {
  return sizeof(ArrayRep) + capacity * sizeof(Value);
}

std::size_t slots_for(std::size_t capacity) {
  if (capacity <= kScannedMembers) return 0;
  std::size_t slots = 16;
  while (slots < capacity * 2) slots *= 2;
  return slots;
}

std::size_t object_bytes(std::size_t capacity) {
  return sizeof(ObjectRep) + capacity * sizeof(Value::Member) +
         slots_for(capacity) * sizeof(std::uint32_t);
}

ArrayRep* new_array(std::size_t capacity) {
  auto* rep = new (allocate(array_bytes(capacity))) ArrayRep;
  rep->capacity = capacity;
  return rep;
}

ObjectRep* new_object(std::size_t capacity) {
  auto* rep = new (allocate(object_bytes(capacity))) ObjectRep;
  rep->capacity = capacity;
  rep->slots = slots_for(capacity);
  if (rep->slots != 0) std::memset(index_of(rep), 0, rep->slots * sizeof(std::uint32_t));
  return rep;
}

std::size_t hash_of(std::string_view key) { return std::hash<std::string_view>{}(key); }

void index_member(ObjectRep* rep, std::size_t position) {
  if (rep->slots == 0) return;
  const std::size_t mask = rep->slots - 1;
  std::size_t slot = hash_of(members_of(rep)[position].name()) & mask;
  while (index_of(rep)[slot] != 0) slot = (slot + 1) & mask;
  index_of(rep)[slot] = static_cast<std::uint32_t>(position + 1);
}

void rebuild_index(ObjectRep* rep) {
  if (rep->slots == 0) return;
  std::memset(index_of(rep), 0, rep->slots * sizeof(std::uint32_t));
  for (std::size_t i = 0; i < rep->size; ++i) index_member(rep, i);
}

std::optional<std::size_t> position_of(ObjectRep* rep, std::string_view key) {
  if (rep->slots == 0) {
    for (std::size_t i = 0; i < rep->size; ++i)
      if (members_of(rep)[i].name() == key) return i;
    return std::nullopt;
  }
  const std::size_t mask = rep->slots - 1;
  for (std::size_t slot = hash_of(key) & mask; index_of(rep)[slot] != 0; slot = (slot + 1) & mask) {
    const std::size_t position = index_of(rep)[slot] - 1;
    if (members_of(rep)[position].name() == key) return position;
  }
  return std::nullopt;
}

// Exactly what is asked for at first (a reserve, or a copy), then by half as much again.
// (Not by the old capacity: copy after copy of a shared array would grow it without end.)
std::size_t new_capacity(std::size_t room, std::size_t size) {
  if (size == 0 || room <= size) return std::max(room, size);
  return std::max<std::size_t>({room, size + size / 2, 4});
}

}  // namespace

std::string_view kind_name(const Value& value) noexcept {
  static constexpr std::array<std::string_view, 6> kNames{"null",   "boolean", "number",
                                                          "string", "array",   "object"};
  return kNames[static_cast<std::size_t>(value.kind())];
}

std::int64_t thread_value_bytes() noexcept { return live_bytes; }

Value::Value(std::string_view text) : tag_(Tag::string) {
  auto* rep = new (allocate(sizeof(StringRep) + text.size())) StringRep;
  rep->size = text.size();
  if (!text.empty()) std::memcpy(rep->bytes(), text.data(), text.size());
  payload_.rep = rep;
}

Value Value::from_integer(std::uint64_t number) noexcept {
  if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return {static_cast<double>(number)};
  return from_integer(static_cast<std::int64_t>(number));
}

// Frees one representation whose last handle is gone. Deep values are taken apart with a list of
// their own, so that the stack's depth does not depend on the data.
void Value::destroy() noexcept {
  const auto destroy_one = [](Tag tag, Rep* rep, std::vector<Value>* rest) {
    const auto drop = [rest](Value& value) {
      if (rest != nullptr && value.depth() > 0)
        rest->push_back(std::move(value));
      else
        value.~Value();
    };
    switch (tag) {
      case Tag::string:
        deallocate(rep, sizeof(StringRep) + static_cast<StringRep*>(rep)->size);
        break;
      case Tag::decimal:
        deallocate(rep, sizeof(DecimalRep) + static_cast<DecimalRep*>(rep)->size);
        break;
      case Tag::array: {
        auto* array = static_cast<ArrayRep*>(rep);
        for (std::size_t i = 0; i < array->size; ++i) drop(array->items()[i]);
        deallocate(array, array_bytes(array->capacity));
        break;
      }
      default: {
        auto* object = static_cast<ObjectRep*>(rep);
        for (std::size_t i = 0; i < object->size; ++i) {
          members_of(object)[i].key.~Value();
          drop(members_of(object)[i].value);
        }
        deallocate(object, object_bytes(object->capacity));
      }
    }
  };
  if (depth() <= kRecursiveRelease) {
    destroy_one(tag_, payload_.rep, nullptr);
  } else {
    std::vector<Value> rest;
    destroy_one(tag_, payload_.rep, &rest);
    while (!rest.empty()) {
      Value next = std::move(rest.back());
      rest.pop_back();
      if (next.payload_.rep->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
        destroy_one(next.tag_, next.payload_.rep, &rest);
      next.tag_ = Tag::null;
    }
  }
  tag_ = Tag::null;
}

Value Value::array() { return array_with_room(0); }

Value Value::array_with_room(std::size_t count) {
  Value value;
  value.payload_.rep = new_array(count);
  value.tag_ = Tag::array;
  return value;
}

Value Value::array(std::initializer_list<Value> elements) {
  Value value = array_with_room(elements.size());
  for (const Value& element : elements) value.push_back(element);
  return value;
}

Value Value::object() { return object_with_room(0); }

Value Value::object_with_room(std::size_t count) {
  Value value;
  value.payload_.rep = new_object(count);
  value.tag_ = Tag::object;
  return value;
}

Value Value::object(std::initializer_list<std::pair<std::string_view, Value>> members) {
  Value value = object_with_room(members.size());
  for (const auto& [key, member] : members) value.set(key, member);
  return value;
}

Value Value::number_from_literal(std::string_view text) {
  const ParsedNumber number = parse_number(text);
  if (number.integer) return {*number.integer};
  if (number.literal.empty()) return {number.real};
  const std::string& kept = number.literal;
  Value value;
  auto* rep = new (allocate(sizeof(DecimalRep) + kept.size())) DecimalRep;
  rep->nearest = number.real;
  rep->size = kept.size();
  std::memcpy(rep->bytes(), kept.data(), kept.size());
  value.tag_ = Tag::decimal;
  value.payload_.rep = rep;
  return value;
}

double Value::as_double() const noexcept {
  if (tag_ == Tag::integer) return static_cast<double>(payload_.integer);
  if (tag_ == Tag::decimal) return static_cast<DecimalRep*>(payload_.rep)->nearest;
  return payload_.real;
}

std::optional<std::int64_t> Value::as_integer() const noexcept {
  if (tag_ == Tag::integer) return payload_.integer;
  if (tag_ != Tag::real && tag_ != Tag::decimal) return std::nullopt;
  const double number = as_double();
  if (!(number >= -0x1p63 && number < 0x1p63) || std::trunc(number) != number) return std::nullopt;
  const auto whole = static_cast<std::int64_t>(number);
  // A literal such as 2.0 is one, 9007199254740992.5 is not.
  if (tag_ == Tag::decimal && compare_numbers(*this, Value(whole)) != 0) return std::nullopt;
  return whole;
}

std::optional<std::string_view> Value::literal() const noexcept {
  if (tag_ != Tag::decimal) return std::nullopt;
  auto* rep = static_cast<DecimalRep*>(payload_.rep);
  return std::string_view(rep->bytes(), rep->size);
}

std::span<const Value::Member> Value::members() const noexcept {
  if (tag_ != Tag::object) return {};
  auto* rep = static_cast<ObjectRep*>(payload_.rep);
  return {members_of(rep), rep->size};
}

const Value* Value::find(std::string_view key) const noexcept {
  if (tag_ != Tag::object) return nullptr;
  auto* rep = static_cast<ObjectRep*>(payload_.rep);
  const auto position = position_of(rep, key);
  return position ? &members_of(rep)[*position].value : nullptr;
}

const Value& Value::get(std::string_view key) const noexcept {
  static const Value none{};
  const Value* found = find(key);
  return found != nullptr ? *found : none;
}

std::uint64_t Value::weight() const noexcept {
  if (tag_ == Tag::array) return static_cast<ArrayRep*>(payload_.rep)->weight;
  if (tag_ == Tag::object) return static_cast<ObjectRep*>(payload_.rep)->weight;
  if (tag_ == Tag::string) return size() + 8;
  if (tag_ == Tag::decimal) return static_cast<DecimalRep*>(payload_.rep)->size + UINT64_C(8);
  return 8;
}

// Makes this handle the sole owner of an array with room for `room` elements. Elements move where
// this handle was the sole owner already, and are shared otherwise.
ArrayRep* Value::own_array(std::size_t room) {
  if (tag_ == Tag::null) *this = array_with_room(room);
  auto* rep = static_cast<ArrayRep*>(payload_.rep);
  const bool sole = rep->refs.load(std::memory_order_acquire) == 1;
  if (sole && rep->capacity >= room) return rep;
  ArrayRep* fresh = new_array(new_capacity(room, rep->size));
  fresh->depth = rep->depth;
  fresh->weight = rep->weight;
  fresh->size = rep->size;
  if (sole) {
    // A Value is its tag and payload: moving it elsewhere is a copy of these bytes.
    std::memcpy(static_cast<void*>(fresh->items()), static_cast<const void*>(rep->items()),
                rep->size * sizeof(Value));
    rep->size = 0;
  } else {
    for (std::size_t i = 0; i < rep->size; ++i) new (fresh->items() + i) Value(rep->items()[i]);
  }
  release();
  tag_ = Tag::array;
  payload_.rep = fresh;
  return fresh;
}

ObjectRep* Value::own_object(std::size_t room) {
  if (tag_ == Tag::null) *this = object_with_room(room);
  auto* rep = static_cast<ObjectRep*>(payload_.rep);
  const bool sole = rep->refs.load(std::memory_order_acquire) == 1;
  if (sole && rep->capacity >= room) return rep;
  ObjectRep* fresh = new_object(new_capacity(room, rep->size));
  fresh->depth = rep->depth;
  fresh->weight = rep->weight;
  fresh->size = rep->size;
  if (sole) {
    std::memcpy(static_cast<void*>(members_of(fresh)), static_cast<const void*>(members_of(rep)),
                rep->size * sizeof(Member));
    rep->size = 0;
  } else {
    for (std::size_t i = 0; i < rep->size; ++i)
      new (members_of(fresh) + i) Member{members_of(rep)[i].key, members_of(rep)[i].value};
  }
  rebuild_index(fresh);
  release();
  tag_ = Tag::object;
  payload_.rep = fresh;
  return fresh;
}

// False where there is no such member; `value` is then as it was.
bool Value::replace_member(std::string_view key, Value& value) {
  if (tag_ != Tag::object) return false;
  const auto position = position_of(static_cast<ObjectRep*>(payload_.rep), key);
  if (!position) return false;
  ObjectRep* rep = own_object(size());
  Value& member = members_of(rep)[*position].value;
  rep->depth = std::max(rep->depth, value.depth() + 1);
  rep->weight = reweighed(rep->weight, member.weight(), value.weight());
  member = std::move(value);
  return true;
}

// Where there is no such member.
void Value::add_member(Value key, Value value) {
  ObjectRep* rep = own_object(size() + 1);
  rep->depth = std::max(rep->depth, value.depth() + 1);
  rep->weight = reweighed(rep->weight, 0, key.weight() + value.weight());
  new (members_of(rep) + rep->size) Member{std::move(key), std::move(value)};
  ++rep->size;
  index_member(rep, rep->size - 1);
}

void Value::set_member(const Value& key, Value value) {
  if (!replace_member(key.as_string(), value)) add_member(key, std::move(value));
}

void Value::set_member(Value&& key, Value value) {
  if (!replace_member(key.as_string(), value)) add_member(std::move(key), std::move(value));
}

void Value::set(std::string_view key, Value value) {
  if (!replace_member(key, value)) add_member(Value(key), std::move(value));
}

void Value::erase(std::string_view key) {
  if (tag_ != Tag::object || !contains(key)) return;
  ObjectRep* rep = own_object(size());
  const std::size_t position = *position_of(rep, key);
  Member* members = members_of(rep);
  rep->weight =
      reweighed(rep->weight, members[position].key.weight() + members[position].value.weight(), 0);
  for (std::size_t i = position; i + 1 < rep->size; ++i) members[i] = std::move(members[i + 1]);
  members[rep->size - 1].~Member();
  --rep->size;
  rebuild_index(rep);
}

void Value::push_back(Value element) {
  ArrayRep* rep = own_array(size() + 1);
  rep->depth = std::max(rep->depth, element.depth() + 1);
  rep->weight = reweighed(rep->weight, 0, element.weight());
  new (rep->items() + rep->size) Value(std::move(element));
  ++rep->size;
}

void Value::set(std::size_t index, Value element) {
  ArrayRep* rep = own_array(size());
  rep->depth = std::max(rep->depth, element.depth() + 1);
  rep->weight = reweighed(rep->weight, rep->items()[index].weight(), element.weight());
  rep->items()[index] = std::move(element);
}

void Value::reserve(std::size_t count) {
  if (tag_ == Tag::array)
    own_array(std::max(count, size()));
  else if (tag_ == Tag::object)
    own_object(std::max(count, size()));
}

Value Value::take(std::size_t index) {
  auto* rep = static_cast<ArrayRep*>(payload_.rep);
  if (rep->refs.load(std::memory_order_acquire) != 1) return rep->items()[index];
  rep->weight = reweighed(rep->weight, rep->items()[index].weight(), Value().weight());
  return std::exchange(rep->items()[index], Value());
}

Value Value::take(std::string_view key) {
  auto* rep = static_cast<ObjectRep*>(payload_.rep);
  const auto position = position_of(rep, key);
  if (!position) return {};
  if (rep->refs.load(std::memory_order_acquire) != 1) return members_of(rep)[*position].value;
  rep->weight = reweighed(rep->weight, members_of(rep)[*position].value.weight(), Value().weight());
  return std::exchange(members_of(rep)[*position].value, Value());
}

bool Value::same(const Value& other) const noexcept {
  if (is_shared_kind() && other.is_shared_kind())
    return tag_ == other.tag_ && payload_.rep == other.payload_.rep;
  // The same NaN is the same, though it equals nothing.
  if (tag_ == Tag::real && other.tag_ == Tag::real)
    return std::bit_cast<std::uint64_t>(payload_.real) ==
           std::bit_cast<std::uint64_t>(other.payload_.real);
  return !is_shared_kind() && !other.is_shared_kind() && compare(*this, other) == 0;
}

}  // namespace stepwell
