#include "expression/loose_json.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "expression/utf8.h"

namespace stepwell::expression::detail {

namespace {

// `lower` is in lower case.
bool is_same_word(std::string_view word, std::string_view lower) {
  return std::equal(word.begin(), word.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

std::string_view take_digits(std::string_view& rest) {
  std::size_t end = 0;
  while (end < rest.size() && is_ascii_digit(rest[end])) ++end;
  const std::string_view digits = rest.substr(0, end);
  rest.remove_prefix(end);
  return digits;
}

// In JSON's form (RFC 8259 §6), nothing where the digits are none.
std::optional<std::string> json_number(std::string_view rest) {
  std::string_view whole = take_digits(rest);
  std::string_view fraction;
  const bool digits_first = !whole.empty();
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = take_digits(rest);
  }
  if (!digits_first && fraction.empty()) return std::nullopt;
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  std::string text(whole.empty() ? "0" : whole);
  if (!fraction.empty()) text.append(".").append(fraction);
  if (rest.empty()) return text;
  if (rest[0] != 'e' && rest[0] != 'E') return std::nullopt;
  rest.remove_prefix(1);
  text.push_back('e');
  if (rest.starts_with('+') || rest.starts_with('-')) {
    text.push_back(rest[0]);
    rest.remove_prefix(1);
  }
  const std::string_view exponent = take_digits(rest);
  if (exponent.empty() || !rest.empty()) return std::nullopt;
  return text.append(exponent);
}

// What is in a string: false with the message where an escape or a character is none.
class StringReader {
 public:
  explicit StringReader(std::string_view text) : text_(text) {}

  bool read(std::string& out, std::string& fault) {
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\\') {
        if (!escape(out, fault)) return false;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        fault = "Invalid string: control characters from U+0000 through U+001F must be escaped";
        return false;
      } else {
        out.push_back(c);
      }
    }
    return true;
  }

 private:
  bool escape(std::string& out, std::string& fault) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char c = text_[at_++];  // a string does not end behind a backslash
    if (const std::size_t known = kNames.find(c); known != std::string_view::npos) {
      out.push_back(kMeanings[known]);
      return true;
    }
    fault = "Invalid escape";
    if (c != 'u') return false;
    if (text_.size() - at_ < 4) {
      fault = "Invalid \\uXXXX escape";
      return false;
    }
    const auto high = hexadecimal();
    fault = "Invalid characters in \\uXXXX escape";
    if (!high) return false;
    if (*high < 0xD800 || *high >= 0xDC00) {
      append_utf8(out, *high);
      return true;
    }
    fault = "Invalid \\uXXXX\\uXXXX surrogate pair escape";
    if (text_.size() - at_ < 6 || text_.substr(at_, 2) != "\\u") return false;
    at_ += 2;
    const auto low = hexadecimal();
    if (!low || *low < 0xDC00 || *low >= 0xE000) return false;
    append_utf8(out, 0x10000U + ((*high - 0xD800U) << 10U) + (*low - 0xDC00U));
    return true;
  }

