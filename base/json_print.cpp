// Value to JSON text, as the jq command writes it.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace stepwell {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_unit(std::string& out, std::uint32_t unit) {
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kHexDigits[(unit >> shift) & 0xFU];
}

// Beyond U+FFFF as a surrogate pair (RFC 8259 §7).
void append_code_point(std::string& out, std::uint32_t code) {
  if (code < 0x10000) {
    append_unit(out, code);
    return;
  }
  append_unit(out, 0xD800 + ((code - 0x10000) >> 10U));
  append_unit(out, 0xDC00 + ((code - 0x10000) & 0x3FFU));
}

// The code point of the sequence that begins at `at`, which is moved behind it.
std::uint32_t decode(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  std::size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  std::uint32_t code = lead & (0x3FU >> more);
  for (; more > 0 && at < text.size(); --more)
    code = code << 6U | (static_cast<unsigned char>(text[at++]) & 0x3FU);
  return code;
}

// DEL too is written as an escape, as jq does.
bool stands_for_itself(unsigned char c, bool ascii) {
  return c >= 0x20 && c != '"' && c != '\\' && c != 0x7F && (c < 0x80 || !ascii);
}

// Whether all eight bytes are of printable ASCII and need no escape, seen in one go: a subtraction
// borrows into a byte's highest bit where the byte is less than what is taken from it. It may say
// no for nothing, never yes.
bool eight_stand_for_themselves(const char* text) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  constexpr std::uint64_t kHighest = kEach * 0x80;
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text, sizeof bytes);
  const auto zero_in = [](std::uint64_t word) { return word - kEach; };
  const std::uint64_t found = bytes | (bytes - kEach * 0x20) | zero_in(bytes ^ (kEach * '"')) |
                              zero_in(bytes ^ (kEach * '\\')) | (bytes + kEach);
  return (found & kHighest) == 0;
}

// The same for a text of any length.
bool all_stand_for_themselves(std::string_view text) {
  std::array<char, 8> last{' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8)
    if (!eight_stand_for_themselves(text.data() + at)) return false;
  std::copy(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), last.begin());
  return eight_stand_for_themselves(last.data());
}

// From `at` to the first byte that does not stand for itself.
std::size_t plain_until(std::string_view text, std::size_t at, bool ascii) {
  while (at < text.size()) {
    if (at + 8 <= text.size() && eight_stand_for_themselves(text.data() + at)) {
      at += 8;
      continue;
    }
    for (const std::size_t end = std::min(at + 8, text.size()); at < end; ++at)
      if (!stands_for_itself(static_cast<unsigned char>(text[at]), ascii)) return at;
  }
  return at;
}

void append_escape(std::string& out, unsigned char c) {
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = "\"\\bfnrt";
  const std::size_t named = kNamed.find(static_cast<char>(c));
  if (named == std::string_view::npos) {
    append_unit(out, c);
  } else {
    out += '\\';
    out += kNames[named];
  }
}

void append_string(std::string& out, std::string_view text, bool ascii) {
  if (std::array<char, 64> quoted;
      text.size() + 2 <= quoted.size() && all_stand_for_themselves(text)) {
    quoted.front() = '"';
    quoted[text.size() + 1] = '"';
    std::copy(text.begin(), text.end(), quoted.begin() + 1);
    out.append(quoted.data(), text.size() + 2);
    return;
  }
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t plain = plain_until(text, at, ascii);
    out.append(text, at, plain - at);
    at = plain;
    if (at == text.size()) break;
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x80) {
      append_escape(out, c);
      ++at;
    } else {
      append_code_point(out, decode(text, at));
    }
  }
  out += '"';
}

// False: it is an array or object.
bool append_scalar(std::string& out, const Value& value, bool ascii) {
  switch (value.kind()) {
    case Value::Kind::null:
      out += "null";
      return true;
    case Value::Kind::boolean:
      out += value.as_bool() ? "true" : "false";
      return true;
    case Value::Kind::number:
      out += number_text(value);
      return true;
    case Value::Kind::string:
      append_string(out, value.as_string(), ascii);
      return true;
    default:
      return false;
  }
}

// On one line and in the stored order, the most frequent form. Recursive: for what is not deep.
constexpr std::uint32_t kShallow = 64;
void append_compact(std::string& out, const Value& value, bool ascii) {
  if (append_scalar(out, value, ascii)) return;
  const bool is_array = value.is_array();
  if (value.empty()) {
    out += is_array ? "[]" : "{}";
    return;
  }
  char before = is_array ? '[' : '{';
  for (const Value& element : value.elements()) {
    out += std::exchange(before, ',');
    append_compact(out, element, ascii);
  }
  for (const Value::Member& member : value.members()) {
    out += std::exchange(before, ',');
    append_string(out, member.name(), ascii);
    out += ':';
    append_compact(out, member.value, ascii);
  }
  out += is_array ? ']' : '}';
}

struct Level {
  const Value* container;
  std::vector<const Value::Member*> sorted;  // empty where the order is the stored one
  std::size_t next = 0;
};

// Iterative, so that depth costs heap and not stack.
class Printer {
 public:
  Printer(std::string& out, const JsonStyle& style) : out_(out), style_(style) {}

  void print(const Value& root) {
    begin(root);
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next == level.container->size())
        end(level);
      else
        print_next(level);
    }
  }

 private:
  bool pretty() const { return style_.tabs || style_.indent > 0; }

  void begin(const Value& value) {
    if (append_scalar(out_, value, style_.ascii)) return;
    out_ += value.is_array() ? '[' : '{';
    levels_.push_back(open_level(value));
  }

  Level open_level(const Value& container) const {
    Level level{&container, {}, 0};
    if (style_.sort_keys && container.is_object()) {
      level.sorted.reserve(container.size());
      for (const Value::Member& member : container.members()) level.sorted.push_back(&member);
      std::sort(level.sorted.begin(), level.sorted.end(),
                [](const auto* a, const auto* b) { return a->name() < b->name(); });
    }
    return level;
  }

  void end(const Level& level) {
    const bool is_array = level.container->is_array();
    const bool was_empty = level.next == 0;
    levels_.pop_back();
    if (!was_empty) new_line();
    out_ += is_array ? ']' : '}';
  }

  void print_next(Level& level) {
    const std::size_t position = level.next++;
    if (position > 0) out_ += ',';
    new_line();
    if (level.container->is_array()) {
      begin(level.container->at(position));
      return;
    }
    const Value::Member& member =
        level.sorted.empty() ? level.container->members()[position] : *level.sorted[position];
    append_string(out_, member.name(), style_.ascii);
    out_ += ':';
    if (pretty()) out_ += ' ';
    begin(member.value);
  }

  void new_line() {
    if (!pretty()) return;
    out_ += '\n';
    if (style_.tabs)
      out_.append(levels_.size(), '\t');
    else
      out_.append(levels_.size() * static_cast<std::size_t>(style_.indent), ' ');
  }

  std::string& out_;
  const JsonStyle style_;
  std::vector<Level> levels_;
};

}  // namespace

void append_json(std::string& out, const Value& value, const JsonStyle& style) {
  const bool compact = !style.tabs && style.indent == 0 && !style.sort_keys;
  if (compact && value.depth() <= kShallow) return append_compact(out, value, style.ascii);
  Printer(out, style).print(value);
}

std::string to_json(const Value& value, const JsonStyle& style) {
  std::string out;
  // About what comes out; more is asked for as it comes, since parts can be shared and many.
  out.reserve(std::min<std::uint64_t>(value.weight(), 1024));
  append_json(out, value, style);
  return out;
}

}  // namespace stepwell
