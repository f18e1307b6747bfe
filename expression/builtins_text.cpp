// Built-ins over strings.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "base/json.h"
#include "expression/builtins.h"
#include "expression/operations.h"
#include "expression/utf8.h"

namespace stepwell::expression::detail {

Value split_text(std::string_view text, std::string_view separator, Limits& limits) {
  Value parts = Value::array();
  if (separator.empty()) {
    for (std::size_t at = 0; at < text.size();) {
      if (!limits.spend(4)) return {};
      const std::size_t begin = at;
      next_code_point(text, at);
      parts.push_back(Value(text.substr(begin, at - begin)));
    }
    return parts;
  }
  if (text.empty()) return parts;
  while (true) {
    const std::size_t end = find_text(text, separator);
    if (!limits.spend(4 + static_cast<std::int64_t>(std::min(end, text.size()) / 64))) return {};
    parts.push_back(Value(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

namespace {

bool pay_for_text(NativeCall& call, std::size_t bytes) {
  return call.limits.spend(static_cast<std::int64_t>(bytes / 64));
}

Value starts_with(NativeCall& call) {
  if (!call.input.is_string() || !call.args[0].is_string())
    return call.raise("startswith() requires string inputs");
  return Value(call.input.as_string().starts_with(call.args[0].as_string()));
}

Value ends_with(NativeCall& call) {
  if (!call.input.is_string() || !call.args[0].is_string())
    return call.raise("endswith() requires string inputs");
  return Value(call.input.as_string().ends_with(call.args[0].as_string()));
}

// Cuts `cut` off at the left, the right, or both; anything but strings stays as it is.
Value trim_text(NativeCall& call, bool left, bool right) {
  const Value& cut = call.args[0];
  if (!call.input.is_string() || !cut.is_string())
    return call.raise(left ? "startswith() requires string inputs"
                           : "endswith() requires string inputs");
  std::string_view text = call.input.as_string();
  if (left && text.starts_with(cut.as_string())) text.remove_prefix(cut.size());
  if (right && text.ends_with(cut.as_string())) text.remove_suffix(cut.size());
  return text.size() == call.input.size() ? call.input : Value(text);
}
Value trim_left_text(NativeCall& call) { return trim_text(call, true, false); }
Value trim_right_text(NativeCall& call) { return trim_text(call, false, true); }
Value trim_both_text(NativeCall& call) { return trim_text(call, true, true); }

// What Unicode calls White_Space.
bool is_blank(std::uint32_t code) {
  return code == 0x20 || (code >= 0x09 && code <= 0x0D) || code == 0x85 || code == 0xA0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
         code == 0x202F || code == 0x205F || code == 0x3000;
}

Value trim_blanks(NativeCall& call, bool left, bool right) {
  if (!call.input.is_string()) return call.raise(Value("trim input must be a string"));
  const std::string_view text = call.input.as_string();
  std::size_t begin = 0;
  while (left && begin < text.size()) {
    std::size_t next = begin;
    if (!is_blank(next_code_point(text, next))) break;
    begin = next;
  }
  std::size_t end = text.size();
  while (right && end > begin) {
    std::size_t previous = end - 1;
    while (previous > begin && is_continuation(text[previous])) --previous;
    std::size_t at = previous;
    if (!is_blank(next_code_point(text, at))) break;
    end = previous;
  }
  return end - begin == text.size() ? call.input : Value(text.substr(begin, end - begin));
}
Value trim_both(NativeCall& call) { return trim_blanks(call, true, true); }
Value trim_left(NativeCall& call) { return trim_blanks(call, true, false); }
Value trim_right(NativeCall& call) { return trim_blanks(call, false, true); }

Value split(NativeCall& call) {
  if (!call.input.is_string() || !call.args[0].is_string())
    return call.raise("split input and separator must be strings");
  const std::size_t size = call.input.size();
  if (!pay_for_text(call, size)) return {};
  // An empty separator makes a value of each character.
  if (call.args[0].empty() && !call.limits.room_for(static_cast<std::int64_t>(size) * 48))
    return {};
  return split_text(call.input.as_string(), call.args[0].as_string(), call.limits);
}

Value join(NativeCall& call) {
  if (call.input.depth() == 0)
    return call.raise("Cannot iterate over " + std::string(kind_name(call.input)) + " (" +
                      summary(call.input) + ")");
  const Value& separator = call.args[0];
  const std::size_t size = call.input.size();
  if (size == 0) return Value("");
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    const Value& part = call.input.is_array() ? call.input.at(i) : call.input.members()[i].value;
    if (separator.is_string()) {
      if (i > 0) text += separator.as_string();
    } else if (!separator.is_null() && !(i == 0)) {
      return call.raise(type_error(Value(text), separator, "cannot be added"));
    }
    if (part.depth() > 0) return call.raise(type_error(Value(text), part, "cannot be added"));
    if (part.is_string())
      text += part.as_string();
    else if (!part.is_null())
      append_json(text, part);
    if (!call.limits.spend(1 + static_cast<std::int64_t>(part.size() / 64)) ||
        !call.limits.room_for(static_cast<std::int64_t>(text.size()) * 2))
      return {};
  }
  return Value(text);
}

Value change_case(NativeCall& call, char from, char to) {
  // (As jq, which takes the text apart first.)
  if (!call.input.is_string()) return call.raise(Value("explode input must be a string"));
  std::string text(call.input.as_string());
  for (char& c : text)
    if (c >= from && c <= static_cast<char>(from + 25)) c = static_cast<char>(c - from + to);
  if (!pay_for_text(call, text.size())) return {};
  return Value(text);
}
Value ascii_downcase(NativeCall& call) { return change_case(call, 'A', 'a'); }
Value ascii_upcase(NativeCall& call) { return change_case(call, 'a', 'A'); }

Value explode(NativeCall& call) {
  if (!call.input.is_string()) return call.raise(Value("explode input must be a string"));
  const std::string_view text = call.input.as_string();
  if (!pay_for_text(call, text.size()) ||
      !call.limits.room_for(static_cast<std::int64_t>(text.size()) * 16))
    return {};
  Value codes = Value::array();
  codes.reserve(count_code_points(text));
  for (std::size_t at = 0; at < text.size();) codes.push_back(Value(next_code_point(text, at)));
  return codes;
}

Value implode(NativeCall& call) {
  if (!call.input.is_array()) return call.raise(Value("implode input must be an array"));
  if (!pay_for_text(call, call.input.size() * 16) ||
      !call.limits.room_for(static_cast<std::int64_t>(call.input.size()) * 4))
    return {};
  std::string text;
  for (const Value& code : call.input.elements()) {
    if (!code.is_number() || std::isnan(code.as_double()))
      return call.raise(
          type_error(code, "can't be imploded, unicode codepoint needs to be numeric"));
    const double number = code.as_double();
    append_utf8(text,
                number < 0 || number > 0x10FFFF ? 0xFFFDU : static_cast<std::uint32_t>(number));
  }
  return Value(text);
}

Value indices(NativeCall& call) {
  const Value& part = call.args[0];
  if (call.input.is_string() && part.is_string()) {
    if (!pay_for_text(call, call.input.size() * 4)) return {};
    return text_positions(call.input.as_string(), part.as_string(), call.limits);
  }
  if (call.input.is_array()) {
    return positions_of(call.input, part.is_array() ? part : Value::array({part}), call.limits);
  }
  Value result;
  return index_value(call.input, part, call.limits, result) ? result
                                                            : call.raise(std::move(result));
}

Value text_format(NativeCall& call) {
  if (!call.args[0].is_string())
    return call.raise(type_error(call.args[0], "is not a valid format"));
  Value result;
  const std::string name = "@" + std::string(call.args[0].as_string());
  if (!format_value(name, std::move(call.input), call.limits, result))
    return call.raise(std::move(result));
  return result;
}

constexpr NativeEntry kTextEntries[] = {
    {"startswith", 1, starts_with},
    {"endswith", 1, ends_with},
    {"ltrimstr", 1, trim_left_text},
    {"rtrimstr", 1, trim_right_text},
    {"trimstr", 1, trim_both_text},
    {"trim", 0, trim_both},
    {"ltrim", 0, trim_left},
    {"rtrim", 0, trim_right},
    {"split", 1, split},
    {"join", 1, join},
    {"ascii_downcase", 0, ascii_downcase},
    {"ascii_upcase", 0, ascii_upcase},
    {"explode", 0, explode},
    {"implode", 0, implode},
    {"indices", 1, indices},
    {"format", 1, text_format},
};

}  // namespace

std::span<const NativeEntry> text_natives() { return kTextEntries; }

}  // namespace stepwell::expression::detail
