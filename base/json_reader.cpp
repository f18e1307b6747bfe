#include "base/json_reader.h"

#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include <limits>
#include <string>
#include <utility>

#include "base/json_builder.h"

namespace stepwell {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
// What a number's text consists of, or a word that stands for one.
bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '+' || c == '-' || c == '.'; }
bool begins_number(char c) {
  return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'N' || c == 'n' || c == 'I' ||
         c == 'i';
}

std::optional<double> named_number(std::string_view word) {
  std::string lower;
  for (const char c : word) lower += is_letter(c) ? static_cast<char>(c | 0x20) : c;
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (lower == "inf" || lower == "infinity") return std::numeric_limits<double>::infinity();
  return std::nullopt;
}

// Removes the digits at the front of `text`.
std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// A number as jq reads it, which besides RFC 8259 §6 takes +1, .5, 5., 007, nan and Infinity.
std::optional<Value> number_of(std::string_view word) {
  const bool negative = word.starts_with('-');
  if (negative || word.starts_with('+')) word.remove_prefix(1);
  if (const auto named = named_number(word)) return Value(negative ? -*named : *named);
  std::string literal = negative ? "-" : "";
  std::string_view whole = take_digits(word);
  const bool has_whole = !whole.empty();
  while (whole.size() > 1 && whole.front() == '0') whole.remove_prefix(1);
  literal += has_whole ? whole : "0";
  std::string_view fraction;
  if (word.starts_with('.')) {
    word.remove_prefix(1);
    fraction = take_digits(word);
  }
  if (!has_whole && fraction.empty()) return std::nullopt;
  if (!fraction.empty()) literal.append(".").append(fraction);
  if (word.starts_with('e') || word.starts_with('E')) {
    word.remove_prefix(1);
    literal += 'e';
    if (word.starts_with('-') || word.starts_with('+')) {
      literal += word.front();
      word.remove_prefix(1);
    }
    const std::string_view exponent = take_digits(word);
    if (exponent.empty()) return std::nullopt;
    literal += exponent;
  }
  if (!word.empty()) return std::nullopt;
  return Value::number_from_literal(literal);
}

}  // namespace

// RapidJSON's idea of an input stream. Looks no further than it is asked to, so that a value is
// there before the next one's first byte. At the end Peek() gives NUL. Numbers are read here, since
// RapidJSON refuses what no double can hold: it is given a 0 in the place of each.
class JsonReader::Stream {
 public:
  using Ch = char;
  explicit Stream(Source source) : source_(std::move(source)) {}

  char Peek() {
    if (number_length_ > 0) return '0';
    if (at_ == buffer_.size() && !read_more()) return '\0';
    const char c = buffer_[at_];
    const bool number = !in_string_ && not_number_ == 0 && begins_number(c) && read_number();
    return number ? '0' : c;
  }
  char Take() {
    const char c = Peek();
    if (number_length_ > 0) {
      at_ += number_length_;
      offset_ += std::exchange(number_length_, 0);
    } else if (at_ < buffer_.size()) {
      ++at_;
      ++offset_;
      if (not_number_ > 0) --not_number_;
      count(c);
    }
    return c;
  }
  std::size_t Tell() const { return offset_; }
  // For streams that are written to.
  char* PutBegin() { return nullptr; }
  void Put(char) {}
  void Flush() {}
  std::size_t PutEnd(char*) { return 0; }

  bool at_end() { return at_ == buffer_.size() && !read_more(); }
  const Value& number() const { return number_; }  // the one that was given as 0 last
  std::size_t line() const { return line_; }
  // The column of a byte that was read in this line, or is to be read next.
  std::size_t column(std::size_t offset) const {
    const std::size_t bytes = offset > line_offset_ ? offset - line_offset_ : 0;
    return bytes > continuations_ ? bytes - continuations_ + 1 : 1;
  }
  void skip_byte_order_mark() {
    if (offset_ != 0) return;
    for (const char expected : {'\xEF', '\xBB', '\xBF'}) {
      if (Peek() != expected) return;
      Take();
    }
    line_offset_ = offset_;
    continuations_ = 0;
  }

 private:
  static constexpr std::size_t kChunk = 64UL * 1024;

