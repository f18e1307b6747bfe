// JSON text to Value and back (RFC 8259). Pure functions, callable from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace stepwell {

struct JsonLimits {
  std::size_t max_depth = 1000;  // levels of arrays and objects
};

// One JSON value with nothing but white space around it. The text must be valid UTF-8. Of
// duplicate names the last one counts. Errors: validation/`json-invalid`, whose detail gives the
// byte offset and what is wrong.
Result<Value> parse_json(std::string_view text, const JsonLimits& limits = {});

struct JsonStyle {
  int indent = 0;  // spaces for each level; 0 writes one line without spaces
  bool sort_keys = false;
  bool tabs = false;   // one tab for each level, whatever `indent` says
  bool ascii = false;  // other characters as \u escapes
};

// Numbers print as jq 1.8 prints them: whole numbers without exponent, doubles in the shortest
// form that reads back the same; NaN prints as null and an infinity as the largest double.
std::string to_json(const Value& value, const JsonStyle& style = {});
void append_json(std::string& out, const Value& value, const JsonStyle& style = {});
std::string number_text(const Value& number);

// The text with invalid UTF-8 sequences replaced by U+FFFD, one for each maximal bad part
// (Unicode 15 §3.9, "Best Practices for Using U+FFFD").
std::string valid_utf8(std::string_view bytes);
bool is_valid_utf8(std::string_view bytes);
// Its first bytes, so many at most, that end with a whole character.
std::string_view utf8_prefix(std::string_view text, std::size_t most);

}  // namespace stepwell
