#include "api/masked.h"

#include <string>

namespace stepwell::api {

Value masked(const auth::Redactor& redactor, const Value& value) {
  if (value.is_string()) {
    const std::string text = redactor.mask(std::string(value.as_string()));
    return text == value.as_string() ? value : Value(text);
  }
  if (value.is_array()) {
    Value array = Value::array();
    for (const Value& element : value.elements()) array.push_back(masked(redactor, element));
    return array;
  }
  if (value.is_object()) {
    Value object = Value::object();
    for (const Value::Member& member : value.members())
      object.set(redactor.mask(std::string(member.name())), masked(redactor, member.value));
    return object;
  }
  return value;
}

}  // namespace stepwell::api
