// Fields of the form `value; name=text; name="text"` (RFC 9110 §5.6.6), as clients really write
// them.
// Pure functions, callable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace stepwell::api {

struct ParameterizedField {
  std::string value;                                            // in lower case
  std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case, each once
  const std::string* find(std::string_view name) const;         // nullptr where absent
};

// Nothing for what cannot be read in one way only: a text without its end, a name given twice. In a
// quoted text a backslash stands for itself unless a quote or a backslash follows it: browsers
// write paths so.
std::optional<ParameterizedField> parse_field(std::string_view text);

// RFC 8187 §3.2 (once RFC 5987): UTF-8''na%C3%AFve.txt, or ISO-8859-1. Nothing where it is not one.
std::optional<std::string> extended_text(std::string_view text);

// attachment, with the name as RFC 6266 §4.3 wants it: for those who know ASCII alone, and, where
// that is not all, as it is. `name` is UTF-8 without control characters.
std::string attachment(std::string_view name);

}  // namespace stepwell::api