  std::optional<std::uint32_t> hexadecimal() {
    std::uint32_t code = 0;
    for (const char c : text_.substr(at_, 4)) {
      const auto lower = static_cast<char>(c | 0x20);
      if (is_ascii_digit(c))
        code = code * 16 + static_cast<std::uint32_t>(c - '0');
      else if (lower >= 'a' && lower <= 'f')
        code = code * 16 + static_cast<std::uint32_t>(lower - 'a') + 10;
      else
        return std::nullopt;
    }
    at_ += 4;
    return code;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class Reader {
 public:
  Reader(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  bool read(Value& value, std::string& fault) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    for (; at_ < text_.size() && fault_.empty() && results_ < 2; ++at_) take(text_[at_]);
    const bool placed = !fault_.empty();
    if (fault_.empty() && results_ < 2) end();
    if (!fault_.empty()) {
      fault = fault_ + (placed ? "" : " at EOF") + " at line " + std::to_string(line_) +
              ", column " + std::to_string(column_);
    } else if (results_ != 1) {
      fault = results_ == 0 ? "Expected JSON value" : "Unexpected extra JSON values";
    }
    value = std::move(result_);
    return fault.empty();
  }

 private:
  struct Level {
    Value container;
    std::optional<Value> key;
  };

  void take(char c) {
    ++column_;
    if (c == '\n') {
      ++line_;
      column_ = 0;
    }
    if (in_string_) return in_string(c);
    switch (c) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        return end_word();
      case '"':
        end_word();
        in_string_ = true;
        word_ = at_ + 1;
        return;
      case '[':
      case '{':
        return open(c);
      case ']':
      case '}':
        return close(c);
      case ':':
        return colon();
      case ',':
        return comma();
      default:
        if (!in_word_) word_ = at_;
        in_word_ = true;
    }
  }

  void in_string(char c) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
      std::string text;
      if (StringReader(text_.substr(word_, at_ - word_)).read(text, fault_)) give(Value(text));
    }
  }

  void end_word() {
    if (!std::exchange(in_word_, false)) return;
    const std::string_view word = text_.substr(word_, at_ - word_);
    const char first = word[0];
    if (first == '\'') {
      fault_ = "Invalid string literal; expected \", but got '";
    } else if (first == 't' || first == 'f' || word.starts_with("nu")) {
      if (word != "true" && word != "false" && word != "null")
        fault_ = "Invalid literal";
      else
        give(first == 'n' ? Value() : Value(first == 't'));
    } else if (auto number = read_number(word)) {
      give(std::move(*number));
    } else {
      fault_ = "Invalid numeric literal";
    }
  }

  // A value is complete; it waits for what follows, or is the result.
  void give(Value value) {
    if (next_) {
      fault_ = "Expected separator between values";
      return;
    }
    if (!levels_.empty()) {
      next_ = std::move(value);
      return;
    }
    if (++results_ == 1) result_ = std::move(value);
  }

  void open(char c) {
    end_word();
    if (!fault_.empty()) return;
    if (levels_.size() >= max_depth_)
      fault_ = "Exceeds depth limit for parsing";
    else if (next_)
      fault_ = "Expected separator between values";
    else
      levels_.push_back({c == '[' ? Value::array() : Value::object(), std::nullopt});
  }

  void colon() {
    end_word();
    if (!fault_.empty()) return;
    if (!next_) {
      fault_ = "Expected string key before ':'";
    } else if (!levels_.back().container.is_object() || levels_.back().key) {
      fault_ = "':' not as part of an object";
    } else if (!next_->is_string()) {
      fault_ = "Object keys must be strings";
    } else {
      levels_.back().key = std::exchange(next_, std::nullopt);
    }
  }

  // The waiting value becomes part of its container.
  bool place() {
    Level& level = levels_.back();
    if (level.container.is_array()) {
      level.container.push_back(std::move(*next_));
    } else if (level.key) {
      level.container.set_member(*level.key, std::move(*next_));
      level.key.reset();
    } else {
      fault_ = "Objects must consist of key:value pairs";
      return false;
    }
    next_.reset();
    return true;
  }

  void comma() {
    end_word();
    if (!fault_.empty()) return;
    if (!next_)
      fault_ = "Expected value before ','";
    else
      place();
  }

  void close(char c) {
    end_word();
    if (!fault_.empty()) return;
    const bool array = c == ']';
    const bool fits = !levels_.empty() && levels_.back().container.is_array() == array &&
                      !(array ? false : !next_ && levels_.back().key);
    if (!fits) {
      fault_ = array ? "Unmatched ']'" : "Unmatched '}'";
      if (!array && next_ && !levels_.empty()) fault_ = "Objects must consist of key:value pairs";
      return;
    }
    if (next_) {
      if (!place()) return;
    } else if (!levels_.back().container.empty()) {
      fault_ = array ? "Expected another array element" : "Expected another key-value pair";
      return;
    }
    Value done = std::move(levels_.back().container);
    levels_.pop_back();
    give(std::move(done));
  }

  void end() {
    if (in_string_) {
      fault_ = "Unfinished string";
      return;
    }
    end_word();
    if (fault_.empty() && results_ < 2 && !levels_.empty()) fault_ = "Unfinished JSON term";
  }

  std::string_view text_;
  std::size_t max_depth_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t column_ = 0;
  std::size_t word_ = 0;  // where the word or string began
  bool in_word_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  std::vector<Level> levels_;
  std::optional<Value> next_;
  Value result_;
  int results_ = 0;
  std::string fault_;
};

}  // namespace

std::optional<Value> read_number(std::string_view word) {
  const bool negative = word.starts_with('-');
  if (negative || word.starts_with('+')) word.remove_prefix(1);
  if (is_same_word(word, "nan") || is_same_word(word, "snan"))
    return Value(std::numeric_limits<double>::quiet_NaN());
  if (is_same_word(word, "inf") || is_same_word(word, "infinity")) {
    const double infinity = std::numeric_limits<double>::infinity();
    return Value(negative ? -infinity : infinity);
  }
  const auto number = json_number(word);
  if (!number) return std::nullopt;
  return Value::number_from_literal((negative ? "-" : "") + *number);
}

bool read_loosely(std::string_view text, std::size_t max_depth, Value& value, std::string& fault) {
  return Reader(text, max_depth).read(value, fault);
}

}  // namespace stepwell::expression::detail
