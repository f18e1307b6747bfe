// The formats: @text, @json, @csv, @tsv, @html, @uri, @urid, @sh, @base64, @base64d, @base32,
// @base32d. Base 64 and 32: RFC 4648 §4 and §6; URIs: RFC 3986 §2.3.
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "base/json.h"
#include "expression/builtins.h"
#include "expression/operations.h"

namespace stepwell::expression::detail {

namespace {

using Escape = std::string_view (*)(char);

std::string_view csv_escape(char c) { return c == '"' ? "\"\"" : std::string_view(); }
std::string_view tsv_escape(char c) {
  switch (c) {
    case '\t':
      return "\\t";
    case '\r':
      return "\\r";
    case '\n':
      return "\\n";
    case '\\':
      return "\\\\";
    case '\0':
      return "\\0";
    default:
      return {};
  }
}
std::string_view html_escape(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '\'':
      return "&apos;";
    case '"':
      return "&quot;";
    default:
      return {};
  }
}
std::string_view shell_escape(char c) { return c == '\'' ? "'\\''" : std::string_view(); }

void append_escaped(std::string& out, std::string_view text, Escape escape) {
  for (const char c : text) {
    const std::string_view escaped = escape(c);
    if (escaped.empty())
      out.push_back(c);
    else
      out.append(escaped);
  }
}

bool is_unreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

std::string to_uri(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(byte)) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4U]);
      out.push_back(kDigits[byte & 0xFU]);
    }
  }
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool from_uri(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return is_valid_utf8(out);
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// `bits` a digit; padded with "=" to a multiple of `group` digits.
std::string to_base(std::string_view text, std::string_view alphabet, unsigned bits,
                    std::size_t group) {
  std::string out;
  out.reserve(text.size() * 2 + group);
  std::uint32_t pending = 0;
  unsigned count = 0;
  for (const char c : text) {
    pending = (pending << 8U) | static_cast<unsigned char>(c);
    count += 8;
    while (count >= bits) {
      count -= bits;
      out.push_back(alphabet[(pending >> count) & ((1U << bits) - 1)]);
    }
    pending &= (1U << count) - 1;
  }
  if (count > 0) out.push_back(alphabet[(pending << (bits - count)) & ((1U << bits) - 1)]);
  while (out.size() % group != 0) out.push_back('=');
  return out;
}

// False where a character is none of the alphabet; `digits` counts those that were.
bool from_base(std::string_view text, std::string_view alphabet, unsigned bits, std::string& out,
               std::size_t& digits) {
  std::uint32_t pending = 0;
  unsigned count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    const std::size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) return false;
    ++digits;
    pending = (pending << bits) | static_cast<std::uint32_t>(digit);
    count += bits;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>((pending >> count) & 0xFFU));
      pending &= (1U << count) - 1;
    }
  }
  return true;
}

struct Row {
  std::string_view separator;
  std::string_view quote;
  Escape escape;
  std::string_view refusal;  // of a nested value
  bool blank_null;           // null and NaN print as nothing
};

bool format_row(const Value& row, const Row& form, Limits& limits, Value& result) {
  std::string out;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const Value& cell = row.at(i);
    if (i > 0) out.append(form.separator);
    if (cell.depth() > 0) {
      result = type_error(cell, form.refusal);
      return false;
    }
    // A character becomes four at most.
    if (!limits.spend(4 + static_cast<std::int64_t>(cell.weight() / 64)) ||
        !limits.room_for(static_cast<std::int64_t>((out.size() + cell.weight() * 4) * 2)))
      return false;
    if (cell.is_string()) {
      out.append(form.quote);
      append_escaped(out, cell.as_string(), form.escape);
      out.append(form.quote);
    } else if (!form.blank_null ||
               !(cell.is_null() || (cell.is_number() && std::isnan(cell.as_double())))) {
      append_json(out, cell);
    }
  }
  result = Value(out);
  return true;
}

bool decode(std::string_view name, const Value& text, Value& result) {
  std::string out;
  if (name == "@urid") {
    if (!from_uri(text.as_string(), out)) {
      result = type_error(text, "is not a valid uri encoding");
      return false;
    }
    result = Value(out);
    return true;
  }
  const bool base64 = name == "@base64d";
  std::size_t digits = 0;
  if (!from_base(text.as_string(), base64 ? kBase64 : kBase32, base64 ? 6 : 5, out, digits)) {
    result = type_error(text, base64 ? "is not valid base64 data" : "is not valid base32 data");
    return false;
  }
  if (base64 && digits % 4 == 1) {
    result = type_error(text, "trailing base64 byte found");
    return false;
  }
  result = Value(valid_utf8(out));
  return true;
}

}  // namespace

bool format_value(std::string_view format, Value value, Limits& limits, Value& result) {
  if (format == "@csv" || format == "@tsv") {
    const bool csv = format == "@csv";
    if (!value.is_array()) {
      result = type_error(value, csv ? "cannot be csv-formatted, only array"
                                     : "cannot be tsv-formatted, only array");
      return false;
    }
    if (!pay_for_reading(limits, value)) return false;
    return format_row(value,
                      csv ? Row{",", "\"", csv_escape, "is not valid in a csv row", true}
                          : Row{"\t", "", tsv_escape, "is not valid in a csv row", true},
                      limits, result);
  }
  if (format == "@sh") {
    if (!pay_for_reading(limits, value)) return false;
    const Value row = value.is_array() ? std::move(value) : Value::array({value});
    return format_row(row, {" ", "'", shell_escape, "can not be escaped for shell", false}, limits,
                      result);
  }
  if (format == "@json" || !value.is_string()) value = Value(json_of(value, limits));
  if (limits.exceeded()) return false;
  const std::string_view text = value.as_string();
  const auto bytes = static_cast<std::int64_t>(text.size());
  if (!limits.spend(bytes / 64)) return false;
  if (format == "@text" || format == "@json") {
    result = std::move(value);
    return true;
  }
  if (!limits.room_for(bytes * 6)) return false;
  std::string out;
  if (format == "@html") {
    append_escaped(out, text, html_escape);
  } else if (format == "@uri") {
    out = to_uri(text);
  } else if (format == "@base64") {
    out = to_base(text, kBase64, 6, 4);
  } else if (format == "@base32") {
    out = to_base(text, kBase32, 5, 8);
  } else if (format == "@urid" || format == "@base64d" || format == "@base32d") {
    return decode(format, value, result);
  } else {
    result = Value(std::string(format.substr(1)) + " is not a valid format");
    return false;
  }
  result = Value(out);
  return true;
}

}  // namespace stepwell::expression::detail
