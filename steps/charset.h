// Texts in other charsets than UTF-8, as bodies of HTTP requests and answers have them.
// Pure functions, callable from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stepwell::steps {

// Is the charset one that the functions below know, by any of its usual names (IANA's, in any case
// of letters)? Others are left alone on purpose: a converter that an upstream can choose freely is
// code that it can choose freely.
bool is_known_charset(std::string_view charset);

// The text in UTF-8. Its byte order mark, if it has one, decides before `charset` does and is left
// out (WHATWG Encoding §6.1); an empty `charset` is UTF-8. The error says what is wrong in a few
// words that go on behind "the text is ".
Result<std::string> to_utf8(std::string_view text, std::string_view charset);

// The same backwards, from valid UTF-8. "utf-16" is written little-endian and with a mark, which
// says so; its two forms with a byte order in their names have none (RFC 2781 §3.3).
Result<std::string> from_utf8(std::string_view text, std::string_view charset);

}  // namespace stepwell::steps
