#include "config/kind_words.h"

namespace stepwell::config {

std::string_view kind_words(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return "nothing";
    case Value::Kind::boolean:
      return "true or false";
    case Value::Kind::number:
      return "a number";
    case Value::Kind::string:
      return value.empty() ? "an empty text" : "text";
    case Value::Kind::array:
      return value.empty() ? "an empty list" : "a list";
    default:
      return value.empty() ? "an empty mapping" : "a mapping";
  }
}

}  // namespace stepwell::config
