// The words for the kind of a value in what is said to an author: "expected text, found a list".
// A pure function; any thread.
#pragma once

#include <string_view>

#include "base/value.h"

namespace stepwell::config {

// "nothing", "true or false", "a number", "text", "a list", "a mapping"; of the last three the
// empty ones are called so.
std::string_view kind_words(const Value& value);

}  // namespace stepwell::config
