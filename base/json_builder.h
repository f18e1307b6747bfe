// Builds a Value from the events of a JSON parser (RapidJSON's SAX names). Internal to base: for
// parse_json() and JsonReader. Made for one text; used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/value.h"

namespace stepwell {

class JsonBuilder {
 public:
  explicit JsonBuilder(std::size_t max_depth) : max_depth_(max_depth) { stack_.reserve(kUsual); }
  // For a stream that reads the numbers itself: at each one `number` holds its value, whatever the
  // parser was given in its place. Strings that are not UTF-8 are mended (see valid_utf8()).
  JsonBuilder(std::size_t max_depth, const Value& number)
      : number_(&number), max_depth_(max_depth), mends_(true) {
    stack_.reserve(kUsual);
  }

  bool Null() { return push({}); }
  bool Bool(bool flag) { return push({flag}); }
  bool RawNumber(const char* text, unsigned size, bool /*copy*/) {
    if (number_ != nullptr) return push(*number_);
    if (numbers_.empty()) return push(Value::number_from_literal({text, size}));
    const std::string_view number = numbers_[next_number_++ % numbers_.size()];
    return push(Value::number_from_literal(number));
  }
  bool String(const char* text, unsigned size, bool copy);
  bool Key(const char* text, unsigned size, bool copy) { return String(text, size, copy); }
  bool StartObject() { return ++depth_ <= max_depth_; }
  bool StartArray() { return ++depth_ <= max_depth_; }
  bool EndObject(unsigned count);
  bool EndArray(unsigned count);
  // Numbers arrive as text only (kParseNumbersAsStringsFlag); the reader asks for these to exist.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  // The numbers that the parser is to find, for it is given others in their place (RapidJSON
  // refuses what no double can hold, even where it hands over text).
  void expect_numbers(std::vector<std::string_view> numbers) { numbers_ = std::move(numbers); }

  bool too_deep() const { return depth_ > max_depth_; }
  std::size_t max_depth() const { return max_depth_; }
  Value result() { return std::move(stack_.back()); }

 private:
  static constexpr std::size_t kUsual = 16;  // values that a small text needs on the stack
  bool push(Value value) {
    stack_.push_back(std::move(value));
    return true;
  }
  std::vector<Value> stack_;
  std::vector<std::string_view> numbers_;
  std::size_t next_number_ = 0;
  std::size_t depth_ = 0;
  const Value* number_ = nullptr;
  const std::size_t max_depth_;
  const bool mends_ = false;
};

}  // namespace stepwell