  // Appends to what is still to be read.
  bool read_more() {
    if (ended_) return false;
    buffer_.erase(0, std::exchange(at_, 0));
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kChunk);
    buffer_.resize(before + source_(buffer_.data() + before, kChunk));
    ended_ = buffer_.size() == before;
    return !ended_;
  }

  void count(char c) {
    if (c == '\n') {
      ++line_;
      line_offset_ = offset_;
      continuations_ = 0;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) == 0x80U) {
      ++continuations_;
    } else if (c == '"' && !escaped_) {
      in_string_ = !in_string_;
    }
    escaped_ = in_string_ && c == '\\' && !escaped_;
  }

  // Reads the word that begins here. Where it is no number it is left for the parser to judge.
  bool read_number() {
    std::size_t length = 0;
    do {
      while (at_ + length < buffer_.size() && is_word(buffer_[at_ + length])) ++length;
    } while (at_ + length == buffer_.size() && read_more());
    std::optional<Value> number = number_of(std::string_view(buffer_).substr(at_, length));
    if (!number) {
      not_number_ = length;
      return false;
    }
    number_ = *std::move(number);
    number_length_ = length;
    return true;
  }

  Source source_;
  std::string buffer_;
  std::size_t at_ = 0;
  bool ended_ = false;
  bool in_string_ = false;
  bool escaped_ = false;           // behind a backslash in a string
  std::size_t number_length_ = 0;  // of the number that is to be taken as 0
  std::size_t not_number_ = 0;     // bytes that have been looked at for a number already
  Value number_;
  std::size_t offset_ = 0;
  std::size_t line_ = 1;
  std::size_t line_offset_ = 0;
  std::size_t continuations_ = 0;  // bytes of this line that begin no character
};

namespace {

Problem invalid(std::string detail, std::size_t line, std::size_t column) {
  detail += " (line " + std::to_string(line) + ", column " + std::to_string(column) + ")";
  return make_problem(ErrorKind::validation, "json-invalid", "invalid JSON: " + std::move(detail))
      .with("line", line)
      .with("column", column);
}

}  // namespace

JsonReader::JsonReader(Source source, const JsonLimits& limits)
    : stream_(std::make_unique<Stream>(std::move(source))), limits_(limits) {}

JsonReader::~JsonReader() = default;

Result<std::optional<Value>> JsonReader::next() {
  Stream& stream = *stream_;
  stream.skip_byte_order_mark();
  while (is_blank(stream.Peek())) stream.Take();
  if (stream.at_end()) return std::optional<Value>();
  // Iterative, so that depth costs heap and not stack.
  constexpr unsigned kFlags = rapidjson::kParseNumbersAsStringsFlag |
                              rapidjson::kParseStopWhenDoneFlag | rapidjson::kParseIterativeFlag;
  rapidjson::Reader reader;
  JsonBuilder builder(limits_.max_depth, stream.number());
  const rapidjson::ParseResult parsed = reader.Parse<kFlags>(stream, builder);
  const auto refuse = [&](std::string why, std::size_t offset) {
    return fail(invalid(std::move(why), stream.line(), stream.column(offset)));
  };
  if (parsed.IsError()) {
    if (builder.too_deep())
      return refuse("nested deeper than " + std::to_string(limits_.max_depth) + " levels",
                    stream.Tell());
    if (stream.at_end()) return refuse("it ends within a value", stream.Tell());
    // There is a value, or something in its place: what RapidJSON calls empty is not.
    const bool no_value = parsed.Code() == rapidjson::kParseErrorDocumentEmpty;
    return refuse(
        rapidjson::GetParseError_En(no_value ? rapidjson::kParseErrorValueInvalid : parsed.Code()),
        parsed.Offset());
  }
  Value value = builder.result();
  // `nulltrue` and `1x` are no two values.
  const bool needs_end = value.is_null() || value.is_bool() || value.is_number();
  if (needs_end && !stream.at_end()) {
    const char c = stream.Peek();
    if (!is_blank(c) && c != '[' && c != '{' && c != '"')
      return refuse(rapidjson::GetParseError_En(rapidjson::kParseErrorValueInvalid), stream.Tell());
  }
  return std::optional<Value>(std::move(value));
}

std::size_t JsonReader::line() const { return stream_->line(); }

}  // namespace stepwell
