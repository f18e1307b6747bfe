// A value as YAML 1.2 text, for people: block style, texts of several lines as they are. What is
// printed reads back as the same value, also by readers that know YAML 1.1.
// Pure; callable from any thread.
#pragma once

#include <string>

#include "base/value.h"

namespace stepwell::config {

// One document, with a newline at its end.
std::string to_yaml(const Value& value);

}  // namespace stepwell::config
