#include "base/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stream.h>

#include <string>
#include <vector>

#include "base/json_builder.h"

namespace stepwell {

namespace {

// RapidJSON lets an escape such as \udc00 through, half of a pair that is not there, in three bytes
// that are no UTF-8 (RFC 3629 §3); it becomes U+FFFD.
std::string without_surrogates(std::string_view bytes) {
  std::string text(bytes);
  for (std::size_t at = text.find('\xED'); at != std::string::npos; at = text.find('\xED', at + 1))
    if (at + 2 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0)
      text.replace(at, 3, "\xEF\xBF\xBD");
  return text;
}

}  // namespace

bool JsonBuilder::String(const char* text, unsigned size, bool /*copy*/) {
  const std::string_view bytes(text, size);
  if (bytes.find('\xED') != std::string_view::npos) {
    const std::string whole = without_surrogates(bytes);
    return push({mends_ ? valid_utf8(whole) : whole});
  }
  if (mends_ && !is_valid_utf8(bytes)) return push({valid_utf8(bytes)});
  return push({bytes});
}

bool JsonBuilder::EndObject(unsigned count) {
  --depth_;
  Value object = Value::object_with_room(count);
  const std::size_t first = stack_.size() - 2 * static_cast<std::size_t>(count);
  for (std::size_t i = first; i < stack_.size(); i += 2)
    object.set_member(std::move(stack_[i]), std::move(stack_[i + 1]));
  stack_.resize(first);
  return push(std::move(object));
}

bool JsonBuilder::EndArray(unsigned count) {
  --depth_;
  Value array = Value::array_with_room(count);
  const std::size_t first = stack_.size() - count;
  for (std::size_t i = first; i < stack_.size(); ++i) array.push_back(std::move(stack_[i]));
  stack_.resize(first);
  return push(std::move(array));
}

namespace {

rapidjson::ParseResult parse_into(JsonBuilder& builder, std::string_view text) {
  constexpr unsigned kFlags =
      rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseValidateEncodingFlag;
  rapidjson::MemoryStream bytes(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
  rapidjson::Reader reader;
  return reader.Parse<kFlags>(stream, builder);
}

// The usual text, which is valid, is read where a copy of it lies: its strings are found and taken
// without a look at each byte's encoding. False where it is not that simple: then the other way
// says what is wrong. (A NUL, which would end the copy, has no place in JSON.)
bool parse_plainly(JsonBuilder& builder, std::string_view text) {
  constexpr unsigned kFlags = rapidjson::kParseNumbersAsStringsFlag | rapidjson::kParseInsituFlag;
  if (text.find('\0') != std::string_view::npos || !is_valid_utf8(text)) return false;
  constexpr std::size_t kReadAtOnce = 16;  // by the parser's vector instructions, also past the end
  std::string copy;
  copy.reserve(text.size() + kReadAtOnce);
  copy.append(text).append(kReadAtOnce, '\0');
  rapidjson::InsituStringStream stream(copy.data());
  rapidjson::Reader reader;
  return !reader.Parse<kFlags>(stream, builder).IsError();
}

// RFC 8259 §6.
bool is_number(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - first;
  };
  const bool zero = at < text.size() && text[at] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

// The text with each number of three characters and more made a zero of the same length, and the
// numbers as they were, in their order.
std::string without_numbers(std::string_view text, std::vector<std::string_view>& numbers) {
  std::string masked(text);
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string && c == '\\') {
      ++at;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '-' || (c >= '0' && c <= '9'))) {
      const std::size_t end = std::min(text.find_first_not_of("+-.0123456789Ee", at), text.size());
      const std::string_view number = text.substr(at, end - at);
      if (is_number(number)) numbers.push_back(number);
      if (is_number(number) && number.size() > 2)
        masked.replace(at, number.size(), number.size(), '0').replace(at + 1, 1, ".");
      at = end - 1;
    }
  }
  return masked;
}

}  // namespace

Result<Value> parse_json(std::string_view text, const JsonLimits& limits) {
  {
    JsonBuilder plain(limits.max_depth);
    if (parse_plainly(plain, text)) return plain.result();
  }
  const auto invalid = [](std::size_t at, const std::string& why) {
    return fail(make_problem(ErrorKind::validation, "json-invalid",
                             "invalid JSON at byte " + std::to_string(at) + ": " + why));
  };
  JsonBuilder builder(limits.max_depth);
  JsonBuilder second(limits.max_depth);
  bool again = false;
  rapidjson::ParseResult parsed = parse_into(builder, text);
  if (parsed.Code() == rapidjson::kParseErrorNumberTooBig) {
    std::vector<std::string_view> numbers;
    const std::string masked = without_numbers(text, numbers);
    second.expect_numbers(std::move(numbers));
    parsed = parse_into(second, masked);
    again = true;
  }
  if (!parsed.IsError()) {
    // RapidJSON takes a NUL behind the value for the end of the text.
    const std::size_t nul = text.find('\0');
    if (nul != std::string_view::npos) return invalid(nul, "a NUL has no place in it");
    return again ? second.result() : builder.result();
  }
  if (builder.too_deep())
    return invalid(parsed.Offset(),
                   "nested deeper than " + std::to_string(limits.max_depth) + " levels");
  return invalid(parsed.Offset(), rapidjson::GetParseError_En(parsed.Code()));
}

}  // namespace stepwell
