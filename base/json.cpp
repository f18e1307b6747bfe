#include "base/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/writer.h>

#include <string>
#include <vector>

namespace stepwell {

namespace {

// Builds a Value from the parser's events.
class Builder {
 public:
  explicit Builder(std::size_t max_depth) : max_depth_(max_depth) {}

  bool Null() { return push({}); }
  bool Bool(bool flag) { return push({flag}); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    return push(Value::number_from_literal({text, size}));
  }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    return push({std::string_view(text, size)});
  }
  bool Key(const char* text, rapidjson::SizeType size, bool copy) {
    return String(text, size, copy);
  }
  bool StartObject() { return ++depth_ <= max_depth_; }
  bool StartArray() { return ++depth_ <= max_depth_; }
  bool EndObject(rapidjson::SizeType count) {
    --depth_;
    Value object = Value::object();
    object.reserve(count);
    const std::size_t first = stack_.size() - 2 * static_cast<std::size_t>(count);
    for (std::size_t i = first; i < stack_.size(); i += 2)
      object.set_member(stack_[i], std::move(stack_[i + 1]));
    stack_.resize(first);
    return push(std::move(object));
  }
  bool EndArray(rapidjson::SizeType count) {
    --depth_;
    Value array = Value::array();
    array.reserve(count);
    const std::size_t first = stack_.size() - count;
    for (std::size_t i = first; i < stack_.size(); ++i) array.push_back(std::move(stack_[i]));
    stack_.resize(first);
    return push(std::move(array));
  }
  // Numbers arrive as text only (kParseNumbersAsStringsFlag); the reader asks for these to exist.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  bool too_deep() const { return depth_ > max_depth_; }
  Value result() { return std::move(stack_.back()); }

 private:
  bool push(Value value) {
    stack_.push_back(std::move(value));
    return true;
  }
  std::vector<Value> stack_;
  std::size_t depth_ = 0;
  std::size_t max_depth_;
};

// RapidJSON's idea of an output stream, over a string.
class StringStream {
 public:
  using Ch = char;
  explicit StringStream(std::string& out) : out_(out) {}
  void Put(char c) { out_.push_back(c); }
  void Flush() {}

 private:
  std::string& out_;
};

struct Level {
  const Value* container;
  std::vector<const Value::Member*> sorted;  // empty where the order is the stored one
  std::size_t next = 0;
};

template <class Writer>
bool write_scalar(Writer& writer, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return writer.Null();
    case Value::Kind::boolean:
      return writer.Bool(value.as_bool());
    case Value::Kind::number: {
      const std::string text = number_text(value);
      return writer.RawValue(text.data(), text.size(), rapidjson::kNumberType);
    }
    default: {
      const std::string_view text = value.as_string();
      return writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    }
  }
}

Level open_level(const Value& container, bool sort_keys) {
  Level level{&container, {}, 0};
  if (sort_keys && container.is_object()) {
    for (const Value::Member& member : container.members()) level.sorted.push_back(&member);
    std::sort(level.sorted.begin(), level.sorted.end(),
              [](const auto* a, const auto* b) { return a->name() < b->name(); });
  }
  return level;
}

// Iterative, so that depth costs heap and not stack.
template <class Writer>
void write_value(Writer& writer, const Value& root, bool sort_keys) {
  std::vector<Level> levels;
  const auto begin = [&](const Value& value) {
    if (!value.is_array() && !value.is_object()) {
      write_scalar(writer, value);
      return;
    }
    value.is_array() ? writer.StartArray() : writer.StartObject();
    levels.push_back(open_level(value, sort_keys));
  };
  begin(root);
  while (!levels.empty()) {
    Level& level = levels.back();
    const Value& container = *level.container;
    if (level.next == container.size()) {
      container.is_array() ? writer.EndArray() : writer.EndObject();
      levels.pop_back();
      continue;
    }
    const std::size_t position = level.next++;
    if (container.is_array()) {
      begin(container.at(position));
      continue;
    }
    const Value::Member& member =
        level.sorted.empty() ? container.members()[position] : *level.sorted[position];
    writer.Key(member.name().data(), static_cast<rapidjson::SizeType>(member.name().size()));
    begin(member.value);
  }
}

}  // namespace

Result<Value> parse_json(std::string_view text, const JsonLimits& limits) {
  constexpr unsigned kFlags =
      rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;
  rapidjson::MemoryStream bytes(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
  rapidjson::Reader reader;
  Builder builder(limits.max_depth);
  const rapidjson::ParseResult parsed = reader.Parse<kFlags>(stream, builder);
  if (!parsed.IsError()) return builder.result();
  std::string detail = "invalid JSON at byte " + std::to_string(parsed.Offset()) + ": ";
  if (builder.too_deep())
    detail += "nested deeper than " + std::to_string(limits.max_depth) + " levels";
  else
    detail += rapidjson::GetParseError_En(parsed.Code());
  return fail(make_problem(ErrorKind::validation, "json-invalid", std::move(detail)));
}

void append_json(std::string& out, const Value& value, const JsonStyle& style) {
  StringStream stream(out);
  if (style.indent > 0) {
    rapidjson::PrettyWriter<StringStream> writer(stream);
    writer.SetIndent(' ', static_cast<unsigned>(style.indent));
    write_value(writer, value, style.sort_keys);
  } else {
    rapidjson::Writer<StringStream> writer(stream);
    write_value(writer, value, style.sort_keys);
  }
}

std::string to_json(const Value& value, const JsonStyle& style) {
  std::string out;
  append_json(out, value, style);
  return out;
}

}  // namespace stepwell
